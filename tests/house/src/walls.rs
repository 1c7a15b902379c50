//! Invariant 2: only `watch.rs` (in grpc-health `discover.rs`) and kube-watch name Kubernetes' types; sidecars depend on neither.

use std::path::Path;

use crate::rust_text::{shipped_code, words};
use crate::workspace::{closure, locked, members, read, sources};

const KUBERNETES: [&str; 2] = ["k8s_openapi", "kube"];

/// The rooms behind which Kubernetes is not seen any more.
const ROOMS: [&str; 2] = ["discover", "watch"];

fn names_kubernetes(source: &str) -> bool {
    words(&shipped_code(source))
        .any(|(word, path_follows)| path_follows && KUBERNETES.contains(&word))
}

/// Whether the file is one of the rooms, or lies in its folder.
fn is_room(path: &Path) -> bool {
    let mut parts = path.iter().map(|part| part.to_string_lossy());
    parts.any(|part| ROOMS.contains(&part.trim_end_matches(".rs")))
}

#[test]
fn kubernetes_types_stay_in_their_room() {
    for folder in ["crates", "exporters", "sidecars"] {
        for path in sources(folder) {
            if path.starts_with("crates/kube-watch") || is_room(&path) {
                continue;
            }
            assert!(
                !names_kubernetes(&read(&path)),
                "{} names Kubernetes' types: trim them in watch.rs",
                path.display()
            );
        }
    }
}

#[test]
fn a_kubernetes_type_is_seen_and_a_word_like_it_is_not() {
    assert!(names_kubernetes("use k8s_openapi::api::core::v1::Pod;"));
    assert!(names_kubernetes("fn a(client: kube::Client) {}"));
    assert!(!names_kubernetes("let kube = kube_watch::Source::Cluster;"));
    assert!(!is_room(Path::new("exporters/netpol/src/decide.rs")));
    assert!(is_room(Path::new(
        "exporters/grpc-health/src/discover/port.rs"
    )));
}

#[test]
fn sidecars_are_built_without_kubernetes() {
    let (members, locked) = (members(), locked());
    for sidecar in members.iter().filter(|member| member.is_in("sidecars")) {
        let built_from = closure(sidecar, &members, &locked);
        for name in ["kube", "k8s-openapi", "kube-watch"] {
            assert!(
                !built_from.contains(name),
                "{} is built from {name}",
                sidecar.name
            );
        }
    }
    // That the walk would find it, if it were there:
    let exporter = members
        .iter()
        .find(|member| member.name == "grpc-health-exporter")
        .unwrap();
    assert!(closure(exporter, &members, &locked).contains("k8s-openapi"));
}
