//! The fast engine against the naive one, on made-up clusters and after made-up events.
#![expect(clippy::unwrap_used, reason = "what is made up here is right")]

#[path = "random/cluster.rs"]
mod random;

use fastrand::Rng;
use netpol_engine::{
    Cluster, Endpoint, Matrix, ObjectKey, Profile, Protocol, Query, Route, Verdict, naive,
};
use proptest::prelude::*;
use random::{PORTS, Shape};

/// Every pair of pods, on every port of every protocol.
fn agree(matrix: &Matrix, said: &str) -> [usize; 3] {
    let cluster = matrix.cluster();
    let pods: Vec<&ObjectKey> = cluster.pods.keys().collect();
    let mut counts = [0; 3];
    for source in &pods {
        for destination in &pods {
            for protocol in Protocol::DEFINED {
                for port in PORTS {
                    let query = Query {
                        protocol,
                        route: Route::Direct,
                        ..Query::tcp(
                            Endpoint::Pod((*source).clone()),
                            Endpoint::Pod((*destination).clone()),
                            port,
                        )
                    };
                    let expected = naive::verdict(cluster, matrix.profile(), &query);
                    let found = matrix.verdict(&query);
                    assert_eq!(found, expected, "{query} {said}\n{cluster:#?}");
                    counts[match found {
                        Verdict::Allowed => 0,
                        Verdict::Denied => 1,
                        Verdict::Undefined(_) => 2,
                    }] += 1;
                }
            }
        }
    }
    rows_agree(matrix, cluster);
    counts
}

/// The table of one port says what the verdicts say, but for pods that reach themselves or are on one node.
fn rows_agree(matrix: &Matrix, cluster: &Cluster) {
    for (protocol, port) in [(Protocol::Tcp, 80), (Protocol::Udp, 53)] {
        let reach = matrix.reach(protocol, port);
        for (source, from) in &cluster.pods {
            for (destination, to) in &cluster.pods {
                let Some((allowed, open)) = reach.between(source, destination) else {
                    assert!(from.finished || to.finished);
                    continue;
                };
                if source == destination || from.host_network {
                    continue;
                }
                let query = Query {
                    protocol,
                    ..Query::tcp(
                        Endpoint::Pod(source.clone()),
                        Endpoint::Pod(destination.clone()),
                        port,
                    )
                };
                let verdict = matrix.verdict(&query);
                let both = from.addresses.len() == 1 && to.addresses.len() == 1;
                let same_family = both && from.addresses[0].is_ipv4() == to.addresses[0].is_ipv4();
                if !same_family {
                    continue;
                }
                match verdict {
                    Verdict::Allowed => assert!(allowed || open, "{query}"),
                    Verdict::Denied => assert!(!allowed, "{query}"),
                    Verdict::Undefined(_) => assert!(open, "{query}"),
                }
            }
        }
    }
}

fn event(matrix: &mut Matrix, random: &mut Rng, shape: Shape) -> &'static str {
    match random.u8(..12) {
        0..=3 => {
            matrix.apply_pod(random::pod(random, shape));
            "pod applied"
        }
        4 => {
            matrix.delete_pod(&random::key(random, 6));
            "pod deleted"
        }
        5..=7 => {
            matrix.apply_policy(random::policy(random, shape));
            "policy applied"
        }
        8 => {
            matrix.delete_policy(&random::key(random, 4));
            "policy deleted"
        }
        9 => {
            matrix.apply_namespace(random::namespace(random), random::labels(random));
            "namespace applied"
        }
        10 => {
            matrix.delete_namespace(random::namespace(random));
            "namespace deleted"
        }
        _ if shape.cluster_policies => {
            let policy = random::cluster_policy(random, shape);
            if random.u8(..3) == 0 {
                matrix.delete_cluster_policy(&policy.key());
            } else {
                matrix.apply_cluster_policy(policy);
            }
            "cluster policy"
        }
        _ => {
            matrix.rebuild();
            "rebuilt"
        }
    }
}

fn profile(random: &mut Rng) -> Profile {
    random
        .choice([
            Profile::SPECIFICATION,
            Profile::SPECIFICATION,
            Profile::CONFORMANCE,
            Profile::CILIUM,
        ])
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_fast_engine_says_what_the_naive_one_says(seed in any::<u64>()) {
        let mut random = Rng::with_seed(seed);
        let shape = Shape::of(&mut random);
        let cluster = random::cluster(&mut random, shape);
        let profile = profile(&mut random);
        agree(&Matrix::new(cluster, profile), &format!("{shape:?} {}", profile.name));
    }

    #[test]
    fn and_still_does_after_any_events(seed in any::<u64>()) {
        let mut random = Rng::with_seed(seed);
        let shape = Shape::of(&mut random);
        let cluster = random::cluster(&mut random, shape);
        let mut matrix = Matrix::new(cluster, profile(&mut random));
        let mut said = format!("{shape:?}");
        for _ in 0..8 {
            said += " | ";
            said += event(&mut matrix, &mut random, shape);
            agree(&matrix, &said);
        }
    }

    /// A policy that is added to a pod which others already isolate takes nothing away, and without cluster-wide policies
    /// none opens what nothing closed.
    #[test]
    fn policies_only_add_up(seed in any::<u64>()) {
        let mut random = Rng::with_seed(seed);
        let shape = Shape { cluster_policies: false, host_network: false, ..Shape::of(&mut random) };
        let mut cluster = random::cluster(&mut random, shape);
        let closed = |key: &str| random_deny(key);
        for namespace in ["red", "green", "blue"] {
            cluster.apply_policy(closed(namespace));
        }
        let before = Matrix::new(cluster, Profile::CONFORMANCE);
        let mut after = before.clone();
        let mut policy = random::policy(&mut random, shape);
        policy.key.name = "one-more".to_owned();
        after.apply_policy(policy);
        for port in PORTS {
            let (before, after) = (before.reach(Protocol::Tcp, port), after.reach(Protocol::Tcp, port));
            prop_assert!(before.allowed_pairs() <= after.allowed_pairs());
        }
    }
}

fn random_deny(namespace: &str) -> netpol_engine::NetworkPolicy {
    netpol_engine::NetworkPolicy {
        key: ObjectKey::new(namespace, "deny"),
        subject: netpol_engine::Selector::default(),
        ingress: Some(Vec::new()),
        egress: Some(Vec::new()),
        types_written: true,
        ignored: None,
    }
}

#[test]
fn the_made_up_clusters_have_something_of_everything() {
    let mut totals = [0; 3];
    for seed in 0..60 {
        let mut random = Rng::with_seed(seed);
        let shape = Shape::of(&mut random);
        let cluster = random::cluster(&mut random, shape);
        let counts = agree(&Matrix::new(cluster, Profile::SPECIFICATION), "");
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += count;
        }
    }
    let [allowed, denied, undefined] = totals;
    assert!(
        allowed > 5000 && denied > 2000 && undefined > 500,
        "{totals:?}"
    );
}
