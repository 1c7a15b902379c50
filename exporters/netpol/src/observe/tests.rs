//! Plans and reports: who is to dial what, and what is made of what they say.

use netpol_engine::{
    Flow, FlowSource, FlowTarget, NetworkPolicy, Node, Origin, Pod, Profile, WrittenPolicy,
};
use reach::{Kind, PodName, Revision};

use super::*;
use crate::decide::{Findings, State, decide};
use crate::model::NamedNode;
use crate::model::pod::WatchedPod;
use crate::model::policy::{Checked, Revision as Of, Version};
use kube_watch::{Index, ObjectKey as WatchedKey};

const SETTINGS: Settings = Settings {
    every: Duration::from_secs(10),
    timeout: Duration::from_secs(2),
    max_rate: 100.0,
    max_age: Duration::from_mins(1),
    settle: Duration::from_secs(2),
    enter: false,
    required: false,
};

/// Two nodes, a client on one and a server on the other, and what is observed of them.
struct Scene {
    model: Model,
    observer: Observer,
    found: Findings,
    now: Duration,
}

fn pod(name: &str, node: &str, address: [u8; 4]) -> WatchedPod {
    WatchedPod {
        pod: Pod {
            key: ObjectKey::new("n", name),
            labels: [("app".to_owned(), name.to_owned())].into(),
            addresses: vec![address.into()],
            node: Some(node.to_owned()),
            workload: name.to_owned(),
            ..Pod::default()
        },
        ..WatchedPod::default()
    }
}

fn client() -> Agent {
    Agent::Pod(PodName {
        namespace: "n".to_owned(),
        name: "client".to_owned(),
        uid: String::new(),
    })
}

fn node() -> Agent {
    Agent::Node("two".to_owned())
}

impl Scene {
    fn with(settings: Settings) -> Self {
        let mut model = Model::new(Profile::SPECIFICATION);
        for name in ["one", "two"] {
            let (name, node) = (name.to_owned(), Node::default());
            model.apply(NamedNode { name, node });
        }
        model.apply(pod("client", "one", [10, 0, 0, 1]));
        model.apply(pod("server", "two", [10, 0, 0, 2]));
        let flow = Flow {
            source: FlowSource::Workload(ObjectKey::new("n", "client")),
            target: FlowTarget::Workload(ObjectKey::new("n", "server")),
            port: 80,
            protocol: netpol_engine::Protocol::Tcp,
            kind: Some("http".to_owned()),
            soft: false,
            origin: Origin::Written,
        };
        model.require(vec![flow], false);
        let mut scene = Self {
            model,
            observer: Observer::new(settings),
            found: Findings::default(),
            now: Duration::from_secs(1_000_000),
        };
        scene.decide();
        scene
    }

    /// Both agents have reported, so both have their plans.
    fn watched() -> Self {
        let mut scene = Self::with(SETTINGS);
        scene.join();
        scene
    }

    fn join(&mut self) {
        for agent in [client(), node()] {
            let (_, joined) = self.report(agent, Vec::new()).unwrap();
            assert!(joined);
            self.model.agents_changed();
        }
        self.decide();
    }

    fn decide(&mut self) -> State {
        let changes = self.model.take_changes();
        self.found = decide(
            &self.model,
            &changes,
            &mut self.observer,
            self.now,
            &self.found,
        );
        self.found.flows[0].state
    }

    fn after(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn report(
        &mut self,
        agent: Agent,
        sightings: Vec<Sighting>,
    ) -> Result<(Answer, bool), Refusal> {
        let report = Report {
            agent,
            revision: None,
            sightings,
            peers: Vec::new(),
        };
        self.observer.exchange(&report, &self.model, self.now)
    }

    fn plan(&mut self, agent: Agent) -> Plan {
        self.report(agent, Vec::new()).unwrap().0.plan.unwrap()
    }

    /// The agent's one dial came out so, a moment ago.
    fn sees(&mut self, agent: Agent, outcome: Outcome) -> State {
        let plan = self.plan(agent.clone());
        assert_eq!(plan.dials.len(), 1, "{agent:?}");
        let sighting = Sighting {
            dial: plan.dials[0].id,
            generation: plan.dials[0].generation,
            outcome,
            took_seconds: 0.0,
            age_seconds: 0.0,
        };
        self.report(agent, vec![sighting]).unwrap();
        self.decide()
    }

    fn deny(&mut self) -> State {
        let written: WrittenPolicy =
            serde_json::from_str(r#"{"metadata":{"name":"deny","namespace":"n"}}"#).unwrap();
        let key = ObjectKey::new("n", "deny");
        let version = Version {
            revision: Of::of_object("1".to_owned()),
            manager: None,
        };
        let policy = NetworkPolicy::check(&written);
        self.model.apply(Checked {
            key,
            version,
            policy,
        });
        self.decide()
    }

    fn allow(&mut self) -> State {
        let key = WatchedKey::new("n", "deny");
        Index::<Checked<NetworkPolicy>>::delete(&mut self.model, &key);
        self.decide()
    }
}

#[test]
fn the_source_dials_the_flow_and_the_destinations_node_the_control() {
    let mut scene = Scene::watched();
    let (flow, control) = (scene.plan(client()), scene.plan(node()));
    for plan in [&flow, &control] {
        assert_eq!(plan.dials.len(), 1);
        let dial = &plan.dials[0];
        assert_eq!(dial.check(), Ok(()));
        assert_eq!(dial.address, "10.0.0.2:80".parse().unwrap());
        assert_eq!(dial.kind, Kind::Http);
        assert_eq!(dial.from, None);
    }
    assert_ne!(flow.dials[0].id, control.dials[0].id);
    assert_eq!(scene.observer.planned(), (1, 1));
}

#[test]
fn a_plan_that_stands_is_not_sent_again_and_a_changed_verdict_changes_it() {
    let mut scene = Scene::watched();
    let plan = scene.plan(client());
    let again = |scene: &mut Scene, revision: Revision| {
        let report = Report {
            agent: client(),
            revision: Some(revision),
            sightings: Vec::new(),
            peers: Vec::new(),
        };
        let (answer, joined) = scene
            .observer
            .exchange(&report, &scene.model, scene.now)
            .unwrap();
        assert!(!joined);
        answer.plan
    };
    assert_eq!(again(&mut scene, plan.revision), None);
    scene.deny();
    let next = again(&mut scene, plan.revision).unwrap();
    assert_eq!(next.dials[0].id, plan.dials[0].id);
    assert!(
        next.dials[0].generation > plan.dials[0].generation,
        "dialled at once"
    );
}

#[test]
fn what_is_allowed_and_works_is_ok_and_what_does_not_is_broken_or_down() {
    let mut scene = Scene::watched();
    scene.after(5);
    assert_eq!(scene.sees(client(), Outcome::Answered), State::Ok);
    scene.after(1);
    assert_eq!(
        scene.sees(client(), Outcome::TimedOut),
        State::BrokenNotPolicy
    );
    scene.after(1);
    // The control says that there is somebody.
    assert_eq!(
        scene.sees(node(), Outcome::Answered),
        State::BrokenNotPolicy
    );
    scene.after(1);
    // Or nobody: then it is not the network.
    assert_eq!(scene.sees(node(), Outcome::Refused), State::AppDown);
    scene.after(1);
    // A plugin may refuse in the destination's name.
    scene.sees(client(), Outcome::Refused);
    assert_eq!(
        scene.sees(node(), Outcome::Answered),
        State::BrokenNotPolicy
    );
    scene.after(1);
    scene.sees(node(), Outcome::Answered);
    assert_eq!(scene.sees(client(), Outcome::Connected), State::Ok);
}

#[test]
fn what_is_forbidden_and_comes_through_is_a_gap_once_the_network_had_its_time() {
    let mut scene = Scene::watched();
    scene.after(5);
    scene.sees(client(), Outcome::Answered);
    scene.after(5);
    // What was seen before says nothing about what is forbidden since.
    assert_eq!(scene.deny(), State::BlockedByPolicy);
    scene.after(1);
    assert_eq!(
        scene.sees(client(), Outcome::Answered),
        State::BlockedByPolicy
    );
    scene.after(2);
    assert_eq!(
        scene.sees(client(), Outcome::Answered),
        State::EnforcementGap
    );
    scene.after(1);
    assert_eq!(
        scene.sees(client(), Outcome::TimedOut),
        State::BlockedByPolicy
    );
    let latency = scene.observer.counts().latency.snapshot();
    assert_eq!(latency.count(), 1);
    assert!((latency.sum() - 4.0).abs() < 1e-6, "{}", latency.sum());
    scene.after(1);
    assert_eq!(scene.allow(), State::Ok);
}

#[test]
fn a_dial_that_began_before_a_change_says_nothing_about_it() {
    let mut scene = Scene::watched();
    let plan = scene.plan(client());
    scene.after(5);
    scene.deny();
    scene.after(5);
    let late = Sighting {
        dial: plan.dials[0].id,
        generation: plan.dials[0].generation,
        outcome: Outcome::Answered,
        took_seconds: 7.0,
        age_seconds: 7.0,
    };
    scene.report(client(), vec![late]).unwrap();
    assert_eq!(scene.decide(), State::BlockedByPolicy);
}

#[test]
fn lost_evidence_is_not_ok() {
    let mut scene = Scene::watched();
    scene.after(5);
    assert_eq!(scene.sees(client(), Outcome::Answered), State::Ok);
    scene.after(60);
    assert_eq!(scene.decide(), State::Ok);
    scene.after(1);
    assert_eq!(scene.decide(), State::Unknown);
    assert!(scene.found.flows[0].observation.is_lost);
    assert_eq!(scene.found.flows[0].cause, crate::decide::Cause::Observed);
    // What policies forbid needs no evidence.
    assert_eq!(scene.deny(), State::BlockedByPolicy);
    assert_eq!(scene.allow(), State::Ok, "known anew, for a while");
}

#[test]
fn without_any_evidence_the_policies_alone_speak_unless_that_is_not_enough() {
    let mut scene = Scene::with(SETTINGS);
    assert_eq!(scene.decide(), State::Ok);
    assert_eq!(scene.found.flows[0].observation.reachable(), None);
    let mut scene = Scene::with(Settings {
        required: true,
        ..SETTINGS
    });
    assert_eq!(scene.decide(), State::Unknown);
    assert_eq!(scene.deny(), State::BlockedByPolicy);
}

#[test]
fn what_an_agent_makes_up_is_left_out_and_counted() {
    let mut scene = Scene::watched();
    let flow = scene.plan(client()).dials[0].clone();
    let sighting = |dial, age_seconds| Sighting {
        dial,
        generation: 0,
        outcome: Outcome::Refused,
        took_seconds: 0.0,
        age_seconds,
    };
    let made_up = sighting(DialId(7), 0.0);
    scene.report(client(), vec![made_up]).unwrap();
    // Another agent's dial.
    scene.report(node(), vec![sighting(flow.id, 0.0)]).unwrap();
    // No age, or one from the future, is the oldest there is.
    for age in [f64::NAN, -1.0, 1e9] {
        scene
            .report(client(), vec![sighting(flow.id, age)])
            .unwrap();
    }
    assert_eq!(scene.decide(), State::Ok);
    let dropped = &scene.observer.counts().dropped;
    let counts = Dropped::ALL.map(|it| dropped.get(&it).copied().unwrap_or_default());
    assert_eq!(counts, [1, 1, 3]);
}

#[test]
fn a_flood_is_refused_and_a_stranger_is_not_remembered() {
    let mut scene = Scene::watched();
    let fates: Vec<_> = (0..30)
        .map(|_| scene.report(client(), Vec::new()).is_ok())
        .collect();
    assert!(fates[0] && !fates[29], "{fates:?}");
    scene.after(10);
    assert!(
        scene.report(client(), Vec::new()).is_ok(),
        "but not for ever"
    );
    let stranger = Agent::Node("three".to_owned());
    assert_eq!(scene.report(stranger, Vec::new()), Err(Refusal::Stranger));
    assert_eq!(scene.observer.agents().iter(scene.now).count(), 2);
}

#[test]
fn more_dials_than_the_rate_allows_are_made_less_often_and_none_is_left_out() {
    let mut scene = Scene::with(Settings {
        max_rate: 0.1,
        ..SETTINGS
    });
    scene.join();
    assert_eq!(scene.observer.every(), Duration::from_secs(20));
    assert!(scene.observer.max_age() >= Duration::from_mins(1));
    let plan = scene.plan(client());
    assert!((plan.dials[0].every_seconds - 20.0).abs() < 1e-9);
}

#[test]
fn an_agent_whose_pod_is_gone_is_forgotten() {
    let mut scene = Scene::watched();
    Index::<WatchedPod>::delete(&mut scene.model, &WatchedKey::new("n", "client"));
    scene.decide();
    let left: Vec<_> = scene
        .observer
        .agents()
        .iter(scene.now)
        .map(|it| it.0.clone())
        .collect();
    assert_eq!(left, [Who::Node("two".to_owned())]);
    assert_eq!(scene.observer.planned(), (0, 0));
}

#[test]
fn a_nodes_agent_enters_pods_without_one_of_their_own_if_it_may() {
    let mut scene = Scene::with(Settings {
        enter: true,
        ..SETTINGS
    });
    let agent = Agent::Node("one".to_owned());
    scene.report(agent.clone(), Vec::new()).unwrap();
    scene.model.agents_changed();
    scene.decide();
    let plan = scene.plan(agent);
    let from = plan.dials[0].from.as_ref().map(ToString::to_string);
    assert_eq!(from.as_deref(), Some("n/client"));
}

#[test]
fn a_network_that_differs_from_node_to_node_is_said_to() {
    let mut scene = Scene::watched();
    let mut second = pod("client-2", "two", [10, 0, 0, 3]);
    second.pod.workload = "client".to_owned();
    scene.model.apply(second);
    let there = Agent::Pod(PodName {
        namespace: "n".to_owned(),
        name: "client-2".to_owned(),
        uid: String::new(),
    });
    scene.report(there.clone(), Vec::new()).unwrap();
    scene.model.agents_changed();
    scene.decide();
    scene.after(5);
    scene.sees(client(), Outcome::Answered);
    assert_eq!(scene.sees(there, Outcome::TimedOut), State::BrokenNotPolicy);
    assert!(scene.found.flows[0].observation.disagrees());
    assert_eq!(scene.found.flows[0].observation.reachable(), Some(false));
}

#[test]
fn a_pair_is_dialled_over_a_family_that_both_have() {
    let mut scene = Scene::watched();
    let mut server = pod("server", "two", [10, 0, 0, 2]);
    server.pod.addresses = vec!["fd00::2".parse().unwrap()];
    scene.model.apply(server.clone());
    scene.decide();
    assert_eq!(
        scene.plan(client()).dials,
        [],
        "IPv4 alone reaches nobody there"
    );
    let mut dual = pod("client", "one", [10, 0, 0, 1]);
    dual.pod.addresses.push("fd00::1".parse().unwrap());
    scene.model.apply(dual);
    scene.decide();
    let plan = scene.plan(client());
    assert_eq!(plan.dials[0].address, "[fd00::2]:80".parse().unwrap());
}
