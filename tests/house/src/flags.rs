//! Flags: what the manifests give to our programs, those programs know.

use std::process::Command;

use serde_json::Value;

use crate::manifests::{built, kustomizations, written};
use crate::workspace::yaml;

/// Our programs that manifests start, and so the last words of their images' names.
const PROGRAMS: [&str; 6] = [
    "grpc-health-exporter",
    "hpa-exporter",
    "netpol-exporter",
    "pod-state",
    "reach-agent",
    "shop",
];

/// The containers of a workload, sidecars among them.
fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    let pod = &object["spec"]["template"]["spec"];
    let kinds = ["initContainers", "containers"].map(|key| pod[key].as_array());
    kinds.into_iter().flatten().flatten()
}

/// Which of our programs a container runs, if any: `sidelights/shop:lab` is `shop`.
fn program(container: &Value) -> Option<&'static str> {
    let image = container["image"].as_str()?;
    let name = image.rsplit('/').next()?.split(':').next()?;
    PROGRAMS.into_iter().find(|program| *program == name)
}

/// The long flags that a container is given.
fn flags(container: &Value) -> Vec<String> {
    let arguments = container["args"].as_array().into_iter().flatten();
    arguments
        .filter_map(|argument| Some(argument.as_str()?.split('=').next()?.to_owned()))
        .collect()
}

#[test]
fn every_flag_in_the_manifests_exists() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let objects: Vec<Value> = kustomizations()
        .iter()
        .flat_map(|folder| built(&kustomize, folder).unwrap())
        .collect();
    for name in PROGRAMS {
        let ran = objects.iter().flat_map(containers);
        let given: Vec<String> = ran
            .filter(|container| program(container) == Some(name))
            .flat_map(flags)
            .chain(patched_flags(name))
            .collect();
        assert!(!given.is_empty(), "no manifest starts {name}");
        let Some(help) = help(name) else { continue };
        for flag in given {
            assert!(
                help.split_whitespace()
                    .any(|word| word.split(['=', '[', ',']).next() == Some(&flag)),
                "a manifest gives {flag}, which {name} does not know"
            );
        }
    }
}

/// The flags that components add by a patch.
fn patched_flags(name: &str) -> Vec<String> {
    let patches = written()
        .into_iter()
        .flat_map(|(_, object)| object["patches"].as_array().cloned().unwrap_or_default());
    patches
        .filter(|patch| patch["target"]["name"] == name)
        .flat_map(|patch| yaml(patch["patch"].as_str().unwrap()))
        .flat_map(|operations| operations.as_array().cloned().unwrap_or_default())
        .filter(|operation| {
            operation["path"]
                .as_str()
                .is_some_and(|it| it.contains("/args/"))
        })
        .filter_map(|operation| Some(operation["value"].as_str()?.split('=').next()?.to_owned()))
        .collect()
}

/// What the binary says of its flags, if it lies beside these tests; in CI it must.
fn help(name: &str) -> Option<String> {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.ancestors().nth(2).unwrap().join(name);
    if !binary.is_file() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{name} was not built"
        );
        return None;
    }
    let output = Command::new(binary).arg("--help").output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_flag_is_its_name_without_its_value_and_a_program_its_images_last_word() {
    let container = |image: &str| serde_json::json!({ "image": image, "args": ["--source=cluster", "--quiet"] });
    assert_eq!(flags(&container("a")), ["--source", "--quiet"]);
    assert!(patched_flags("grpc-health-exporter").contains(&"--node".to_owned()));
    assert_eq!(program(&container("sidelights/shop:lab")), Some("shop"));
    assert_eq!(
        program(&container("localhost:5000/pod-state")),
        Some("pod-state")
    );
    assert_eq!(program(&container("frontend:v0.10.6")), None);
}
