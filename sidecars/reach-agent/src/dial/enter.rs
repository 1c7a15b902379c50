//! Into the network of a pod and back, on a thread of its own: a network namespace is a thread's, and a socket stays in the
//! one that it was made in.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use parking_lot::Mutex;
use reach::PodName;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};

/// The door to pods' networks.
#[derive(Debug)]
pub struct Entrance {
    orders: SyncSender<Order>,
    /// By the pods' UIDs, as long as the plan names them: an open one keeps a network alive.
    namespaces: Mutex<HashMap<String, File>>,
    processes: PathBuf,
}

/// A socket that is wanted from inside a namespace.
#[derive(Debug)]
struct Order {
    namespace: File,
    domain: Domain,
    kind: Type,
    made: SyncSender<io::Result<Socket>>,
}

// === impl Entrance ===

impl Entrance {
    /// Starts the thread that enters.
    pub fn open() -> io::Result<Self> {
        let (orders, taken) = sync_channel::<Order>(1);
        thread::Builder::new()
            .name("enter".to_owned())
            .spawn(move || {
                for order in taken {
                    // Whoever ordered may have given up.
                    let _ = order.made.send(order.fulfil());
                }
            })?;
        Ok(Self {
            orders,
            namespaces: Mutex::default(),
            processes: PathBuf::from("/proc"),
        })
    }

    /// A socket in the network of this pod.
    pub(super) fn socket(&self, pod: &PodName, domain: Domain, kind: Type) -> io::Result<Socket> {
        let gone = || io::Error::other("the thread that enters pods is gone");
        let (made, arrives) = sync_channel(1);
        let order = Order {
            namespace: self.namespace(pod)?,
            domain,
            kind,
            made,
        };
        self.orders.send(order).map_err(|_| gone())?;
        arrives.recv().map_err(|_| gone())?
    }

    /// Forgets the networks of all other pods.
    pub fn retain(&self, uids: &BTreeSet<&str>) {
        self.namespaces
            .lock()
            .retain(|uid, _| uids.contains(uid.as_str()));
    }

    fn namespace(&self, pod: &PodName) -> io::Result<File> {
        let mut namespaces = self.namespaces.lock();
        if let Some(known) = namespaces.get(&pod.uid) {
            return known.try_clone();
        }
        let found = File::open(find(&self.processes, &pod.uid)?)?;
        let again = found.try_clone()?;
        namespaces.insert(pod.uid.clone(), found);
        Ok(again)
    }
}

// === impl Order ===

impl Order {
    fn fulfil(&self) -> io::Result<Socket> {
        move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        Socket::new(self.domain, self.kind, None)
    }
}

/// The network namespace of any process of the pod with this UID. The kubelet names a pod's control group by it, with `_` for `-`
/// under its systemd driver.
fn find(processes: &Path, uid: &str) -> io::Result<PathBuf> {
    let missing = |why| Err(io::Error::new(ErrorKind::NotFound, why));
    if uid.is_empty() {
        return missing("the plan names a pod without its UID");
    }
    let names = [format!("pod{uid}"), format!("pod{}", uid.replace('-', "_"))];
    for process in fs::read_dir(processes)? {
        let process = process?.path();
        // A process may end while it is looked at, and most entries are none.
        let Ok(groups) = fs::read_to_string(process.join("cgroup")) else {
            continue;
        };
        if names.iter().any(|name| groups.contains(name.as_str())) {
            return Ok(process.join("ns/net"));
        }
    }
    missing("no process of this pod is here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_found_by_its_control_group_under_either_driver() {
        let folder = tempfile::tempdir().unwrap();
        for (process, group) in [
            ("17", "0::/kubepods/burstable/pod0d1e-22/abc"),
            (
                "18",
                "0::/kubepods.slice/kubepods-pod0d1e_33.slice/cri-abc.scope",
            ),
        ] {
            let process = folder.path().join(process);
            fs::create_dir(&process).unwrap();
            fs::write(process.join("cgroup"), group).unwrap();
        }
        fs::write(folder.path().join("uptime"), "1").unwrap();
        let found = |uid| find(folder.path(), uid).ok();
        assert_eq!(found("0d1e-22"), Some(folder.path().join("17/ns/net")));
        assert_eq!(found("0d1e-33"), Some(folder.path().join("18/ns/net")));
        assert_eq!(found("0d1e-44"), None);
        assert_eq!(found(""), None);
    }
}
