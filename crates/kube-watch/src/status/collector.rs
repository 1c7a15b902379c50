//! `kube_watch_*`: how the watches of this process stand, as metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::time::UNIX_EPOCH;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use super::{Event, State, WatchStatus};
use crate::Reason;

/// What all watches of one kind come to.
#[derive(Default)]
struct Kind {
    objects: usize,
    problems: usize,
    events: [u64; Event::ALL.len()],
    errors: BTreeMap<Reason, u64>,
}

/// What all watches of one kind and namespace come to: more than one, if a kind is watched twice.
struct Standing {
    synced: bool,
    absent: bool,
    contact: Option<f64>,
}

#[derive(Default)]
struct Gathered {
    kinds: BTreeMap<&'static str, Kind>,
    standings: BTreeMap<(&'static str, String), Standing>,
}

impl Collector for WatchStatus {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Gathered { kinds, standings } = self.gather();

        let mut family = encoder.encode_descriptor(
            "kube_watch_synced",
            "1 while what is held is what the source has; 0 before the first answer and while stale",
            None,
            MetricType::Gauge,
        )?;
        for ((kind, namespace), standing) in &standings {
            family
                .encode_family(&labels(kind, namespace))?
                .encode_gauge(&i64::from(standing.synced))?;
        }

        let mut family = encoder.encode_descriptor(
            "kube_watch_absent",
            "1 while the API server does not know the kind, so that there is nothing to hold",
            None,
            MetricType::Gauge,
        )?;
        for ((kind, namespace), standing) in &standings {
            family
                .encode_family(&labels(kind, namespace))?
                .encode_gauge(&i64::from(standing.absent))?;
        }

        let mut family = encoder.encode_descriptor(
            "kube_watch_contact_timestamp_seconds",
            "When the source last answered; not there before its first answer",
            None,
            MetricType::Gauge,
        )?;
        for ((kind, namespace), standing) in &standings {
            if let Some(contact) = standing.contact {
                family
                    .encode_family(&labels(kind, namespace))?
                    .encode_gauge(&contact)?;
            }
        }

        let mut family = encoder.encode_descriptor(
            "kube_watch_objects",
            "Objects held",
            None,
            MetricType::Gauge,
        )?;
        for (kind, sums) in &kinds {
            let objects = i64::try_from(sums.objects).unwrap_or(i64::MAX);
            family
                .encode_family(&[("kind", *kind)])?
                .encode_gauge(&objects)?;
        }

        let mut family = encoder.encode_descriptor(
            "kube_watch_problems",
            "What cannot be read at present: broken files, malformed objects, an API server that refuses",
            None,
            MetricType::Gauge,
        )?;
        for (kind, sums) in &kinds {
            let problems = i64::try_from(sums.problems).unwrap_or(i64::MAX);
            family
                .encode_family(&[("kind", *kind)])?
                .encode_gauge(&problems)?;
        }

        let mut family = encoder.encode_descriptor(
            "kube_watch_events",
            "Changes made to what is held",
            None,
            MetricType::Counter,
        )?;
        for (kind, sums) in &kinds {
            for event in Event::ALL {
                family
                    .encode_family(&[("kind", *kind), ("event", event.as_str())])?
                    .encode_counter::<[(&str, &str); 0], u64, f64>(
                        &sums.events[event as usize],
                        None,
                    )?;
            }
        }

        let mut family = encoder.encode_descriptor(
            "kube_watch_errors",
            "Errors met while reading from the source",
            None,
            MetricType::Counter,
        )?;
        for (kind, sums) in &kinds {
            for (reason, errors) in &sums.errors {
                family
                    .encode_family(&[("kind", *kind), ("reason", reason.as_str())])?
                    .encode_counter::<[(&str, &str); 0], u64, f64>(errors, None)?;
            }
        }
        Ok(())
    }
}

impl WatchStatus {
    fn gather(&self) -> Gathered {
        let mut gathered = Gathered::default();
        for told in self.shared.watches.read().iter() {
            let told = told.lock();
            let watched = &told.watched;

            let sums = gathered.kinds.entry(watched.kind).or_default();
            sums.objects += watched.objects;
            sums.problems += watched.problems.len();
            for (sum, events) in sums.events.iter_mut().zip(told.events) {
                *sum += events;
            }
            for (reason, errors) in &told.errors {
                *sums.errors.entry(*reason).or_default() += errors;
            }

            let synced = matches!(watched.state, State::Current | State::Absent);
            let absent = watched.state == State::Absent;
            let contact = watched
                .contact
                .and_then(|contact| contact.duration_since(UNIX_EPOCH).ok())
                .map(|contact| contact.as_secs_f64());
            let namespace = watched.namespace.clone().unwrap_or_default();
            gathered
                .standings
                .entry((watched.kind, namespace))
                .and_modify(|standing| {
                    standing.synced &= synced;
                    standing.absent |= absent;
                    // The older of two: neither may hide the other's silence.
                    standing.contact = standing
                        .contact
                        .zip(contact)
                        .map(|(one, other)| one.min(other));
                })
                .or_insert(Standing {
                    synced,
                    absent,
                    contact,
                });
        }
        gathered
    }
}

fn labels<'a>(kind: &'a str, namespace: &'a str) -> [(&'static str, &'a str); 2] {
    [("kind", kind), ("namespace", namespace)]
}
