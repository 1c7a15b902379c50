//! What `tests/oracle/netpol` wrote down: clusters, policies, and the letter of every connection.

use std::collections::BTreeMap;
use std::net::IpAddr;

use netpol_engine::{
    Cluster, Endpoint, Family, Fault, Labels, Matrix, NamedPort, NetworkPolicy, ObjectKey, Pod,
    Profile, Protocol, Query, Route, Verdict, WrittenPolicy, naive,
};
use serde::Deserialize;

/// As in the oracle's `scenario.go`.
const PORTS: [u16; 6] = [53, 80, 81, 90, 8080, 65535];

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) seed: i64,
    namespaces: BTreeMap<String, Labels>,
    pods: Vec<WrittenPod>,
    outside: Vec<IpAddr>,
    policies: Option<Vec<WrittenPolicy>>,
    verdicts: String,
    #[serde(default)]
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct WrittenPod {
    namespace: String,
    name: String,
    labels: Labels,
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
    #[serde(default)]
    ports: Vec<WrittenPort>,
}

#[derive(Deserialize)]
struct WrittenPort {
    name: String,
    protocol: String,
    number: u16,
}

#[derive(Deserialize)]
struct Refused {
    policy: WrittenPolicy,
    errors: Vec<String>,
}

/// What came of a scenario.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) verdicts: u64,
    pub(crate) allowed: u64,
    pub(crate) refused: u64,
    /// Everything on which the oracle, the naive and the fast engine are not of one mind.
    pub(crate) differences: Vec<String>,
}

impl Scenario {
    pub(crate) fn read(line: &str) -> Self {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn cluster(&self, outcome: &mut Outcome) -> Cluster {
        let mut cluster = Cluster::default();
        for (name, labels) in &self.namespaces {
            cluster.apply_namespace(name, labels.clone());
        }
        for pod in &self.pods {
            let ports = pod.ports.iter().map(|it| NamedPort {
                name: it.name.clone(),
                protocol: Protocol::parse(&it.protocol).unwrap_or(Protocol::Other),
                number: it.number,
            });
            cluster.apply_pod(Pod {
                key: ObjectKey::new(&pod.namespace, &pod.name),
                labels: pod.labels.clone(),
                addresses: pod.v4.into_iter().chain(pod.v6).collect(),
                ports: ports.collect(),
                ..Pod::default()
            });
        }
        for written in self.policies.iter().flatten() {
            match NetworkPolicy::check(written) {
                Ok(policy) => cluster.apply_policy(policy),
                Err(problems) => outcome
                    .differences
                    .push(format!("seed {}: refused: {problems:?}", self.seed)),
            }
        }
        cluster
    }

    /// Plays it through both engines.
    pub(crate) fn compare(&self, outcome: &mut Outcome) {
        for refused in &self.refused {
            self.compare_refusal(refused, outcome);
        }
        let matrix = Matrix::new(self.cluster(outcome), Profile::CONFORMANCE);
        let mut letters = self.verdicts.bytes();
        for query in self.queries() {
            let Some(letter) = letters.next() else {
                outcome
                    .differences
                    .push(format!("seed {}: too few letters", self.seed));
                return;
            };
            let expected = match letter {
                b'A' => Verdict::Allowed,
                _ => Verdict::Denied,
            };
            outcome.verdicts += 1;
            outcome.allowed += u64::from(letter == b'A');
            let naive = naive::verdict(matrix.cluster(), matrix.profile(), &query);
            let fast = matrix.verdict(&query);
            if naive != expected || fast != expected {
                outcome.differences.push(format!(
                    "seed {}: {query} {:?}: oracle {expected}, naive {naive}, fast {fast}",
                    self.seed, query.family
                ));
            }
        }
        if letters.next().is_some() {
            outcome
                .differences
                .push(format!("seed {}: too many letters", self.seed));
        }
    }

    /// The fields and kinds that the API server names, in order.
    fn compare_refusal(&self, refused: &Refused, outcome: &mut Outcome) {
        outcome.refused += 1;
        let mut found: Vec<String> = match NetworkPolicy::check(&refused.policy) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .iter()
                .map(|it| format!("{} {}", it.field, kind(&it.fault)))
                .collect(),
        };
        found.sort();
        if found != refused.errors {
            outcome.differences.push(format!(
                "seed {}: {:?} is refused for {:?}, here for {found:?}",
                self.seed, refused.policy, refused.errors
            ));
        }
    }

    fn queries(&self) -> Vec<Query> {
        let pods = self.pods.iter().map(|pod| {
            let endpoint = Endpoint::pod(&pod.namespace, &pod.name);
            (endpoint, pod.v4, pod.v6)
        });
        let outside = self.outside.iter().map(|address| {
            let (v4, v6) = (address.is_ipv4(), address.is_ipv6());
            let of = |it: bool| it.then_some(*address);
            (Endpoint::Address(*address), of(v4), of(v6))
        });
        let ends: Vec<_> = pods.chain(outside).collect();
        let mut queries = Vec::new();
        for (source, from_v4, from_v6) in &ends {
            for (destination, to_v4, to_v6) in &ends {
                if matches!(
                    (source, destination),
                    (Endpoint::Address(_), Endpoint::Address(_))
                ) {
                    continue;
                }
                for (family, common) in [
                    (Family::V4, from_v4.is_some() && to_v4.is_some()),
                    (Family::V6, from_v6.is_some() && to_v6.is_some()),
                ] {
                    if !common {
                        continue;
                    }
                    for protocol in Protocol::DEFINED {
                        queries.extend(PORTS.map(|port| Query {
                            source: source.clone(),
                            destination: destination.clone(),
                            protocol,
                            port,
                            route: Route::Direct,
                            family: Some(family),
                        }));
                    }
                }
            }
        }
        queries
    }
}

/// The API server's name for a kind of refusal: `field.ErrorType`.
fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Required(_) => "FieldValueRequired",
        Fault::Forbidden(_) => "FieldValueForbidden",
        Fault::Invalid { .. } => "FieldValueInvalid",
        Fault::NotSupported { .. } => "FieldValueNotSupported",
        Fault::TooMany { .. } => "FieldValueTooMany",
    }
}
