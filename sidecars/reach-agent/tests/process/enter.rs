//! A node's agent that enters a pod's network.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use reach::{Dial, DialId, Outcome, PodName};

use crate::agent::Program;
use crate::exporter::Exporter;
use crate::network::{self, NODE, POD};
use crate::{dial, plan};

#[test]
fn an_agent_that_enters_a_pod_dials_from_the_pods_own_network() {
    let Some((node, pod)) = network::wired() else {
        return;
    };
    let process = pod.process();
    let uid = format!("0d1e-{process}");
    let _group = Group::of_pod(&uid, process);
    // On the pod's own loopback, where nobody else can come.
    let inside = pod.within(|| TcpListener::bind("127.0.0.1:0").unwrap());
    let private = inside.local_addr().unwrap();
    node.within(|| entered(&uid, private));
}

fn entered(uid: &str, private: SocketAddr) {
    let outside = TcpListener::bind((NODE, 0)).unwrap();
    let open = outside.local_addr().unwrap();
    let from = |dial, uid: &str| Dial {
        from: Some(PodName {
            namespace: "sre-demo".to_owned(),
            name: "frontend-1".to_owned(),
            uid: uid.to_owned(),
        }),
        ..dial
    };
    let exporter = Exporter::start(&plan(
        1,
        vec![
            from(dial(1, open), uid),
            dial(2, private),
            from(dial(3, private), uid),
            from(dial(4, private), "0d1e-nobody"),
        ],
    ));
    let mut flags = exporter.flags();
    flags.extend(["--node=one", "--enter", "--dial.allow=0.0.0.0/0"].map(str::to_owned));
    let program = Program::without_loopback(&flags);
    let (_, peer) = outside.accept().unwrap();
    assert_eq!(peer.ip(), POD, "it is the pod that dials");
    for (id, outcome) in [
        (1, Outcome::Connected),
        // The agent itself stays where it is: in the node's network nobody listens there.
        (2, Outcome::Refused),
        (3, Outcome::Connected),
        (4, Outcome::Unable),
    ] {
        assert_eq!(exporter.sighting(DialId(id)).outcome, outcome, "dial {id}");
    }
    let page = program.page();
    assert!(page.contains("source_pod=\"frontend-1\""), "{page}");
}

/// A control group, as the kubelet makes one for each pod.
struct Group {
    path: PathBuf,
    /// Where its process goes when the group does.
    above: PathBuf,
    process: u32,
}

impl Group {
    /// In whichever hierarchy lets us: version 2's, or any of version 1's.
    fn of_pod(uid: &str, process: u32) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let hierarchies = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (place, kind) = (fields.next()?, fields.next()?);
            kind.starts_with("cgroup").then(|| PathBuf::from(place))
        });
        let name = format!("pod{uid}");
        let mut made = hierarchies.filter_map(|above| {
            let path = above.join(&name);
            fs::create_dir(&path).ok()?;
            let group = Self {
                path,
                above,
                process,
            };
            fs::write(group.path.join("cgroup.procs"), process.to_string()).ok()?;
            Some(group)
        });
        made.next()
            .expect("no hierarchy of control groups takes a new group")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let process = self.process.to_string();
        let _ = fs::write(self.above.join("cgroup.procs"), process);
        let _ = fs::remove_dir(&self.path);
    }
}
