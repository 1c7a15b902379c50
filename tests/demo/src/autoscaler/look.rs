//! What one scraped page says of the frontend's autoscaler.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::page::{Page, Sample};

/// A page, looked at. Numbers that are not on it are missing here, too.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Look {
    /// When it was scraped, from the start of the story.
    pub(super) at: Duration,
    pub(super) followed: Option<f64>,
    pub(super) wish: Option<f64>,
    pub(super) stabilized: Option<f64>,
    pub(super) decided: Option<f64>,
    pub(super) current: Option<f64>,
    /// What decided.
    pub(super) limiter: Option<String>,
    /// Of the target, in percent of the request.
    pub(super) usage: Option<f64>,
    /// Cut by the maximum.
    pub(super) unmet: Option<f64>,
    /// Kept by stabilization.
    pub(super) excess: Option<f64>,
    /// When the next replicas, and when all, are let go: seconds since the epoch.
    pub(super) next_release: Option<f64>,
    pub(super) last_release: Option<f64>,
    /// When the findings on the page were computed.
    pub(super) computed: Option<f64>,
    /// Whether all is known that the controller remembers, by kind.
    pub(super) history: BTreeMap<String, f64>,
    /// Comparisons with what the controller wrote, by result.
    pub(super) checks: BTreeMap<String, f64>,
    /// Replicas that the controller added and removed, by direction.
    pub(super) scaled: BTreeMap<String, f64>,
}

impl Look {
    /// Reads the figures off a page.
    pub(super) fn new(at: Duration, page: &Page<'_>) -> Self {
        let mut look = Self {
            at,
            ..Self::default()
        };
        for sample in page.samples() {
            look.take(sample);
        }
        look
    }

    fn take(&mut self, sample: &Sample<'_>) {
        let value = sample.value;
        let number = match sample.name {
            "hpa_decision_exporter_autoscalers" => &mut self.followed,
            "hpa_decision_exporter_findings_timestamp_seconds" => &mut self.computed,
            _ if sample.label("horizontalpodautoscaler") != "frontend" => return,
            "hpa_decision_wish_replicas" => &mut self.wish,
            "hpa_decision_stabilized_replicas" => &mut self.stabilized,
            "hpa_decision_final_replicas" => &mut self.decided,
            "hpa_decision_current_replicas" => &mut self.current,
            "hpa_decision_metric_usage" => &mut self.usage,
            "hpa_decision_excess_replicas" => &mut self.excess,
            "hpa_decision_unmet_replicas" if sample.label("limit") == "max" => &mut self.unmet,
            "hpa_decision_stabilization_next_release_timestamp_seconds"
                if sample.label("direction") == "down" =>
            {
                &mut self.next_release
            }
            "hpa_decision_stabilization_release_timestamp_seconds"
                if sample.label("direction") == "down" =>
            {
                &mut self.last_release
            }
            "hpa_decision_limiter" => {
                if sample.label("primary") == "true" {
                    self.limiter = Some(sample.label("limiter").to_owned());
                }
                return;
            }
            "hpa_decision_history_complete" => return keep(&mut self.history, sample, "kind"),
            "hpa_decision_checks_total" => return keep(&mut self.checks, sample, "result"),
            "hpa_decision_scaled_replicas_total" => {
                return keep(&mut self.scaled, sample, "direction");
            }
            _ => return,
        };
        *number = Some(value);
    }

    /// Whether these are the wish, what is decided, and why.
    pub(super) fn is(&self, wish: f64, decided: f64, limiter: &str) -> bool {
        let near = |number: Option<f64>, wanted: f64| {
            number.is_some_and(|number| (number - wanted).abs() < 1e-9)
        };
        near(self.wish, wish)
            && near(self.decided, decided)
            && self.limiter.as_deref() == Some(limiter)
    }

    pub(super) fn checked(&self, result: &str) -> f64 {
        self.checks.get(result).copied().unwrap_or_default()
    }

    /// A line for people.
    pub(super) fn told(&self) -> String {
        let Some(current) = self.current else {
            return "frontend has no autoscaler yet".to_owned();
        };
        let number =
            |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let limiter = match self.limiter.as_deref() {
            None | Some("none") => "nothing".to_owned(),
            Some("max_replicas") => format!("max_replicas ({} cut)", number(self.unmet)),
            Some(limiter) => match self.next_release.zip(self.computed) {
                Some((release, now)) if release > now => {
                    format!("{limiter}, for {:.0} s more", release - now)
                }
                _ => limiter.to_owned(),
            },
        };
        format!(
            "frontend's autoscaler: cpu {} % of 50 %, has {current}, wants {}, gets {}; limited by {limiter}",
            number(self.usage),
            number(self.wish),
            number(self.decided)
        )
    }
}

fn keep(map: &mut BTreeMap<String, f64>, sample: &Sample<'_>, label: &str) {
    map.insert(sample.label(label).to_owned(), sample.value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_figures_of_the_frontends_autoscaler_alone() {
        let own = r#"namespace="sre-demo",horizontalpodautoscaler="frontend""#;
        let text = format!(
            "hpa_decision_exporter_autoscalers 2\n\
             hpa_decision_wish_replicas{{{own}}} 8\n\
             hpa_decision_wish_replicas{{namespace=\"sre-demo\",horizontalpodautoscaler=\"other\"}} 3\n\
             hpa_decision_final_replicas{{{own}}} 5\n\
             hpa_decision_current_replicas{{{own}}} 5\n\
             hpa_decision_unmet_replicas{{{own},limit=\"rate\"}} 1\n\
             hpa_decision_unmet_replicas{{{own},limit=\"max\"}} 3\n\
             hpa_decision_limiter{{{own},limiter=\"tolerance\",primary=\"false\"}} 1\n\
             hpa_decision_limiter{{{own},limiter=\"max_replicas\",primary=\"true\"}} 1\n\
             hpa_decision_checks_total{{{own},result=\"match\"}} 4\n"
        );
        let look = Look::new(Duration::ZERO, &Page::parse(&text).unwrap());
        assert!(look.is(8.0, 5.0, "max_replicas"), "{look:?}");
        assert_eq!((look.unmet, look.checked("match")), (Some(3.0), 4.0));
        assert!(
            look.told().ends_with("limited by max_replicas (3 cut)"),
            "{}",
            look.told()
        );
    }
}
