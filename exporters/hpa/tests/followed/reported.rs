//! An average over the replicas that a target reports tells its total only with their number. That number moves as soon as the target is
//! scaled, and may be heard of before the status of the sync that scaled it, or after.
//!
//! The statuses are those that a real controller wrote of a queue that ran empty.

use std::time::Duration;

use hpa_engine::{Moment, Scale};
use hpa_exporter::decide::Decider;
use hpa_exporter::decide::check::Verdict;
use hpa_exporter::model::Model;
use hpa_exporter::model::target::{Deployment, Target};
use hpa_exporter::watch;
use kube_watch::{Index, ObjectKey};
use serde_json::{Value, json};

use crate::nobody_yet;

/// 2026-11-25T20:42:43Z.
const FULL: Moment = Moment::from_seconds(1_795_639_363);
/// When the controller scales it from five to two.
const EMPTY: Moment = Moment::from_seconds(1_795_639_378);
const A_MOMENT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(5);

struct Cluster {
    model: Model,
    decider: Decider,
    target: Value,
    /// What its `/scale` answers, if it does in time.
    scale: Option<Scale>,
}

fn scale(replicas: i32, reported: i32) -> Scale {
    Scale {
        replicas,
        reported_replicas: reported,
        selector: "app=average".to_owned(),
    }
}

impl Cluster {
    /// Five replicas of a queue that is full.
    fn new() -> Self {
        Self::of("apps/v1", "Deployment")
    }

    fn of(api_version: &str, kind: &str) -> Self {
        let (model, decider) = nobody_yet();
        let mut cluster = Self {
            model,
            decider,
            target: json!({"apiVersion": api_version, "kind": kind, "name": "average"}),
            scale: Some(scale(5, 5)),
        };
        let made = FULL.before(Duration::from_mins(1));
        cluster.report(made, 5, 5);
        cluster.observe(made, &json!({}));
        let limited = ("True", "TooManyReplicas");
        let ready = "ReadyForNewScale";
        cluster.write(FULL, "50346m", 5, ready, limited);
        assert_eq!(cluster.verdicts(Verdict::Match), 1);
        cluster
    }

    /// The Deployment is to have so many replicas, and says how many it has.
    fn report(&mut self, seen: Moment, replicas: i32, reported: i32) {
        let scale = scale(replicas, reported);
        let key = ObjectKey::new("autoscaled", "average");
        self.model
            .apply(Target::<Deployment>::new(seen, key, scale, false));
    }

    fn observe(&mut self, seen: Moment, status: &Value) {
        let metric = json!({"metric": {"name": "queue-average"}, "target": {"type": "AverageValue", "averageValue": "30"}});
        let mut observed = watch::autoscaler(serde_json::from_value(json!({
            "metadata": {"name": "average", "namespace": "autoscaled"},
            "spec": {"scaleTargetRef": self.target,
                "minReplicas": 1, "maxReplicas": 5, "metrics": [{"type": "External", "external": metric}],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}},
            "status": status,
        })).unwrap());
        observed.seen = seen;
        self.model.apply(observed);
        for mut write in self.decider.hear(&mut self.model, seen) {
            let answer = self.scale.clone().filter(|_| write.surroundings.stale);
            if let Some(scale) = answer {
                self.model.scale_answered_for(&mut write, Ok(scale));
            }
            self.decider.follow(&write, None);
        }
    }

    /// The controller, which found five replicas, writes this average and how many it wants.
    fn write(
        &mut self,
        seen: Moment,
        average: &str,
        wanted: i32,
        able: &str,
        limited: (&str, &str),
    ) {
        let condition = |kind, status, reason| {
            json!({"type": kind, "status": status, "reason": reason, "message": "",
                "lastTransitionTime": "2026-11-25T20:40:43Z"})
        };
        let scaled = match wanted {
            5 => "2026-11-25T20:40:43Z",
            _ => "2026-11-25T20:42:58Z",
        };
        self.observe(
            seen,
            &json!({
                "currentReplicas": 5, "desiredReplicas": wanted, "lastScaleTime": scaled,
                "currentMetrics": [{"type": "External", "external": {"metric": {"name": "queue-average"},
                    "current": {"averageValue": average}}}],
                "conditions": [
                    condition("AbleToScale", "True", able),
                    condition("ScalingActive", "True", "ValidMetricFound"),
                    condition("ScalingLimited", limited.0, limited.1),
                ],
            }),
        );
    }

    /// The queue holds 46.56 for five, which is enough for two.
    fn scaled_down(&mut self, seen: Moment) {
        let within = ("False", "DesiredWithinRange");
        self.write(seen, "9312m", 2, "SucceededRescale", within);
    }

    /// The second write is no match, and no mismatch either.
    fn ends_skewed(mut self) {
        assert_eq!(self.verdicts(Verdict::Mismatch), 0);
        assert_eq!(self.verdicts(Verdict::Skewed), 1);
    }

    fn verdicts(&mut self, verdict: Verdict) -> u64 {
        let later = EMPTY.after(Duration::from_secs(3));
        crate::verdicts(&mut self.model, &mut self.decider, later, verdict)
    }
}

#[test]
fn the_status_is_heard_of_first() {
    let mut cluster = Cluster::new();
    cluster.scaled_down(EMPTY);
    cluster.report(EMPTY.after(A_MOMENT), 2, 2);
    assert_eq!(cluster.verdicts(Verdict::Match), 2);
}

#[test]
fn the_target_is_heard_of_first() {
    let mut cluster = Cluster::new();
    cluster.report(EMPTY.before(A_MOMENT), 2, 4);
    cluster.report(EMPTY.before(A_MOMENT), 2, 2);
    cluster.scaled_down(EMPTY);
    cluster.ends_skewed();
}

#[test]
fn the_controller_has_seen_what_is_heard_of_only_then() {
    let mut cluster = Cluster::new();
    // It wrote the average of two; of five it would be as much again and a half.
    let within = ("False", "DesiredWithinRange");
    cluster.write(EMPTY, "23280m", 2, "SucceededRescale", within);
    cluster.report(EMPTY.after(A_MOMENT), 5, 2);
    cluster.ends_skewed();
}

#[test]
fn what_was_reported_long_before_explains_nothing() {
    let mut cluster = Cluster::new();
    cluster.report(EMPTY.before(LONG), 2, 2);
    cluster.scaled_down(EMPTY);
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 1);
}

#[test]
fn a_target_that_is_only_told_to_have_others_explains_nothing() {
    let mut cluster = Cluster::new();
    let within = ("False", "DesiredWithinRange");
    cluster.write(EMPTY, "9312m", 3, "SucceededRescale", within);
    cluster.report(EMPTY.after(A_MOMENT), 3, 5);
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 1);
}

#[test]
fn of_a_kind_that_is_not_watched_the_answer_may_come_from_after_the_write() {
    let mut cluster = Cluster::of("argoproj.io/v1alpha1", "Rollout");
    cluster.scale = Some(scale(2, 2));
    cluster.scaled_down(EMPTY);
    cluster.ends_skewed();
}

#[test]
fn of_a_kind_that_is_not_watched_what_was_reported_in_between_is_not_known() {
    let mut cluster = Cluster::of("argoproj.io/v1alpha1", "Rollout");
    cluster.scale = Some(scale(3, 3));
    let within = ("False", "DesiredWithinRange");
    // The average of four; there were five at the last answer, and there are three at this one.
    cluster.write(EMPTY, "15500m", 3, "SucceededRescale", within);
    cluster.ends_skewed();
}

#[test]
fn of_a_kind_that_is_not_watched_the_first_answer_does_not_tell_what_was_reported_before() {
    let mut cluster = Cluster::of("argoproj.io/v1alpha1", "Rollout");
    cluster.target["kind"] = json!("Queue");
    cluster.scale = Some(scale(2, 2));
    cluster.scaled_down(EMPTY);
    cluster.ends_skewed();
}

#[test]
fn of_a_kind_that_is_not_watched_two_answers_that_are_the_same_are_believed() {
    let mut cluster = Cluster::of("argoproj.io/v1alpha1", "Rollout");
    cluster.scale = Some(scale(3, 5));
    let within = ("False", "DesiredWithinRange");
    cluster.write(EMPTY, "9312m", 3, "SucceededRescale", within);
    assert_eq!(cluster.verdicts(Verdict::Mismatch), 1);
}

#[test]
fn of_a_kind_that_is_not_watched_an_old_answer_contradicts_nobody() {
    let mut cluster = Cluster::of("argoproj.io/v1alpha1", "Rollout");
    cluster.scale = None;
    let within = ("False", "DesiredWithinRange");
    // The average of two; five is what was answered last.
    cluster.write(EMPTY, "23280m", 2, "SucceededRescale", within);
    cluster.ends_skewed();
}
