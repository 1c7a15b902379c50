//! Whom the application dials, seen by the agent beside it. What the test dials in the pod's network is what the application would.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use reach::{Dial, Kind};

use crate::agent::Program;
use crate::exporter::Exporter;
use crate::network::{self, NODE, POD};
use crate::{dial, plan};

/// Where packets go and nothing comes back.
const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99)), 6379);

#[test]
fn whom_the_application_dials_is_told_and_nobody_else() {
    let Some((node, pod)) = network::wired() else {
        return;
    };
    pod.run("ip neighbour add 192.0.2.99 lladdr 02:00:00:00:00:01 dev eth0");
    let listen = || TcpListener::bind((NODE, 0)).unwrap();
    let (service, later, planned) = node.within(|| (listen(), listen(), listen()));
    let at = |listener: &TcpListener| listener.local_addr().unwrap();
    let dialled = |to| pod.within(move || TcpStream::connect(to).unwrap());

    let _to_service = dialled(at(&service));
    // A thread of its own waits for the handshake that never comes.
    pod.within(|| thread::spawn(|| TcpStream::connect(NOWHERE)));
    // Somebody comes in, over IPv4 to a socket of both families.
    let server = pod.within(|| TcpListener::bind("[::]:0").unwrap());
    let came_in = SocketAddr::from((POD, at(&server).port()));
    let _came_in = node.within(|| TcpStream::connect(came_in).unwrap());

    // The agent's own dial: it waits for an answer as long as the test lasts.
    let own = Dial {
        kind: Kind::Http,
        timeout_seconds: 60.0,
        ..dial(1, at(&planned))
    };
    let exporter = pod.within(|| Exporter::start(&plan(1, vec![own])));
    let mut flags = exporter.flags();
    flags.extend(["--learn", "--dial.allow=0.0.0.0/0"].map(str::to_owned));
    let program = pod.within(|| Program::without_loopback(&flags));
    let _under_way = planned.accept().unwrap();
    // What is seen from now on is seen beside the agent's own dial.
    let _to_later = dialled(at(&later));
    exporter.report(|report| report.peers.iter().any(|it| it.address == at(&later)));

    let expected = BTreeMap::from([(at(&service), true), (at(&later), true), (NOWHERE, false)]);
    assert_eq!(exporter.peers(), expected);
    pod.within(|| program.await_page("reach_agent_peers 3"));
}

#[test]
fn nobody_looks_unless_asked_to() {
    let exporter = Exporter::start(&plan(1, Vec::new()));
    let program = Program::start(&exporter.flags());
    exporter.report(|report| report.revision.is_some());
    assert_eq!(exporter.peers(), BTreeMap::new());
    program.await_page("reach_agent_peers 0");
}
