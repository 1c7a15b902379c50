//! The names of families: which sample names a family occupies, which are taken, which were asked for.

use std::collections::HashSet;

/// What a family is, as far as its sample names depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Histogram,
    Info,
    /// Gauges and unknowns: the sample has the family's name.
    Plain,
}

/// The names taken on one page: a second family of the same name would make the page ambiguous.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    settled: HashSet<String>,
    pending: HashSet<String>,
}

/// The `name[]` filter of a request; without names everything is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'n>(pub(crate) &'n [String]);

impl Kind {
    /// From the word of an OpenMetrics `# TYPE` line.
    pub(crate) fn from_open_metrics(word: &str) -> Self {
        match word {
            "counter" => Self::Counter,
            "histogram" => Self::Histogram,
            "info" => Self::Info,
            _ => Self::Plain,
        }
    }

    /// What follows the family's name in the names of its samples.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total"],
            Self::Histogram => &["_bucket", "_sum", "_count"],
            Self::Info => &["_info"],
            Self::Plain => &[],
        }
    }

    /// The family's name and those of its samples.
    fn names(self, family: &str) -> impl Iterator<Item = String> {
        std::iter::once(family.to_owned()).chain(
            self.suffixes()
                .iter()
                .map(move |suffix| format!("{family}{suffix}")),
        )
    }
}

impl Claims {
    /// Takes the names of a family; the name that was taken before, if one was.
    pub(crate) fn claim(&mut self, family: &str, kind: Kind) -> Result<(), String> {
        let names: Vec<String> = kind.names(family).collect();
        if let Some(taken) = names
            .iter()
            .find(|name| self.settled.contains(*name) || self.pending.contains(*name))
        {
            return Err(taken.clone());
        }
        self.pending.extend(names);
        Ok(())
    }

    /// Keeps what was claimed since the last call of either.
    pub(crate) fn settle(&mut self) {
        self.settled.extend(self.pending.drain());
    }

    /// Forgets what was claimed since the last call of either.
    pub(crate) fn forget(&mut self) {
        self.pending.clear();
    }
}

impl Filter<'_> {
    /// Whether the family was asked for, by its own name or by that of one of its samples.
    pub(crate) fn wants(self, family: &str, kind: Kind) -> bool {
        let asked = |name: &str| {
            name.strip_prefix(family)
                .is_some_and(|suffix| suffix.is_empty() || kind.suffixes().contains(&suffix))
        };
        self.0.is_empty() || self.0.iter().any(|name| asked(name))
    }
}
