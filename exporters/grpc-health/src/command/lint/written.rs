//! Containers and their probes, from any object that has a pod specification in it.

use probe_engine::{GrpcPort, Handler, ProbeFields, WrittenContainer, WrittenPort, WrittenProbe};
use serde_json::Value;

/// Where a pod specification stands: in a pod, in what makes pods from a template, in what makes those.
const POD_SPECS: [(&str, &str); 4] = [
    (
        "/spec/jobTemplate/spec/template/spec",
        "spec.jobTemplate.spec.template.spec",
    ),
    ("/spec/template/spec", "spec.template.spec"),
    ("/template/spec", "template.spec"),
    ("/spec", "spec"),
];

/// Each container that the kubelet keeps probing, by name.
pub fn containers(object: &Value) -> Vec<(String, WrittenContainer)> {
    let found = POD_SPECS.iter().find_map(|(pointer, path)| {
        let spec = object.pointer(pointer)?;
        spec.get("containers")?
            .as_array()
            .map(|containers| (spec, containers, path))
    });
    let Some((spec, regular, path)) = found else {
        return Vec::new();
    };
    let regular = regular
        .iter()
        .enumerate()
        .map(|found| (found, "containers"));
    let sidecars = spec.get("initContainers").and_then(Value::as_array);
    let sidecars = sidecars.into_iter().flatten().enumerate();
    let sidecars = sidecars
        .filter(|(_, container)| {
            container.get("restartPolicy").and_then(Value::as_str) == Some("Always")
        })
        .map(|found| (found, "initContainers"));
    regular
        .chain(sidecars)
        .map(|((index, found), list)| container(format!("{path}.{list}[{index}]"), found))
        .collect()
}

fn container(path: String, container: &Value) -> (String, WrittenContainer) {
    let name = container
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("?")
        .to_owned();
    let ports = container
        .get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let probe = |field| {
        container
            .get(field)
            .filter(|probe| probe.is_object())
            .map(probe)
    };
    let written = WrittenContainer {
        path,
        ports: ports
            .filter_map(|port| {
                Some(WrittenPort {
                    number: port.get("containerPort")?.as_i64()?,
                    name: port.get("name").and_then(Value::as_str).map(str::to_owned),
                })
            })
            .collect(),
        liveness: probe("livenessProbe"),
        readiness: probe("readinessProbe"),
        startup: probe("startupProbe"),
    };
    (name, written)
}

fn probe(probe: &Value) -> WrittenProbe {
    let number = |field| probe.get(field).and_then(Value::as_i64);
    WrittenProbe {
        fields: ProbeFields {
            timeout_seconds: number("timeoutSeconds"),
            period_seconds: number("periodSeconds"),
            failure_threshold: number("failureThreshold"),
            success_threshold: number("successThreshold"),
            initial_delay_seconds: number("initialDelaySeconds"),
            termination_grace_period_seconds: number("terminationGracePeriodSeconds"),
        },
        handler: handler(probe),
    }
}

fn handler(probe: &Value) -> Handler {
    if let Some(grpc) = probe.get("grpc") {
        let port = match grpc.get("port") {
            None | Some(Value::Null) => GrpcPort::Missing,
            Some(Value::String(name)) => GrpcPort::Name(name.clone()),
            // A fraction or a number beyond 64 bits is out of range just the same.
            Some(port) => GrpcPort::Number(port.as_i64().unwrap_or(-1)),
        };
        return Handler::Grpc {
            port,
            service: grpc
                .get("service")
                .and_then(Value::as_str)
                .map(str::to_owned),
            tls: grpc.get("mode").and_then(Value::as_str) == Some("TLS"),
        };
    }
    let Some(exec) = probe.get("exec") else {
        return Handler::Other;
    };
    let command = exec
        .get("command")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    Handler::Exec {
        command: command
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_specification_is_found_wherever_it_stands() {
        let spec = json!({
            "containers": [{"name": "server", "livenessProbe": {"grpc": {"port": 7070}}}],
            "initContainers": [
                {"name": "once", "livenessProbe": {"grpc": {"port": 1}}},
                {"name": "sidecar", "restartPolicy": "Always", "readinessProbe": {"grpc": {"port": "named"}}},
            ],
        });
        for (object, path) in [
            (json!({"spec": spec}), "spec"),
            (
                json!({"spec": {"template": {"spec": spec}}}),
                "spec.template.spec",
            ),
            (
                json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}),
                "spec.jobTemplate.spec.template.spec",
            ),
            (json!({"template": {"spec": spec}}), "template.spec"),
        ] {
            let found = containers(&object);
            let paths: Vec<_> = found
                .iter()
                .map(|(name, written)| (name.as_str(), written.path.as_str()))
                .collect();
            let expected = [
                format!("{path}.containers[0]"),
                format!("{path}.initContainers[1]"),
            ];
            assert_eq!(
                paths,
                [
                    ("server", expected[0].as_str()),
                    ("sidecar", expected[1].as_str())
                ]
            );
        }
        assert!(containers(&json!({"spec": {"selector": {}}})).is_empty());
        assert!(containers(&json!(null)).is_empty());
    }

    #[test]
    fn odd_values_are_kept_as_odd() {
        let ports = [
            (json!({"grpc": {}}), GrpcPort::Missing),
            (
                json!({"grpc": {"port": "grpc"}}),
                GrpcPort::Name("grpc".to_owned()),
            ),
            (json!({"grpc": {"port": -7}}), GrpcPort::Number(-7)),
            (json!({"grpc": {"port": 1.5}}), GrpcPort::Number(-1)),
        ];
        for (probe, expected) in ports {
            let Handler::Grpc { port, .. } = handler(&probe) else {
                panic!("{probe} is gRPC")
            };
            assert_eq!(port, expected);
        }
        assert_eq!(handler(&json!({"httpGet": {}})), Handler::Other);
        assert_eq!(
            probe(&json!({"timeoutSeconds": -1, "periodSeconds": "5"}))
                .fields
                .timeout_seconds,
            Some(-1)
        );
    }
}
