//! Asks the metric APIs, in the controller's own paths (`metrics/client.go` and the clients of `k8s.io/metrics`).

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use futures_util::future::join_all;
use hpa_engine::{
    Answer, LabelSelector, MetricIdentifier, MetricSource, ObjectReference, PodUsage, PodValue,
    Quantity, Samples, Scale, ScaleFailure,
};
use kube_watch::{ReadError, Reader, Reason};
use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::config::controller::Version;
use crate::model::{Model, Surroundings};
use crate::watch;

/// Longer than a sample is worth waiting for: what comes later is not what the controller saw. It is shorter than what a controller leaves
/// between two syncs, so that an API that hangs holds no decision up until the next.
const PATIENCE: Duration = Duration::from_secs(3);
/// Of custom metrics, newest first, as clients of the API choose.
const CUSTOM: [&str; 2] = ["v1beta2", "v1beta1"];

/// Whoever asks.
#[derive(Debug)]
pub struct Asking {
    reader: Reader,
    /// External metrics are asked for as well: some of them cost money.
    external: bool,
    /// How resources of a kind are called in paths, by API version and kind.
    plurals: Mutex<HashMap<(String, String), String>>,
}

/// A list of any metrics API.
#[derive(Debug, Deserialize)]
struct List<T> {
    items: Option<Vec<T>>,
}

/// `MetricValue`, and `ExternalMetricValue`, which describes nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricValue {
    described_object: Option<Described>,
    value: Quantity,
}

#[derive(Debug, Deserialize)]
struct Described {
    name: String,
}

/// `autoscaling/v1` `Scale`.
#[derive(Debug, Deserialize)]
struct WrittenScale {
    spec: Option<ScaleSpec>,
    status: Option<ScaleStatus>,
}

#[derive(Debug, Default, Deserialize)]
struct ScaleSpec {
    replicas: Option<i32>,
}

#[derive(Debug, Default, Deserialize)]
struct ScaleStatus {
    replicas: Option<i32>,
    selector: Option<String>,
}

/// What a discovery document says of a resource.
#[derive(Debug, Deserialize)]
struct Resource {
    name: String,
    kind: String,
}

#[derive(Debug, Deserialize)]
struct ResourceList {
    resources: Vec<Resource>,
}

impl Asking {
    /// Asks through this reader.
    pub fn new(reader: Reader, external: bool) -> Self {
        Self {
            reader,
            external,
            plurals: Mutex::default(),
        }
    }

    /// Everything that this autoscaler is decided by, asked for at the same time. Each metric fails for itself.
    pub async fn sample(&self, surroundings: &Surroundings) -> Samples {
        let Ok(scale) = &surroundings.scale else {
            return Samples::default();
        };
        let autoscaler = &surroundings.autoscaler;
        let (namespace, selector) = (&*autoscaler.namespace, &*scale.selector);
        let sources = || autoscaler.spec.metrics.iter().map(|spec| &spec.source);
        // Asked once, for all resources.
        let of_resource = sources().any(|it| {
            matches!(
                it,
                MetricSource::Resource { .. } | MetricSource::ContainerResource { .. }
            )
        });
        let resource = async {
            if of_resource {
                Some(in_time(self.usages(namespace, selector)).await)
            } else {
                None
            }
        };
        let pods = sources().filter_map(|source| match source {
            MetricSource::Pods { metric } => Some(async {
                let answer = in_time(self.pods(namespace, metric, selector)).await;
                (metric.clone(), answer)
            }),
            _ => None,
        });
        let objects = sources().filter_map(|source| match source {
            MetricSource::Object { metric, described } => Some(async {
                let answer = in_time(self.object(namespace, metric, described)).await;
                (metric.clone(), described.clone(), answer)
            }),
            _ => None,
        });
        let external = sources().filter_map(|source| match source {
            MetricSource::External { metric } if self.external => Some(async {
                let answer = in_time(self.outside(namespace, metric)).await;
                (metric.clone(), answer)
            }),
            _ => None,
        });
        let (resource, pods, objects, external) = tokio::join!(
            resource,
            join_all(pods),
            join_all(objects),
            join_all(external)
        );
        Samples {
            resource,
            pods,
            objects,
            external,
        }
    }

    /// What the pods use of their resources.
    async fn usages(&self, namespace: &str, selector: &str) -> Answer<Vec<PodUsage>> {
        let path = format!(
            "/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods?labelSelector={}",
            escaped(selector)
        );
        let listed = self.list::<watch::PodMetrics>(&path).await?;
        Ok(listed
            .into_iter()
            .map(|it| watch::usage(it).usage)
            .collect())
    }

    /// A metric of pods.
    async fn pods(
        &self,
        namespace: &str,
        metric: &MetricIdentifier,
        selector: &str,
    ) -> Answer<Vec<PodValue>> {
        let rest = format!("namespaces/{namespace}/pods/*/{}", escaped(&metric.name));
        let labels = format!("labelSelector={}", escaped(selector));
        let listed = self.custom(&rest, Some(labels), metric).await?;
        Ok(listed.into_iter().map(of_pod).collect())
    }

    /// A metric of something outside of the cluster.
    async fn outside(&self, namespace: &str, metric: &MetricIdentifier) -> Answer<Vec<Quantity>> {
        let path = format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{}?labelSelector={}",
            escaped(&metric.name),
            escaped(&text_of(metric.selector.as_ref()))
        );
        let listed = self.list::<MetricValue>(&path).await?;
        Ok(listed.into_iter().map(|it| it.value).collect())
    }

    /// A metric of one object.
    async fn object(
        &self,
        namespace: &str,
        metric: &MetricIdentifier,
        described: &ObjectReference,
    ) -> Answer<Quantity> {
        let name = escaped(&metric.name);
        // The controller asks for its own namespace, whichever is named.
        let group = described.api_version.split_once('/').map_or("", |it| it.0);
        let rest = if group.is_empty() && described.kind == "Namespace" {
            format!("namespaces/{namespace}/metrics/{name}")
        } else {
            let plural = self.plural(&described.api_version, &described.kind).await?;
            let dot = if group.is_empty() { "" } else { "." };
            let object = escaped(&described.name);
            format!("namespaces/{namespace}/{plural}{dot}{group}/{object}/{name}")
        };
        let mut items = self.custom(&rest, None, metric).await?;
        match (items.len(), items.pop()) {
            (1, Some(item)) => Ok(item.value),
            (count, _) => Err(format!(
                "the custom metrics API server returned {count} results when we asked for exactly one"
            )),
        }
    }

    /// How the API server calls resources of a kind.
    async fn plural(&self, api_version: &str, kind: &str) -> Answer<String> {
        let key = (api_version.to_owned(), kind.to_owned());
        let known = self.plurals.lock().get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let path = if api_version.contains('/') {
            format!("/apis/{api_version}")
        } else {
            format!("/api/{api_version}")
        };
        let answer = self.get(&path).await.map_err(|error| error.message)?;
        let listed: ResourceList = shaped(&answer)?;
        let found = listed
            .resources
            .into_iter()
            .find(|it| it.kind == kind && !it.name.contains('/'));
        let found = found.ok_or_else(|| format!("no kind {kind:?} in {api_version}"))?;
        self.plurals.lock().insert(key, found.name.clone());
        Ok(found.name)
    }

    /// The scales of all targets whose kind is not watched.
    pub async fn scales(&self, model: &RwLock<Model>) {
        let unwatched = model.read().unwatched();
        for (namespace, target) in unwatched {
            let answer = self.scale(&namespace, &target).await;
            let now = watch::now();
            model
                .write()
                .scale_answered(now, &namespace, &target, answer);
        }
    }

    /// The scale of a target whose kind is not watched.
    pub async fn scale(
        &self,
        namespace: &str,
        target: &ObjectReference,
    ) -> Result<Scale, ScaleFailure> {
        let ObjectReference {
            api_version,
            kind,
            name,
        } = target;
        let plural = self.plural(api_version, kind).await;
        let plural = plural.map_err(ScaleFailure::Kind)?;
        let root = if api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        let name = escaped(name);
        let path = format!("/{root}/{api_version}/namespaces/{namespace}/{plural}/{name}/scale");
        let answer = self.get(&path).await;
        let answer = answer.map_err(|error| ScaleFailure::Get(error.message))?;
        let written: WrittenScale = shaped(&answer).map_err(ScaleFailure::Get)?;
        let status = written.status.unwrap_or_default();
        Ok(Scale {
            replicas: written
                .spec
                .and_then(|spec| spec.replicas)
                .unwrap_or_default(),
            reported_replicas: status.replicas.unwrap_or_default(),
            selector: status.selector.unwrap_or_default(),
        })
    }

    /// The version of the API server, which the controller's is or lags behind by one while it is replaced.
    pub async fn version(&self) -> Option<Version> {
        let answer = self.get("/version").await.ok()?;
        answer.get("gitVersion")?.as_str()?.parse().ok()
    }

    async fn custom(
        &self,
        rest: &str,
        labels: Option<String>,
        metric: &MetricIdentifier,
    ) -> Answer<Vec<MetricValue>> {
        let selector = metric.selector.as_ref();
        let selector = selector.map(|it| {
            let text = text_of(Some(it));
            format!("metricLabelSelector={}", escaped(&text))
        });
        let query: Vec<String> = labels.into_iter().chain(selector).collect();
        let query = query.join("&");
        let mut last = String::new();
        for version in CUSTOM {
            let path = format!("/apis/custom.metrics.k8s.io/{version}/{rest}?{query}");
            match self.get(&path).await {
                Ok(answer) => return items(&answer),
                // Of an adapter that has only the older version; one that lacks the metric says the same twice.
                Err(error) if error.reason == Reason::Absent => last = error.message,
                Err(error) => return Err(error.message),
            }
        }
        Err(last)
    }

    async fn list<T: DeserializeOwned>(&self, path: &str) -> Answer<Vec<T>> {
        let answer = self.get(path).await.map_err(|error| error.message)?;
        items(&answer)
    }

    async fn get(&self, path: &str) -> Result<Value, ReadError> {
        get(&self.reader, path).await
    }
}

pub(super) async fn get(reader: &Reader, path: &str) -> Result<Value, ReadError> {
    let answer = timeout(PATIENCE, reader.get(path)).await;
    answer.unwrap_or_else(|_| {
        Err(ReadError {
            reason: Reason::Unreachable,
            message: too_late(),
        })
    })
}

/// A metric's answer, if it comes soon enough: however many requests it takes.
async fn in_time<T>(answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    let answer = timeout(PATIENCE, answer).await;
    answer.unwrap_or_else(|_| Err(too_late()))
}

fn too_late() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

fn items<T: DeserializeOwned>(answer: &Value) -> Answer<Vec<T>> {
    let list: List<T> = shaped(answer)?;
    Ok(list.items.unwrap_or_default())
}

/// An answer as some shape; or which field of it does not fit, such as a quantity that is none.
pub(super) fn shaped<T: DeserializeOwned>(answer: &Value) -> Answer<T> {
    serde_path_to_error::deserialize(answer).map_err(|error| {
        format!(
            "the answer does not fit: {}: {}",
            error.path(),
            error.inner()
        )
    })
}

fn of_pod(value: MetricValue) -> PodValue {
    let described = value.described_object.map(|it| it.name).unwrap_or_default();
    PodValue {
        pod: described.into(),
        value: value.value,
    }
}

/// A metric's selector as a query takes it.
fn text_of(selector: Option<&LabelSelector>) -> String {
    selector.map_or_else(String::new, |it| watch::selector(it.clone()))
}

/// RFC 3986: everything but unreserved characters in percent.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_real_apis_print_them() {
        let answer = serde_json::json!({
            "kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {},
            "items": [{"describedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1", "apiVersion": "/v1"},
                "metric": {"name": "requests", "selector": null}, "timestamp": "2026-11-18T13:46:20Z", "windowSeconds": 60, "value": "1250m"}],
        });
        let values: Vec<MetricValue> = items(&answer).unwrap();
        let pod = of_pod(values.into_iter().next().unwrap());
        assert_eq!(
            (&*pod.pod, pod.value.to_string()),
            ("web-1", "1250m".to_owned())
        );
        let none: Vec<MetricValue> = items(&serde_json::json!({"items": null})).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_field() {
        for (answer, told) in [
            (
                serde_json::json!({"items": [{"value": "NaN"}]}),
                "items[0].value",
            ),
            (serde_json::json!({"items": [{}]}), "items[0]"),
            (serde_json::json!({"items": 3}), "items"),
            (serde_json::json!([]), "."),
        ] {
            let error = items::<MetricValue>(&answer).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_path_holds_no_character_that_means_something_there() {
        assert_eq!(
            escaped("app=shop,a in (b)"),
            "app%3Dshop%2Ca%20in%20%28b%29"
        );
    }
}
