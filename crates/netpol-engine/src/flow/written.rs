//! The file that lists required flows.
//!
//! ```yaml
//! namespace: sre-demo
//! requiredFlows:
//!   - {from: frontend, to: svc/emailservice:5000, kind: grpc}
//!   - {from: [a, b.other-namespace], to: svc/kube-dns.kube-system:53, protocol: UDP}
//!   - {from: external, to: svc/frontend-external:80}
//!   - {from: a, to: workload/b:8080}
//!   - {from: a, to: "address/192.0.2.1:443", severity: soft}
//! ```

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Flow, FlowSource, FlowTarget, Origin};
use crate::policy::{ObjectKey, Protocol};

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrittenFlows {
    /// The namespace of every name that has none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The flows.
    #[serde(default)]
    pub required_flows: Vec<WrittenFlow>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrittenFlow {
    /// Workloads, or `external`.
    pub from: OneOrMany,
    /// `svc/NAME:PORT`, `workload/NAME:PORT` or `address/ADDRESS:PORT`; a name may be followed by `.NAMESPACE`.
    pub to: String,
    /// `TCP`, `UDP` or `SCTP`; TCP if nothing is said.
    #[serde(default)]
    pub protocol: Option<String>,
    /// What is spoken.
    #[serde(default)]
    pub kind: Option<String>,
    /// `hard`, or `soft` if the application does without.
    #[serde(default)]
    pub severity: Option<String>,
}

/// A name or a list of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Some.
    Many(Vec<String>),
}

/// A flow that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("requiredFlows[{index}].{field}: {text:?}: {fault}")]
pub struct FlowProblem {
    /// Which line, from 0.
    pub index: usize,
    /// Which of its fields.
    pub field: &'static str,
    /// As written.
    pub text: String,
    /// What is wrong with it.
    pub fault: &'static str,
}

const EXTERNAL: &str = "external";

// === impl WrittenFlows ===

impl WrittenFlows {
    /// All flows that can be understood, and what is wrong with the others.
    pub fn check(&self) -> (Vec<Flow>, Vec<FlowProblem>) {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        let (mut flows, mut problems) = (Vec::new(), Vec::new());
        for (index, written) in self.required_flows.iter().enumerate() {
            match written.check(namespace) {
                Ok(found) => flows.extend(found),
                Err((field, text, fault)) => problems.push(FlowProblem {
                    index,
                    field,
                    text,
                    fault,
                }),
            }
        }
        (flows, problems)
    }
}

type Fault = (&'static str, String, &'static str);

// === impl WrittenFlow ===

impl WrittenFlow {
    fn check(&self, namespace: &str) -> Result<Vec<Flow>, Fault> {
        let protocol = self.protocol.as_deref().unwrap_or("TCP");
        let protocol = Protocol::parse(protocol).ok_or_else(|| {
            let fault = "has to be TCP, UDP or SCTP";
            ("protocol", protocol.to_owned(), fault)
        })?;
        let soft = match self.severity.as_deref() {
            None | Some("hard") => false,
            Some("soft") => true,
            Some(other) => return Err(("severity", other.to_owned(), "has to be hard or soft")),
        };
        let (target, port) =
            target(&self.to, namespace).map_err(|fault| ("to", self.to.clone(), fault))?;
        let names = match &self.from {
            OneOrMany::One(name) => std::slice::from_ref(name),
            OneOrMany::Many(names) => names,
        };
        if names.is_empty() {
            return Err(("from", String::new(), "has to name somebody"));
        }
        names
            .iter()
            .map(|name| {
                let source = source(name, namespace).map_err(|it| ("from", name.clone(), it))?;
                Ok(Flow {
                    source,
                    target: target.clone(),
                    port,
                    protocol,
                    kind: self.kind.clone(),
                    soft,
                    origin: Origin::Written,
                })
            })
            .collect()
    }
}

fn source(text: &str, namespace: &str) -> Result<FlowSource, &'static str> {
    if text == EXTERNAL {
        return Ok(FlowSource::Outside(None));
    }
    if let Some(address) = text.strip_prefix("address/") {
        let address = address.parse().map_err(|_| "is no address")?;
        return Ok(FlowSource::Outside(Some(address)));
    }
    key(text, namespace).map(FlowSource::Workload)
}

fn target(text: &str, namespace: &str) -> Result<(FlowTarget, u16), &'static str> {
    let (kind, rest) = text
        .split_once('/')
        .ok_or("has to start with svc/, workload/ or address/")?;
    let (name, port) = rest.rsplit_once(':').ok_or("has to end with :PORT")?;
    let port = port.parse().ok().filter(|it| *it > 0);
    let port = port.ok_or("has to end with a port between 1 and 65535")?;
    let target = match kind {
        "svc" => FlowTarget::Service(key(name, namespace)?),
        "workload" => FlowTarget::Workload(key(name, namespace)?),
        "address" => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            let address: IpAddr = bare.parse().map_err(|_| "is no address")?;
            FlowTarget::Address(address)
        }
        _ => return Err("has to start with svc/, workload/ or address/"),
    };
    Ok((target, port))
}

/// `name` or `name.namespace`.
fn key(text: &str, namespace: &str) -> Result<ObjectKey, &'static str> {
    let (name, namespace) = text.split_once('.').unwrap_or((text, namespace));
    if name.is_empty() || namespace.is_empty() || text.contains('/') {
        return Err("has to be NAME or NAME.NAMESPACE");
    }
    Ok(ObjectKey::new(namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<Vec<Flow>, String> {
        let text = format!(r#"{{"namespace":"n","requiredFlows":[{line}]}}"#);
        let written: WrittenFlows = serde_json::from_str(&text).unwrap();
        let (flows, problems) = written.check();
        match problems.first() {
            Some(problem) => Err(problem.to_string()),
            None => Ok(flows),
        }
    }

    #[test]
    fn a_line_is_one_flow_a_source() {
        let flows =
            check(r#"{"from":["a","b.m"],"to":"svc/c.k:53","protocol":"UDP","severity":"soft"}"#)
                .unwrap();
        let sources: Vec<_> = flows.iter().map(|it| it.source.clone()).collect();
        let workload = |namespace, name| FlowSource::Workload(ObjectKey::new(namespace, name));
        assert_eq!(sources, [workload("n", "a"), workload("m", "b")]);
        assert_eq!(
            flows[0].target,
            FlowTarget::Service(ObjectKey::new("k", "c"))
        );
        assert!(flows[0].soft && flows[0].protocol == Protocol::Udp && flows[0].port == 53);
        let flows = check(r#"{"from":"external","to":"address/[2001:db8::1]:443"}"#).unwrap();
        assert_eq!(flows[0].source, FlowSource::Outside(None));
        assert_eq!(
            flows[0].target,
            FlowTarget::Address("2001:db8::1".parse().unwrap())
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (line, expected) in [
            (
                r#"{"from":"a","to":"c:1"}"#,
                r#"requiredFlows[0].to: "c:1": has to start with svc/, workload/ or address/"#,
            ),
            (
                r#"{"from":"a","to":"svc/c"}"#,
                r#"requiredFlows[0].to: "svc/c": has to end with :PORT"#,
            ),
            (
                r#"{"from":"a","to":"svc/c:0"}"#,
                r#"requiredFlows[0].to: "svc/c:0": has to end with a port between 1 and 65535"#,
            ),
            (
                r#"{"from":[],"to":"svc/c:1"}"#,
                r#"requiredFlows[0].from: "": has to name somebody"#,
            ),
            (
                r#"{"from":"a/b","to":"svc/c:1"}"#,
                r#"requiredFlows[0].from: "a/b": has to be NAME or NAME.NAMESPACE"#,
            ),
            (
                r#"{"from":"a","to":"svc/c:1","protocol":"ICMP"}"#,
                r#"requiredFlows[0].protocol: "ICMP": has to be TCP, UDP or SCTP"#,
            ),
        ] {
            assert_eq!(check(line).unwrap_err(), expected);
        }
    }
}
