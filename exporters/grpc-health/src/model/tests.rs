use kube_watch::Index;
use probe_engine::{
    Ending, GrpcPort, Handler, PhaseDurations, ProbeFields, ServingStatus, WrittenContainer,
    WrittenProbe,
};

use super::agreement::Agreed;
use super::pod::{Container, Exit};
use super::*;

/// When everything begins.
const BEGIN: u64 = 1_795_000_000;

fn at(second: u64) -> Duration {
    Duration::from_secs(BEGIN + second)
}

fn model() -> Model {
    Model::new(Settings {
        window_samples: 100,
        interval: None,
        kubelet: true,
    })
}

/// A pod whose only container is asked on port 7070 each second, and killed after three failures.
fn pod(namespace: &str, name: &str) -> Pod {
    let probe = WrittenProbe {
        fields: ProbeFields {
            period_seconds: Some(1),
            ..ProbeFields::default()
        },
        handler: Handler::Grpc {
            port: GrpcPort::Number(7070),
            service: None,
            tls: false,
        },
    };
    Pod {
        key: ObjectKey::new(namespace, name),
        uid: "first".to_owned(),
        address: Some([10, 0, 0, 1].into()),
        finished: false,
        terminating: false,
        grace: 5,
        containers: vec![Container {
            name: "server".to_owned(),
            restarts: 0,
            state: State::Running {
                since: Duration::from_secs(BEGIN - 3600),
                started: true,
            },
            last_exit: None,
            written: WrittenContainer {
                path: "spec.containers[0]".to_owned(),
                liveness: Some(probe),
                ..WrittenContainer::default()
            },
        }],
    }
}

/// The same pod, its container killed and started again at that second, for so many times in all.
fn restarted(mut pod: Pod, second: u64, restarts: u32, by_signal: bool) -> Pod {
    let container = &mut pod.containers[0];
    container.restarts = restarts;
    container.last_exit = Some(Exit {
        at: at(second),
        by_signal,
    });
    container.state = State::Running {
        since: at(second),
        started: true,
    };
    pod
}

fn killing(name: &str, pod: &Pod, count: u32, second: u64) -> Killing {
    Killing {
        key: ObjectKey::new(pod.key.namespace.clone(), name),
        pod: pod.key.clone(),
        container: Some("server".to_owned()),
        count,
        at: Some(at(second)),
    }
}

fn put(model: &mut Model, pod: &Pod) {
    Index::<Pod>::apply(model, pod.clone());
}

fn tell(model: &mut Model, event: Killing) {
    Index::<Killing>::apply(model, event);
}

fn list(model: &mut Model, namespace: Option<&str>, events: Vec<Killing>) {
    Index::<Killing>::reset(model, namespace, events);
}

fn attempt(second: u64, millis: u64) -> Attempt {
    let mut phases = PhaseDurations::default();
    phases.set(probe_engine::Phase::Rpc, Duration::from_millis(millis));
    Attempt {
        started_at: at(second),
        phases,
        ending: Ending::Answered(ServingStatus::Serving),
    }
}

/// An attempt at the only target, of so many milliseconds.
fn attempts(model: &mut Model, seconds: impl IntoIterator<Item = u64>, millis: u64) {
    let id = ids(model)[0];
    for second in seconds {
        model.record(id, Event::Started(at(second)));
        model.record(id, Event::Finished(attempt(second, millis)));
    }
}

fn ids(model: &Model) -> Vec<TargetId> {
    model.targets().map(|(id, ..)| id).collect()
}

fn kills(model: &Model) -> u64 {
    model
        .containers()
        .map(|(_, seen)| seen.observed_kills)
        .sum()
}

fn agreed(model: &Model) -> Agreed {
    model.containers().next().expect("one").1.agreed()
}

#[test]
fn an_id_is_never_used_twice() {
    let mut model = model();
    let mut seen = Vec::new();
    for name in ["a", "b", "a", "c"] {
        put(&mut model, &pod("shop", name));
        let id = *ids(&model).last().expect("it is there");
        assert!(!seen.contains(&id), "{id:?} again, in {seen:?}");
        seen.push(id);
        Index::<Pod>::delete(&mut model, &ObjectKey::new("shop", name));
    }
    assert_eq!(model.targets().count(), 0);
}

#[test]
fn what_is_told_of_a_target_that_is_gone_is_of_no_concern() {
    let mut model = model();
    put(&mut model, &pod("shop", "a"));
    let gone = ids(&model)[0];
    Index::<Pod>::delete(&mut model, &ObjectKey::new("shop", "a"));
    put(&mut model, &pod("shop", "a"));
    model.record(gone, Event::Started(at(1)));
    model.record(gone, Event::Finished(attempt(1, 10)));
    let (_, _, target) = model.targets().next().expect("the new one");
    assert!(target.last.is_none() && target.window.is_empty());
}

#[test]
fn a_list_of_one_namespace_leaves_the_others_alone() {
    let mut model = model();
    for (namespace, name) in [("a", "one"), ("a", "two"), ("b", "one")] {
        put(&mut model, &pod(namespace, name));
    }
    let before = ids(&model);
    Index::<Pod>::reset(&mut model, Some("a"), vec![pod("a", "two")]);
    assert_eq!(ids(&model), before[1..], "a/two and b/one, as they were");
    Index::<Pod>::reset(&mut model, None, vec![pod("b", "one")]);
    assert_eq!(ids(&model), before[2..]);
}

#[test]
fn only_a_change_of_what_is_to_be_probed_changes_the_revision() {
    let mut model = model();
    put(&mut model, &pod("shop", "a"));
    let revision = model.revision();
    attempts(&mut model, 1..4, 10);
    tell(&mut model, killing("k", &pod("shop", "a"), 1, 4));
    model.settle(at(100));
    assert_eq!(model.revision(), revision);
    Index::<Pod>::delete(&mut model, &ObjectKey::new("shop", "a"));
    assert_ne!(model.revision(), revision);
}

fn overdue(second: u64, budget: u64) -> Event {
    let (at, budget) = (at(second), Duration::from_secs(budget));
    Event::Overdue { at, budget }
}

#[test]
fn an_attempt_that_began_under_a_smaller_budget_is_judged_by_the_pods_own_when_it_ends() {
    let mut model = model();
    let mut changed = pod("shop", "a");
    put(&mut model, &changed);
    let id = ids(&model)[0];
    model.record(id, Event::Started(at(1)));
    let liveness = changed.containers[0].written.liveness.as_mut();
    liveness.expect("has one").fields.timeout_seconds = Some(5);
    put(&mut model, &changed);
    model.record(id, overdue(1, 1));
    model.record(id, Event::Finished(attempt(1, 2_500)));
    let (_, _, target) = model.targets().next().expect("one");
    assert_eq!(
        (target.judged[0].successful, target.judged[0].failed),
        (1, 0)
    );
}

#[test]
fn an_attempt_over_its_budget_is_judged_then_and_measured_when_it_ends() {
    let mut model = model();
    put(&mut model, &pod("shop", "a"));
    let id = ids(&model)[0];
    model.record(id, Event::Started(at(1)));
    model.record(id, overdue(1, 1));
    let judged = |model: &Model| {
        let (_, _, target) = model.targets().next().expect("one");
        (target.judged[0].failed, target.window.len())
    };
    assert_eq!(judged(&model), (1, 0));
    model.record(id, Event::Finished(attempt(1, 2_500)));
    assert_eq!(
        judged(&model),
        (1, 1),
        "one failure, however often it is told"
    );

    model.record(id, Event::Started(at(5)));
    model.record(id, Event::Dropped(at(5)));
    attempts(&mut model, [6], 1_500);
    assert_eq!(judged(&model), (2, 2), "what was dropped holds back nobody");
}

#[test]
fn a_predicted_kill_that_an_event_tells_of_agrees() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    list(&mut model, None, Vec::new());
    attempts(&mut model, 1..=3, 1_200);
    tell(&mut model, killing("k", &cart, 1, 4));
    put(&mut model, &restarted(cart, 9, 1, true));
    model.settle(at(500));
    assert_eq!(kills(&model), 1, "the restart is the same kill");
    let expected = Agreed {
        both: 1,
        ..Agreed::default()
    };
    assert_eq!(agreed(&model), expected);
}

/// The kubelet's tick was ahead of ours: two failures were ours to see, the third took the container away.
#[test]
fn a_kill_that_came_one_failure_ahead_of_us_agrees_whichever_is_told_first() {
    let expected = Agreed {
        both: 1,
        ..Agreed::default()
    };
    for event_first in [true, false] {
        let mut model = model();
        let cart = pod("shop", "cart");
        put(&mut model, &cart);
        list(&mut model, None, Vec::new());
        attempts(&mut model, 1..=2, 1_200);
        let event = killing("k", &cart, 1, 3);
        if event_first {
            tell(&mut model, event.clone());
        }
        put(&mut model, &restarted(cart, 4, 1, true));
        if !event_first {
            tell(&mut model, event);
        }
        model.settle(at(500));
        assert_eq!(agreed(&model), expected, "event first: {event_first}");
    }
}

#[test]
fn a_kill_that_is_followed_by_a_long_back_off_agrees_before_the_restart_is_told() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    list(&mut model, None, Vec::new());
    attempts(&mut model, 1..=2, 1_200);
    tell(&mut model, killing("k", &cart, 1, 3));
    model.settle(at(100));
    put(&mut model, &restarted(cart, 120, 1, true));
    model.settle(at(500));
    assert_eq!(agreed(&model).both, 1);
}

#[test]
fn a_kill_that_came_while_all_was_well_is_only_observed() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    list(&mut model, None, Vec::new());
    attempts(&mut model, 1..=2, 10);
    tell(&mut model, killing("k", &cart, 1, 3));
    put(&mut model, &restarted(cart, 4, 1, true));
    model.settle(at(500));
    let expected = Agreed {
        observed_only: 1,
        ..Agreed::default()
    };
    assert_eq!(agreed(&model), expected);
}

#[test]
fn without_events_a_restart_by_signal_is_evidence_and_an_exit_of_its_own_is_none() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    attempts(&mut model, 1..=3, 1_200);
    put(&mut model, &restarted(cart.clone(), 9, 1, true));
    assert_eq!(kills(&model), 1);
    put(&mut model, &restarted(cart.clone(), 60, 2, false));
    assert_eq!(kills(&model), 1);
    put(&mut model, &restarted(cart, 60, 2, false));
    assert_eq!(kills(&model), 1);
    model.settle(at(500));
    assert_eq!(agreed(&model).both, 1);
}

#[test]
fn a_kill_that_a_restart_told_of_is_not_counted_again_when_events_are_listed() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    attempts(&mut model, 1..=3, 1_200);
    put(&mut model, &restarted(cart.clone(), 9, 1, true));
    list(&mut model, None, vec![killing("k", &cart, 1, 4)]);
    assert_eq!(kills(&model), 1);
    tell(&mut model, killing("k", &cart, 2, 60));
    assert_eq!(kills(&model), 2, "the next one counts");
}

#[test]
fn restarts_are_evidence_where_no_events_are_listed_whatever_other_namespaces_allow() {
    let mut model = model();
    let (cart, other) = (pod("shop", "cart"), pod("other", "cart"));
    put(&mut model, &cart);
    attempts(&mut model, 1..=3, 10);
    list(&mut model, Some("other"), Vec::new());
    put(&mut model, &restarted(cart, 9, 1, true));
    assert_eq!(kills(&model), 1, "events of `shop` may not be read");
    put(&mut model, &other);
    put(&mut model, &restarted(other, 9, 1, true));
    assert_eq!(kills(&model), 1);
}

#[test]
fn what_happened_before_our_first_attempt_is_none_of_ours() {
    let mut model = model();
    let cart = restarted(pod("shop", "cart"), 0, 83, true);
    put(&mut model, &cart);
    list(&mut model, None, vec![killing("k", &cart, 83, 0)]);
    assert_eq!(kills(&model), 0, "nothing was attempted yet");
    attempts(&mut model, 10..=12, 10);
    tell(&mut model, killing("late", &cart, 1, 5));
    assert_eq!(kills(&model), 0);
    tell(&mut model, killing("k", &cart, 84, 20));
    assert_eq!(kills(&model), 1);
    model.settle(at(500));
    assert_eq!(agreed(&model).observed_only, 1);
}

#[test]
fn an_event_counts_by_how_far_its_own_count_has_grown() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    attempts(&mut model, 1..=3, 10);
    tell(&mut model, killing("k", &cart, 1, 10));
    tell(&mut model, killing("k", &cart, 1, 10));
    assert_eq!(kills(&model), 1, "told again");
    list(&mut model, None, vec![killing("k", &cart, 1, 10)]);
    assert_eq!(kills(&model), 1, "listed again");
    list(&mut model, None, vec![killing("k", &cart, 4, 90)]);
    assert_eq!(kills(&model), 4, "three more while the watch was away");
}

#[test]
fn events_about_other_things_are_none_of_ours() {
    let mut model = model();
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    attempts(&mut model, 1..=3, 10);
    let stopping = Killing {
        container: None,
        ..killing("stopping", &cart, 1, 5)
    };
    tell(&mut model, stopping);
    let beside = Killing {
        container: Some("proxy".to_owned()),
        ..killing("beside", &cart, 1, 5)
    };
    tell(&mut model, beside);
    tell(&mut model, killing("elsewhere", &pod("shop", "gone"), 1, 5));
    assert_eq!(kills(&model), 0);
}

#[test]
fn what_meets_nothing_is_settled_once_it_can_no_longer_meet() {
    let mut model = model();
    put(&mut model, &pod("shop", "cart"));
    list(&mut model, None, Vec::new());
    attempts(&mut model, 1..=3, 1_200);
    // Decided at 4.2 s; the kubelet has its grace, its period and its timeout, and events are slow.
    model.settle(at(14));
    assert_eq!(agreed(&model), Agreed::default());
    model.settle(at(60));
    assert_eq!(agreed(&model).predicted_only, 1);
}

#[test]
fn files_have_no_kubelet_to_agree_with() {
    let mut model = Model::new(Settings {
        kubelet: false,
        ..model().settings
    });
    let cart = pod("shop", "cart");
    put(&mut model, &cart);
    attempts(&mut model, 1..=3, 1_200);
    put(&mut model, &restarted(cart, 9, 1, true));
    model.settle(at(500));
    assert_eq!((kills(&model), agreed(&model)), (0, Agreed::default()));
}
