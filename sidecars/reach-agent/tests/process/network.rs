//! Networks of the test's own, which take root: a node's and a pod's, with a wire between them.
//!
//! ```text
//! 192.0.2.1 in the node's ══ 192.0.2.2 in the pod's
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::agent::PATIENCE;

pub(crate) const NODE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const POD: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// A node's network and a pod's; none where none can be made, which is said.
pub(crate) fn wired() -> Option<(Network, Network)> {
    let (node, pod) = (Network::new()?, Network::new()?);
    let wire = format!(
        "ip link add node0 type veth peer name eth0 netns {}",
        pod.process()
    );
    node.run(&wire);
    for (network, device, address) in [(&node, "node0", NODE), (&pod, "eth0", POD)] {
        network.run("ip link set lo up");
        network.run(&format!("ip address add {address}/24 dev {device}"));
        network.run(&format!("ip link set {device} up"));
    }
    Some((node, pod))
}

/// A network namespace with nothing in it, which goes when its one process does.
pub(crate) struct Network {
    holder: Child,
    namespace: File,
}

impl Network {
    /// None where none can be made, which is said.
    fn new() -> Option<Self> {
        let unshare = tools::program("unshare")?;
        tools::program("ip")?;
        let made = Command::new(&unshare).args(["--net", "true"]).output();
        if !made.unwrap().status.success() {
            // Not eprintln!: the harness would swallow it.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: a network namespace needs root (CAP_SYS_ADMIN)"
            );
            return None;
        }
        // Which ends as soon as this test does, however it does.
        let holder = Command::new(unshare)
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let path = PathBuf::from(format!("/proc/{}/ns/net", holder.id()));
        let ours = fs::read_link("/proc/self/ns/net").unwrap();
        let deadline = Instant::now() + PATIENCE;
        while fs::read_link(&path).unwrap() == ours {
            assert!(Instant::now() < deadline, "it stays in our network");
            thread::yield_now();
        }
        let namespace = File::open(path).unwrap();
        Some(Self { holder, namespace })
    }

    /// The one process in it.
    pub(crate) fn process(&self) -> u32 {
        self.holder.id()
    }

    /// Does something in it, on a thread of its own: what it starts is in there as well.
    pub(crate) fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(self.namespace.as_fd(), network).unwrap();
            what()
        };
        let done = thread::scope(|scope| scope.spawn(enter).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    pub(crate) fn run(&self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let output = self.within(|| Command::new(words[0]).args(&words[1..]).output());
        let output = output.unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
