//! The README's table of metrics is what a running agent's page says, and where dashboards and alerts show it.
//!
//! `UPDATE_README=1 cargo test -p reach-agent --test process readme` writes it anew.

use readme::Table;

use crate::agent::Program;
use crate::exporter::Exporter;
use crate::{dial, listener, plan};

#[test]
fn the_readme_lists_every_metric_of_the_page() {
    let (_listening, open) = listener();
    let exporter = Exporter::start(&plan(1, vec![dial(1, open)]));
    let program = Program::start(&exporter.flags());
    program.await_page("outcome=\"connected\"} 1");
    let mut families = readme::families(&program.page());
    // What all our programs have is in grpc-health's.
    families.retain(|name, _| name.starts_with("reach_agent_"));
    let table = Table {
        package: env!("CARGO_MANIFEST_DIR"),
        shown_as: "netpol",
        unseen: Some("here alone: for whoever looks at one agent"),
    };
    table.holds(&families);
}
