//! The page: named collectors, gathered one by one.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use thiserror::Error;

use crate::body::Body;
use crate::build_info::BuildInfo;
use crate::coalesce::Flights;
use crate::names::{Claims, Filter};
use crate::negotiate::{self, Coding, Format};
use crate::openmetrics;
use crate::process::Process;
use crate::section::{Fault, Section};

/// The collector of the page's own metrics.
const OWN: &str = "exporter";

type CollectorLabel = [(&'static str, &'static str); 1];

/// A metrics page.
///
/// A collector that fails or panics costs its own part of the page, is counted in
/// `exporter_collector_errors_total{collector}` and leaves the page valid. Overlapping requests for the same format,
/// coding and names share one gathering.
#[derive(Debug)]
pub struct Page {
    collectors: Vec<Collector>,
    own: Registry,
    errors: Family<CollectorLabel, Counter>,
    durations: Family<CollectorLabel, Gauge<f64, AtomicU64>>,
    claims: Claims,
    flights: Flights<Request>,
}

/// A page as it goes to the client, with 200.
#[derive(Clone, Debug)]
pub struct Response {
    /// For `Content-Type`.
    pub content_type: &'static str,
    /// For `Content-Encoding`, where there is one.
    pub content_encoding: Option<&'static str>,
    /// The page.
    pub body: Bytes,
}

/// Why a collector cannot be on a page.
#[derive(Debug, Error)]
pub enum AddError {
    /// Two collectors of one name could not be told apart in `exporter_collector_errors_total`.
    #[error("a collector named {0} is on the page already")]
    Collector(&'static str),
    /// A metric of that name is exposed by another collector, or twice by this one.
    #[error("collector {collector}: the metric name {name} is taken")]
    Name {
        /// The collector that was to be added.
        collector: &'static str,
        /// The name that was taken.
        name: String,
    },
}

#[derive(Debug)]
struct Collector {
    name: &'static str,
    registry: Registry,
    errors: Counter,
    /// Seconds that the last gathering took.
    duration: Gauge<f64, AtomicU64>,
}

/// A page while it is written.
struct Draft<'n> {
    format: Format,
    body: Body,
    claims: Claims,
    filter: Filter<'n>,
}

/// What makes two requests the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    format: Format,
    coding: Coding,
    names: Vec<String>,
}

impl Page {
    /// A page with the process' metrics, its build's and its own.
    #[must_use]
    pub fn new(build: &BuildInfo) -> Self {
        let errors = Family::default();
        let durations = Family::default();
        let mut own = Registry::default();
        own.register(
            "exporter_collector_errors",
            "Gatherings that a collector was missing from, by collector",
            errors.clone(),
        );
        own.register(
            "exporter_scrape_duration_seconds",
            "How long the last gathering took, by collector",
            durations.clone(),
        );
        let mut page = Self {
            collectors: Vec::new(),
            own,
            errors,
            durations,
            claims: Claims::default(),
            flights: Flights::default(),
        };
        let mut process = Registry::default();
        process.register_collector(Box::new(Process::default()));
        page.place("build_info", build.registry());
        page.place("process", process);
        for registry in page
            .collectors
            .iter()
            .map(|collector| &collector.registry)
            .chain([&page.own])
        {
            let _unclashing = look(registry, &mut page.claims);
            page.claims.settle();
        }
        page
    }

    /// Adds a collector.
    ///
    /// Its families are looked at once, without being exposed: a name that is taken is refused here, where the mistake is
    /// made, rather than merged, since two owners of a family seldom agree on its type, help and labels. A family that
    /// shows itself only later and clashes then costs its collector (the later one), never the page.
    pub fn add(&mut self, name: &'static str, registry: Registry) -> Result<(), AddError> {
        if name == OWN
            || self
                .collectors
                .iter()
                .any(|collector| collector.name == name)
        {
            return Err(AddError::Collector(name));
        }
        match look(&registry, &mut self.claims) {
            Ok(()) => self.claims.settle(),
            Err(fault) => {
                self.claims.forget();
                if let Fault::Duplicate(taken) = fault {
                    return Err(AddError::Name {
                        collector: name,
                        name: taken,
                    });
                }
                // What fails for another reason may work by the time of the first scrape.
            }
        }
        self.place(name, registry);
        Ok(())
    }

    /// Answers a request. Blocks while collectors are gathered, or while another request gathers the same.
    ///
    /// `accept` and `accept_encoding` are the headers' values, several of one name joined with commas; `names` those of the
    /// `name[]` parameters: families are left out whose own name or sample name is not among them, unless it is empty.
    pub fn respond(
        &self,
        accept: Option<&str>,
        accept_encoding: Option<&str>,
        names: &[String],
    ) -> Response {
        let format = negotiate::format(accept);
        let coding = negotiate::coding(accept_encoding);
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        let request = Request {
            format,
            coding,
            names,
        };
        let body = self
            .flights
            .share(request.clone(), || self.gather(&request));
        Response::new(format, coding, body)
    }

    fn place(&mut self, name: &'static str, registry: Registry) {
        let label = [("collector", name)];
        let errors = self.errors.get_or_create_owned(&label);
        let duration = self.durations.get_or_create_owned(&label);
        self.collectors.push(Collector {
            name,
            registry,
            errors,
            duration,
        });
    }

    fn gather(&self, request: &Request) -> Bytes {
        let mut draft = Draft::new(request.format, request.coding, Filter(&request.names));
        for collector in &self.collectors {
            let started = Instant::now();
            if let Err(fault) = draft.write(&collector.registry) {
                collector.errors.inc();
                tracing::warn!(collector = collector.name, %fault, "a collector is missing from the page");
            }
            collector.duration.set(started.elapsed().as_secs_f64());
        }
        if let Err(fault) = draft.write(&self.own) {
            tracing::warn!(collector = OWN, %fault, "a collector is missing from the page");
        }
        draft.finish()
    }
}

impl Response {
    fn new(format: Format, coding: Coding, body: Bytes) -> Self {
        Self {
            content_type: format.content_type(),
            content_encoding: coding.content_encoding(),
            body,
        }
    }
}

/// A page of one registry alone, without the process' metrics: for answers about something else than this process, as a
/// prober's are. A registry that fails gives an empty page.
pub fn render(
    registry: &Registry,
    accept: Option<&str>,
    accept_encoding: Option<&str>,
) -> Response {
    let format = negotiate::format(accept);
    let coding = negotiate::coding(accept_encoding);
    let mut draft = Draft::new(format, coding, Filter(&[]));
    if let Err(fault) = draft.write(registry) {
        tracing::warn!(%fault, "a page stays empty");
    }
    Response::new(format, coding, draft.finish())
}

impl<'n> Draft<'n> {
    fn new(format: Format, coding: Coding, filter: Filter<'n>) -> Self {
        Self {
            format,
            body: Body::new(coding),
            claims: Claims::default(),
            filter,
        }
    }

    /// Writes a registry's part, all of it or nothing.
    fn write(&mut self, registry: &Registry) -> Result<(), Fault> {
        let mut section = Section {
            body: &mut self.body,
            claims: &mut self.claims,
            filter: self.filter,
        };
        let written = attempt(&mut section, registry, self.format);
        if written.is_ok() {
            self.body.settle();
            self.claims.settle();
        } else {
            self.body.take_back();
            self.claims.forget();
        }
        written
    }

    fn finish(mut self) -> Bytes {
        if self.format == Format::OpenMetrics {
            self.body.write(openmetrics::END);
        }
        self.body.finish()
    }
}

/// Writes a registry; a panic is a fault like others. What it leaves half-done is taken back by the caller, and the
/// registry's own state is its collectors' affair.
fn attempt(section: &mut Section<'_>, registry: &Registry, format: Format) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(|| section.write(registry, format)))
        .unwrap_or_else(|payload| Err(Fault::Panic(message(payload.as_ref()).to_owned())))
}

/// Claims a registry's names without exposing anything.
fn look(registry: &Registry, claims: &mut Claims) -> Result<(), Fault> {
    let mut nowhere = Body::new(Coding::Identity);
    let nothing = [String::new()];
    let mut section = Section {
        body: &mut nowhere,
        claims,
        filter: Filter(&nothing),
    };
    attempt(&mut section, registry, Format::OpenMetrics)
}

/// What a panic said.
fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests;
