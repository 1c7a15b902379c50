//! What a page of netpol-exporter says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use crate::page::{Page, Sample};

/// A required call: who, whom, and on which port of the Service.
pub(super) type Call = (String, String, u16);

/// What a page said.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    /// When, since the story's beginning.
    pub(super) at: Duration,
    states: BTreeMap<Call, String>,
    observed: BTreeMap<Call, bool>,
    /// Policies by the call that they forbid.
    pub(super) blame: BTreeMap<Call, BTreeSet<String>>,
    /// How often the network was seen to follow a change, and how long that took in all, in seconds.
    pub(super) followed: (f64, f64),
}

/// What the exporter says of a call in words.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Hint {
    pub(super) state: String,
    pub(super) why: String,
}

impl Look {
    /// Reads a page.
    pub(super) fn new(at: Duration, page: &Page<'_>) -> Self {
        let mut look = Self {
            at,
            ..Self::default()
        };
        for sample in page.samples() {
            look.take(sample);
        }
        look
    }

    /// How many calls are in a state.
    pub(super) fn in_state(&self, state: &str) -> usize {
        self.calls_in(state).count()
    }

    /// Which.
    pub(super) fn calls_in<'a>(&'a self, state: &'a str) -> impl Iterator<Item = &'a Call> {
        let of = self.states.iter().filter(move |(_, known)| *known == state);
        of.map(|(call, _)| call)
    }

    /// How many calls agents have lately seen to come through, or not to.
    pub(super) fn seen(&self, through: bool) -> usize {
        self.observed
            .values()
            .filter(|seen| **seen == through)
            .count()
    }

    /// How many calls there are, by state.
    pub(super) fn summary(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for state in self.states.values() {
            *counts.entry(state).or_default() += 1;
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        format!(
            "{}; agents: {} through, {} not",
            counts.join(", "),
            self.seen(true),
            self.seen(false)
        )
    }

    fn take(&mut self, sample: &Sample<'_>) {
        let on = sample.value > 0.5;
        match sample.name {
            "netpol_required_flow_state" if on => {
                self.states
                    .insert(call(sample), sample.label("state").to_owned());
            }
            "netpol_required_flow_observed" => {
                self.observed.insert(call(sample), on);
            }
            "netpol_required_flow_blocking_policy_info" if on => {
                let policy = sample.label("policy").to_owned();
                self.blame.entry(call(sample)).or_default().insert(policy);
            }
            "netpol_enforcement_latency_seconds_count" => self.followed.0 = sample.value,
            "netpol_enforcement_latency_seconds_sum" => self.followed.1 = sample.value,
            _ => {}
        }
    }
}

fn call(sample: &Sample<'_>) -> Call {
    let text = |name| sample.label(name).to_owned();
    let port = sample.label("port").parse().unwrap_or_default();
    (text("source_workload"), text("destination_name"), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_states_by_call() {
        let flow = r#"source_workload="a",destination_name="b",port="80""#;
        let text = format!(
            "netpol_required_flow_state{{{flow},state=\"ok\"}} 0\n\
             netpol_required_flow_state{{{flow},state=\"blocked_by_policy\"}} 1\n\
             netpol_required_flow_observed{{{flow}}} 0\n\
             netpol_required_flow_blocking_policy_info{{{flow},policy=\"deny\"}} 1\n"
        );
        let look = Look::new(Duration::ZERO, &Page::parse(&text).unwrap());
        assert_eq!(
            (look.in_state("ok"), look.in_state("blocked_by_policy")),
            (0, 1)
        );
        assert_eq!((look.seen(true), look.seen(false)), (0, 1));
        assert!(look.blame[&("a".to_owned(), "b".to_owned(), 80)].contains("deny"));
    }
}
