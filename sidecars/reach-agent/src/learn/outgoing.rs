//! Which of the sockets are the application's own way out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use reach::is_elsewhere;

use super::table::{Socket, State};

/// Lines of a table that are looked at. The kernel lists what listens first.
const MOST_SOCKETS: usize = 20_000;

/// Looks at the tables of one network.
#[derive(Debug)]
pub struct Eyes {
    /// The process whose network is looked at, and whose own sockets do not count: ours.
    process: PathBuf,
    /// Ports that were ever listened on: a server that has stopped accepting keeps its connections.
    listened: BTreeSet<u16>,
}

/// Why nothing can be seen.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct LookError {
    /// What could not be read.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

// === impl Eyes ===

impl Eyes {
    /// On the network of a process, given its folder in `/proc`.
    pub fn on(process: &Path) -> Self {
        Self {
            process: process.to_owned(),
            listened: BTreeSet::new(),
        }
    }

    /// Whom others than this process dial, and whether any of the connections is there.
    pub fn look(&mut self) -> Result<BTreeMap<SocketAddr, bool>, LookError> {
        let own = self.own_sockets()?;
        let mut sockets = Vec::new();
        for table in ["net/tcp", "net/tcp6"] {
            let path = self.process.join(table);
            match read(&path) {
                Ok(read) => sockets.extend(read),
                // A kernel without IPv6.
                Err(error) if table == "net/tcp6" && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(LookError { path, error }),
            }
        }
        Ok(outgoing(&sockets, &own, &mut self.listened))
    }

    /// The inodes behind this process' descriptors.
    fn own_sockets(&self) -> Result<BTreeSet<u64>, LookError> {
        let path = self.process.join("fd");
        let listed = fs::read_dir(&path).map_err(|error| LookError { path, error })?;
        let links = listed.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
        let inodes = links.filter_map(|link| {
            let name = link.to_str()?.strip_prefix("socket:[")?;
            name.strip_suffix(']')?.parse().ok()
        });
        Ok(inodes.collect())
    }
}

fn read(path: &Path) -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for line in BufReader::new(File::open(path)?).lines().take(MOST_SOCKETS) {
        let socket = Socket::read(&line?);
        sockets.extend(socket.filter(|it| it.state != State::Other));
    }
    Ok(sockets)
}

/// The other ends of connections that were made from here: not by us, not to here, and not to a port on which somebody here listens.
fn outgoing(
    sockets: &[Socket],
    own: &BTreeSet<u64>,
    listened: &mut BTreeSet<u16>,
) -> BTreeMap<SocketAddr, bool> {
    let listening = sockets.iter().filter(|it| it.state == State::Listen);
    listened.extend(listening.map(|it| it.local.port()));
    let mut found = BTreeMap::new();
    for socket in sockets.iter().filter(|it| it.state != State::Listen) {
        let came_in = listened.contains(&socket.local.port());
        let stays = socket.local.ip() == socket.remote.ip();
        if came_in || stays || own.contains(&socket.inode) || !is_elsewhere(socket.remote) {
            continue;
        }
        *found.entry(socket.remote).or_default() |= socket.state == State::Established;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(local: &str, remote: &str, state: State, inode: u64) -> Socket {
        Socket {
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            state,
            inode,
        }
    }

    #[test]
    fn what_came_in_what_stays_here_and_what_is_ours_is_left_out() {
        use State::{Established, Listen, SynSent};
        let sockets = [
            socket("10.0.0.2:54000", "10.96.0.7:7070", Established, 1),
            socket("10.0.0.2:54001", "10.96.0.7:7070", SynSent, 2),
            socket("10.0.0.2:54002", "10.96.0.8:6379", SynSent, 3),
            // Ours.
            socket("10.0.0.2:54003", "10.96.0.9:80", Established, 4),
            // Somebody's who dialled us, on a socket of both families; it comes before its listener in no table, but may.
            socket("10.0.0.2:8080", "10.0.0.9:40000", Established, 5),
            socket("[::]:8080", "[::]:0", Listen, 6),
            // Our own sidecar.
            socket("127.0.0.1:54004", "127.0.0.1:15001", Established, 7),
            socket("10.0.0.2:54005", "10.0.0.2:8080", Established, 8),
        ];
        let mut listened = BTreeSet::new();
        let found = outgoing(&sockets, &BTreeSet::from([4]), &mut listened);
        let expected = BTreeMap::from([
            ("10.96.0.7:7070".parse().unwrap(), true),
            ("10.96.0.8:6379".parse().unwrap(), false),
        ]);
        assert_eq!(found, expected);
        // The listener goes, and its connection stays.
        let found = outgoing(&sockets[4..5], &BTreeSet::new(), &mut listened);
        assert_eq!(found, BTreeMap::new());
    }
}
