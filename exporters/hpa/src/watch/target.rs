//! What an autoscaler scales: Deployments, `StatefulSets` and `ReplicaSets`, down to their scale.

use std::fmt::Write as _;
use std::marker::PhantomData;

use hpa_engine::{LabelSelector, Scale};
use serde::Deserialize;

use super::Metadata;
use super::time::now;
use crate::model::target::{self, Target};

/// An object with replicas and a selector.
#[derive(Debug, Deserialize)]
pub struct Workload<K> {
    metadata: Metadata,
    spec: Option<WorkloadSpec>,
    status: Option<WorkloadStatus>,
    #[serde(skip)]
    kind: PhantomData<K>,
}

#[derive(Debug, Default, Deserialize)]
struct WorkloadSpec {
    replicas: Option<i32>,
    selector: Option<LabelSelector>,
}

#[derive(Debug, Default, Deserialize)]
struct WorkloadStatus {
    replicas: Option<i32>,
}

/// Trims a workload to what its `/scale` would answer.
pub fn target<K: target::Kind>(workload: Workload<K>) -> Target<K> {
    let spec = workload.spec.unwrap_or_default();
    let scale = Scale {
        // What an API server fills in (`SetDefaults_Deployment` and its like).
        replicas: spec.replicas.unwrap_or(1),
        reported_replicas: workload
            .status
            .and_then(|status| status.replicas)
            .unwrap_or_default(),
        selector: spec.selector.map(selector).unwrap_or_default(),
    };
    // A Deployment's ReplicaSets are its own business.
    let owned = workload.metadata.is_controlled();
    Target::new(now(), workload.metadata.key(), scale, owned)
}

/// A selector as the scale subresource writes it (`metav1.LabelSelectorAsSelector`, `Selector.String`): by key.
pub(crate) fn selector(selector: LabelSelector) -> String {
    let equal = selector
        .match_labels
        .into_iter()
        .map(|(key, value)| (key.clone(), format!("{key}={value}")));
    let other = selector.match_expressions.into_iter().map(|expression| {
        let key = expression.key;
        let mut values = expression.values;
        values.sort_unstable();
        let values = values.join(",");
        let text = match expression.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            // Refused by every API server; the engine refuses it as well, in the controller's words.
            other => format!("{key} {other} ({values})"),
        };
        (key, text)
    });
    let mut requirements: Vec<_> = equal.chain(other).collect();
    requirements.sort_by(|left, right| left.0.cmp(&right.0));
    let mut text = String::new();
    for (index, (_, requirement)) in requirements.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{requirement}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_written_as_the_scale_subresource_writes_it() {
        let written = serde_json::json!({
            "matchLabels": {"tier": "web", "app": "shop"},
            "matchExpressions": [
                {"key": "track", "operator": "NotIn", "values": ["old", "canary"]},
                {"key": "arch", "operator": "Exists"},
                {"key": "zone", "operator": "DoesNotExist"},
                {"key": "size", "operator": "In", "values": ["b", "a"]},
            ],
        });
        let written: LabelSelector = serde_json::from_value(written).unwrap();
        let text = selector(written);
        assert_eq!(
            text,
            "app=shop,arch,size in (a,b),tier=web,track notin (canary,old),!zone"
        );
        assert!(text.parse::<hpa_engine::Selector>().is_ok());
    }
}
