//! What there is: namespaces, pods, nodes, Services and policies.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::address::{Family, canonical};
use crate::label::Labels;
use crate::policy::{NetworkPolicy, ObjectKey, Protocol};
use crate::tier::ClusterPolicy;

/// The label that every namespace carries (rule 29).
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A cluster, as far as policies see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    namespaces: BTreeMap<String, Labels>,
    /// All pods, the finished ones too.
    pub pods: BTreeMap<ObjectKey, Pod>,
    /// All nodes.
    pub nodes: BTreeMap<String, Node>,
    /// All Services.
    pub services: BTreeMap<ObjectKey, Service>,
    /// All network policies.
    pub policies: BTreeMap<ObjectKey, NetworkPolicy>,
    /// All cluster-wide policies.
    pub cluster_policies: BTreeMap<ObjectKey, ClusterPolicy>,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Which.
    pub key: ObjectKey,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses, none while it is not placed; on the host's network those of its node.
    pub addresses: Vec<IpAddr>,
    /// Where it runs.
    pub node: Option<String>,
    /// Whether it is on its node's own network (rule 22).
    pub host_network: bool,
    /// Whether it has succeeded or failed (rule 28).
    pub finished: bool,
    /// The ports that its containers name.
    pub ports: Vec<NamedPort>,
    /// What it is a replica of, as people call it.
    pub workload: String,
}

/// A port with a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedPort {
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its labels.
    pub labels: Labels,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Which.
    pub key: ObjectKey,
    /// Which pods are behind it; without, somebody else says so.
    pub selector: Option<Labels>,
    /// Its own addresses; none if it is headless.
    pub addresses: Vec<IpAddr>,
    /// What it listens on.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its protocol.
    pub protocol: Protocol,
    /// What clients dial.
    pub number: u16,
    /// Where it leads.
    pub target: Target,
}

/// The port of the pod behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This number.
    Number(u16),
    /// What the pod calls so.
    Name(String),
}

// === impl Cluster ===

impl Cluster {
    /// Adds a namespace, or gives it other labels. It gets the label with its name in any case (rule 29).
    pub fn apply_namespace(&mut self, name: &str, labels: Labels) {
        self.namespaces
            .insert(name.to_owned(), with_name(name, labels));
    }

    /// Takes a namespace away. What is in it goes by its own events.
    pub fn delete_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// A namespace's labels. One that was not seen has its name, as every namespace has.
    pub fn namespace(&self, name: &str) -> Labels {
        let labels = self.namespaces.get(name).cloned();
        labels.unwrap_or_else(|| with_name(name, Labels::new()))
    }

    /// The namespaces that were seen.
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &Labels)> {
        self.namespaces
            .iter()
            .map(|(name, labels)| (name.as_str(), labels))
    }

    /// Adds a pod, or changes it.
    pub fn apply_pod(&mut self, pod: Pod) {
        self.pods.insert(pod.key.clone(), pod);
    }

    /// The pods of a namespace, the finished ones too.
    pub fn pods_of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Pod> {
        let from = ObjectKey::new(namespace, "");
        let pods = self.pods.range(from..);
        pods.take_while(move |(key, _)| key.namespace == namespace)
            .map(|(_, pod)| pod)
    }

    /// Adds a policy, or changes it.
    pub fn apply_policy(&mut self, policy: NetworkPolicy) {
        self.policies.insert(policy.key.clone(), policy);
    }

    /// The network policies of a namespace.
    pub fn policies_of<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a NetworkPolicy> {
        let from = ObjectKey::new(namespace, "");
        let policies = self.policies.range(from..);
        policies
            .take_while(move |(key, _)| key.namespace == namespace)
            .map(|(_, policy)| policy)
    }

    /// Adds a cluster-wide policy, or changes it.
    pub fn apply_cluster_policy(&mut self, policy: ClusterPolicy) {
        self.cluster_policies.insert(policy.key(), policy);
    }

    /// Adds a Service, or changes it.
    pub fn apply_service(&mut self, service: Service) {
        self.services.insert(service.key.clone(), service);
    }

    /// The pods that a Service leads to: those with a network, in its namespace, with its labels.
    pub fn behind<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Pod> {
        let pods = self.pods_of(&service.key.namespace);
        pods.filter(|pod| service.leads_to(pod))
    }

    /// The Services of a namespace.
    pub fn services_of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Service> {
        let from = ObjectKey::new(namespace, "");
        let services = self.services.range(from..);
        services
            .take_while(move |(key, _)| key.namespace == namespace)
            .map(|(_, service)| service)
    }
}

fn with_name(name: &str, mut labels: Labels) -> Labels {
    labels.insert(NAMESPACE_NAME_LABEL.to_owned(), name.to_owned());
    labels
}

// === impl Pod ===

impl Pod {
    /// Its address of this family, if it has one.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        let mut addresses = self.addresses.iter().copied().map(canonical);
        addresses.find(|it| Family::of(*it) == family)
    }

    /// Whether one of its containers calls this port so (rule 10). Names are unique in a container only: where two
    /// containers use one name, both ports have it.
    pub fn calls(&self, name: &str, protocol: Option<Protocol>, number: u16, of: Protocol) -> bool {
        protocol.is_none_or(|it| it == of)
            && self
                .ports
                .iter()
                .any(|port| port.name == name && port.number == number && port.protocol == of)
    }
}

// === impl Service ===

impl Service {
    /// Whether this pod is behind it: it has a network, and is in its namespace, with its labels. Without a selector somebody else says who is.
    pub fn leads_to(&self, pod: &Pod) -> bool {
        let selector = self.selector.as_ref().filter(|it| !it.is_empty());
        !pod.finished
            && pod.key.namespace == self.key.namespace
            && selector.is_some_and(|selector| {
                let mut wanted = selector.iter();
                wanted.all(|(key, value)| pod.labels.get(key) == Some(value))
            })
    }

    /// The port of this pod to which the Service's port leads (rule 23: policies see this one).
    pub fn target(&self, protocol: Protocol, number: u16, pod: &Pod) -> Option<u16> {
        let mut ports = self.ports.iter();
        let port = ports.find(|it| it.protocol == protocol && it.number == number)?;
        match &port.target {
            Target::Number(number) => Some(*number),
            Target::Name(name) => {
                let mut named = pod.ports.iter();
                let found = named.find(|it| it.name == *name && it.protocol == protocol)?;
                Some(found.number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_namespace_carries_its_name() {
        let mut cluster = Cluster::default();
        assert_eq!(cluster.namespace("a")[NAMESPACE_NAME_LABEL], "a");
        let lie = Labels::from([(NAMESPACE_NAME_LABEL.to_owned(), "b".to_owned())]);
        cluster.apply_namespace("a", lie);
        assert_eq!(cluster.namespace("a")[NAMESPACE_NAME_LABEL], "a");
    }

    #[test]
    fn a_service_leads_to_the_pods_own_port() {
        let named = NamedPort {
            name: "grpc".to_owned(),
            protocol: Protocol::Tcp,
            number: 8080,
        };
        let pod = Pod {
            ports: vec![named],
            ..Pod::default()
        };
        let port = |number, target| ServicePort {
            protocol: Protocol::Tcp,
            number,
            target,
        };
        let service = Service {
            ports: vec![
                port(5000, Target::Name("grpc".to_owned())),
                port(80, Target::Number(81)),
                port(90, Target::Name("http".to_owned())),
            ],
            ..Service::default()
        };
        assert_eq!(service.target(Protocol::Tcp, 5000, &pod), Some(8080));
        assert_eq!(service.target(Protocol::Tcp, 80, &pod), Some(81));
        assert_eq!(service.target(Protocol::Tcp, 90, &pod), None);
        assert_eq!(service.target(Protocol::Udp, 80, &pod), None);
        assert_eq!(service.target(Protocol::Tcp, 8080, &pod), None);
    }
}
