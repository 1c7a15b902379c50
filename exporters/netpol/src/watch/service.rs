//! Services.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use netpol_engine::{Protocol, Service, ServicePort, Target};

/// Its ports with where they lead, and its addresses: none if it is headless.
pub(super) fn service(service: core::Service) -> Service {
    let key = super::key(&service.metadata);
    let spec = service.spec.unwrap_or_default();
    let addresses = spec.cluster_ips.unwrap_or_default();
    let addresses = addresses.into_iter().chain(spec.cluster_ip);
    let mut addresses: Vec<_> = addresses.filter_map(|it| it.parse().ok()).collect();
    addresses.dedup();
    Service {
        key,
        selector: spec.selector,
        addresses,
        ports: spec.ports.iter().flatten().filter_map(port).collect(),
    }
}

/// `SetDefaults_Service` in pkg/apis/core/v1/defaults.go: TCP, and the port's own number, if nothing is said.
fn port(port: &core::ServicePort) -> Option<ServicePort> {
    let protocol = port.protocol.as_deref().filter(|it| !it.is_empty());
    let number = u16::try_from(port.port).ok()?;
    let target = match &port.target_port {
        Some(IntOrString::Int(0)) | None => Target::Number(number),
        Some(IntOrString::Int(target)) => Target::Number(u16::try_from(*target).ok()?),
        Some(IntOrString::String(name)) if name.is_empty() => Target::Number(number),
        Some(IntOrString::String(name)) => Target::Name(name.clone()),
    };
    Some(ServicePort {
        protocol: Protocol::parse(protocol.unwrap_or("TCP"))?,
        number,
        target,
    })
}
