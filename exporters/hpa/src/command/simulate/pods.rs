//! The model of the target's pods.

use std::time::Duration;

use hpa_engine::{
    Container, ContainerUsage, Controller, InitContainer, MetricSource, MetricSpec, Moment, Phase,
    Pod, PodUsage, PodValue, Quantity, Readiness, ResourceName, Resources, Samples, Shared, Truth,
};

use super::column::Column;

/// The pods that are there at the start have been ready for that long: no rule about a pod's first minutes applies to them.
const AGE: Duration = Duration::from_hours(1);
/// The label that they all have.
const LABEL: (&str, &str) = ("app", "simulated");
/// The selector that finds them.
pub(super) const SELECTOR: &str = "app=simulated";

/// What each pod is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    pub(super) containers: Shared<Container>,
    pub(super) init_containers: Shared<InitContainer>,
    pub(super) requests: Resources,
    pub(super) overhead: Resources,
}

/// The target's pods, the oldest first.
#[derive(Debug)]
pub(super) struct Pods<'a> {
    template: &'a Template,
    startup: Duration,
    alive: Vec<Pod>,
    made: u64,
}

// === impl Template ===

impl Template {
    /// Whether anything requests the resource.
    pub(super) fn requests(&self, resource: &ResourceName) -> bool {
        let mut containers = self.containers.iter();
        self.requests.get(resource).is_some()
            || containers.any(|it| it.requests.get(resource).is_some())
    }
}

// === impl Pods ===

impl<'a> Pods<'a> {
    /// So many, ready for long.
    pub(super) fn new(template: &'a Template, startup: Duration, count: i32, now: Moment) -> Self {
        let mut pods = Self {
            template,
            startup,
            alive: Vec::new(),
            made: 0,
        };
        let born = now.before(AGE).before(startup);
        pods.scale(count, born);
        pods.turn(now);
        pods
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Pod] {
        &self.alive
    }

    /// How many are ready.
    pub(super) fn ready(&self) -> usize {
        self.alive.iter().filter(|pod| is_ready(pod)).count()
    }

    /// As many as were asked for. The youngest go.
    pub(super) fn scale(&mut self, count: i32, now: Moment) {
        let count = usize::try_from(count).unwrap_or_default();
        self.alive.truncate(count);
        while self.alive.len() < count {
            self.made += 1;
            let pod = self.pod(now);
            self.alive.push(pod);
        }
    }

    fn pod(&self, now: Moment) -> Pod {
        let Template {
            containers,
            init_containers,
            requests,
            overhead,
        } = self.template.clone();
        let (key, value) = LABEL;
        Pod {
            name: format!("simulated-{}", self.made).into(),
            labels: [(key.into(), value.into())].into_iter().collect(),
            deleting: false,
            phase: Phase::Running,
            start_time: Some(now),
            ready: Some(Readiness {
                status: Truth::False,
                since: now,
            }),
            containers,
            init_containers,
            requests,
            overhead,
        }
    }

    /// Those whose start-up is over are ready.
    pub(super) fn turn(&mut self, now: Moment) {
        for pod in &mut self.alive {
            let since = pod.start_time.unwrap_or(now).after(self.startup);
            if since <= now && !is_ready(pod) {
                let status = Truth::True;
                pod.ready = Some(Readiness { status, since });
            }
        }
    }

    /// What the metric APIs would answer, at these values of the columns: for all pods together, or of something outside.
    pub(super) fn samples(
        &self,
        metrics: &[MetricSpec],
        columns: &[Column],
        values: &[Quantity],
        controller: &Controller,
        now: Moment,
    ) -> Samples {
        let ready = i64::try_from(self.ready()).unwrap_or(i64::MAX).max(1);
        // To the next thousandth, as the controller reads each.
        let share = |value: &Quantity| {
            let milli = value.milli(controller.profile.architecture).max(0);
            Quantity::from_milli((milli + (ready - 1)) / ready, value.format())
        };
        let mut samples = Samples::default();
        let mut spent: Vec<(&str, Vec<(ResourceName, Quantity)>)> = Vec::new();
        for ((metric, column), value) in metrics.iter().zip(columns).zip(values) {
            match &metric.source {
                MetricSource::Resource { name } => {
                    // One container uses it all: the sum is what counts.
                    add(&mut spent, "", name, share(value));
                }
                MetricSource::ContainerResource { name, container } => {
                    add(&mut spent, container, name, share(value));
                }
                MetricSource::Pods { metric } => {
                    let each = |pod: &Pod| PodValue {
                        pod: pod.name.clone(),
                        value: used(pod, &share(value)),
                    };
                    let all = self.alive.iter().map(each).collect();
                    samples.pods.push((metric.clone(), Ok(all)));
                }
                MetricSource::Object { metric, described } => {
                    let answer = (metric.clone(), described.clone(), Ok(value.clone()));
                    samples.objects.push(answer);
                }
                MetricSource::External { metric } => {
                    samples
                        .external
                        .push((metric.clone(), Ok(vec![value.clone()])));
                }
                MetricSource::Unknown { .. } => debug_assert!(!column.of_pods),
            }
        }
        if !spent.is_empty() {
            samples.resource = Some(Ok(self.usage(&spent, now)));
        }
        samples
    }

    fn usage(&self, spent: &[(&str, Vec<(ResourceName, Quantity)>)], now: Moment) -> Vec<PodUsage> {
        let of = |pod: &Pod| PodUsage {
            pod: pod.name.clone(),
            namespace: "default".into(),
            timestamp: now,
            window: Duration::ZERO,
            containers: spent
                .iter()
                .map(|(container, resources)| ContainerUsage {
                    name: (*container).into(),
                    usage: resources
                        .iter()
                        .map(|(name, quantity)| (name.clone(), used(pod, quantity)))
                        .collect(),
                })
                .collect(),
        };
        self.alive.iter().map(of).collect()
    }
}

/// A pod that is not ready does nothing.
fn used(pod: &Pod, share: &Quantity) -> Quantity {
    if is_ready(pod) {
        share.clone()
    } else {
        Quantity::from_milli(0, share.format())
    }
}

fn add<'a>(
    spent: &mut Vec<(&'a str, Vec<(ResourceName, Quantity)>)>,
    container: &'a str,
    resource: &ResourceName,
    quantity: Quantity,
) {
    let entry = (resource.clone(), quantity);
    match spent.iter_mut().find(|(name, _)| *name == container) {
        Some((_, resources)) => resources.push(entry),
        None => spent.push((container, vec![entry])),
    }
}

fn is_ready(pod: &Pod) -> bool {
    pod.ready.is_some_and(|ready| ready.status == Truth::True)
}
