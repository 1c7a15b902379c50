//! The play: a sync each period, over the trace.

use std::time::Duration;

use anyhow::{Result, ensure};
use hpa_engine::{
    Autoscaler, Controller, Decision, Limiter, Memory, Moment, Pod, Put, Quantity, Rivals, Scale,
    Status, Sync,
};

use super::column::Column;
use super::pods::{Pods, SELECTOR, Template};
use super::trace::Trace;

/// More pods than that are not played.
const MOST_PODS: i32 = 10_000;
/// Nor more syncs.
const MOST_SYNCS: u128 = 1_000_000;

/// All that is given.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) controller: Controller,
    pub(super) autoscaler: Autoscaler,
    /// One for each metric of the spec.
    pub(super) columns: Vec<Column>,
    pub(super) template: Template,
    pub(super) trace: Trace,
    /// At the start.
    pub(super) replicas: i32,
    /// How long a new pod takes until it is ready.
    pub(super) startup: Duration,
}

/// One sync.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) at: Moment,
    /// Pods that are there and ready, before it.
    pub(super) ready: usize,
    /// The trace's value of each column.
    pub(super) load: Vec<Quantity>,
    pub(super) decision: Decision,
    pub(super) limiter: Limiter,
    /// When that limiter lets go of something, if the load stays: the first sync then.
    pub(super) until: Option<Moment>,
}

/// Plays it.
pub(super) fn play(setting: &Setting) -> Result<Vec<Row>> {
    let Setting {
        controller,
        autoscaler,
        trace,
        ..
    } = setting;
    let most = autoscaler.spec.maximum.max(setting.replicas);
    ensure!(
        most <= MOST_PODS,
        "{most} pods are more than the {MOST_PODS} that are played: lower maxReplicas"
    );
    let period = controller.settings.sync_period;
    let syncs = trace.end.since(trace.start).as_nanos() / period.as_nanos().max(1) + 1;
    ensure!(
        syncs <= MOST_SYNCS,
        "{syncs} syncs are more than the {MOST_SYNCS} that are played: cut the trace"
    );
    let mut pods = Pods::new(
        &setting.template,
        setting.startup,
        setting.replicas,
        trace.start,
    );
    let (mut memory, mut status, mut rivals) =
        (Memory::default(), Status::default(), Rivals::default());
    rivals.register(&autoscaler.namespace, &autoscaler.name);
    let mut rows = Vec::new();
    let mut now = trace.start;
    let mut replicas = setting.replicas;
    while now <= trace.end {
        pods.turn(now);
        let load = trace.at(now);
        let spec = &autoscaler.spec;
        let samples = pods.samples(&spec.metrics, &setting.columns, &load, controller, now);
        let scale = Scale {
            replicas,
            reported_replicas: replicas,
            selector: SELECTOR.to_owned(),
        };
        let matched: Vec<&Pod> = pods.all().iter().collect();
        let sync = Sync {
            autoscaler,
            status: &status,
            scale: Ok(&scale),
            pods: &matched,
            samples: &samples,
            put: &Put::Done(now),
            now,
        };
        let decision = controller.sync(&sync, &mut memory, &mut rivals);
        status = decision.status.clone();
        replicas = decision.desired;
        let limiter = decision.limiters().primary;
        let until = until(setting, &memory, &decision, limiter);
        rows.push(Row {
            at: now,
            ready: pods.ready(),
            load,
            decision,
            limiter,
            until,
        });
        pods.scale(replicas, now);
        now = now.after(period);
    }
    Ok(rows)
}

fn until(
    setting: &Setting,
    memory: &Memory,
    decision: &Decision,
    limiter: Limiter,
) -> Option<Moment> {
    let controller = &setting.controller;
    let releases = controller.releases(&setting.autoscaler, memory, decision);
    let at = match limiter {
        Limiter::StabilizationDown => releases.down.first()?.at,
        Limiter::StabilizationUp => releases.up.first()?.at,
        Limiter::ScaleUpLimit | Limiter::ScaleDownLimit => releases.rate?,
        _ => return None,
    };
    Some(controller.next_sync(decision.at, at))
}
