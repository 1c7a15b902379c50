//! What the network does: which connections are to be tried by whom, and what agents say came of them. No clock, nothing that waits.
//!
//! ```text
//! pairs of replicas that flows need ─> dials, each with what the policies say of it ─> plans of agents
//!                                        ^
//! reports of agents ─> sightings ────────┘
//!                   └> whom applications dial ─> learnt flows
//! ```
//! A sighting counts for what the policies said when it was made: what is older than the last change of its verdict proves nothing
//! about the new one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use exposition::Histogram;
use netpol_engine::ObjectKey;
use reach::{Agent, Answer, Dial, DialId, Evidence, Outcome, Plan, Protocol, Report, Sighting};

pub use self::agents::{Agents, Refusal, Who};
pub use self::learnt::{Learnt, Seen, Unlearnt};
pub use self::pair::Pair;
pub use self::watched::{Conclusion, Watched};
use crate::model::Model;

mod agents;
mod learnt;
pub(crate) mod pair;
mod watched;

/// Upper bounds of how long the network takes to follow a policy, in seconds. Published medians are 51 to 116 ms.
pub const LATENCY_BOUNDS: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0,
];
/// Upper bounds of a dial's time, in seconds.
pub const DIAL_BOUNDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0,
];

/// How the network is tried, and how far what comes of it is believed.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From one dial to the next, if there are few.
    pub every: Duration,
    /// Patience of a dial.
    pub timeout: Duration,
    /// Dials a second, over all agents: with more of them each is made less often.
    pub max_rate: f64,
    /// Evidence older than this is none; never less than three dials take.
    pub max_age: Duration,
    /// How long after a change the network may still do what it did before.
    pub settle: Duration,
    /// Whether nodes' agents dial from within pods that have no agent of their own.
    pub enter: bool,
    /// Whether a flow without evidence is unknown, and not what the policies say alone.
    pub required: bool,
}

/// Everything that is tried.
#[derive(Debug)]
pub struct Observer {
    settings: Settings,
    dials: HashMap<DialId, Watched>,
    plans: BTreeMap<Who, Vec<DialId>>,
    agents: Agents,
    every: Duration,
    counts: Counts,
    learnt: Learnt,
}

/// What came in, counted.
#[derive(Clone, Debug)]
pub struct Counts {
    /// Dials that agents made, by protocol and outcome.
    pub dials: BTreeMap<(Protocol, Outcome), u64>,
    /// Sightings that were left out, by why.
    pub dropped: BTreeMap<Dropped, u64>,
    /// How long dials took that reached somebody.
    pub durations: Histogram,
    /// From a change of a verdict to the first sighting that agrees with the new one.
    pub latency: Histogram,
}

/// Why a sighting is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dropped {
    /// Its dial is in no plan: of an earlier one, or made up.
    NotPlanned,
    /// Its dial is another agent's.
    NotItsOwn,
    /// It is older than evidence may be.
    TooOld,
}

// === impl Observer ===

impl Observer {
    /// Nobody has reported yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            dials: HashMap::new(),
            plans: BTreeMap::new(),
            agents: Agents::default(),
            every: settings.every,
            counts: Counts::default(),
            learnt: Learnt::default(),
        }
    }

    /// How the network is tried.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who reports.
    pub fn agents(&self) -> &Agents {
        &self.agents
    }

    /// What came in.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whom applications were seen dialling.
    pub fn learnt(&self) -> &Learnt {
        &self.learnt
    }

    /// Finds out whose the addresses are that were dialled since the last time.
    pub fn settle(&mut self, model: &Model) {
        self.learnt.settle(model.cluster());
    }

    /// From one dial to the next, as all of them share the rate.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// How many dials are planned: of flows, and of controls.
    pub fn planned(&self) -> (usize, usize) {
        let controls = self.dials.values().filter(|it| it.is_control()).count();
        (self.dials.len() - controls, controls)
    }

    /// Evidence older than this is none.
    pub fn max_age(&self) -> Duration {
        self.settings
            .max_age
            .max(self.every * 3 + self.settings.timeout)
    }

    /// Whether somebody can dial from this pod: its own agent, or its node's.
    pub fn can_dial(&self, pod: &ObjectKey, node: Option<&str>) -> bool {
        self.agents.knows(&Who::Pod(pod.clone()))
            || self.settings.enter
                && node.is_some_and(|node| self.agents.knows(&Who::Node(node.to_owned())))
    }

    /// Forgets agents whose pod or node is gone.
    pub fn tidy(&mut self, model: &Model, now: Duration) {
        self.agents.tidy(model, now);
    }

    /// These pairs, and no others, are to be tried; `urgent` are those about which something has changed. What the policies say of a
    /// pair is compared with what they said before.
    pub fn follow<'a>(&mut self, pairs: impl Iterator<Item = (&'a Pair, bool)>, now: Duration) {
        let mut wanted: HashSet<DialId> = HashSet::new();
        for (pair, urgent) in pairs {
            let mut follow = |from: Who, control: bool| {
                let id = pair.id(&from, control);
                if !wanted.insert(id) {
                    return;
                }
                let expected = if control { Some(true) } else { pair.allowed };
                let dial = self.dials.entry(id);
                dial.and_modify(|it| it.expect(expected, urgent, now))
                    .or_insert_with(|| Watched::new(pair, from, control, expected, now));
            };
            let own = Who::Pod(pair.source.clone());
            let from = if self.agents.knows(&own) {
                Some(own)
            } else {
                pair.source_node.clone().map(Who::Node)
            };
            if let Some(from) = from {
                follow(from, false);
            }
            let control = pair.destination_node.clone().map(Who::Node);
            if let Some(control) = control.filter(|it| self.agents.knows(it)) {
                follow(control, true);
            }
        }
        self.dials.retain(|id, _| wanted.contains(id));
        self.plans.clear();
        for (id, watched) in &self.dials {
            self.plans
                .entry(watched.from.clone())
                .or_default()
                .push(*id);
        }
        for plan in self.plans.values_mut() {
            plan.sort_unstable();
        }
        let many = u32::try_from(self.dials.len()).unwrap_or(u32::MAX);
        let fair = Duration::from_secs_f64(f64::from(many) / self.settings.max_rate);
        self.every = self.settings.every.max(fair);
    }

    /// Takes in what an agent reports, and says what it is to dial. Whether the agent is new: then others may be to dial as well.
    pub fn exchange(
        &mut self,
        report: &Report,
        model: &Model,
        now: Duration,
    ) -> Result<(Answer, bool), Refusal> {
        let who = Who::from(&report.agent);
        let is_new = self.agents.hear(who.clone(), model, now)?;
        for sighting in &report.sightings {
            if let Err(dropped) = self.see(&who, sighting, now) {
                *self.counts.dropped.entry(dropped).or_default() += 1;
            }
        }
        self.learnt.hear(&who, &report.peers, model, now);
        let plan = self.plan(&who, model);
        let stands = report.revision == Some(plan.revision);
        let answer = Answer {
            ask_again_seconds: ASK_AGAIN.as_secs_f64(),
            plan: (!stands).then_some(plan),
        };
        Ok((answer, is_new))
    }

    fn see(&mut self, who: &Who, sighting: &Sighting, now: Duration) -> Result<(), Dropped> {
        let max_age = self.max_age();
        let watched = self
            .dials
            .get_mut(&sighting.dial)
            .ok_or(Dropped::NotPlanned)?;
        if watched.from != *who {
            return Err(Dropped::NotItsOwn);
        }
        let key = (watched.pair.protocol, sighting.outcome);
        *self.counts.dials.entry(key).or_default() += 1;
        if sighting.age() > max_age {
            return Err(Dropped::TooOld);
        }
        if watched.evidence_of(sighting.outcome) == Evidence::Reached {
            self.counts.durations.observe(sighting.took().as_secs_f64());
        }
        if let Some(latency) = watched.see(sighting, now) {
            self.counts.latency.observe(latency.as_secs_f64());
        }
        Ok(())
    }

    /// What an agent is to dial.
    fn plan(&self, who: &Who, model: &Model) -> Plan {
        let ids = self.plans.get(who).map_or(&[][..], Vec::as_slice);
        let dials = ids.iter().take(reach::MOST_DIALS).filter_map(|id| {
            let watched = self.dials.get(id)?;
            let pair = &watched.pair;
            let enters = !watched.is_control() && matches!(who, Who::Node(_));
            Some(Dial {
                id: *id,
                address: pair.address,
                protocol: pair.protocol,
                kind: pair.kind,
                destination: pair.workload.clone(),
                from: enters.then(|| model.pod_name(&pair.source)),
                every_seconds: self.every.as_secs_f64().min(*Dial::EVERY.end()),
                timeout_seconds: self.settings.timeout.as_secs_f64(),
                generation: watched.generation,
            })
        });
        let dials: Vec<Dial> = dials.collect();
        Plan {
            revision: agents::revision(&dials),
            dials,
        }
    }

    /// What is known of a pair: what came of its dial, set beside the control.
    pub fn conclude(&self, pair: &Pair, now: Duration) -> Conclusion {
        let max_age = self.max_age();
        let by = |who: Who, control| self.dials.get(&pair.id(&who, control));
        let dial = by(Who::Pod(pair.source.clone()), false).or_else(|| {
            let node = pair.source_node.clone()?;
            by(Who::Node(node), false)
        });
        let Some(dial) = dial else {
            return Conclusion::NotTried;
        };
        let control = pair
            .destination_node
            .clone()
            .and_then(|node| by(Who::Node(node), true))
            .and_then(|it| it.evidence(now, max_age));
        dial.conclude(control, now, max_age, self.settings.settle)
    }

    /// When a pair was last dialled, and what the policies now say of it counts since.
    pub fn last_seen(&self, pair: &Pair) -> Option<(Duration, Duration)> {
        let own = self
            .dials
            .get(&pair.id(&Who::Pod(pair.source.clone()), false));
        let dial = own.or_else(|| {
            let node = Who::Node(pair.source_node.clone()?);
            self.dials.get(&pair.id(&node, false))
        })?;
        Some((dial.last_at()?, dial.expected_since))
    }
}

/// How often an agent without news is heard. A new plan waits so long at most.
const ASK_AGAIN: Duration = Duration::from_secs(1);

// === impl Counts ===

impl Default for Counts {
    fn default() -> Self {
        Self {
            dials: BTreeMap::new(),
            dropped: BTreeMap::new(),
            durations: Histogram::new(DIAL_BOUNDS),
            latency: Histogram::new(LATENCY_BOUNDS),
        }
    }
}

// === impl Dropped ===

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NotPlanned, Self::NotItsOwn, Self::TooOld];

    /// The name, as a label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotPlanned => "not_planned",
            Self::NotItsOwn => "not_its_own",
            Self::TooOld => "too_old",
        }
    }
}

// === impl Who ===

impl From<&Agent> for Who {
    fn from(agent: &Agent) -> Self {
        match agent {
            Agent::Pod(pod) => Self::Pod(ObjectKey::new(&pod.namespace, &pod.name)),
            Agent::Node(name) => Self::Node(name.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
