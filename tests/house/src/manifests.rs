//! Manifests: they build, hold no field that Kubernetes does not know, keep the restricted profile, and give only flags that exist.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::workspace::{files, files_of, read, root, yaml};

/// What only the stack's operator knows.
const OPERATOR_KINDS: [&str; 3] = ["PrometheusRule", "ServiceMonitor", "Probe"];

/// All objects as they are written, before kustomize.
fn written() -> Vec<(PathBuf, Value)> {
    ["manifests", "alerts"]
        .iter()
        .flat_map(|folder| files_of(folder, "yaml"))
        .flat_map(|path| {
            yaml(&read(&path))
                .into_iter()
                .map(move |object| (path.clone(), object))
        })
        .filter(|(_, object)| object["kind"].is_string())
        .collect()
}

/// The folders that kustomize can build by themselves: a Component is built as a part of others.
fn kustomizations() -> Vec<PathBuf> {
    let found = written()
        .into_iter()
        .filter(|(_, object)| object["kind"] == "Kustomization");
    found
        .map(|(path, _)| path.parent().unwrap().to_owned())
        .collect()
}

/// Builds a folder; gives its objects.
fn built(kustomize: &Path, folder: &Path) -> Result<Vec<Value>, String> {
    let output = Command::new(kustomize)
        .arg("build")
        .arg(folder)
        .current_dir(root())
        .output()
        .unwrap();
    if output.status.success() {
        Ok(yaml(&String::from_utf8(output.stdout).unwrap()))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The object after a way through Kubernetes' own type, which drops what it does not know.
fn through<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
    let typed: T =
        serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
    serde_json::to_value(typed).unwrap()
}

fn known(object: &Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default();
    match kind {
        "ConfigMap" => through::<ConfigMap>(object),
        "DaemonSet" => through::<DaemonSet>(object),
        "Deployment" => through::<Deployment>(object),
        "NetworkPolicy" => through::<NetworkPolicy>(object),
        "Role" => through::<Role>(object),
        "RoleBinding" => through::<RoleBinding>(object),
        "Service" => through::<Service>(object),
        "ServiceAccount" => through::<ServiceAccount>(object),
        _ if OPERATOR_KINDS.contains(&kind) => object.clone(),
        _ => panic!("{kind}: teach tests/house its type"),
    }
}

/// What an object lacks, or has too much of.
fn faults(object: &Value) -> Vec<&'static str> {
    let label = |name: &str| {
        object["metadata"]["labels"]
            .get(name)
            .and_then(Value::as_str)
    };
    let is_operators = OPERATOR_KINDS.contains(&object["kind"].as_str().unwrap_or_default());
    let endpoints = object["spec"]["endpoints"].as_array();
    let rules = object["rules"].as_array();
    let mut checks = vec![
        (
            known(object) == *object,
            "it has a field that Kubernetes does not know",
        ),
        (
            object["metadata"]["namespace"].is_string(),
            "it names no namespace",
        ),
        (
            label("app.kubernetes.io/part-of") == Some("sidelights"),
            "it is not labelled as a part of sidelights",
        ),
        (
            label("app.kubernetes.io/component").is_some(),
            "it is not labelled with its component",
        ),
        (
            !is_operators || label("release") == Some("prometheus"),
            "no stack selects it: the label release is missing",
        ),
        (
            endpoints.is_none_or(|it| it.iter().all(|endpoint| endpoint["honorLabels"] == true)),
            "its endpoint does not honour labels: namespace and pod would be the exporter's",
        ),
        (
            rules.is_none_or(|it| it.iter().all(reads_only)),
            "it may do more than read, or may read secrets",
        ),
    ];
    let pod = &object["spec"]["template"]["spec"];
    if pod.is_object() {
        checks.extend(pod_checks(pod, object["kind"] == "DaemonSet"));
    }
    checks
        .iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, fault)| *fault)
        .collect()
}

fn reads_only(rule: &Value) -> bool {
    let within = |key: &str, allowed: &[&str]| {
        rule[key].as_array().is_some_and(|it| {
            it.iter()
                .all(|item| allowed.contains(&item.as_str().unwrap_or("*")))
        })
    };
    within("verbs", &["get", "list", "watch"]) && within("resources", &["events", "pods"])
}

/// Pod Security `restricted`, and what it does not ask for: a read-only root, limits, probes with a timeout of their own.
fn pod_checks(pod: &Value, is_daemon_set: bool) -> Vec<(bool, &'static str)> {
    let containers = pod["containers"].as_array().unwrap();
    let all = |holds: &dyn Fn(&Value) -> bool| containers.iter().all(holds);
    let security = &pod["securityContext"];
    vec![
        (
            security["runAsNonRoot"] == true && security["runAsUser"] == 65532,
            "it does not run as 65532",
        ),
        (
            security["seccompProfile"]["type"] == "RuntimeDefault",
            "it has no seccomp profile",
        ),
        (
            is_daemon_set || pod.get("hostNetwork").is_none(),
            "it uses the host's network",
        ),
        (
            all(&|it| it["securityContext"]["allowPrivilegeEscalation"] == false),
            "it may gain privileges",
        ),
        (
            all(&|it| it["securityContext"]["capabilities"]["drop"][0] == "ALL"),
            "it keeps capabilities",
        ),
        (
            all(&|it| it["securityContext"]["readOnlyRootFilesystem"] == true),
            "its root can be written",
        ),
        (
            all(&|it| {
                it["resources"]["limits"].is_object() && it["resources"]["requests"].is_object()
            }),
            "it has no limits",
        ),
        (
            all(&|it| {
                ["livenessProbe", "readinessProbe"]
                    .iter()
                    .all(|probe| it[probe]["timeoutSeconds"].as_u64() > Some(1))
            }),
            "a probe of its own has the default timeout of a second",
        ),
    ]
}

/// The long flags that an object gives to its containers.
fn flags(object: &Value) -> Vec<String> {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    let arguments = containers
        .into_iter()
        .flatten()
        .flat_map(|it| it["args"].as_array().cloned().unwrap_or_default());
    arguments
        .filter_map(|argument| Some(argument.as_str()?.split('=').next()?.to_owned()))
        .collect()
}

#[test]
fn every_folder_builds_and_every_object_keeps_the_rules() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let folders = kustomizations();
    assert!(!folders.is_empty());
    for folder in folders {
        for object in built(&kustomize, &folder).unwrap() {
            assert_eq!(
                faults(&object),
                [""; 0],
                "{}: {} {}",
                folder.display(),
                object["kind"],
                object["metadata"]["name"]
            );
        }
    }
    built(&kustomize, Path::new("docs")).unwrap_err();
}

#[test]
fn every_component_builds_on_the_overlay() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let components = written()
        .into_iter()
        .filter(|(_, object)| object["kind"] == "Component");
    // In a copy, because kustomize takes no component from outside the tree, and other tests read the tree.
    let copy = tempfile::tempdir().unwrap();
    for path in ["manifests", "alerts", "dashboards"]
        .into_iter()
        .flat_map(files)
    {
        let target = copy.path().join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(root().join(path), target).unwrap();
    }
    let overlays = copy.path().join("manifests/overlays");
    let without = built(&kustomize, &overlays.join("sre-demo")).unwrap();
    std::fs::create_dir(overlays.join("one-component")).unwrap();
    for (path, _) in components {
        let component = path
            .parent()
            .unwrap()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let text =
            format!("resources: [../sre-demo]\ncomponents: [../../components/{component}]\n");
        std::fs::write(overlays.join("one-component/kustomization.yaml"), text).unwrap();
        let with = built(&kustomize, &overlays.join("one-component")).unwrap();
        assert_ne!(with, without, "{component} changes nothing");
        for object in with {
            assert_eq!(
                faults(&object),
                [""; 0],
                "{component}: {} {}",
                object["kind"],
                object["metadata"]["name"]
            );
        }
    }
}

#[test]
fn every_broken_rule_is_named() {
    let monitor = serde_json::json!({
        "kind": "ServiceMonitor", "metadata": { "namespace": "monitoring" }, "spec": { "endpoints": [{ "port": "http" }] },
    });
    assert_eq!(faults(&monitor).len(), 4);
    let role = serde_json::json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "a" },
        "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }],
    });
    assert!(faults(&role).contains(&"it may do more than read, or may read secrets"));
    let misspelt = serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" }, "spec": { "port": [{ "port": 1 }] },
    });
    assert!(faults(&misspelt).contains(&"it has a field that Kubernetes does not know"));
    let deployment = |pod: Value| {
        serde_json::json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
            "spec": { "selector": {}, "template": { "spec": pod } },
        })
    };
    let careless =
        deployment(serde_json::json!({ "hostNetwork": true, "containers": [{ "name": "a" }] }));
    assert_eq!(faults(&careless).len(), 3 + 8);
}

#[test]
fn the_version_in_the_manifests_is_the_workspaces() {
    let manifest = read("Cargo.toml");
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .unwrap()
        .trim_matches('"')
        .to_owned();
    for (path, object) in written()
        .iter()
        .filter(|(_, object)| object["kind"] == "Kustomization")
    {
        for image in object["images"].as_array().into_iter().flatten() {
            assert_eq!(image["newTag"], version.as_str(), "{}", path.display());
        }
        for labels in object["labels"].as_array().into_iter().flatten() {
            assert_eq!(
                labels["pairs"]["app.kubernetes.io/version"],
                version.as_str(),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn every_flag_in_the_manifests_exists() {
    let workloads = written()
        .into_iter()
        .filter(|(_, object)| !flags(object).is_empty());
    for (path, object) in workloads {
        let name = object["metadata"]["name"].as_str().unwrap();
        let Some(help) = help(name) else { continue };
        for flag in flags(&object).into_iter().chain(patched_flags(name)) {
            assert!(
                help.split_whitespace()
                    .any(|word| word.split(['=', '[', ',']).next() == Some(&flag)),
                "{} gives {flag}, which {name} does not know",
                path.display()
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
fn a_flag_is_its_name_without_its_value() {
    let object = serde_json::json!({ "spec": { "template": { "spec": { "containers": [{ "args": ["--source=cluster", "--quiet"] }] } } } });
    assert_eq!(flags(&object), ["--source", "--quiet"]);
    assert!(patched_flags("grpc-health-exporter").contains(&"--node".to_owned()));
}
