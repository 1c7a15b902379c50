//! The rooms put together: which task moves what from where to where.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use chassis::{About, Chassis, Row, Severity, Table};
use prometheus_client::registry::Registry;
use reach::{Evidence, Plan};
use tokio::sync::watch;

use crate::ask::{Exporter, keep_asking};
use crate::config::{CommandLine, Config};
use crate::dial::{Entrance, Sockets, keep_dialling};
use crate::learn::{self, Peers, keep_looking};
use crate::metrics::{self, ExchangeCounts};
use crate::report::{Latest, Results};

/// Who we are.
const ABOUT: About = About {
    name: "reach-agent",
    description: "Which of the calls that this pod has to make does the network really let through?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9606,
};

/// The whole program, from the command line to the exit code.
pub fn run() -> ExitCode {
    let line: CommandLine = chassis::parse(&ABOUT);
    chassis::run(&ABOUT, line.chassis, async |chassis| {
        let config = Config::try_from(line.agent)?;
        set_up(chassis, config)
    })
}

/// Nothing is awaited for readiness: a sidecar that is not ready takes its pod out of its Services, and no exporter that
/// is away may do that.
fn set_up(chassis: &mut Chassis, config: Config) -> anyhow::Result<()> {
    let results = Results::default();
    let exchanges = ExchangeCounts::default();
    let sockets = Arc::new(Sockets {
        from: config.from,
        entrance: config.enter.then(Entrance::open).transpose()?,
    });
    let peers = Peers::default();
    let (plans, planned) = watch::channel(Plan::default());
    let exporter = Exporter::open(config.exporter)?;
    let asking = keep_asking(
        exporter,
        config.agent,
        results.clone(),
        peers.clone(),
        plans,
        exchanges.clone(),
    );
    chassis.spawn("ask", never(asking));
    let dialling = keep_dialling(
        planned,
        sockets,
        config.allow,
        config.max_rate,
        results.clone(),
    );
    chassis.spawn("dial", never(dialling));
    let mut registry = Registry::default();
    metrics::register(&mut registry, &results, &peers, &exchanges);
    chassis.page().add("reach", registry)?;
    chassis.findings(move || table(&results.latest()));
    if config.learn {
        chassis.spawn("learn", never(keep_looking(learn::eyes(), peers.clone())));
        chassis.findings(move || dialled(&peers.all()));
    }
    Ok(())
}

/// A task that ends is a bug, and the chassis treats it as one.
async fn never(task: impl Future<Output = Infallible>) -> Result<(), Infallible> {
    match task.await {}
}

/// The plan as a person reads it, what is cut off first.
fn table(latest: &[Latest]) -> Table {
    let mut rows: Vec<Row> = latest.iter().map(row).collect();
    rows.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.cells.cmp(&b.cells))
    });
    let columns = ["from", "to", "address", "protocol", "kind", "last outcome"];
    Table {
        caption: "What this agent dials, and what came of it last".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        rows,
    }
}

/// Whom the application dials by itself.
fn dialled(peers: &[(SocketAddr, bool)]) -> Table {
    let rows = peers.iter().map(|(address, connected)| Row {
        severity: if *connected {
            Severity::Good
        } else {
            Severity::Warning
        },
        cells: vec![
            address.to_string(),
            if *connected {
                "connected"
            } else {
                "never came through"
            }
            .to_owned(),
        ],
    });
    Table {
        caption: "Whom the application in this pod was seen dialling over TCP".to_owned(),
        columns: ["address", "seen"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn row(latest: &Latest) -> Row {
    let dial = &latest.dial;
    let (severity, outcome) = match &latest.seen {
        None => (Severity::Info, "not dialled yet".to_owned()),
        Some((outcome, why)) => {
            let severity = match outcome.evidence(dial.protocol, dial.kind) {
                Evidence::Reached => Severity::Good,
                Evidence::Refused | Evidence::Nothing => Severity::Warning,
                Evidence::NotReached => Severity::Critical,
            };
            let why = why
                .as_ref()
                .map_or_else(String::new, |why| format!(": {why}"));
            (severity, format!("{}{why}", outcome.as_str()))
        }
    };
    let from = dial.from.as_ref().map(ToString::to_string);
    let (namespace, name) = (&dial.destination.namespace, &dial.destination.name);
    Row {
        severity,
        cells: vec![
            from.unwrap_or_else(|| "here".to_owned()),
            format!("{namespace}/{name}"),
            dial.address.to_string(),
            dial.protocol.as_str().to_owned(),
            dial.kind.as_str().to_owned(),
            outcome,
        ],
    }
}
