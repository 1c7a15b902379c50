//! Whom the application in this network dials, as the kernel lists its connections: looked at now and then, and told to the exporter.
//!
//! ```text
//! /proc/self/net/tcp, tcp6 ─> outgoing: without our own, without what came in ─> peers, until the exporter has heard of them
//! ```
//! Nothing of the application is touched. A Service's address is still the Service's here, because kube-proxy translates behind it; what begins
//! and ends between two looks is not seen, and UDP is not looked for: its sockets mostly have no other end.

mod outgoing;
mod table;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reach::{MOST_PEERS, Peer};
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use outgoing::{Eyes, LookError};

/// From one look to the next. Each reads the whole table of the network.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Whoever is still dialled is told again so often: an exporter that started anew has forgotten.
const TELL_AGAIN: Duration = Duration::from_mins(1);
/// Peers that are kept. Whoever talks to more than that is no application with required flows.
pub const MOST_KEPT: usize = 500;

/// Whom the application dials. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Peers(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    peers: BTreeMap<SocketAddr, Known>,
    /// Left out because there were too many.
    dropped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    connected: bool,
    last: Instant,
    /// When the exporter heard of it last, and whether it was connected then.
    told: Option<(Instant, bool)>,
}

/// Looks, for ever. A table that cannot be read is said once, and tried again.
pub async fn keep_looking(mut eyes: Eyes, peers: Peers) -> Infallible {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        ticks.tick().await;
        // Not on a thread of its own: the kernel answers from memory, and on this thread no dial of ours begins or ends meanwhile.
        match eyes.look() {
            Ok(found) => {
                failed = false;
                peers.saw(&found, Instant::now());
            }
            Err(error) if !failed => {
                tracing::warn!(%error, "whom the application dials cannot be seen");
                failed = true;
            }
            Err(_) => {}
        }
    }
}

/// The eyes of this process, on the network that it is in.
pub fn eyes() -> Eyes {
    Eyes::on(Path::new("/proc/self"))
}

// === impl Peers ===

impl Peers {
    /// These are dialled now; whether each is connected.
    pub fn saw(&self, found: &BTreeMap<SocketAddr, bool>, now: Instant) {
        let mut kept = self.0.lock();
        for (address, connected) in found {
            if let Some(known) = kept.peers.get_mut(address) {
                known.connected |= connected;
                known.last = now;
            } else if kept.has_room(now) {
                let known = Known {
                    connected: *connected,
                    last: now,
                    told: None,
                };
                kept.peers.insert(*address, known);
            } else {
                kept.dropped += 1;
            }
        }
    }

    /// What the exporter has not heard, or not for long, as much as a report may hold.
    pub fn untold(&self, now: Instant) -> Vec<Peer> {
        let kept = self.0.lock();
        let untold = kept.peers.iter().filter(|(_, it)| it.is_news());
        let peers = untold.map(|(address, known)| Peer {
            address: *address,
            connected: known.connected,
            age_seconds: now.duration_since(known.last).as_secs_f64(),
        });
        peers.take(MOST_PEERS).collect()
    }

    /// The exporter has heard of these.
    pub fn told(&self, peers: &[Peer], now: Instant) {
        let mut kept = self.0.lock();
        for peer in peers {
            if let Some(known) = kept.peers.get_mut(&peer.address) {
                known.told = Some((now, peer.connected));
            }
        }
    }

    /// How many there are, and how many were left out.
    pub fn counts(&self) -> (usize, u64) {
        let kept = self.0.lock();
        (kept.peers.len(), kept.dropped)
    }

    /// Each, and whether it was ever connected.
    pub fn all(&self) -> Vec<(SocketAddr, bool)> {
        let kept = self.0.lock();
        let all = kept.peers.iter();
        all.map(|(address, known)| (*address, known.connected))
            .collect()
    }
}

// === impl Kept ===

impl Kept {
    /// Whether one more may be kept: in the place of the one that was not seen for longest, if there is one that is not seen now.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.peers.len() < MOST_KEPT {
            return true;
        }
        let gone = self.peers.iter().filter(|(_, it)| it.last < now);
        let longest = gone
            .min_by_key(|(_, it)| it.last)
            .map(|(address, _)| *address);
        longest.is_some_and(|address| self.peers.remove(&address).is_some())
    }
}

// === impl Known ===

impl Known {
    /// Whether the exporter is to hear of it: for the first time, because it has connected since, or because it is still there after
    /// a while.
    fn is_news(&self) -> bool {
        self.told.is_none_or(|(at, connected)| {
            self.connected != connected || self.last.saturating_duration_since(at) >= TELL_AGAIN
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(addresses: &[(&str, bool)]) -> BTreeMap<SocketAddr, bool> {
        let parsed = addresses.iter();
        parsed
            .map(|(address, connected)| (address.parse().unwrap(), *connected))
            .collect()
    }

    #[test]
    fn a_peer_is_told_once_and_again_when_there_is_news_or_a_minute_has_passed() {
        let (peers, mut now) = (Peers::default(), Instant::now());
        let tell = |now| {
            let untold = peers.untold(now);
            peers.told(&untold, now);
            untold.iter().map(|it| it.connected).collect::<Vec<_>>()
        };
        peers.saw(&seen(&[("10.0.0.1:80", false)]), now);
        assert_eq!(tell(now), [false]);
        assert!(tell(now).is_empty());
        peers.saw(&seen(&[("10.0.0.1:80", true)]), now);
        assert_eq!(tell(now), [true]);
        peers.saw(&seen(&[("10.0.0.1:80", false)]), now);
        assert!(tell(now).is_empty(), "it was connected, and stays that");
        now += TELL_AGAIN;
        assert!(tell(now).is_empty(), "it is no longer there");
        peers.saw(&seen(&[("10.0.0.1:80", true)]), now);
        assert_eq!(tell(now), [true]);
    }

    #[test]
    fn there_is_an_end_to_what_is_kept_and_to_what_a_report_holds() {
        let (peers, now) = (Peers::default(), Instant::now());
        let many: BTreeMap<SocketAddr, bool> = (0..MOST_KEPT + 7)
            .map(|at| {
                let port = 1 + u16::try_from(at).unwrap();
                (SocketAddr::from(([10, 0, 0, 1], port)), true)
            })
            .collect();
        peers.saw(&many, now);
        assert_eq!(peers.counts(), (MOST_KEPT, 7));
        assert_eq!(peers.untold(now).len(), MOST_PEERS);
        // Who is not seen any more makes room.
        let later = now + LOOK_EVERY;
        peers.saw(&seen(&[("10.0.0.2:80", true)]), later);
        assert_eq!(peers.counts(), (MOST_KEPT, 7));
        assert!(
            peers
                .all()
                .contains(&("10.0.0.2:80".parse().unwrap(), true))
        );
    }
}
