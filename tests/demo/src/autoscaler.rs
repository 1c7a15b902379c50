//! The frontend's autoscaler on that day: load doubles, the wish passes the maximum and is cut, load falls, stabilization holds and lets go.
//!
//! ```text
//! manager -> objects -> (hpa-exporter) -> look -> rows
//! ```
//! `manager` stands in for kube-controller-manager: it is the engine on a clock, and writes what the controller would write into `objects`,
//! which lie in files. So agreement shows here that the exporter follows, remembers and compares as it should; that the engine is the
//! controller is shown by `tests/oracle`, against the controller's own code. What the pods use is made up: the shop's frontend is a thread
//! of this process, and has no pods to add. The window of stabilization is 20 s instead of five minutes, and syncs are 3 s apart.

mod look;
mod manager;
mod objects;
mod rows;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::look::Look;
use self::manager::Manager;
use self::objects::Objects;
use crate::child::Child;
use crate::evidence::Row;
use crate::page::Page;
use crate::scrape::{FORMATS, scrape};
use crate::stage::exporter;

pub(crate) use self::rows::rows;

/// Where the exporter listens, if it can.
const ADDRESS: &str = "127.0.0.1:9603";
/// `--horizontal-pod-autoscaler-downscale-stabilization`: a day of 75 s has no room for five minutes.
const WINDOW: Duration = Duration::from_secs(20);
/// `--horizontal-pod-autoscaler-sync-period`.
const SYNC: Duration = Duration::from_secs(3);
/// New pods are there and ready so long after the scale was written, and pods that go are gone.
const STARTING: Duration = Duration::from_millis(1200);
/// The rhythm of all this.
const TICK: Duration = Duration::from_millis(200);
/// Between two scrapes.
const SCRAPE: Duration = Duration::from_secs(1);
/// From its start the exporter has so long to read what is there, before the autoscaler is made.
const HEAD_START: Duration = Duration::from_secs(2);

/// From that second on all pods together use so many thousandths of a core. Each requests 100, of which it is to use 50.
const LOAD: [(u64, u64); 4] = [(0, 45), (10, 200), (20, 400), (35, 90)];
/// The same on a day on which load does not double.
const STEADY: [(u64, u64); 3] = [(0, 45), (10, 200), (35, 90)];
/// The story is told after that long.
const END: Duration = Duration::from_secs(68);

/// Everything that was scraped.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    looks: Vec<Look>,
    failures: Vec<(Duration, String)>,
}

/// The story under way.
#[derive(Debug)]
pub(crate) struct Story {
    objects: Objects,
    manager: Manager,
    exporter: Child,
    address: SocketAddr,
    begun: Instant,
    /// The next sync, once the autoscaler is made.
    sync_at: Option<Instant>,
    /// When pods follow the scale.
    pods_at: Option<Instant>,
    scrape_at: Instant,
    load: &'static [(u64, u64)],
    seen: Seen,
    tell: watch::Sender<String>,
}

impl Story {
    /// Writes the first objects and starts the exporter. What a newcomer should know of its address comes beside it.
    pub(crate) async fn begin(doubling: bool) -> Result<(Self, Option<String>)> {
        let manager = Manager::new(SYNC, WINDOW)?;
        let objects = Objects::new()?;
        let arguments = [
            format!("--source=files:{}", objects.folder().display()),
            format!("--controller.sync-period={}s", SYNC.as_secs()),
            format!("--controller.downscale-stabilization={}s", WINDOW.as_secs()),
        ];
        let (exporter, address, note) = exporter("hpa-exporter", ADDRESS, &arguments).await?;
        let begun = Instant::now();
        let story = Self {
            objects,
            manager,
            exporter,
            address,
            begun,
            sync_at: None,
            pods_at: None,
            scrape_at: begun,
            load: if doubling { &LOAD } else { &STEADY },
            seen: Seen::default(),
            tell: watch::Sender::new(String::new()),
        };
        Ok((story, note))
    }

    /// Where the exporter listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A line about the latest look, kept up to date.
    pub(crate) fn told(&self) -> watch::Receiver<String> {
        self.tell.subscribe()
    }

    /// Claims about it.
    pub(crate) fn rows(&self) -> Vec<Row> {
        rows(&self.seen)
    }

    /// Plays it from beginning to end.
    pub(crate) async fn play(&mut self) -> Result<()> {
        self.until(Some(self.begun + END)).await
    }

    /// Goes on in the calm afterwards. Ends only by an error.
    pub(crate) async fn go_on(&mut self) -> Result<()> {
        self.until(None).await
    }

    async fn until(&mut self, end: Option<Instant>) -> Result<()> {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await;
            if end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            self.exporter.check()?;
            self.act(now)?;
            if now >= self.scrape_at {
                self.scrape_at = now + SCRAPE;
                self.look(now - self.begun, end.is_some()).await;
            }
        }
    }

    /// What a cluster does by itself.
    fn act(&mut self, now: Instant) -> Result<()> {
        if self.pods_at.is_some_and(|at| now >= at) {
            self.pods_at = None;
            self.objects.run(self.manager.replicas())?;
        }
        match self.sync_at {
            None if now - self.begun >= HEAD_START => {
                self.objects.write_autoscaler(&self.manager.object())?;
                self.sync_at = Some(now + SYNC);
            }
            Some(at) if now >= at => {
                self.sync_at = Some(at + SYNC);
                let used = used(self.load, now - self.begun);
                let outcome = self.manager.sync(&self.objects, used)?;
                if outcome.written {
                    self.objects.write_autoscaler(&self.manager.object())?;
                }
                if outcome.scaled {
                    self.objects.scale(self.manager.replicas())?;
                    self.pods_at = Some(now + STARTING);
                }
            }
            None | Some(_) => {}
        }
        Ok(())
    }

    async fn look(&mut self, at: Duration, keep: bool) {
        match page(self.address, at).await {
            Ok(look) => {
                let _ = self.tell.send_replace(look.told());
                if keep {
                    self.seen.looks.push(look);
                }
            }
            Err(error) if keep => self.seen.failures.push((at, format!("{error:#}"))),
            // What comes after the day need not be kept.
            Err(_) => {}
        }
    }
}

async fn page(address: SocketAddr, at: Duration) -> Result<Look> {
    let answer = scrape(address, FORMATS[0].accept).await?;
    let text = std::str::from_utf8(&answer.body).context("a page that is no UTF-8")?;
    Ok(Look::new(at, &Page::parse(text)?))
}

/// The load at that time, in thousandths of a core.
fn used(load: &[(u64, u64)], at: Duration) -> u64 {
    let begun = load.iter().rev().find(|(from, _)| *from <= at.as_secs());
    begun.map_or(0, |(_, used)| *used)
}
