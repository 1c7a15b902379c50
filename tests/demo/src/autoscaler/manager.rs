//! Stands in for kube-controller-manager: the engine on a clock, over what lies in the files.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use hpa_engine::{
    Autoscaler, ContainerUsage, Controller, Format, Memory, Moment, Pod, PodUsage, Put, Quantity,
    ResourceName, Rivals, Samples, Scale, Settings, Status, Sync,
};
use hpa_oracle::native::{read, time, write};
use serde_json::Value;

use super::objects::Objects;

/// What `kubectl autoscale deployment frontend --min=1 --max=5 --cpu=50%` makes.
const MANIFEST: &str = include_str!("../../../../manifests/platform/autoscaler/frontend.yaml");
/// Over so long the metrics API measures.
const MEASURED_OVER: Duration = Duration::from_millis(500);

/// The controller and what it knows.
#[derive(Debug)]
pub(super) struct Manager {
    controller: Controller,
    object: Value,
    autoscaler: Autoscaler,
    status: Status,
    memory: Memory,
    rivals: Rivals,
    replicas: i32,
}

/// What a sync came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) written: bool,
    pub(super) scaled: bool,
}

impl Manager {
    pub(super) fn new(sync_period: Duration, downscale_stabilization: Duration) -> Result<Self> {
        let mut object: Value = serde_saphyr::from_str(MANIFEST).context("frontend.yaml")?;
        object["metadata"]["namespace"] = "sre-demo".into();
        let autoscaler = read::autoscaler("sre-demo", "frontend", &object)?;
        let mut rivals = Rivals::default();
        rivals.register("sre-demo", "frontend");
        Ok(Self {
            controller: Controller {
                settings: Settings {
                    sync_period,
                    downscale_stabilization,
                    ..Settings::default()
                },
                ..Controller::default()
            },
            object,
            autoscaler,
            status: Status::default(),
            memory: Memory::default(),
            rivals,
            replicas: 1,
        })
    }

    /// The replicas that the target is told to have.
    pub(super) const fn replicas(&self) -> i32 {
        self.replicas
    }

    /// The autoscaler with its status.
    pub(super) fn object(&self) -> Value {
        let mut object = self.object.clone();
        if self.status != Status::default() {
            object["status"] = write::status(&self.status);
        }
        object
    }

    /// One sync, with all pods together using so many thousandths of a core.
    pub(super) fn sync(&mut self, objects: &Objects, used: u64) -> Result<Outcome> {
        let now = now();
        let pods: Vec<Pod> = objects
            .pods()
            .iter()
            .map(read::pod)
            .collect::<Result<_>>()?;
        let each = used.div_ceil(u64::try_from(pods.len().max(1))?);
        let usage = pods.iter().map(|pod| usage(pod, each, now)).collect();
        let samples = Samples {
            resource: Some(Ok(usage)),
            ..Samples::default()
        };
        let scale = Scale {
            replicas: self.replicas,
            reported_replicas: i32::try_from(pods.len())?,
            selector: "app=frontend".to_owned(),
        };
        let pods: Vec<&Pod> = pods.iter().collect();
        let sync = Sync {
            autoscaler: &self.autoscaler,
            status: &self.status,
            scale: Ok(&scale),
            pods: &pods,
            samples: &samples,
            put: &Put::Done(now),
            now,
        };
        let decision = self
            .controller
            .sync(&sync, &mut self.memory, &mut self.rivals);
        self.status = decision.status;
        self.replicas = decision.desired;
        Ok(Outcome {
            written: decision.written,
            scaled: decision.rescale.is_some(),
        })
    }
}

fn usage(pod: &Pod, each: u64, now: Moment) -> PodUsage {
    let used = Quantity::from_milli(i64::try_from(each).unwrap_or(i64::MAX), Format::DecimalSi);
    PodUsage {
        pod: pod.name.clone(),
        namespace: "sre-demo".into(),
        timestamp: now,
        window: MEASURED_OVER,
        containers: Box::new([ContainerUsage {
            name: "server".into(),
            usage: [(ResourceName::Cpu, used)].into_iter().collect(),
        }]),
    }
}

fn now() -> Moment {
    moment(SystemTime::now())
}

fn moment(at: SystemTime) -> Moment {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment::from_nanoseconds(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A time as objects have it.
pub(super) fn stamp(at: SystemTime) -> String {
    time::format(moment(at))
}
