//! Manifests: they build, hold no field that Kubernetes does not know, and keep the restricted profile.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::platform::{LAB, is_of_the_shop, is_remote};
use crate::workspace::{files, files_of, read, root, yaml};

/// What only the stack's operator knows.
const OPERATOR_KINDS: [&str; 4] = ["PodMonitor", "PrometheusRule", "ServiceMonitor", "Probe"];

/// Kinds that live in no namespace.
const WITHOUT_NAMESPACE: [&str; 3] = ["ClusterRole", "ClusterRoleBinding", "Namespace"];

/// What may be read: nothing that holds a secret.
const READABLE: [&str; 14] = [
    "adminnetworkpolicies",
    "baselineadminnetworkpolicies",
    "clusternetworkpolicies",
    "deployments",
    "events",
    "horizontalpodautoscalers",
    "leases",
    "namespaces",
    "networkpolicies",
    "nodes",
    "pods",
    "replicasets",
    "services",
    "statefulsets",
];

/// The APIs whose resources are metrics, by whatever name.
const MEASURED: [&str; 2] = ["custom.metrics.k8s.io", "external.metrics.k8s.io"];

/// All objects as they are written, before kustomize.
pub(crate) fn written() -> Vec<(PathBuf, Value)> {
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

/// The folders that kustomize can build by themselves and without a network: a Component is built as a part of others.
pub(crate) fn kustomizations() -> Vec<PathBuf> {
    let found = written()
        .into_iter()
        .filter(|(_, object)| object["kind"] == "Kustomization" && !is_remote(object));
    found
        .map(|(path, _)| path.parent().unwrap().to_owned())
        .collect()
}

/// Builds a folder; gives its objects.
pub(crate) fn built(kustomize: &Path, folder: &Path) -> Result<Vec<Value>, String> {
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
        "ClusterRole" => through::<ClusterRole>(object),
        "ClusterRoleBinding" => through::<ClusterRoleBinding>(object),
        "ConfigMap" => through::<ConfigMap>(object),
        "DaemonSet" => through::<DaemonSet>(object),
        "Deployment" => through::<Deployment>(object),
        "HorizontalPodAutoscaler" => through::<HorizontalPodAutoscaler>(object),
        "Namespace" => through::<Namespace>(object),
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
    let spec = &object["spec"];
    let endpoints = spec.get("endpoints").or(spec.get("podMetricsEndpoints"));
    let endpoints = endpoints.and_then(Value::as_array);
    let rules = object["rules"].as_array();
    let mut checks = vec![
        (
            known(object) == *object,
            "it has a field that Kubernetes does not know",
        ),
        (names_its_namespace(object), "it names no namespace"),
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

fn names_its_namespace(object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    WITHOUT_NAMESPACE.contains(&kind) || object["metadata"]["namespace"].is_string()
}

/// What can be asked of objects that others wrote.
fn faults_of_others(object: &Value) -> Vec<&'static str> {
    let mut faults = faults(object);
    faults.retain(|fault| {
        ["it has a field", "it names no"]
            .iter()
            .any(|it| fault.starts_with(it))
    });
    faults
}

fn reads_only(rule: &Value) -> bool {
    let within = |key: &str, allowed: &[&str]| {
        rule[key].as_array().is_some_and(|it| {
            it.iter()
                .all(|item| allowed.contains(&item.as_str().unwrap_or("*")))
        })
    };
    // A review is written to be answered, and kept nowhere.
    let asks = within("verbs", &["create"]) && within("resources", &["tokenreviews"]);
    // The controller manager's settings, which it shows itself.
    let of_a_server = within("verbs", &["get"]) && within("nonResourceURLs", &["/configz"]);
    // Whatever an adapter's resources are called, they are numbers.
    let measures = within("apiGroups", &MEASURED);
    let readable = measures || within("resources", &READABLE);
    asks || of_a_server || within("verbs", &["get", "list", "watch"]) && readable
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

#[test]
fn every_folder_builds_and_every_object_keeps_the_rules() {
    let Some(kustomize) = tools::program("kustomize") else {
        return;
    };
    let folders = kustomizations();
    assert!(!folders.is_empty());
    for folder in folders {
        let faults = if is_of_the_shop(&folder) {
            faults_of_others
        } else {
            faults
        };
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
    let components = written().into_iter().filter(|(path, object)| {
        object["kind"] == "Component" && path.starts_with("manifests/components")
    });
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
    for (group, resource) in [("", "secrets"), ("", "*"), ("metrics.k8s.io", "*")] {
        let role = serde_json::json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "a" },
            "rules": [{ "apiGroups": [group, "custom.metrics.k8s.io"], "resources": [resource], "verbs": ["get"] }],
        });
        assert!(faults(&role).contains(&"it may do more than read, or may read secrets"));
    }
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
        let images = object["images"].as_array().into_iter().flatten();
        // What a lab builds for itself has no version.
        for image in images.filter(|image| image["newTag"] != LAB) {
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
