//! The network on that day: the two policies that were reported as working, the right ones, and one with a wrong port.
//!
//! ```text
//! street -> act -> (netpol-exporter, reach-agent) -> look -> rows
//! ```
//! It is played in a second shop, on a street of its own (127.0.N.1 to 12), because the other story's shoppers need a network that works. Policies
//! are written into the folder that netpol-exporter watches. The shop's listeners obey them, unless the switch is off: to whom a policy
//! denies a connection they are deaf, so that a SYN from there meets silence. What they obey is the verdict of our own engine; that the
//! engine is right is shown by `tests/oracle`, and against a network of somebody else's by `tests/cluster`. Agents are processes of their own that dial
//! from their pod's address.

mod act;
mod look;
mod policies;
mod rows;
mod street;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use shop::Role;
use shop::pods::{NAMESPACE, Pod};
use tokio::time::{Instant, sleep};

use self::act::{ACTS, Act};
use self::look::{Hint, Look};
use self::street::Street;
use crate::child::Child;
use crate::evidence::Row;
use crate::page::Page;
use crate::scrape::{FORMATS, fetch, scrape};
use crate::stage::exporter;

/// Where the exporter listens, if it can.
const ADDRESS: &str = "127.0.0.1:9602";
/// Between two scrapes: a turn is to be seen within a second.
const SCRAPE: Duration = Duration::from_millis(200);
/// Whoever calls others has an agent; the rest are only called.
const CALLERS: [Role; 5] = [
    Role::Frontend,
    Role::CheckoutService,
    Role::RecommendationService,
    Role::CartService,
    Role::LoadGenerator,
];
/// The shop's flows, as `manifests/platform` has them.
const FLOWS: &str = include_str!("../../../manifests/platform/flows.yaml");

/// A part of the story, as it was seen.
#[derive(Debug)]
pub(crate) struct Scene {
    act: &'static Act,
    /// When it began, since the story's beginning.
    begun: Duration,
    looks: Vec<Look>,
    /// What the exporter says of each flow in words, at the end.
    hints: Vec<Hint>,
}

/// The story under way.
#[derive(Debug)]
pub(crate) struct Story {
    street: Street,
    exporter: Child,
    agents: Vec<Child>,
    address: SocketAddr,
    begun: Instant,
    with_fault: bool,
    scenes: Vec<Scene>,
    failures: Vec<String>,
}

impl Story {
    /// Opens the street and starts exporter and agents. What a newcomer should know of its address comes beside it.
    pub(crate) async fn begin(with_fault: bool) -> Result<(Self, Option<String>)> {
        let street = Street::open().await?;
        // There is no cluster DNS here.
        let flows: String = FLOWS
            .lines()
            .filter(|line| !line.contains("kind: dns"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let beside = street.beside();
        std::fs::write(beside.join("flows.yaml"), flows)?;
        std::fs::write(beside.join("token"), "a secret that both sides know\n")?;
        let arguments = [
            format!("--source=files:{}", street.manifests().display()),
            format!("--flows={}", beside.join("flows.yaml").display()),
            format!("--agents.token-file={}", beside.join("token").display()),
            "--dial.interval=2s".to_owned(),
            "--dial.timeout=500ms".to_owned(),
            "--evidence.settle=1s".to_owned(),
        ];
        let (exporter, address, note) = exporter("netpol-exporter", ADDRESS, &arguments).await?;
        let mut story = Self {
            street,
            exporter,
            agents: Vec::new(),
            address,
            begun: Instant::now(),
            with_fault,
            scenes: Vec::new(),
            failures: Vec::new(),
        };
        story.start_agents()?;
        Ok((story, note))
    }

    /// Where the exporter listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Claims about it.
    pub(crate) fn rows(&self) -> Vec<Row> {
        rows::rows(&self.scenes, &self.failures)
    }

    /// Plays it from beginning to end.
    pub(crate) async fn play(&mut self) -> Result<()> {
        for act in &ACTS {
            (act.change)(&mut self.street, self.with_fault).await?;
            self.scenes.push(Scene {
                act,
                begun: self.begun.elapsed(),
                looks: Vec::new(),
                hints: Vec::new(),
            });
            self.watch(act).await?;
        }
        Ok(())
    }

    /// Until the page shows what the act is about, or its time is over.
    async fn watch(&mut self, act: &Act) -> Result<()> {
        let end = Instant::now() + act.most;
        loop {
            self.exporter.check()?;
            for agent in &mut self.agents {
                agent.check()?;
            }
            let shown = match self.look().await {
                Ok(look) => {
                    let shown = (act.shown)(&look);
                    self.scenes
                        .last_mut()
                        .into_iter()
                        .for_each(|scene| scene.looks.push(look.clone()));
                    shown
                }
                Err(error) => {
                    self.failures.push(format!("{error:#}"));
                    false
                }
            };
            if shown || Instant::now() >= end {
                break;
            }
            sleep(SCRAPE).await;
        }
        let hints = self.hints().await?;
        self.scenes
            .last_mut()
            .into_iter()
            .for_each(|scene| scene.hints.clone_from(&hints));
        Ok(())
    }

    async fn look(&self) -> Result<Look> {
        let answer = scrape(self.address, FORMATS[0].accept).await?;
        let text = std::str::from_utf8(&answer.body).context("a page that is no UTF-8")?;
        Ok(Look::new(self.begun.elapsed(), &Page::parse(text)?))
    }

    async fn hints(&self) -> Result<Vec<Hint>> {
        let answer = fetch(self.address, "/flows.json", "application/json").await?;
        serde_json::from_slice(&answer.body).context("/flows.json")
    }

    fn start_agents(&mut self) -> Result<()> {
        let token = self.street.beside().join("token");
        let common = [
            format!("--exporter.url=http://{}", self.address),
            format!("--exporter.token-file={}", token.display()),
            "--dial.allow=127.0.0.0/8".to_owned(),
            "--dial.max-rate=100".to_owned(),
            "--web.listen-address=127.0.0.1:0".to_owned(),
        ];
        let mut start = |own: &[String]| -> Result<()> {
            let child = Child::start("reach-agent", &[&common[..], own].concat())?;
            self.agents.push(child);
            Ok(())
        };
        for role in CALLERS {
            start(&[
                format!("--pod.namespace={NAMESPACE}"),
                format!("--pod.name={}", self.street.pod(role).name()),
                format!("--dial.from={}", self.street.address(role)),
            ])?;
        }
        // The control: on the node's own network, whose address is 127.0.0.1.
        start(&["--node=loopback".to_owned()])
    }
}

/// A role's pod.
fn pod(role: Role, layout: &shop::Layout, started_at: std::time::SystemTime) -> Pod {
    Pod::upstream(role, layout, started_at)
}
