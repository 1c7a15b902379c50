//! What the engine tells beyond the controller: limiters, counterfactuals, releases, thresholds, shadows, replays.
#![expect(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::time::Duration;

use hpa_engine::{
    Architecture, Autoscaler, Before, Controller, Decision, Gates, Limiter, Memory, Minor, Moment,
    Pod, Profile, Put, Recorded, Rivals, Samples, Scale, Shadow, Status, Sync,
};
use serde_json::{Value, json};

const START: Moment = Moment::from_seconds(1_000_000);
const SYNC: Duration = Duration::from_secs(15);

/// A target under an autoscaler: it has what it is told to have, and all its pods are alike.
struct Shop {
    controller: Controller,
    autoscaler: Autoscaler,
    status: Status,
    memory: Memory,
    rivals: Rivals,
    replicas: i32,
    now: Moment,
}

/// The frontend's, as `kubectl autoscale deployment frontend --min=1 --max=5 --cpu=50%` makes it.
fn frontend(maximum: i32, behavior: &Value) -> Autoscaler {
    let autoscaler = json!({
        "namespace": "sre-demo",
        "name": "frontend",
        "spec": {
            "target": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend"},
            "minimum": 1,
            "maximum": maximum,
            "metrics": [{
                "source": {"Resource": {"name": "cpu"}},
                "target": {"type": "Utilization", "averageUtilization": 50},
            }],
            "behavior": behavior,
        },
    });
    serde_json::from_value(autoscaler).unwrap()
}

fn controller(minor: u32) -> Controller {
    let minor = Minor::try_from(minor).unwrap();
    Controller {
        profile: Profile::new(minor, Architecture::Amd64, Gates::default()),
        ..Controller::default()
    }
}

impl Shop {
    fn new(maximum: i32, behavior: &Value, replicas: i32) -> Self {
        let autoscaler = frontend(maximum, behavior);
        let mut rivals = Rivals::default();
        rivals.register("sre-demo", "frontend");
        Self {
            controller: controller(36),
            autoscaler,
            status: Status::default(),
            memory: Memory::default(),
            rivals,
            replicas,
            now: START,
        }
    }

    fn recorded(&self, percent: u32) -> Recorded {
        let pods = (0..self.replicas).map(|index| {
            json!({
                "name": format!("frontend-{index}"),
                "labels": {"app": "frontend"},
                "phase": "Running",
                "start_time": 1,
                "ready": {"status": "True", "since": 2},
                "containers": [{"name": "server", "requests": {"cpu": "100m"}}],
            })
        });
        let usage = (0..self.replicas).map(|index| {
            json!({
                "pod": format!("frontend-{index}"),
                "timestamp": self.now,
                "window": {"secs": 30, "nanos": 0},
                "containers": [{"name": "server", "usage": {"cpu": format!("{percent}m")}}],
            })
        });
        let usage: Vec<_> = usage.collect();
        Recorded {
            now: self.now,
            autoscaler: self.autoscaler.clone(),
            scale: Ok(Scale {
                replicas: self.replicas,
                reported_replicas: self.replicas,
                selector: "app=frontend".to_owned(),
            }),
            pods: serde_json::from_value(pods.collect()).unwrap(),
            samples: Samples {
                resource: Some(Ok(serde_json::from_value(Value::Array(usage)).unwrap())),
                ..Samples::default()
            },
            put: Put::Done(self.now),
        }
    }

    /// Lets time pass, and syncs at that utilization. Gives the decision and the memory before it.
    fn sync(&mut self, after: Duration, percent: u32) -> (Decision, Memory) {
        self.now = self.now.after(after);
        let recorded = self.recorded(percent);
        let before = self.memory.clone();
        let decision = with_sync(&recorded, &self.status, |sync| {
            self.controller
                .sync(sync, &mut self.memory, &mut self.rivals)
        });
        self.status = decision.status.clone();
        self.replicas = decision.desired;
        (decision, before)
    }

    /// What a sync would come to, without making it.
    fn peek(&self, at: Moment, percent: u32) -> Decision {
        let mut ahead = Self {
            autoscaler: self.autoscaler.clone(),
            status: self.status.clone(),
            memory: self.memory.clone(),
            rivals: self.rivals.clone(),
            ..*self
        };
        ahead.sync(at.since(self.now), percent).0
    }
}

fn with_sync<T>(recorded: &Recorded, status: &Status, run: impl FnOnce(&Sync<'_>) -> T) -> T {
    let pods: Vec<&Pod> = recorded.pods.iter().collect();
    run(&Sync {
        autoscaler: &recorded.autoscaler,
        status,
        scale: recorded.scale.as_ref(),
        pods: &pods,
        samples: &recorded.samples,
        put: &recorded.put,
        now: recorded.now,
    })
}

#[test]
fn a_wish_above_the_maximum_is_told_and_so_is_what_cuts_it() {
    let mut shop = Shop::new(5, &Value::Null, 4);
    let (decision, before) = shop.sync(SYNC, 100);
    assert_eq!((decision.wish, decision.desired), (Some(8), 5));
    assert_eq!(decision.limiters().primary, Limiter::MaxReplicas);
    // As it was before.
    let mut again = Shop::new(5, &Value::Null, 4);
    again.now = again.now.after(SYNC);
    let recorded = again.recorded(100);
    let all = with_sync(&recorded, &Status::default(), |sync| {
        again.controller.counterfactuals(sync, &before, &decision)
    });
    let all = all.unwrap();
    assert_eq!(all.without_maximum.desired, 8);
    assert_eq!(all.without_rate.desired, 5);
    assert_eq!(all.without_tolerance.wish, 8);
}

#[test]
fn stabilization_lets_go_step_by_step_at_the_announced_times() {
    for behavior in [
        Value::Null,
        json!({
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [{"type": "Percent", "value": 900, "periodSeconds": 15}]},
            "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
        }),
    ] {
        let mut shop = Shop::new(20, &behavior, 8);
        for percent in [50, 38, 25, 13] {
            shop.sync(SYNC, percent);
        }
        let (decision, _) = shop.sync(SYNC, 7);
        assert_eq!((decision.wish, decision.desired), (Some(2), 8));
        assert_eq!(decision.limiters().primary, Limiter::StabilizationDown);
        let releases = shop
            .controller
            .releases(&shop.autoscaler, &shop.memory, &decision);
        let steps: Vec<_> = releases.down.iter().map(|it| it.replicas).collect();
        assert_eq!(steps, [7, 4, 3, 2]);
        for release in releases.down {
            let at = |moment| shop.peek(moment, 7).stabilization.unwrap().replicas;
            assert_eq!(at(release.at), release.replicas);
            assert!(at(release.at.before(Duration::from_nanos(1))) > release.replicas);
            let sync = shop.controller.next_sync(shop.now, release.at);
            assert!(sync >= release.at && sync.since(release.at) < SYNC);
        }
    }
}

#[test]
fn a_window_upwards_lets_go_upwards() {
    let behavior = json!({
        "scaleUp": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max", "policies": [{"type": "Percent", "value": 900, "periodSeconds": 15}]},
        "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
    });
    let mut shop = Shop::new(20, &behavior, 2);
    shop.sync(SYNC, 50);
    let (decision, _) = shop.sync(SYNC, 200);
    assert_eq!((decision.wish, decision.desired), (Some(8), 2));
    assert_eq!(decision.limiters().primary, Limiter::StabilizationUp);
    let releases = shop
        .controller
        .releases(&shop.autoscaler, &shop.memory, &decision);
    let [release] = &*releases.up else {
        panic!("{:?}", releases.up)
    };
    assert_eq!(shop.peek(release.at, 200).desired, 8);
    let before = release.at.before(Duration::from_nanos(1));
    assert_eq!(shop.peek(before, 200).desired, 2);
}

#[test]
fn a_spent_budget_is_back_when_it_is_said_to_be() {
    let behavior = json!({
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]},
        "scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
    });
    let mut shop = Shop::new(20, &behavior, 2);
    assert_eq!(shop.sync(SYNC, 200).0.desired, 4);
    let (decision, _) = shop.sync(SYNC, 200);
    assert_eq!((decision.wish, decision.desired), (Some(16), 4));
    assert_eq!(decision.limiters().primary, Limiter::ScaleUpLimit);
    let releases = shop
        .controller
        .releases(&shop.autoscaler, &shop.memory, &decision);
    let at = releases.rate.unwrap();
    assert_eq!(shop.peek(at, 200).desired, 6);
    assert_eq!(
        shop.peek(at.before(Duration::from_nanos(1)), 200).desired,
        4
    );
    let (decision, _) = shop.sync(SYNC, 10);
    assert_eq!(
        decision.limiters().all.last(),
        Some(&Limiter::PolicyDisabled)
    );
}

#[test]
fn an_old_wish_that_scales_up_is_told_apart() {
    let mut shop = Shop::new(20, &Value::Null, 4);
    assert_eq!(shop.sync(SYNC, 250).0.desired, 8);
    let (decision, _) = shop.sync(SYNC, 50);
    assert_eq!((decision.wish, decision.desired), (Some(8), 16));
    let limiters = decision.limiters();
    assert!(limiters.all.contains(&Limiter::StabilizationRaise));
    assert_eq!(decision.rescale.unwrap().reason, "");
}

#[test]
fn the_usage_that_would_move_it_depends_on_the_version_by_a_bit() {
    for (minor, up) in [(32, 55), (33, 56)] {
        let mut shop = Shop::new(20, &Value::Null, 10);
        shop.controller = controller(minor);
        let (decision, _) = shop.sync(SYNC, 52);
        let proposal = decision.proposals[0].as_ref().unwrap();
        let thresholds = proposal
            .calculation
            .thresholds(&decision.tolerance)
            .unwrap();
        assert_eq!((thresholds.down, thresholds.up), (44, up), "1.{minor}");
        assert_eq!(decision.limiters().primary, Limiter::Tolerance);
        assert_eq!(
            shop.sync(SYNC, u32::try_from(up).unwrap() - 1).0.desired,
            10
        );
        assert!(shop.sync(SYNC, u32::try_from(up).unwrap()).0.desired > 10);
    }
}

#[test]
fn a_shadow_tells_what_another_maximum_would_do() {
    let mut shop = Shop::new(5, &Value::Null, 4);
    let spec = frontend(10, &Value::Null).spec;
    let mut shadow = Shadow::new(&shop.autoscaler, spec, Before::default());
    for _ in 0..3 {
        shop.now = shop.now.after(SYNC);
        let recorded = shop.recorded(100);
        let shadowed = with_sync(&recorded, &shop.status, |sync| {
            shadow.sync(&shop.controller, sync, &shop.rivals)
        });
        shop.now = shop.now.before(SYNC);
        let (decision, _) = shop.sync(SYNC, 100);
        assert_eq!(decision.desired, 5);
        assert_eq!(shadowed.desired, decision.current() * 2);
        assert!(shadowed.rescale.is_some());
    }
}

#[test]
fn a_recording_tells_what_an_upgrade_changes() {
    let mut shop = Shop::new(20, &Value::Null, 10);
    let mut recording = Vec::new();
    for percent in [50, 55, 52] {
        shop.now = shop.now.after(SYNC);
        recording.push(shop.recorded(percent));
    }
    // Through JSON, as it would be kept.
    let kept = serde_json::to_string(&recording).unwrap();
    let recording: Vec<Recorded> = serde_json::from_str(&kept).unwrap();
    let changes = controller(32).changes(&controller(33), &Before::default(), &recording);
    let [change, ..] = &*changes else {
        panic!("no change")
    };
    assert_eq!(change.index, 1);
    assert_eq!((change.before.desired, change.after.desired), (11, 10));
    let kept = serde_json::to_string(&change.before).unwrap();
    assert_eq!(
        serde_json::from_str::<Decision>(&kept).unwrap(),
        *change.before
    );
    assert!(
        controller(33)
            .changes(&controller(34), &Before::default(), &recording)
            .is_empty()
    );
}

#[test]
fn a_replay_goes_on_from_what_was_remembered() {
    let mut shop = Shop::new(20, &Value::Null, 8);
    shop.sync(SYNC, 50);
    let before = Before {
        memory: shop.memory.clone(),
        status: shop.status.clone(),
    };
    shop.replicas = 4;
    shop.now = shop.now.after(SYNC);
    let recording = [shop.recorded(50)];
    let desired = |before| shop.controller.replay(before, &recording)[0].desired;
    // An old wish scales up; a controller that has just started has none.
    assert_eq!(desired(&before), 8);
    assert_eq!(desired(&Before::default()), 4);
}

#[test]
fn what_holds_up_is_not_the_maximum() {
    let mut shop = Shop::new(5, &Value::Null, 5);
    assert_eq!(
        shop.sync(SYNC, 80).0.limiters().primary,
        Limiter::MaxReplicas
    );
    // A wish of 8 still counts, the maximum cuts it to 5, and the load asks for 2.
    let (decision, _) = shop.sync(SYNC, 15);
    assert_eq!((decision.wish, decision.desired), (Some(2), 5));
    let limiters = decision.limiters();
    assert!(limiters.all.contains(&Limiter::MaxReplicas));
    assert_eq!(limiters.primary, Limiter::StabilizationDown);
}
