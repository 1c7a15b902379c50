//! From model to prober: tells the scheduler whom to probe.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube_watch::Changes;
use parking_lot::RwLock;

use crate::config::{CAP_IN_BUDGETS, Config};
use crate::model::{self, Model};
use crate::probe::schedule::{Handle, PodId, Settings, Target, TargetId};
use crate::probe::tls::Tls;
use crate::probe::{Endpoint, Limits};

/// What of a target makes the scheduler probe otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    address: SocketAddr,
    service: Arc<str>,
    tls: bool,
    limits: Limits,
    interval: Duration,
}

/// The scheduler's settings, from the flags.
pub(crate) fn settings(config: &Config) -> Settings {
    Settings {
        // Replicas and nodes should not probe a pod in the same moment.
        seed: fastrand::u64(..),
        starts_per_second: config.max_rate.into(),
        starts_per_second_and_pod: config.max_rate_per_pod.into(),
        ..Settings::default()
    }
}

/// Keeps the scheduler's targets those of the model.
pub(crate) async fn follow(
    model: Arc<RwLock<Model>>,
    cap: Duration,
    handle: Handle,
    mut changes: Changes,
) -> Infallible {
    let mut planned = HashMap::new();
    let mut revision = None;
    loop {
        let now = model.read().revision();
        if revision != Some(now) {
            revision = Some(now);
            let wanted = wanted(&model.read(), cap);
            apply(&mut planned, wanted, &handle);
        }
        changes.changed().await;
    }
}

fn wanted(model: &Model, cap: Duration) -> HashMap<TargetId, (PodId, Plan)> {
    let mut wanted = HashMap::new();
    for (model::TargetId(id), key, target) in model.targets() {
        let Some(address) = target.address else {
            continue;
        };
        let mut pod = DefaultHasher::new();
        (&key.namespace, &key.pod).hash(&mut pod);
        let pod = PodId(pod.finish());
        let budget = target.budget();
        let plan = Plan {
            address,
            service: Arc::clone(&key.service),
            tls: target.tls,
            limits: Limits {
                budget,
                cap: cap.max(budget * CAP_IN_BUDGETS),
            },
            interval: model.interval(target),
        };
        wanted.insert(TargetId(id), (pod, plan));
    }
    wanted
}

fn apply(
    planned: &mut HashMap<TargetId, (Plan, Arc<Endpoint>)>,
    wanted: HashMap<TargetId, (PodId, Plan)>,
    handle: &Handle,
) {
    planned.retain(|id, _| {
        let stays = wanted.contains_key(id);
        if !stays {
            handle.remove(*id);
        }
        stays
    });
    for (id, (pod, plan)) in wanted {
        let known = planned.get(&id);
        if known.is_some_and(|(known, _)| *known == plan) {
            continue;
        }
        // What is in flight goes on under other limits: another endpoint would drop it.
        let endpoint = match known.filter(|(known, _)| known.asks_the_same(&plan)) {
            Some((_, endpoint)) => Ok(Arc::clone(endpoint)),
            None => endpoint(&plan).map(Arc::new),
        };
        match endpoint {
            Ok(endpoint) => {
                let target = Target {
                    endpoint: Arc::clone(&endpoint),
                    limits: plan.limits,
                    interval: plan.interval,
                    pod,
                };
                handle.set(id, target);
                planned.insert(id, (plan, endpoint));
            }
            Err(error) => tracing::warn!(address = %plan.address, %error, "cannot be probed"),
        }
    }
}

impl Plan {
    /// Whether only the limits or the interval differ.
    fn asks_the_same(&self, other: &Self) -> bool {
        (self.address, &self.service, self.tls) == (other.address, &other.service, other.tls)
    }
}

fn endpoint(plan: &Plan) -> anyhow::Result<Endpoint> {
    let tls = plan
        .tls
        .then(|| Tls::unverified(plan.address.ip()))
        .transpose()?;
    Ok(Endpoint::at(plan.address, &plan.service, tls)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::schedule::scheduler;

    #[test]
    fn only_what_is_asked_makes_another_endpoint() {
        let (handle, _scheduler) = scheduler(Settings::default(), Arc::new(|_, _, _| ()));
        let plan = |port, seconds| Plan {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            service: "".into(),
            tls: false,
            limits: Limits::of_budget(Duration::from_secs(seconds)),
            interval: Duration::from_secs(10 * seconds),
        };
        let id = TargetId(1);
        let mut planned = HashMap::new();
        let mut endpoint_of = |plan| {
            apply(
                &mut planned,
                HashMap::from([(id, (PodId(1), plan))]),
                &handle,
            );
            let (_, endpoint) = &planned[&id];
            Arc::clone(endpoint)
        };
        let first = endpoint_of(plan(1, 1));
        assert!(Arc::ptr_eq(&first, &endpoint_of(plan(1, 5))));
        assert!(!Arc::ptr_eq(&first, &endpoint_of(plan(2, 5))));
    }
}
