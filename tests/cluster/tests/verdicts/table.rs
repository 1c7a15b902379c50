//! The kubelet's deeds and the exporter's words, side by side.

use std::fmt::Write as _;

use super::episode::{Budget, Episode, Outcome};

/// One episode and what came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    episode: Episode,
    outcome: Outcome,
    /// It was wrong the first time.
    again: bool,
}

impl Row {
    pub(crate) fn new(episode: &Episode, outcome: Outcome) -> Self {
        Self {
            episode: *episode,
            outcome,
            again: false,
        }
    }

    pub(crate) fn episode(&self) -> Episode {
        self.episode
    }

    /// The exporter's bounds do not hold the kubelet's count, though nothing about it was open.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.agrees() && !self.episode.script.is_open()
    }

    fn agrees(&self) -> bool {
        (self.outcome.lower..=self.outcome.upper).contains(&self.outcome.observed)
    }
}

/// Puts what came of the second time in the place of what came of the first.
pub(crate) fn replace(rows: &mut [Row], second: Vec<Row>) {
    for new in second {
        let old = rows
            .iter_mut()
            .find(|row| row.episode.name() == new.episode.name());
        if let Some(old) = old {
            *old = Row { again: true, ..new };
        }
    }
}

/// The page for docs. `agreement`: the exporter's own count.
pub(crate) fn text(rows: &[Row], agreement: &str) -> String {
    let (open, closed): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.episode.script.is_open());
    let agreed = |rows: &[&Row]| rows.iter().filter(|row| row.agrees()).count();
    let again = rows.iter().filter(|row| row.again).count();
    let mut text = format!(
        "# Verdicts against the real kubelet\n\n\
        Written by `tests/cluster/tests/verdicts.rs` from {} episodes under Kubernetes 1.36.3's kubelet: {} of {} agree where the outcome does not\n\
        hang on the phase of the kubelet's tick or on single milliseconds, {again} of them at the second time; {} of {} where it does.\n\n\
        By the exporter's own count (`grpc_probe_kill_agreement_total`), where each kill has to be predicted within a period or so of the kubelet's: \
        {agreement}.\n\n\
        Liveness counts kills, readiness turns to unready. The budget is timeout, period (seconds) and failure threshold.\n\n\
        | probe | script | budget | kubelet | exporter | |\n|---|---|---|---|---|---|\n",
        rows.len(),
        agreed(&closed),
        closed.len(),
        agreed(&open),
        open.len(),
    );
    for row in rows {
        let Episode {
            budget:
                Budget {
                    timeout,
                    period,
                    threshold,
                },
            probe,
            script,
        } = row.episode();
        let Outcome {
            observed,
            lower,
            upper,
        } = row.outcome;
        let said = if (upper - lower).abs() < 0.5 {
            lower.to_string()
        } else {
            format!("{lower} to {upper}")
        };
        let verdict = match (row.agrees(), script.is_open()) {
            (true, _) if row.again => "agree, the second time",
            (true, _) => "agree",
            (false, true) => "differ: open",
            (false, false) => "**differ**",
        };
        let _ = writeln!(
            text,
            "| {probe:?} | {script:?} | {timeout}, {period}, {threshold} | {observed} | {said} | {verdict} |"
        );
    }
    text
}
