//! Names, help and labels; collectors over what came of the dials and how the exporter is reached.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use reach::{Dial, Outcome, PlanFault};

use crate::learn::Peers;
use crate::report::{Latest, Results};

/// Upper bounds in seconds: a pod of the same node, of the same zone, a lost SYN (1 s, 3 s), a timeout.
pub const BOUNDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 3.0, 10.0, 60.0];

/// The outcome of a dial that was not made yet.
const PENDING: &str = "pending";

/// What dials did, by counters.
#[derive(Clone, Debug, Default)]
pub struct DialCounts {
    made: Family<Made, Counter>,
    late: Counter,
    dropped: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Made {
    protocol: &'static str,
    kind: &'static str,
    outcome: &'static str,
}

/// What becomes of reports.
#[derive(Clone, Debug, Default)]
pub struct ExchangeCounts {
    exchanges: Family<Exchanged, Counter>,
    last_success: Gauge<f64, AtomicU64>,
    dials_refused: Gauge,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Exchanged {
    result: &'static str,
}

/// How an exchange with the exporter ended, as a label.
pub const RESULTS: [&str; 5] = ["ok", "unreachable", "unauthorized", "refused", "garbled"];

// === impl DialCounts ===

impl DialCounts {
    /// A dial has come to its end.
    pub fn made(&self, dial: &Dial, outcome: Outcome) {
        let labels = Made {
            protocol: dial.protocol.as_str(),
            kind: dial.kind.as_str(),
            outcome: outcome.as_str(),
        };
        self.made.get_or_create_owned(&labels).inc();
    }

    /// A dial was made much later than its time.
    pub fn late(&self) {
        self.late.inc();
    }

    /// A sighting was dropped untold.
    pub fn dropped(&self) {
        self.dropped.inc();
    }

    /// How many were.
    pub fn dropped_so_far(&self) -> u64 {
        self.dropped.get()
    }
}

// === impl ExchangeCounts ===

impl ExchangeCounts {
    /// An exchange ended with this one of [`RESULTS`].
    pub fn ended(&self, result: &'static str) {
        self.exchanges
            .get_or_create_owned(&Exchanged { result })
            .inc();
        if result == RESULTS[0] {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            self.last_success.set(now.unwrap_or_default().as_secs_f64());
        }
    }

    /// So many dials of the plan are left out.
    pub fn refused(&self, faults: &[PlanFault]) {
        let of = |fault: &PlanFault| match fault {
            PlanFault::TooMany(count) => *count,
            PlanFault::Dial { .. } | PlanFault::Twice(_) => 1,
        };
        let count: usize = faults.iter().map(of).sum();
        self.dials_refused
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Puts all of it on the page.
pub fn register(
    registry: &mut Registry,
    results: &Results,
    peers: &Peers,
    exchanges: &ExchangeCounts,
) {
    let counts = &results.counts;
    registry.register(
        "reach_agent_dials",
        "Dials that came to their end, by what was dialled and what came of it",
        counts.made.clone(),
    );
    registry.register(
        "reach_agent_dial_duration_seconds",
        "Time from the start of a dial to its outcome",
        results.durations.clone(),
    );
    registry.register(
        "reach_agent_dials_late",
        "Dials made more than a second after their time: --dial.max-rate is too small for the plan",
        counts.late.clone(),
    );
    registry.register(
        "reach_agent_sightings_dropped",
        "Outcomes that the exporter never heard of because it was away too long",
        counts.dropped.clone(),
    );
    for result in RESULTS {
        exchanges
            .exchanges
            .get_or_create_owned(&Exchanged { result });
    }
    registry.register(
        "reach_agent_exchanges",
        "Reports sent to the exporter, by what came of them",
        exchanges.exchanges.clone(),
    );
    registry.register(
        "reach_agent_last_exchange_timestamp_seconds",
        "When the exporter last took a report; 0 if never",
        exchanges.last_success.clone(),
    );
    registry.register(
        "reach_agent_plan_dials_refused",
        "Dials that the plan has and this agent does not make: malformed, twice, or too many",
        exchanges.dials_refused.clone(),
    );
    registry.register_collector(Box::new(LatestOutcomes(results.clone())));
    registry.register_collector(Box::new(Dialled(peers.clone())));
}

/// The latest outcomes, by destination. A plan bounds how many series that can be, and they go when it does.
#[derive(Debug)]
struct LatestOutcomes(Results);

/// Whom the application dials, by number: addresses are traffic's and no labels.
#[derive(Debug)]
struct Dialled(Peers);

/// The labels of dials that are alike.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place([(&'static str, String); 7]);

type Label<'a> = (&'a str, Cow<'a, str>);

// === impl LatestOutcomes ===

impl Collector for LatestOutcomes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let waiting = ConstGauge::new(count(self.0.waiting()));
        let family = encoder.encode_descriptor(
            "reach_agent_sightings_waiting",
            "Outcomes that the exporter has not heard of yet.",
            None,
            MetricType::Gauge,
        )?;
        waiting.encode(family)?;
        let mut family = encoder.encode_descriptor(
            "reach_agent_plan_dials",
            "Dials of the plan, by destination and by what came of the last one.",
            None,
            MetricType::Gauge,
        )?;
        for (place, alike) in by_place(&self.0.latest()) {
            let gauge = ConstGauge::new(count(alike));
            gauge.encode(family.encode_family(&place.labels().as_slice())?)?;
        }
        Ok(())
    }
}

impl Collector for Dialled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (peers, dropped) = self.0.counts();
        let family = encoder.encode_descriptor(
            "reach_agent_peers",
            "Addresses that the application was seen dialling; 0 without --learn.",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(count(peers)).encode(family)?;
        let family = encoder.encode_descriptor(
            "reach_agent_peers_dropped",
            "Sightings of addresses that were left out, because there were too many others.",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(dropped).encode(family)
    }
}

// === impl Place ===

impl Place {
    fn of(latest: &Latest) -> Self {
        let dial = &latest.dial;
        let from = |name: fn(&reach::PodName) -> &String| {
            dial.from.as_ref().map(name).cloned().unwrap_or_default()
        };
        let outcome = latest.seen.as_ref();
        let outcome = outcome.map_or(PENDING, |(outcome, _)| outcome.as_str());
        Self([
            ("source_namespace", from(|pod| &pod.namespace)),
            ("source_pod", from(|pod| &pod.name)),
            ("destination_namespace", dial.destination.namespace.clone()),
            ("destination_workload", dial.destination.name.clone()),
            ("port", dial.address.port().to_string()),
            ("protocol", dial.protocol.as_str().to_owned()),
            ("outcome", outcome.to_owned()),
        ])
    }

    /// Without those that say nothing: an agent that enters no pods has no source but its own.
    fn labels(&self) -> Vec<Label<'_>> {
        let said = self.0.iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| (*name, value.as_str().into()))
            .collect()
    }
}

fn by_place(latest: &[Latest]) -> BTreeMap<Place, usize> {
    let mut places = BTreeMap::new();
    for latest in latest {
        *places.entry(Place::of(latest)).or_default() += 1;
    }
    places
}

#[expect(clippy::cast_precision_loss, reason = "no plan has 2^52 dials")]
fn count(count: usize) -> f64 {
    count as f64
}
