//! `/configz`: the settings of the controller manager in its own words.
//!
//! It is asked itself, at its secure port, which takes the same token as the API server (it has it reviewed there) and the right to
//! `get` the non-resource URL `/configz`. Not through the API server's proxy: that leaves out who asks, and the controller manager refuses
//! `system:anonymous`.

use std::path::Path;
use std::time::Duration;

use hpa_engine::Settings;
use http::Uri;
use kube_watch::{Reader, SourceError};
use serde::Deserialize;
use serde_json::Value;

use super::ask::{get, shaped};
use crate::config::known;

/// Where it is, unless the URL says otherwise.
const PATH: &str = "/configz";

/// A controller manager to ask.
#[derive(Debug)]
pub struct Configz {
    reader: Reader,
    url: Uri,
}

/// What it answers: one configuration by name.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "kubecontrollermanager.config.k8s.io")]
    manager: Configuration,
}

/// `KubeControllerManagerConfiguration`: the internal one until 1.35, which has no other names for this, and `v1alpha1` since.
#[derive(Debug, Deserialize)]
struct Configuration {
    #[serde(rename = "HPAController")]
    autoscaling: Written,
}

/// `HPAControllerConfiguration`. It has no feature gates; nothing of `/configz` has.
#[derive(Debug, Deserialize)]
struct Written {
    #[serde(rename = "HorizontalPodAutoscalerSyncPeriod")]
    sync_period: Text,
    #[serde(rename = "HorizontalPodAutoscalerDownscaleStabilizationWindow")]
    downscale_stabilization: Text,
    #[serde(rename = "HorizontalPodAutoscalerTolerance")]
    tolerance: f64,
    #[serde(rename = "HorizontalPodAutoscalerCPUInitializationPeriod")]
    cpu_initialization: Text,
    #[serde(rename = "HorizontalPodAutoscalerInitialReadinessDelay")]
    initial_readiness: Text,
}

/// A `metav1.Duration`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Text(Duration);

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let duration = known::duration(&text);
        duration.map(Self).map_err(|it| format!("{text:?} {it}"))
    }
}

impl Configz {
    /// Reads the credentials; talks to nobody yet.
    pub async fn open(url: &Uri, authority: Option<&Path>) -> Result<Self, SourceError> {
        let mut address = url.clone().into_parts();
        address.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        // Without a scheme it is told that it needs one.
        let address =
            Uri::from_parts(address).map_or_else(|_| url.to_string(), |it| it.to_string());
        let reader = Reader::elsewhere(&address, authority).await?;
        Ok(Self {
            reader,
            url: url.clone(),
        })
    }

    /// The settings; or why they are not known, beginning with who was asked.
    pub async fn ask(&self) -> Result<Settings, String> {
        let path = match self.url.path() {
            "/" => PATH,
            path => path,
        };
        let answer = get(&self.reader, path).await;
        let read = answer.map_err(|error| error.message);
        read.and_then(|answer| settings(&answer))
            .map_err(|problem| format!("--controller.configz={}: {problem}", self.url))
    }
}

/// What an answer says of the autoscaler's controller.
fn settings(answer: &Value) -> Result<Settings, String> {
    let Answer { manager } = shaped(answer)?;
    let written = manager.autoscaling;
    // No controller works so, so this is none's.
    if !(0.0..=1.0).contains(&written.tolerance) {
        return Err(misfit(
            "HorizontalPodAutoscalerTolerance",
            "is not from 0 to 1",
        ));
    }
    if written.sync_period.0.is_zero() {
        return Err(misfit(
            "HorizontalPodAutoscalerSyncPeriod",
            "is not longer than 0",
        ));
    }
    Ok(Settings {
        sync_period: written.sync_period.0,
        downscale_stabilization: written.downscale_stabilization.0,
        tolerance: written.tolerance,
        cpu_initialization: written.cpu_initialization.0,
        initial_readiness: written.initial_readiness.0,
    })
}

fn misfit(field: &str, problem: &str) -> String {
    format!(
        "the answer does not fit: kubecontrollermanager.config.k8s.io.HPAController.{field}: {problem}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the controller manager of 1.36.3 answered, started with a sync period of 5 s.
    const REAL: &str = include_str!("../../tests/fixtures/configz/1.36.json");
    const CONTROLLER: &str = "/kubecontrollermanager.config.k8s.io/HPAController";

    fn real() -> Value {
        serde_json::from_str(REAL).unwrap()
    }

    #[test]
    fn a_real_answer_is_read() {
        let expected = Settings {
            sync_period: Duration::from_secs(5),
            ..Settings::default()
        };
        assert_eq!(settings(&real()), Ok(expected));
    }

    #[test]
    fn an_answer_of_another_shape_is_told_with_its_field() {
        let with = |field: &str, value: Value| {
            let mut answer = real();
            let controller = answer.pointer_mut(CONTROLLER).unwrap();
            controller[format!("HorizontalPodAutoscaler{field}")] = value;
            answer
        };
        let without = |pointer: &str, key: &str| {
            let mut answer = real();
            let object = answer.pointer_mut(pointer).unwrap();
            object.as_object_mut().unwrap().remove(key);
            answer
        };
        for (answer, told) in [
            (json!([]), "."),
            (json!("ok"), "."),
            (
                json!({"kubescheduler.config.k8s.io": {}}),
                "kubecontrollermanager.config.k8s.io",
            ),
            (
                without("/kubecontrollermanager.config.k8s.io", "HPAController"),
                "HPAController",
            ),
            (
                without(CONTROLLER, "HorizontalPodAutoscalerTolerance"),
                "HorizontalPodAutoscalerTolerance",
            ),
            (
                with("SyncPeriod", json!("soon")),
                "SyncPeriod: \"soon\" is not a duration",
            ),
            (
                with("SyncPeriod", json!(15_000_000_000_u64)),
                "SyncPeriod: invalid type",
            ),
            (
                with("SyncPeriod", json!("0s")),
                "SyncPeriod: is not longer than 0",
            ),
            (
                with("InitialReadinessDelay", json!("-30s")),
                "InitialReadinessDelay: \"-30s\" is negative",
            ),
            (with("Tolerance", json!("0.1")), "Tolerance: invalid type"),
            (
                with("Tolerance", json!(11)),
                "Tolerance: is not from 0 to 1",
            ),
        ] {
            let error = settings(&answer).unwrap_err();
            assert!(error.starts_with("the answer does not fit: "), "{error}");
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
