//! OpenMetrics 1.0.0: prometheus-client's own text, with HELP escaped.

use crate::lines::Escaped;

/// What ends each page, once.
pub(crate) const END: &[u8] = b"# EOF\n";

/// HELP and TYPE of a family. The grammar wants quotes escaped in a help too.
pub(crate) fn head(family: &str, kind: &str, help: &str) -> String {
    let help = Escaped {
        text: help,
        quotes_too: true,
    };
    format!("# HELP {family} {help}\n# TYPE {family} {kind}\n")
}
