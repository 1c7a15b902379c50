//! An autoscaler that somebody wrote into a manifest.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use hpa_engine::Autoscaler;
use kube_watch::Manifest;
use serde_json::Value;

use crate::watch;

/// Which of a manifest's autoscalers is meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'a> {
    /// There is to be one, and no other.
    TheOnly,
    /// The one of this name.
    Called(&'a str),
    /// The only one, whatever it is called; of several, the one of this name.
    TheOnlyOrCalled(&'a str),
}

/// A manifest's autoscaler.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) autoscaler: Autoscaler,
    /// File and line.
    pub(super) place: String,
    /// All that stands there.
    pub(super) manifests: Vec<Manifest>,
}

/// Reads an autoscaler as the API server would keep it, unless it would refuse it.
pub(super) fn read(path: &Path, which: Which<'_>, scale_to_zero: bool) -> Result<Written> {
    let (manifests, problems) =
        kube_watch::manifests(path).with_context(|| path.display().to_string())?;
    if let Some(problem) = problems.first() {
        bail!("{problem}");
    }
    let manifest = find(path, &manifests, which)?;
    let place = format!("{}:{}", manifest.path.display(), manifest.line);
    let autoscaler = autoscaler(&manifest.object, scale_to_zero)
        .with_context(|| format!("{place}: HorizontalPodAutoscaler"))?;
    Ok(Written {
        autoscaler,
        place,
        manifests,
    })
}

fn find<'a>(path: &Path, manifests: &'a [Manifest], which: Which<'_>) -> Result<&'a Manifest> {
    let all: Vec<&Manifest> = manifests
        .iter()
        .filter(|it| it.object["kind"] == "HorizontalPodAutoscaler")
        .collect();
    let name = match which {
        Which::TheOnly => None,
        Which::Called(name) => Some(name),
        Which::TheOnlyOrCalled(name) => Some(name).filter(|_| all.len() > 1),
    };
    let called = |it: &&&Manifest| name.is_none_or(|name| it.object["metadata"]["name"] == name);
    let found: Vec<&Manifest> = all.iter().filter(called).copied().collect();
    match &*found {
        [one] => Ok(*one),
        [] => bail!(
            "{}: no HorizontalPodAutoscaler{}",
            path.display(),
            name.map(|name| format!(" called {name}"))
                .unwrap_or_default()
        ),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|it| it.object["metadata"]["name"].as_str().unwrap_or("?"))
                .collect();
            bail!(
                "{}: several HorizontalPodAutoscalers ({}): say which with --name",
                path.display(),
                names.join(", ")
            )
        }
    }
}

fn autoscaler(object: &Value, scale_to_zero: bool) -> Result<Autoscaler> {
    let object = match object["apiVersion"].as_str() {
        Some("autoscaling/v2") => object.clone(),
        Some("autoscaling/v1") => of_the_first_version(object),
        other => bail!(
            "apiVersion is {}, not autoscaling/v2",
            other.unwrap_or("missing")
        ),
    };
    let (autoscaler, _) = watch::read_autoscaler(&object).map_err(anyhow::Error::msg)?;
    // Asked again, because the gate may be on.
    let problems = autoscaler.spec.problems(scale_to_zero);
    if !problems.is_empty() {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        bail!("the API server would refuse it: {}", problems.join("; "));
    }
    Ok(autoscaler)
}

/// `autoscaling/v1` knows one metric, and calls it otherwise.
fn of_the_first_version(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        && let Some(percent) = spec.remove("targetCPUUtilizationPercentage")
    {
        let metric = serde_json::json!({
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
        });
        spec.insert("metrics".to_owned(), Value::Array(vec![metric]));
    }
    object
}
