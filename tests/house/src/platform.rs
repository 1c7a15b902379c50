//! The platform's own files: the shop as upstream has it, and what the lab makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::manifests::{built, kustomizations, written};
use crate::workspace::{files, read, root, yaml};

/// The tag of images that a lab builds and imports for itself.
pub(crate) const LAB: &str = "lab";

/// Folders that build into what others wrote.
const OF_THE_SHOP: [&str; 5] = [
    "manifests/platform/lab/shop",
    "manifests/platform/lab/shop-agents",
    "manifests/platform/lab/shop-fixed",
    "manifests/platform/shop",
    "manifests/platform/shop-base",
];

/// Names the file to compare our own with: upstream's release manifests, fetched by whoever runs the tests.
const UPSTREAM: &str = "ONLINE_BOUTIQUE_MANIFESTS";

/// Whether a folder builds into what others wrote, which is not measured by our rules.
pub(crate) fn is_of_the_shop(folder: &Path) -> bool {
    OF_THE_SHOP.iter().any(|it| folder == Path::new(it))
}

/// The addresses among a kustomization's resources.
fn addresses(kustomization: &Value) -> Vec<&str> {
    let resources = kustomization["resources"].as_array().into_iter().flatten();
    resources
        .filter_map(Value::as_str)
        .filter(|resource| resource.contains("://"))
        .collect()
}

/// Whether a kustomization cannot be built without a network.
pub(crate) fn is_remote(kustomization: &Value) -> bool {
    !addresses(kustomization).is_empty()
}

/// Objects by kind and name.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let name = |it: &Value| format!("{} {}", it["kind"], it["metadata"]["name"]).replace('"', "");
    objects.into_iter().map(|it| (name(&it), it)).collect()
}

/// Where two values differ, each place once, with both sides.
fn differences(left: &Value, right: &Value, place: &str, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                differences(&left[key], &right[key], &format!("{place}.{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{place}[{index}]"), found);
            }
        }
        _ if left == right => {}
        _ => found.push(format!("{place}: {left} / {right}")),
    }
}

/// All differences of two sets of objects.
fn all_differences(left: Vec<Value>, right: Vec<Value>) -> Vec<String> {
    let (left, right) = (by_name(left), by_name(right));
    let (left, right) = (json!(left), json!(right));
    let mut found = Vec::new();
    differences(&left, &right, "", &mut found);
    found
}

/// Makes upstream's objects what ours are meant to be: images without a registry, no init container with a shell.
fn without_what_ours_leave_out(mut objects: Vec<Value>) -> Vec<Value> {
    for object in &mut objects {
        let Some(pod) = object.pointer_mut("/spec/template/spec") else {
            continue;
        };
        for container in pod["containers"].as_array_mut().into_iter().flatten() {
            let image = container["image"].as_str().unwrap_or_default();
            container["image"] = json!(image.rsplit('/').next());
        }
        if let Some(pod) = pod.as_object_mut() {
            pod.remove("initContainers");
        }
    }
    objects
}

/// A folder under `manifests/platform`, built.
fn platform(kustomize: &Path, folder: &str) -> Vec<Value> {
    built(kustomize, &Path::new("manifests/platform").join(folder)).unwrap()
}

/// The overlay on upstream's release, built with a local copy in the place of its address.
fn upstream(kustomize: &Path, release: &Path) -> Vec<Value> {
    let copy = tempfile::tempdir().unwrap();
    for path in files("manifests/platform") {
        let target = copy.path().join(&path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(root().join(path), target).unwrap();
    }
    let folder = copy.path().join("manifests/platform/shop");
    let overlay = folder.join("kustomization.yaml");
    let text = fs::read_to_string(&overlay).unwrap();
    let address = remote().1;
    fs::write(&overlay, text.replace(&address, "release.yaml")).unwrap();
    fs::copy(release, folder.join("release.yaml")).unwrap();
    built(kustomize, &folder).unwrap()
}

/// The one kustomization with an address, and the address.
fn remote() -> (PathBuf, String) {
    let mut found: Vec<_> = written()
        .into_iter()
        .filter(|(_, object)| object["kind"] == "Kustomization" && is_remote(object))
        .map(|(path, object)| (path, addresses(&object)[0].to_owned()))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn the_shop_of_our_own_is_upstreams_field_by_field() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let Some(release) = std::env::var_os(UPSTREAM) else {
        // Past the capture of the test harness, as the crate `tools` does.
        use std::io::Write as _;
        let note = format!(
            "skipped: needs {UPSTREAM}, a copy of {}; {} is not built either",
            remote().1,
            remote().0.display()
        );
        let _ = writeln!(std::io::stderr(), "{note}");
        return;
    };
    let upstream = without_what_ours_leave_out(upstream(&kustomize, Path::new(&release)));
    assert!(upstream.len() > 30, "{} objects", upstream.len());
    let ours = platform(&kustomize, "shop-base");
    assert_eq!(all_differences(upstream, ours), [""; 0]);
}

#[test]
fn upstreams_version_is_the_same_wherever_it_is_named() {
    let (_, address) = remote();
    let images = yaml(&read("manifests/platform/shop-base/shop.yaml"));
    let mut seen = 0;
    for image in images
        .iter()
        .filter_map(|it| it["spec"]["template"]["spec"]["containers"][0]["image"].as_str())
    {
        let tag = image.split(':').next_back().unwrap();
        if image != "redis:alpine" {
            assert!(address.contains(&format!("/{tag}/")), "{image}: {address}");
            seen += 1;
        }
    }
    assert_eq!(seen, 11);
}

#[test]
fn nothing_in_the_lab_is_pulled_and_each_of_the_twelve_plays_its_role() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let mut roles = 0;
    for folder in kustomizations() {
        if !folder.starts_with("manifests/platform/lab") {
            continue;
        }
        for object in built(&kustomize, &folder).unwrap() {
            let pod = &object["spec"]["template"]["spec"];
            let [sidecars, containers] = ["initContainers", "containers"]
                .map(|key| pod[key].as_array().map_or(&[][..], Vec::as_slice));
            for container in sidecars.iter().chain(containers) {
                let image = container["image"].as_str().unwrap();
                assert!(
                    image.starts_with("sidelights/") && image.ends_with(":lab"),
                    "{image}"
                );
                assert_eq!(container["imagePullPolicy"], "Never", "{image}");
                if sidecars.contains(container) {
                    // Any other would have to end before the pod begins.
                    assert_eq!(container["restartPolicy"], "Always", "{image}");
                } else if is_of_the_shop(&folder) {
                    let name = object["metadata"]["name"].as_str().unwrap();
                    assert_eq!(container["args"][0], format!("--role={name}"));
                    roles += 1;
                }
            }
        }
    }
    assert_eq!(roles, 3 * 12);
}

#[test]
fn the_fix_changes_cartservices_probes_and_memory_and_nothing_else() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let before = platform(&kustomize, "lab/shop");
    let after = platform(&kustomize, "lab/shop-fixed");
    let server = ".Deployment cartservice.spec.template.spec.containers[0]";
    let expected = [
        "livenessProbe.failureThreshold: null / 5",
        "livenessProbe.periodSeconds: 10 / 15",
        "livenessProbe.timeoutSeconds: null / 5",
        "readinessProbe.failureThreshold: null / 5",
        "readinessProbe.periodSeconds: null / 15",
        "readinessProbe.timeoutSeconds: null / 5",
        "resources.limits.memory: \"128Mi\" / \"256Mi\"",
        "resources.requests.memory: \"64Mi\" / \"128Mi\"",
    ];
    assert_eq!(
        all_differences(before, after),
        expected.map(|it| format!("{server}.{it}"))
    );
}

/// `kubectl autoscale deployment frontend --min=1 --max=5 --cpu=50%` makes just that, and no behavior: which set of rules the controller
/// follows depends on whether there is one.
#[test]
fn the_frontends_autoscaler_is_what_kubectl_autoscale_makes() {
    let mut objects = yaml(&read("manifests/platform/autoscaler/frontend.yaml"));
    let spec = objects.remove(0)["spec"].take();
    let cpu =
        json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 50 } });
    let expected = json!({
        "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend" },
        "minReplicas": 1,
        "maxReplicas": 5,
        "metrics": [{ "type": "Resource", "resource": cpu }],
    });
    assert_eq!(spec, expected);
    assert!(objects.is_empty());
}

#[test]
fn every_difference_is_named_with_its_place() {
    let object = |port: u16| json!({ "kind": "Service", "metadata": { "name": "a" }, "spec": { "ports": [{ "port": port }] } });
    assert_eq!(
        all_differences(vec![object(1)], vec![object(2)]),
        [".Service a.spec.ports[0].port: 1 / 2"]
    );
    assert_eq!(all_differences(vec![object(1)], vec![]).len(), 1);
    assert_eq!(all_differences(vec![object(1)], vec![object(1)]), [""; 0]);
    let remote = json!({ "resources": ["a.yaml", "https://example.org/b.yaml"] });
    assert_eq!(addresses(&remote), ["https://example.org/b.yaml"]);
}

/// k3d and the chart are not at hand: what was asked of these two files, at least, is in them.
#[test]
fn the_cluster_and_the_stack_are_those_that_everything_else_expects() {
    let cluster = yaml(&read("manifests/platform/k3d.yaml")).remove(0);
    assert_eq!(cluster["metadata"]["name"], "sre-lab");
    assert_eq!(
        (&cluster["servers"], &cluster["agents"]),
        (&json!(1), &json!(3))
    );
    let ports = json!([
        { "port": "8080:80", "nodeFilters": ["loadbalancer"] },
        { "port": "8443:443", "nodeFilters": ["loadbalancer"] },
    ]);
    assert_eq!(cluster["ports"], ports);
    let values = yaml(&read(
        "manifests/platform/kube-prometheus-stack.values.yaml",
    ))
    .remove(0);
    let sidecar = &values["grafana"]["sidecar"]["dashboards"];
    assert_eq!(
        sidecar,
        &json!({ "enabled": true, "label": "grafana_dashboard", "labelValue": "1", "searchNamespace": "ALL" })
    );
    assert_eq!(
        values["prometheus"]["prometheusSpec"]["scrapeNativeHistograms"],
        true
    );
}
