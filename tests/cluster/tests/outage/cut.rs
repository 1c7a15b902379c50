//! A connection that breaks: whatever one pod says to the API server is answered with a reset. Nobody else notices.

use anyhow::Result;
use cluster_tests::filter::Filter;

/// `process` is one of the pod's. The reset is made in the pod's own network: from outside it would have to find its way back through
/// kube-proxy's translation, which the reset itself ends, and the pod would be left with a connection that is merely silent.
pub(crate) fn between_api_server_and(process: u32) -> Result<Filter> {
    Filter::of(
        process,
        "broken-watch",
        "type filter hook output priority filter; ip daddr 10.96.0.1 tcp dport 443 reject with tcp reset;",
    )
}
