//! The engine alone: everything that a sync looks at is there, the pods are selected, the metrics are read.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hpa_engine::{
    Autoscaler, Controller, Memory, MetricSource, Pod, Put, Rivals, Samples, Scale, Status, Sync,
};
use hpa_oracle::native::{read, time};

use super::Plan;
use super::crowd::{Member, PODS};
use crate::figures::{Figures, Target, median, quantile};

/// When it is.
const NOW: &str = "2026-01-02T00:00:00Z";
/// So many times over, each a sync later; the first makes the memories and does not count.
const ROUNDS: usize = 12;

/// All that one sync takes.
struct Subject {
    autoscaler: Autoscaler,
    status: Status,
    memory: Memory,
    scale: Scale,
    pods: Vec<Pod>,
    samples: Samples,
}

pub(super) fn run(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let count = plan.autoscalers();
    let mut subjects: Vec<Subject> = (0..count)
        .map(|index| subject(Member(index)))
        .collect::<anyhow::Result<_>>()?;
    let controller = Controller::default();
    let mut rivals = Rivals::default();
    for subject in &subjects {
        rivals.register(&subject.autoscaler.namespace, &subject.autoscaler.name);
    }
    let (mut rounds, mut singles) = (Vec::new(), Vec::new());
    let mut now = time::parse(NOW)?;
    for round in 0..=ROUNDS {
        let mut spent = Duration::ZERO;
        for subject in &mut subjects {
            let pods: Vec<&Pod> = subject.pods.iter().collect();
            let sync = Sync {
                autoscaler: &subject.autoscaler,
                status: &subject.status,
                scale: Ok(&subject.scale),
                pods: &pods,
                samples: &subject.samples,
                put: &Put::Withheld,
                now,
            };
            let start = Instant::now();
            let decision = black_box(controller.sync(&sync, &mut subject.memory, &mut rivals));
            let took = start.elapsed();
            spent += took;
            if round > 0 {
                singles.push(took.as_secs_f64() * 1e6);
            }
            subject.status = decision.status;
        }
        if round > 0 {
            rounds.push(spent.as_secs_f64() * 1e3);
        }
        now = now.after(controller.settings.sync_period);
    }
    figures.note(&format!(
        "{count} autoscalers of {PODS} pods, one to three metrics, {ROUNDS} syncs each; the engine as built for this program"
    ))?;
    figures.against(
        "hpa_decide_crowd",
        median(rounds),
        "ms",
        Target::AtMost(200.0),
    )?;
    figures.against(
        "hpa_decision_p50",
        median(singles.clone()),
        "us",
        Target::AtMost(15.0),
    )?;
    figures.against(
        "hpa_decision_p99",
        quantile(singles, 0.99),
        "us",
        Target::AtMost(15.0),
    )?;
    Ok(())
}

fn subject(member: Member) -> anyhow::Result<Subject> {
    let object = member.autoscaler(member.used());
    let autoscaler = read::autoscaler(&member.namespace(), &member.name(), &object)?;
    let mut samples = Samples::default();
    let usage = member.usage(NOW);
    samples.resource = Some(Ok(usage
        .map(|it| read::pod_usage(&it))
        .collect::<anyhow::Result<_>>()?));
    for metric in &autoscaler.spec.metrics {
        if let MetricSource::Pods { metric } = &metric.source {
            let values = member.rates().map(|it| read::pod_value(&it));
            let values = values.collect::<anyhow::Result<_>>()?;
            samples.pods.push((metric.clone(), Ok(values)));
        }
    }
    // The exporter keeps once what is the same in the pods of one template.
    let mut pods: Vec<Pod> = Vec::with_capacity(PODS);
    for object in member.pods() {
        let mut pod = read::pod(&object)?;
        if let Some(before) = pods.last() {
            pod.share(before);
        }
        pods.push(pod);
    }
    let replicas = i32::try_from(PODS)?;
    Ok(Subject {
        status: read::status(&object["status"])?,
        autoscaler,
        memory: Memory::default(),
        scale: Scale {
            replicas,
            reported_replicas: replicas,
            selector: format!("app={}", member.name()),
        },
        pods,
        samples,
    })
}

#[cfg(test)]
mod tests {
    use hpa_engine::Path;

    use super::*;

    #[test]
    fn the_crowd_is_decided_by_its_metrics() {
        for index in 0..3 {
            let subject = subject(Member(index)).unwrap();
            let (mut rivals, mut memory) = (Rivals::default(), Memory::default());
            rivals.register(&subject.autoscaler.namespace, &subject.autoscaler.name);
            let pods: Vec<&Pod> = subject.pods.iter().collect();
            let sync = Sync {
                autoscaler: &subject.autoscaler,
                status: &subject.status,
                scale: Ok(&subject.scale),
                pods: &pods,
                samples: &subject.samples,
                put: &Put::Withheld,
                now: time::parse(NOW).unwrap(),
            };
            let decision = Controller::default().sync(&sync, &mut memory, &mut rivals);
            assert_eq!(decision.path, Path::Metrics);
            assert_eq!(decision.proposals.len(), index + 1);
            assert!(decision.proposals.iter().all(Result::is_ok), "{decision:?}");
        }
    }
}
