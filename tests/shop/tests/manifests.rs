//! The lab's manifests say of the twelve what this crate says of them: two tables of the same facts, and neither may drift.

#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shop::Role;
use shop::role::{Handler, Probe};

/// A file of `manifests/platform`, as its objects.
fn objects(path: &str) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/platform");
    serde_saphyr::from_multiple(&fs::read_to_string(root.join(path)).unwrap()).unwrap()
}

/// The container of a role's Deployment.
fn container(objects: &[Value], role: Role) -> &Value {
    let deployment = objects
        .iter()
        .find(|it| it["kind"] == "Deployment" && it["metadata"]["name"] == role.name())
        .unwrap_or_else(|| panic!("{role} has no Deployment"));
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

/// A probe as the file writes it, which leaves the API's defaults out, with those put in.
fn with_defaults(written: &Value) -> Value {
    let mut probe = json!({ "initialDelaySeconds": 0, "timeoutSeconds": 1, "periodSeconds": 10, "failureThreshold": 3 });
    for (key, value) in written.as_object().unwrap() {
        probe[key] = value.clone();
    }
    // The frontend's cookie, which the stand-in does not look at.
    if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
        get.remove("httpHeaders");
    }
    probe
}

fn expected(probe: &Probe, port: u16) -> Value {
    let mut value = json!({
        "initialDelaySeconds": probe.initial_delay_seconds, "timeoutSeconds": probe.timeout_seconds,
        "periodSeconds": probe.period_seconds, "failureThreshold": probe.failure_threshold,
    });
    match probe.handler {
        Handler::Grpc => value["grpc"] = json!({ "port": port }),
        Handler::HttpGet(path) => value["httpGet"] = json!({ "path": path, "port": port }),
        Handler::TcpSocket => value["tcpSocket"] = json!({ "port": port }),
    }
    value
}

#[test]
fn containers_probes_resources_and_services_are_those_of_the_roles() {
    let objects = objects("shop-base/shop.yaml");
    for role in Role::ALL {
        let container = container(&objects, role);
        let resources = role.resources();
        assert_eq!(container["name"], role.container(), "{role}");
        assert_eq!(
            container["resources"],
            json!({
                "requests": { "cpu": resources.cpu_request, "memory": resources.memory_request },
                "limits": { "cpu": resources.cpu_limit, "memory": resources.memory_limit },
            }),
            "{role}"
        );
        let port = container["ports"][0]["containerPort"].as_u64();
        assert_eq!(port, role.container_port().map(u64::from), "{role}");
        for (key, probe) in [
            ("livenessProbe", role.liveness()),
            ("readinessProbe", role.readiness()),
        ] {
            let Some((probe, port)) = probe.zip(role.container_port()) else {
                assert!(container.get(key).is_none(), "{role}");
                continue;
            };
            assert_eq!(
                with_defaults(&container[key]),
                expected(&probe, port),
                "{role}"
            );
        }
        let service = objects
            .iter()
            .find(|it| it["kind"] == "Service" && it["metadata"]["name"] == role.name());
        let port = service.and_then(|it| it["spec"]["ports"][0]["port"].as_u64());
        assert_eq!(port, role.service_port().map(u64::from), "{role}");
    }
}

#[test]
fn whom_a_role_calls_is_in_its_environment_by_the_callees_service() {
    let objects = objects("shop-base/shop.yaml");
    for role in Role::ALL {
        let environment = container(&objects, role)["env"].as_array();
        for call in role.calls() {
            let value = environment
                .into_iter()
                .flatten()
                .find(|it| it["name"] == call.variable)
                .unwrap_or_else(|| panic!("{role} has no {}", call.variable));
            let port = call.to.service_port().unwrap();
            assert_eq!(value["value"], format!("{}:{port}", call.to), "{role}");
        }
    }
}

#[test]
fn in_the_lab_each_listens_where_its_probes_and_its_service_look_for_it() {
    let objects = objects("lab/shop/roles.yaml");
    for role in Role::ALL {
        let listen = role
            .container_port()
            .map(|port| format!("--listen=0.0.0.0:{port}"));
        let arguments: Vec<String> = [format!("--role={role}")]
            .into_iter()
            .chain(listen)
            .chain([format!("--admin=0.0.0.0:{}", shop::ADMIN_PORT)])
            .collect();
        assert_eq!(container(&objects, role)["args"], json!(arguments));
    }
}
