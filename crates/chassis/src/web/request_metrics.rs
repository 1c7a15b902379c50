//! Metrics about the web server itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

const SEEDED: [u16; 3] = [200, 500, 503];

/// Counts answers by path and code. Only paths that exist here become label values.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestMetrics {
    requests: Family<RequestLabels, Counter>,
    in_flight: Gauge,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RequestLabels {
    path: String,
    code: u16,
}

/// A request on its way; dropping it ends that.
pub(crate) struct InFlight<'a>(&'a Gauge);

// === impl RequestMetrics ===

impl RequestMetrics {
    /// The metrics page's codes are there from the start: a rate needs a zero to rise from.
    pub(crate) fn register(&self, registry: &mut Registry, telemetry_path: &str) {
        for code in SEEDED {
            self.requests.get_or_create_owned(&RequestLabels {
                path: telemetry_path.to_owned(),
                code,
            });
        }
        registry.register(
            "exporter_http_requests",
            "Requests answered, by path (_OTHER for unknown ones) and status code",
            self.requests.clone(),
        );
        registry.register(
            "exporter_http_requests_in_flight",
            "Requests being answered",
            self.in_flight.clone(),
        );
    }

    pub(crate) fn enter(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    pub(crate) fn count(&self, path: &str, code: u16) {
        let labels = RequestLabels {
            path: path.to_owned(),
            code,
        };
        self.requests.get_or_create_owned(&labels).inc();
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
