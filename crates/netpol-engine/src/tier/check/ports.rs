//! The ports of a rule: `ports` in v1alpha1, `protocols` in v1alpha2.

use super::{Checker, EXACTLY_ONE};
use crate::policy::{PortRule, Ports, Protocol, check_port_number};
use crate::problem::{Path, Problem};
use crate::tier::ClusterKind;
use crate::written::{
    WrittenClusterPort, WrittenClusterProtocol, WrittenClusterRule, WrittenPortRange,
    WrittenTransport,
};

const PROTOCOLS: &str = "\"SCTP\", \"TCP\", \"UDP\"";

// === impl Checker ===

impl Checker {
    pub(super) fn ports(
        &self,
        written: &WrittenClusterRule,
        path: &Path,
        problems: &mut Vec<Problem>,
    ) -> Vec<PortRule> {
        let (name, count) = match self.kind {
            ClusterKind::Cluster => ("protocols", written.protocols.as_ref().map(Vec::len)),
            ClusterKind::Admin | ClusterKind::BaselineAdmin => {
                ("ports", written.ports.as_ref().map(Vec::len))
            }
        };
        let path = path.child(name);
        if count == Some(0) {
            problems.push(path.required("must have at least 1 items"));
        }
        self.count(count.unwrap_or(0), &path, problems);
        let mut rules = Vec::new();
        if self.kind == ClusterKind::Cluster {
            for (index, item) in written.protocols.iter().flatten().enumerate() {
                rules.extend(protocol(item, &path.index(index), problems));
            }
        } else {
            for (index, item) in written.ports.iter().flatten().enumerate() {
                rules.extend(port(item, &path.index(index), problems));
            }
        }
        rules
    }
}

fn port(
    written: &WrittenClusterPort,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<PortRule> {
    match (
        &written.port_number,
        &written.named_port,
        &written.port_range,
    ) {
        (Some(number), None, None) => {
            let path = path.child("portNumber");
            let protocol = protocol_named(number.protocol.as_deref(), &path, problems)?;
            let number = check_port_number(number.port, &path.child("port"), problems)?;
            Some(of(protocol, Ports::Range(number, number)))
        }
        (None, Some(name), None) => Some(PortRule {
            protocol: None,
            ports: Ports::Named(name.clone()),
        }),
        (None, None, Some(written)) => {
            let path = path.child("portRange");
            let protocol = protocol_named(written.protocol.as_deref(), &path, problems)?;
            Some(of(protocol, range(written, &path, problems)?))
        }
        (None, None, None) => {
            problems.push(path.required(EXACTLY_ONE));
            None
        }
        _ => {
            problems.push(path.forbidden(EXACTLY_ONE));
            None
        }
    }
}

fn protocol(
    written: &WrittenClusterProtocol,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<PortRule> {
    let transports = [
        (&written.tcp, Protocol::Tcp, "tcp"),
        (&written.udp, Protocol::Udp, "udp"),
        (&written.sctp, Protocol::Sctp, "sctp"),
    ];
    let mut set = transports
        .into_iter()
        .filter_map(|(it, protocol, name)| Some((it.as_ref()?, protocol, name)));
    match (set.next(), set.next(), &written.destination_named_port) {
        (Some((transport, protocol, name)), None, None) => {
            let ports = ports_of(transport, &path.child(name), problems)?;
            Some(of(protocol, ports))
        }
        (None, None, Some(name)) => Some(PortRule {
            protocol: None,
            ports: Ports::Named(name.clone()),
        }),
        (None, None, None) => {
            problems.push(path.required(EXACTLY_ONE));
            None
        }
        _ => {
            problems.push(path.forbidden(EXACTLY_ONE));
            None
        }
    }
}

fn ports_of(
    transport: &WrittenTransport,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<Ports> {
    let Some(port) = &transport.destination_port else {
        problems.push(path.required("must have at least 1 property"));
        return None;
    };
    let path = path.child("destinationPort");
    match (port.number, &port.range) {
        (Some(number), None) => {
            let number = check_port_number(number, &path.child("number"), problems)?;
            Some(Ports::Range(number, number))
        }
        (None, Some(written)) => range(written, &path.child("range"), problems),
        (None, None) => {
            problems.push(path.required(EXACTLY_ONE));
            None
        }
        (Some(_), Some(_)) => {
            problems.push(path.forbidden(EXACTLY_ONE));
            None
        }
    }
}

fn range(written: &WrittenPortRange, path: &Path, problems: &mut Vec<Problem>) -> Option<Ports> {
    let start = check_port_number(written.start, &path.child("start"), problems)?;
    let end = check_port_number(written.end, &path.child("end"), problems)?;
    if start >= end {
        problems.push(path.invalid(
            format_args!("{start}-{end}"),
            "Start port must be less than End port",
        ));
        return None;
    }
    Some(Ports::Range(start, end))
}

fn protocol_named(
    text: Option<&str>,
    path: &Path,
    problems: &mut Vec<Problem>,
) -> Option<Protocol> {
    let text = text.unwrap_or("TCP");
    let protocol = Protocol::parse(text);
    if protocol.is_none() {
        problems.push(path.child("protocol").not_supported(text, PROTOCOLS));
    }
    protocol
}

fn of(protocol: Protocol, ports: Ports) -> PortRule {
    PortRule {
        protocol: Some(protocol),
        ports,
    }
}
