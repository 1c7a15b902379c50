//! What a page of netpol-exporter says of the required flows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result};
use cluster_tests::page::{Page, value};

/// Required flows, as `frontend -> cartservice:7070/TCP`.
pub(crate) type Edges = BTreeSet<String>;

/// Names of edges beyond this many are not printed.
const FEW: usize = 4;

/// What a page says.
#[derive(Debug, Default)]
pub(crate) struct Look {
    states: BTreeMap<String, Edges>,
    /// Whether agents got through.
    observed: BTreeMap<bool, Edges>,
}

impl Look {
    pub(crate) fn at(page: &Page) -> Result<Self> {
        let mut look = Self::default();
        for (series, on) in page.series("netpol_required_flow_state", &[]) {
            if on > 0.5 {
                let state = value(series, "state").context("a state")?.to_owned();
                let edges = look.states.entry(state).or_default();
                edges.insert(edge(|label| value(series, label))?);
            }
        }
        for (series, through) in page.series("netpol_required_flow_observed", &[]) {
            let edges = look.observed.entry(through > 0.5).or_default();
            edges.insert(edge(|label| value(series, label))?);
        }
        Ok(look)
    }

    pub(crate) fn in_state(&self, state: &str) -> Edges {
        self.states.get(state).cloned().unwrap_or_default()
    }

    pub(crate) fn observed(&self, through: bool) -> Edges {
        self.observed.get(&through).cloned().unwrap_or_default()
    }
}

/// An edge, by its labels.
pub(crate) fn edge<'labels>(of: impl Fn(&str) -> Option<&'labels str>) -> Result<String> {
    let part = |label| of(label).with_context(|| format!("no {label}"));
    Ok(format!(
        "{} -> {}:{}/{}",
        part("source_workload")?,
        part("destination_name")?,
        part("port")?,
        part("protocol")?
    ))
}

impl fmt::Display for Look {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (state, edges) in &self.states {
            write!(formatter, "{} {state}", edges.len())?;
            if edges.len() <= FEW {
                write!(formatter, " {edges:?}")?;
            }
            formatter.write_str(", ")?;
        }
        let seen = |through| self.observed(through).len();
        write!(
            formatter,
            "seen {} open and {} shut",
            seen(true),
            seen(false)
        )
    }
}
