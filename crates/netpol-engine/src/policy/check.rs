//! What the API server would refuse: `ValidateNetworkPolicy` of `pkg/apis/networking/validation/validation.go`, and the
//! defaults of `pkg/apis/networking/v1/defaults.go`.

use super::{Direction, NetworkPolicy, ObjectKey, Peer, PodPeer, PortRule, Ports, Protocol, Rule};
use crate::address::{Block, Cidr};
use crate::label::{Selector, is_subdomain, port_name_faults};
use crate::policy::Namespaces;
use crate::problem::{Path, Problem};
use crate::written::{
    NumberOrName, WrittenBlock, WrittenMetadata, WrittenPeer, WrittenPolicy, WrittenPort,
    WrittenRule,
};

const PROTOCOLS: &str = "\"SCTP\", \"TCP\", \"UDP\"";
const POLICY_TYPES: &str = "\"Egress\", \"Ingress\"";
const DEFAULT_NAMESPACE: &str = "default";

pub(super) fn policy(written: &WrittenPolicy) -> Result<NetworkPolicy, Vec<Problem>> {
    let mut problems = Vec::new();
    let key = check_metadata(&written.metadata, Some(DEFAULT_NAMESPACE), &mut problems);
    let empty = crate::written::WrittenSpec::default();
    let spec = written.spec.as_ref().unwrap_or(&empty);
    let path = Path::root("spec");
    let subject = spec.pod_selector.as_ref();
    let subject = subject.map(|it| Selector::check(it, &path.child("podSelector"), &mut problems));
    let types = spec.policy_types.as_deref().unwrap_or_default();
    let mut rules = |written: Option<&[WrittenRule]>, name, peers: PeersOf| {
        let path = path.child(name);
        let rules = written.unwrap_or_default().iter().enumerate();
        rules
            .map(|(index, it)| rule(it, peers(it), name, &path.index(index), &mut problems))
            .collect::<Vec<_>>()
    };
    let ingress = rules(spec.ingress.as_deref(), "ingress", |it| it.from.as_deref());
    let egress = rules(spec.egress.as_deref(), "egress", |it| it.to.as_deref());
    check_types(types, &path.child("policyTypes"), &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let has = |name: &str| types.iter().any(|it| it == name);
    let ignored = match (types.is_empty(), has("Ingress"), has("Egress")) {
        (false, true, false) if !egress.is_empty() => Some(Direction::Egress),
        (false, false, true) if !ingress.is_empty() => Some(Direction::Ingress),
        _ => None,
    };
    Ok(NetworkPolicy {
        ignored,
        key,
        subject: subject.unwrap_or_default(),
        // Rule 7: what is not said is guessed from whether there are egress rules, not from whether there is a list.
        ingress: (types.is_empty() || has("Ingress")).then_some(ingress),
        egress: (has("Egress") || types.is_empty() && !egress.is_empty()).then_some(egress),
        types_written: !types.is_empty(),
    })
}

type PeersOf = fn(&WrittenRule) -> Option<&[WrittenPeer]>;

/// Name and namespace, checked. Without a namespace it is what an apply would make of it.
pub(crate) fn check_metadata(
    written: &WrittenMetadata,
    default_namespace: Option<&str>,
    problems: &mut Vec<Problem>,
) -> ObjectKey {
    let path = Path::root("metadata");
    let name = written.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        problems.push(
            path.child("name")
                .required("name or generateName is required"),
        );
    } else if !is_subdomain(name) {
        let fault = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
        problems.push(path.child("name").invalid(name, fault));
    }
    let namespace = written.namespace.as_deref().filter(|it| !it.is_empty());
    if let (None, Some(_)) = (default_namespace, namespace) {
        let fault = "not allowed on this type";
        problems.push(path.child("namespace").forbidden(fault));
    }
    ObjectKey::new(namespace.or(default_namespace).unwrap_or_default(), name)
}

fn check_types(types: &[String], path: &Path, problems: &mut Vec<Problem>) {
    if types.len() > 2 {
        let fault = "may not specify more than two policyTypes";
        problems.push(path.invalid(types.join(", "), fault));
        return;
    }
    for (index, name) in types.iter().enumerate() {
        if name != "Ingress" && name != "Egress" {
            problems.push(path.index(index).not_supported(name, POLICY_TYPES));
        }
    }
}

fn rule(
    written: &WrittenRule,
    peers: Option<&[WrittenPeer]>,
    direction: &str,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Rule {
    let mut ports = Vec::new();
    for (index, item) in written.ports.iter().flatten().enumerate() {
        ports.extend(port(item, &path.child("ports").index(index), problems));
    }
    let list = path.child(if direction == "ingress" { "from" } else { "to" });
    let mut checked = Vec::new();
    for (index, item) in peers.unwrap_or_default().iter().enumerate() {
        checked.extend(peer(item, &list.index(index), problems));
    }
    Rule {
        peers: checked,
        ports,
    }
}

fn peer(written: &WrittenPeer, path: &Path, problems: &mut Vec<Problem>) -> Option<Peer> {
    let mut selector = |written: &Option<_>, name| {
        let written = written.as_ref()?;
        Some(Selector::check(written, &path.child(name), problems))
    };
    let pods = selector(&written.pod_selector, "podSelector");
    let namespaces = selector(&written.namespace_selector, "namespaceSelector");
    let block = written.ip_block.as_ref();
    let block = block.map(|it| block_of(it, &path.child("ipBlock"), problems));
    match (pods, namespaces, block) {
        (None, None, None) => {
            problems.push(path.required("must specify a peer"));
            None
        }
        (None, None, Some(block)) => block.map(Peer::Block),
        (_, _, Some(_)) => {
            problems.push(path.forbidden("may not specify both ipBlock and another peer"));
            None
        }
        (pods, namespaces, None) => Some(Peer::Pods(PodPeer {
            namespaces: namespaces.map_or(Namespaces::Own, Namespaces::Matching),
            pods: pods.unwrap_or_default(),
        })),
    }
}

fn block_of(written: &WrittenBlock, path: &Path, problems: &mut Vec<Problem>) -> Option<Block> {
    const FAULT: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    let text = written.cidr.as_deref().unwrap_or_default();
    if text.is_empty() {
        problems.push(path.child("cidr").required(""));
        return None;
    }
    let Some(cidr) = Cidr::parse(text) else {
        problems.push(path.child("cidr").invalid(text, FAULT));
        return None;
    };
    let mut except = Vec::new();
    for (index, text) in written.except.iter().flatten().enumerate() {
        let path = path.child("except").index(index);
        match Cidr::parse(text) {
            None => problems.push(path.invalid(text, FAULT)),
            Some(part) if cidr.strictly_contains(&part) => except.push(part),
            Some(_) => problems.push(path.invalid(text, "must be a strict subset of `cidr`")),
        }
    }
    Some(Block { cidr, except })
}

fn port(written: &WrittenPort, path: &Path, problems: &mut Vec<Problem>) -> Option<PortRule> {
    let before = problems.len();
    // Rule 8. An empty string is no protocol, not none.
    let protocol = written.protocol.as_deref().unwrap_or("TCP");
    let protocol = Protocol::parse(protocol).or_else(|| {
        problems.push(path.child("protocol").not_supported(protocol, PROTOCOLS));
        None
    });
    let end_path = path.child("endPort");
    let ports = match (&written.port, written.end_port) {
        (None, None) => Some(Ports::All),
        (None, Some(end)) => {
            let fault = "may not be specified when `port` is not specified";
            problems.push(end_path.invalid(end, fault));
            None
        }
        (Some(NumberOrName::Name(name)), end) => {
            if let Some(end) = end {
                let fault = "may not be specified when `port` is non-numeric";
                problems.push(end_path.invalid(end, fault));
            }
            for fault in port_name_faults(name) {
                problems.push(path.child("port").invalid(name, fault));
            }
            Some(Ports::Named(name.clone()))
        }
        (Some(NumberOrName::Number(number)), end) => {
            let first = check_port_number(*number, &path.child("port"), problems);
            // The API server names `port` as the value here, too.
            if end.is_some_and(|end| end < *number) {
                let fault = "must be greater than or equal to `port`";
                problems.push(end_path.invalid(number, fault));
            }
            let last = match end {
                Some(end) => check_port_number(end, &end_path, problems),
                None => first,
            };
            first
                .zip(last)
                .map(|(first, last)| Ports::Range(first, last))
        }
    };
    let ports = ports.filter(|_| problems.len() == before)?;
    Some(PortRule {
        protocol: Some(protocol?),
        ports,
    })
}

/// A port's number; below 1 or above 65535 it is refused.
pub(crate) fn check_port_number(
    number: i64,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<u16> {
    let valid = u16::try_from(number).ok().filter(|it| *it > 0);
    if valid.is_none() {
        problems.push(path.invalid(number, "must be between 1 and 65535, inclusive"));
    }
    valid
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(spec: &str) -> Vec<String> {
        let text = format!(r#"{{"metadata":{{"name":"a","namespace":"b"}},"spec":{spec}}}"#);
        let written: WrittenPolicy = serde_json::from_str(&text).unwrap();
        match NetworkPolicy::check(&written) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    fn isolates(spec: &str) -> (Option<usize>, Option<usize>) {
        let text = format!(r#"{{"metadata":{{"name":"a"}},"spec":{spec}}}"#);
        let policy = NetworkPolicy::check(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(policy.key.to_string(), "default/a");
        (
            policy.ingress.map(|it| it.len()),
            policy.egress.map(|it| it.len()),
        )
    }

    #[test]
    fn policy_types_are_guessed_as_the_api_server_guesses_them() {
        for (spec, expected) in [
            ("{}", (Some(0), None)),
            ("null", (Some(0), None)),
            (r#"{"policyTypes":[]}"#, (Some(0), None)),
            (r#"{"egress":[]}"#, (Some(0), None)),
            (r#"{"egress":[{}]}"#, (Some(0), Some(1))),
            (
                r#"{"egress":[{}],"policyTypes":["Egress"]}"#,
                (None, Some(1)),
            ),
            (
                r#"{"egress":[{}],"policyTypes":["Ingress"]}"#,
                (Some(0), None),
            ),
            (
                r#"{"policyTypes":["Egress","Ingress"]}"#,
                (Some(0), Some(0)),
            ),
            (r#"{"policyTypes":["Egress","Egress"]}"#, (None, Some(0))),
            (
                r#"{"ingress":[{}],"policyTypes":["Egress"]}"#,
                (None, Some(0)),
            ),
        ] {
            assert_eq!(isolates(spec), expected, "{spec}");
        }
    }

    #[test]
    fn what_the_api_server_refuses_is_refused_with_the_field() {
        for (spec, expected) in [
            (
                r#"{"ingress":[{"from":[{}]}]}"#,
                "spec.ingress[0].from[0]: Required value: must specify a peer",
            ),
            (
                r#"{"egress":[{"to":[{"podSelector":{},"ipBlock":{"cidr":"10.0.0.0/8"}}]}]}"#,
                "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer",
            ),
            (
                r#"{"egress":[{"to":[{"ipBlock":{}}]}]}"#,
                "spec.egress[0].to[0].ipBlock.cidr: Required value",
            ),
            (
                r#"{"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.0.0.0/8"]}}]}]}"#,
                "spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.0.0.0/8\": must be a strict subset of `cidr`",
            ),
            (
                r#"{"ingress":[{"ports":[{"port":5,"endPort":4}]}]}"#,
                "spec.ingress[0].ports[0].endPort: Invalid value: \"5\": must be greater than or equal to `port`",
            ),
            (
                r#"{"ingress":[{"ports":[{"endPort":4}]}]}"#,
                "spec.ingress[0].ports[0].endPort: Invalid value: \"4\": may not be specified when `port` is not specified",
            ),
            (
                r#"{"ingress":[{"ports":[{"port":"http","endPort":4}]}]}"#,
                "spec.ingress[0].ports[0].endPort: Invalid value: \"4\": may not be specified when `port` is non-numeric",
            ),
            (
                r#"{"ingress":[{"ports":[{"port":"80"}]}]}"#,
                "spec.ingress[0].ports[0].port: Invalid value: \"80\": must contain at least one letter (a-z)",
            ),
            (
                r#"{"ingress":[{"ports":[{"protocol":"ICMP"}]}]}"#,
                "spec.ingress[0].ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ),
            (
                r#"{"policyTypes":["ingress"]}"#,
                "spec.policyTypes[0]: Unsupported value: \"ingress\": supported values: \"Egress\", \"Ingress\"",
            ),
            (
                r#"{"policyTypes":["Ingress","Egress","Ingress"]}"#,
                "spec.policyTypes: Invalid value: \"Ingress, Egress, Ingress\": may not specify more than two policyTypes",
            ),
            (
                r#"{"podSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}}"#,
                "spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
            ),
            (
                r#"{"podSelector":{"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]}}"#,
                "spec.podSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
            (
                r#"{"podSelector":{"matchExpressions":[{"key":"a","operator":"in","values":["b"]}]}}"#,
                "spec.podSelector.matchExpressions[0].operator: Invalid value: \"in\": not a valid selector operator",
            ),
        ] {
            assert_eq!(refused(spec), [expected], "{spec}");
        }
        // All that is wrong is said at once, and legacy blocks are not wrong.
        assert_eq!(
            refused(
                r#"{"ingress":[{"from":[{}],"ports":[{"port":0},{"port":70000,"endPort":1}]}]}"#
            )
            .len(),
            4
        );
        assert_eq!(
            refused(
                r#"{"egress":[{"to":[{"ipBlock":{"cidr":"010.1.2.3/8","except":["10.2.3.4/16"]}}]}]}"#
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_policy_without_a_name_is_refused() {
        let problems = NetworkPolicy::check(&WrittenPolicy::default()).unwrap_err();
        assert_eq!(
            problems[0].to_string(),
            "metadata.name: Required value: name or generateName is required"
        );
    }
}
