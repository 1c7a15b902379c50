//! What is made of what agents see: the honest ones and the others.

use kube_watch::Index;
use netpol_engine::{Profile, ServicePort, Target as Leads};

use super::*;
use crate::model::pod::WatchedPod;

const NOW: Duration = Duration::from_secs(1_000_000);

fn pod(namespace: &str, name: &str, address: &str) -> WatchedPod {
    WatchedPod {
        pod: Pod {
            key: ObjectKey::new(namespace, name),
            labels: [("app".to_owned(), name.to_owned())].into(),
            addresses: vec![address.parse().unwrap()],
            workload: name.trim_end_matches(['-', '0', '1']).to_owned(),
            ..Pod::default()
        },
        ..WatchedPod::default()
    }
}

fn service(name: &str, app: &str, address: Option<&str>, port: u16, target: u16) -> Service {
    Service {
        key: ObjectKey::new("n", name),
        selector: Some([("app".to_owned(), app.to_owned())].into()),
        addresses: address.map(|it| it.parse().unwrap()).into_iter().collect(),
        ports: vec![ServicePort {
            protocol: Protocol::Tcp,
            number: port,
            target: Leads::Number(target),
        }],
    }
}

fn model() -> Model {
    let mut model = Model::new(Profile::SPECIFICATION);
    model.apply(pod("n", "client-0", "10.0.0.1"));
    model.apply(pod("n", "client-1", "10.0.0.2"));
    model.apply(pod("n", "email", "10.0.0.3"));
    model.apply(pod("n", "db-0", "10.0.0.4"));
    model.apply(pod("m", "other", "fd00::5"));
    model.apply(service("email", "email", Some("10.96.0.7"), 5000, 8080));
    model.apply(service("db", "db-0", None, 5432, 5432));
    let mut host = pod("n", "host", "192.0.2.1");
    host.pod.host_network = true;
    model.apply(host);
    model
}

fn peer(address: &str) -> Peer {
    Peer {
        address: address.parse().unwrap(),
        connected: true,
        age_seconds: 0.0,
    }
}

fn agent(name: &str) -> Who {
    Who::Pod(ObjectKey::new("n", name))
}

fn hear(learnt: &mut Learnt, model: &Model, who: &Who, peers: &[Peer]) {
    learnt.hear(who, peers, model, NOW);
    learnt.settle(model.cluster());
}

fn named(learnt: &Learnt) -> Vec<String> {
    learnt.flows().map(|(flow, _)| flow.to_string()).collect()
}

#[test]
fn an_address_becomes_what_somebody_meant_who_dialled_it() {
    let (mut learnt, model) = (Learnt::default(), model());
    let peers = [
        "10.96.0.7:5000",
        "[::ffff:10.96.0.7]:5000",
        // A pod by its own address: no Service leads there but through its own.
        "10.0.0.3:8080",
        // What a headless Service's name gives.
        "10.0.0.4:5432",
        "10.0.0.4:9187",
        "[fd00::5]:80",
        "203.0.113.9:443",
        // A node's, whatever pod is on its network.
        "192.0.2.1:10250",
    ];
    hear(&mut learnt, &model, &agent("client-0"), &peers.map(peer));
    // Another replica dials the same.
    hear(
        &mut learnt,
        &model,
        &agent("client-1"),
        &[peer("10.96.0.7:5000")],
    );
    assert_eq!(
        named(&learnt),
        [
            "n/client -> svc/db.n:5432 TCP",
            "n/client -> svc/email.n:5000 TCP",
            "n/client -> workload/other.m:80 TCP",
            "n/client -> workload/db.n:9187 TCP",
            "n/client -> workload/email.n:8080 TCP",
            "n/client -> address/192.0.2.1:10250 TCP",
            "n/client -> address/203.0.113.9:443 TCP",
        ]
    );
    assert!(learnt.dropped().is_empty(), "{:?}", learnt.dropped());
}

#[test]
fn only_what_came_through_to_an_object_may_be_required_unread() {
    let (mut learnt, model) = (Learnt::default(), model());
    let waiting = Peer {
        connected: false,
        ..peer("10.0.0.4:5432")
    };
    let peers = [peer("10.96.0.7:5000"), peer("203.0.113.9:443"), waiting];
    hear(&mut learnt, &model, &agent("client-0"), &peers);
    let required = |learnt: &Learnt| {
        let flows = learnt.to_require();
        assert!(
            flows
                .iter()
                .all(|it| it.soft && it.origin == Origin::Learnt)
        );
        flows.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let email = "n/client -> svc/email.n:5000 TCP";
    assert_eq!(required(&learnt), [email]);
    let revision = learnt.revision();
    hear(
        &mut learnt,
        &model,
        &agent("client-0"),
        &[peer("10.96.0.7:5000")],
    );
    assert_eq!(learnt.revision(), revision, "nothing is new about it");
    hear(
        &mut learnt,
        &model,
        &agent("client-0"),
        &[peer("10.0.0.4:5432")],
    );
    assert!(learnt.revision() > revision);
    assert_eq!(required(&learnt), ["n/client -> svc/db.n:5432 TCP", email]);
}

#[test]
fn who_cannot_know_and_what_cannot_be_is_left_out_and_counted() {
    let (mut learnt, model) = (Learnt::default(), model());
    let node = Who::Node("one".to_owned());
    hear(&mut learnt, &model, &node, &[peer("10.96.0.7:5000")]);
    hear(
        &mut learnt,
        &model,
        &agent("host"),
        &[peer("10.96.0.7:5000")],
    );
    let nobody = ["127.0.0.1:80", "0.0.0.0:80", "10.0.0.3:0", "[ff02::1]:80"];
    hear(&mut learnt, &model, &agent("client-0"), &nobody.map(peer));
    assert!(learnt.is_empty());
    let expected = BTreeMap::from([
        (Unlearnt::NotItsOwn, 1),
        (Unlearnt::HostNetwork, 1),
        (Unlearnt::Nobody, 4),
    ]);
    assert_eq!(learnt.dropped(), &expected);
}

#[test]
fn a_flood_of_made_up_addresses_has_an_end_and_takes_no_room_from_others() {
    let (mut learnt, model) = (Learnt::default(), model());
    let ports = || (1..=1_000).map(|port| peer(&format!("203.0.113.9:{port}")));
    hear(
        &mut learnt,
        &model,
        &agent("client-0"),
        &ports().collect::<Vec<_>>(),
    );
    assert_eq!(learnt.len(), MOST_ADDRESSES);
    let pods = (1..=1_000).map(|port| peer(&format!("10.0.0.3:{port}")));
    hear(
        &mut learnt,
        &model,
        &agent("client-0"),
        &pods.collect::<Vec<_>>(),
    );
    assert_eq!(learnt.len(), MOST_OF_ONE);
    hear(
        &mut learnt,
        &model,
        &agent("email"),
        &[peer("10.0.0.4:5432")],
    );
    assert_eq!(learnt.len(), MOST_OF_ONE + 1);
    // What nobody has time to look up does not pile up either.
    for _ in 0..20 {
        learnt.hear(
            &agent("client-0"),
            &ports().collect::<Vec<_>>(),
            &model,
            NOW,
        );
    }
    assert_eq!(learnt.waiting.len(), MOST_WAITING);
    assert!(learnt.dropped()[&Unlearnt::TooMany] >= 10_000);
}
