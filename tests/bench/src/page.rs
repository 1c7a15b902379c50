//! What the bench reads off the exporter's page.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

use crate::http::Client;

/// How long an exporter may take to listen, or to find its targets. A busy machine is no finding.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

/// Sums over all series of each name, and buckets by their bound.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    sums: BTreeMap<String, f64>,
    buckets: BTreeMap<String, Vec<(f64, f64)>>,
}

impl Page {
    /// Scrapes only these families: with thousands of targets the whole page is tens of megabytes.
    pub(crate) async fn scrape(address: SocketAddr, families: &[&str]) -> anyhow::Result<Self> {
        let names: Vec<String> = families
            .iter()
            .map(|family| format!("name[]={family}"))
            .collect();
        let path = format!("/metrics?{}", names.join("&"));
        let answer = Client::connect(address).await?.get(&path, &[]).await?;
        ensure!(answer.status.is_success(), "{path}: {}", answer.status);
        Ok(Self::read(std::str::from_utf8(&answer.body)?))
    }

    /// Waits until the exporter probes so many targets.
    pub(crate) async fn await_targets(address: SocketAddr, count: usize) -> anyhow::Result<()> {
        const TARGETS: &str = "grpc_probe_exporter_targets";
        let until = Instant::now() + PATIENCE;
        loop {
            let seen = match Self::scrape(address, &[TARGETS]).await {
                Ok(page) => page.sum(TARGETS)?,
                // It does not listen yet.
                Err(_) => -1.0,
            };
            #[expect(clippy::cast_precision_loss, reason = "thousands")]
            if (seen - count as f64).abs() < 0.5 {
                return Ok(());
            }
            ensure!(
                Instant::now() < until,
                "the exporter has {seen} targets and not {count} (-1: it does not answer)"
            );
            sleep(POLL).await;
        }
    }

    fn read(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            *page.sums.entry(name.to_owned()).or_default() += value;
            if let (Some(family), Some(bound)) = (name.strip_suffix("_bucket"), bound(labels)) {
                let buckets = page.buckets.entry(family.to_owned()).or_default();
                match buckets
                    .iter_mut()
                    .find(|(known, _)| known.total_cmp(&bound).is_eq())
                {
                    Some((_, count)) => *count += value,
                    None => buckets.push((bound, value)),
                }
            }
        }
        page
    }

    /// The sum over all series of that name.
    pub(crate) fn sum(&self, name: &str) -> anyhow::Result<f64> {
        self.sums
            .get(name)
            .copied()
            .with_context(|| format!("{name} is not on the page"))
    }

    /// What a histogram got since an earlier page.
    pub(crate) fn since(&self, earlier: &Self, family: &str) -> anyhow::Result<Distribution> {
        let now = self
            .buckets
            .get(family)
            .with_context(|| format!("{family} has no buckets"))?;
        let before = earlier.buckets.get(family);
        let at = |bound: f64| {
            before
                .and_then(|buckets| {
                    buckets
                        .iter()
                        .find(|(known, _)| known.total_cmp(&bound).is_eq())
                })
                .map_or(0.0, |(_, count)| *count)
        };
        let mut cumulative: Vec<(f64, f64)> = now
            .iter()
            .map(|(bound, count)| (*bound, count - at(*bound)))
            .collect();
        cumulative.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Distribution(cumulative))
    }
}

fn bound(labels: &str) -> Option<f64> {
    let (_, rest) = labels.split_once("le=\"")?;
    rest.split_once('"')?.0.parse().ok()
}

/// Upper bounds and how many values are not above each.
#[derive(Clone, Debug)]
pub(crate) struct Distribution(Vec<(f64, f64)>);

impl Distribution {
    /// How many values.
    pub(crate) fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    /// The share of values up to a bound; exact where it is a bucket's.
    pub(crate) fn share_within(&self, bound: f64) -> f64 {
        let within = self.0.iter().rev().find(|(known, _)| *known <= bound);
        within.map_or(0.0, |(_, count)| count / self.count())
    }

    /// As `histogram_quantile` does it: linear within the bucket, and the last finite bound beyond.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let rank = share * self.count();
        let (mut lower, mut below) = (0.0, 0.0);
        for &(bound, count) in &self.0 {
            if count >= rank && count > below {
                return if bound.is_finite() {
                    lower + (bound - lower) * (rank - below) / (count - below)
                } else {
                    lower
                };
            }
            (lower, below) = (bound, count);
        }
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP x y\nx_bucket{le=\"0.1\"} 90\nx_bucket{le=\"0.2\"} 99\nx_bucket{le=\"+Inf\"} 100\n\
        x_count 100\ny{a=\"b c\"} 1\ny{a=\"d\"} 2\n";

    #[test]
    fn series_of_one_name_are_summed() {
        let page = Page::read(TEXT);
        assert!((page.sum("y").unwrap() - 3.0).abs() < f64::EPSILON);
        assert!(page.sum("z").is_err());
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let all = Page::read(TEXT).since(&Page::default(), "x").unwrap();
        assert!((all.quantile(0.45) - 0.05).abs() < 1e-9);
        assert!((all.quantile(0.99) - 0.2).abs() < 1e-9);
        assert!(
            (all.quantile(0.999) - 0.2).abs() < 1e-9,
            "the last finite bound"
        );
        assert!((all.share_within(0.1) - 0.9).abs() < 1e-9);
    }

    #[test]
    fn what_was_there_before_does_not_count() {
        let (before, after) = (Page::read(TEXT), Page::read(&TEXT.replace("100", "140")));
        let since = after.since(&before, "x").unwrap();
        assert!((since.count() - 40.0).abs() < f64::EPSILON);
        assert!(since.share_within(0.2).abs() < f64::EPSILON);
    }
}
