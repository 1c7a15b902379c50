//! The day: what is done to the shop, and when. What comes of it is the page's business.

use std::time::Duration;

use anyhow::{Context, Result};
use shop::{Burn, Faults, Load, Queue};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use crate::evidence::Day;
use crate::look::{Look, Service};
use crate::moments::SUBJECT;
use crate::page::Page;
use crate::scrape::{FORMATS, scrape};
use crate::screen::Screen;
use crate::stage::Stage;

/// Time between two scrapes: each handler is probed as often.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);

/// Twenty requests of 42 ms each, and some.
const QUEUE_EMPTIES: Duration = Duration::from_secs(1);

/// A part of the day.
struct Scene {
    title: &'static str,
    change: Change,
    /// Seconds it lasts at the least, and at the most when the page does not yet show what it is about.
    least: u64,
    most: u64,
    shown: fn(&Look) -> bool,
}

/// What is done at the beginning of a scene.
#[derive(Clone, Copy)]
enum Change {
    Nothing,
    /// So many shoppers ask for pages, and cartservice has one worker for them all.
    Crowd(usize),
    /// cartservice's only thread is kept busy.
    Starve,
    /// The manifest gets another budget.
    Budget,
    /// Everything as it was, but for the budget.
    Relief,
}

/// The day: about 75 s, and a little more where the page is late.
const SCENES: [Scene; 7] = [
    Scene {
        title: "a quiet morning",
        change: Change::Nothing,
        least: 7,
        most: 10,
        shown: |look| look.services.len() == 9 && look.services.values().all(is_measured),
    },
    Scene {
        title: "shoppers come, and cartservice has one worker: it slows down",
        change: Change::Crowd(5),
        least: 3,
        most: 3,
        shown: always,
    },
    Scene {
        title: "more shoppers come: cartservice nears its budget",
        change: Change::Crowd(8),
        least: 3,
        most: 3,
        shown: always,
    },
    Scene {
        title: "the rush hour: little of the budget is left",
        change: Change::Crowd(10),
        least: 8,
        most: 8,
        shown: always,
    },
    Scene {
        title: "cartservice is starved of CPU: its probes cross 1 s",
        change: Change::Starve,
        least: 31,
        most: 36,
        shown: |look| {
            subject(look, |service| {
                service.kills.0 > 0 && service.recommended.is_some()
            })
        },
    },
    Scene {
        title: "the manifest is given 5 s / 15 s / 5; cartservice is as slow as before",
        change: Change::Budget,
        least: 13,
        most: 15,
        shown: |look| subject(look, |service| service.liveness.timeout > 1),
    },
    Scene {
        title: "the rush is over",
        change: Change::Relief,
        least: 4,
        most: 6,
        shown: |look| {
            subject(look, |service| {
                service.headroom.is_some_and(|headroom| headroom > 0.9)
            })
        },
    },
];

/// What is shown once the day is told.
const AFTERWARDS: &str = "calm; Ctrl-C ends it";

/// The day as far as it is told, scraped at its own pace.
pub(crate) struct Story {
    begun: Instant,
    ticks: Interval,
    day: Day,
}

impl Story {
    /// Begins it.
    pub(crate) fn new() -> Self {
        let mut ticks = interval(SCRAPE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            begun: Instant::now(),
            ticks,
            day: Day::default(),
        }
    }

    /// What the pages have said.
    pub(crate) fn day(&self) -> &Day {
        &self.day
    }

    /// Plays it from beginning to end.
    pub(crate) async fn play(
        &mut self,
        stage: &mut Stage,
        screen: &mut Screen,
        with_fault: bool,
    ) -> Result<()> {
        for scene in &SCENES {
            scene.change.make(stage, with_fault).await?;
            let begun = Instant::now();
            loop {
                let shown = self.look(stage).await?.is_some_and(scene.shown);
                screen.draw(&self.day, stage, scene.title)?;
                let passed = begun.elapsed();
                if passed >= Duration::from_secs(scene.most)
                    || (shown && passed >= Duration::from_secs(scene.least))
                {
                    break;
                }
            }
        }
        for format in FORMATS {
            let answer = scrape(stage.address, format.accept).await;
            self.day.formats.push((format, answer));
        }
        Ok(())
    }

    /// Goes on showing the page. Ends only by an error.
    pub(crate) async fn go_on(&mut self, stage: &mut Stage, screen: &mut Screen) -> Result<()> {
        let told = self.day.looks.len();
        loop {
            self.look(stage).await?;
            screen.draw(&self.day, stage, AFTERWARDS)?;
            // What comes after the day need not be kept.
            if self.day.looks.len() > told + 1 {
                self.day.looks.remove(told);
            }
        }
    }

    /// The next look; none when that scrape failed.
    async fn look(&mut self, stage: &mut Stage) -> Result<Option<&Look>> {
        self.ticks.tick().await;
        stage.check()?;
        let at = self.begun.elapsed();
        match page(stage, at).await {
            Ok(look) => {
                self.day.looks.push(look);
                Ok(self.day.looks.last())
            }
            Err(error) => {
                self.day.failures.push((at, format!("{error:#}")));
                Ok(None)
            }
        }
    }
}

async fn page(stage: &Stage, at: Duration) -> Result<Look> {
    let answer = scrape(stage.address, FORMATS[0].accept).await?;
    let text = std::str::from_utf8(&answer.body).context("a page that is no UTF-8")?;
    Ok(Look::new(at, &Page::parse(text)?))
}

impl Change {
    async fn make(self, stage: &Stage, with_fault: bool) -> Result<()> {
        match self {
            Self::Crowd(shoppers) => {
                stage
                    .press(&Load {
                        rate_per_second: 40.0,
                        shoppers,
                    })
                    .await?;
                if with_fault {
                    stage.afflict(&one_worker()).await?;
                }
            }
            Self::Starve if with_fault => {
                stage.afflict(&Faults::default()).await?;
                // Whoever stands in the queue would wait there for a breath each.
                sleep(QUEUE_EMPTIES).await;
                stage.afflict(&starvation()).await?;
            }
            Self::Nothing | Self::Starve => {}
            Self::Budget => stage.change_budget()?,
            Self::Relief => {
                stage.afflict(&Faults::default()).await?;
                stage.press(&Load::default()).await?;
            }
        }
        Ok(())
    }
}

/// Each page asks cartservice twice, so a probe waits behind up to twice the shoppers: 42 ms each.
fn one_worker() -> Faults {
    Faults {
        queue: Some(Queue {
            work_ms: 42,
            workers: 1,
            capacity: 1_000,
        }),
        ..Faults::default()
    }
}

/// A thread that comes up for air every 260 ms: SETTINGS wait for the second or third breath, and the answer for the third one after.
///
/// That makes 1.3 to 1.6 s. Beyond 2 s two attempts would be over their budget at a time, and the exporter would give one of them up.
fn starvation() -> Faults {
    Faults {
        settings_delay_ms: 400,
        rpc_delay_ms: 600,
        burn: Some(Burn {
            busy_ms: 250,
            idle_ms: 10,
        }),
        ..Faults::default()
    }
}

fn always(_: &Look) -> bool {
    true
}

fn is_measured(service: &Service) -> bool {
    service.serving && service.measured > 2
}

fn subject(look: &Look, holds: fn(&Service) -> bool) -> bool {
    look.service(SUBJECT).is_some_and(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_over_within_ninety_seconds() {
        let most: u64 = SCENES.iter().map(|scene| scene.most).sum();
        assert!(most <= 83, "{most} s, and starting takes a few more");
        assert!(SCENES.iter().all(|scene| scene.least <= scene.most));
        assert!(one_worker().check().is_ok() && starvation().check().is_ok());
    }
}
