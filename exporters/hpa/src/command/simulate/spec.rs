//! The autoscaler and the workload that are simulated.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use hpa_engine::{
    Autoscaler, Container, InitContainer, MetricSource, Quantity, ResourceName, Resources, Spec,
};
use serde::Deserialize;
use serde_json::Value;

use super::pods::Template;
use crate::command::written::{self, Which, Written};

/// A resource and how much of it each pod requests.
pub(super) type Request = (ResourceName, Quantity);

/// What is simulated.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) autoscaler: Autoscaler,
    workload: Option<Template>,
}

/// `RESOURCE=QUANTITY`.
pub(super) fn parse_request(text: &str) -> Result<Request, String> {
    let (name, quantity) = text
        .split_once('=')
        .ok_or("write a resource and a quantity, such as cpu=100m")?;
    let quantity: Quantity = quantity
        .parse()
        .map_err(|problem| format!("{quantity}: {problem}"))?;
    if quantity.signum() <= 0 {
        return Err("must be positive".to_owned());
    }
    Ok((name.into(), quantity))
}

/// Reads the autoscaler of a name, or the only one, and the workload that it scales if that stands there too.
pub(super) fn read(path: &Path, name: Option<&str>, scale_to_zero: bool) -> Result<Subject> {
    let which = name.map_or(Which::TheOnly, Which::Called);
    let Written {
        autoscaler,
        manifests,
        ..
    } = written::read(path, which, scale_to_zero)?;
    let target = &autoscaler.spec.target;
    let workload = manifests.iter().find(|it| {
        it.object["kind"] == *target.kind && it.object["metadata"]["name"] == *target.name
    });
    let workload = workload
        .map(|it| {
            template(&it.object)
                .with_context(|| format!("{}:{}: {}", it.path.display(), it.line, target.kind))
        })
        .transpose()?;
    Ok(Subject {
        autoscaler,
        workload,
    })
}

// === impl Subject ===

impl Subject {
    /// What each pod is made of. A utilization cannot be told without requests.
    pub(super) fn template(&self, requests: &[Request]) -> Result<Template> {
        let spec = &self.autoscaler.spec;
        let template = if requests.is_empty() {
            self.workload.clone().unwrap_or_else(|| bare(spec, &[]))
        } else {
            bare(spec, requests)
        };
        for metric in &spec.metrics {
            let (resource, container) = match &metric.source {
                MetricSource::Resource { name } => (name, None),
                MetricSource::ContainerResource { name, container } => (name, Some(container)),
                _ => continue,
            };
            if let Some(container) = container
                && !template.containers.iter().any(|it| *it.name == **container)
            {
                bail!("the pods have no container `{container}`");
            }
            if metric.target.average_utilization.is_some() && !template.requests(resource) {
                bail!(
                    "the target is a share of what pods request, and no request of {resource} is known: put the {} into the manifest, or say --request {resource}=QUANTITY",
                    spec.target.kind
                );
            }
        }
        Ok(template)
    }
}

/// Pods that nothing is known of but what the metrics and the flags say.
fn bare(spec: &Spec, requests: &[Request]) -> Template {
    let requests: Resources = requests.iter().cloned().collect();
    let mut names: Vec<&str> = Vec::new();
    for metric in &spec.metrics {
        if let MetricSource::ContainerResource { container, .. } = &metric.source
            && !names.contains(&container.as_str())
        {
            names.push(container);
        }
    }
    if names.is_empty() {
        names.push("app");
    }
    let container = |name: &str| Container {
        name: name.into(),
        requests: requests.clone(),
    };
    Template {
        containers: names.into_iter().map(container).collect(),
        ..Template::default()
    }
}

/// A pod template, as far as requests go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    containers: Vec<WrittenContainer>,
    #[serde(default)]
    init_containers: Vec<WrittenContainer>,
    #[serde(default)]
    resources: WrittenResources,
    #[serde(default)]
    overhead: Resources,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenContainer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    resources: WrittenResources,
    #[serde(default)]
    restart_policy: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WrittenResources {
    requests: Resources,
    limits: Resources,
}

/// The pods of a workload. The API server fills in a request that is missing from the limit (`SetDefaults_Pod`).
fn template(workload: &Value) -> Result<Template> {
    let pod = workload
        .pointer("/spec/template/spec")
        .context("spec.template.spec is missing")?;
    let pod: PodSpec = serde_path_to_error::deserialize(pod).map_err(|error| {
        anyhow::anyhow!("spec.template.spec.{}: {}", error.path(), error.inner())
    })?;
    let container = |written: &WrittenContainer| Container {
        name: written.name.as_str().into(),
        requests: written.resources.filled(),
    };
    let beside = |written: &WrittenContainer| InitContainer {
        container: container(written),
        restartable: written.restart_policy == "Always",
    };
    Ok(Template {
        containers: pod.containers.iter().map(container).collect(),
        init_containers: pod.init_containers.iter().map(beside).collect(),
        requests: pod.resources.filled(),
        overhead: pod.overhead,
    })
}

impl WrittenResources {
    fn filled(&self) -> Resources {
        let limits = self.limits.iter();
        let all = limits.chain(self.requests.iter());
        all.map(|(name, quantity)| (name.clone(), quantity.clone()))
            .collect()
    }
}
