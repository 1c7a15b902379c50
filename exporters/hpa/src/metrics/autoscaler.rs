//! The series of each autoscaler.

use std::fmt::Result;
use std::sync::Arc;

use hpa_engine::{Direction, Limiter, Release};
use prometheus_client::encoding::DescriptorEncoder;

use super::{LabelSet, Series, flag, seconds, table, with};
use crate::decide::Finding;
use crate::decide::check::Verdict;
use crate::decide::findings::Direction as Way;

impl Finding {
    /// The labels of kube-state-metrics' `kube_horizontalpodautoscaler_*`.
    pub(super) fn labels(&self) -> LabelSet<'_> {
        vec![
            ("namespace", (&*self.key.namespace).into()),
            ("horizontalpodautoscaler", (&*self.key.name).into()),
        ]
    }
}

/// What is to be shown of an autoscaler, if anything.
type Number = fn(&Finding) -> Option<f64>;

const STAGES: [(&table::Family, Number); 6] = [
    (&table::WISH, |it| it.decision.wish.map(Into::into)),
    (&table::WISH_WITHOUT_TOLERANCE, |it| {
        Some(it.counterfactuals?.without_tolerance.wish.into())
    }),
    (&table::STABILIZED, |it| {
        Some(it.decision.stabilization?.replicas.into())
    }),
    (&table::RATE_LIMITED, |it| {
        it.decision.bounds.as_ref()?;
        Some(it.rated().into())
    }),
    (&table::FINAL, |it| {
        it.decision.scale.as_ref()?;
        Some(it.decision.desired.into())
    }),
    (&table::CURRENT, |it| {
        Some(it.decision.scale.as_ref()?.replicas.into())
    }),
];

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    each(encoder, &table::SAMPLE_AGE, findings, |it| {
        Some(seconds(it.decision.at) - seconds(it.sampled_at?))
    })?;
    for (family, number) in STAGES {
        each(encoder, family, findings, number)?;
    }
    cuts(encoder, findings)?;
    each(encoder, &table::EXCESS, findings, |it| {
        it.decision.wish?;
        Some(it.unmet().excess.into())
    })?;
    limiters(encoder, findings)?;
    stabilization(encoder, findings)?;
    policies(encoder, findings)?;
    tallies(encoder, findings)
}

fn each(
    encoder: &mut DescriptorEncoder<'_>,
    family: &table::Family,
    findings: &[Arc<Finding>],
    number: Number,
) -> Result {
    let mut series = Series::open(encoder, family)?;
    for finding in findings {
        if let Some(value) = number(finding) {
            series.gauge(&finding.labels(), value)?;
        }
    }
    Ok(())
}

fn cuts(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    let mut series = Series::open(encoder, &table::FINAL_BOUND)?;
    for finding in findings {
        if let Some((lower, upper)) = finding.history.bounds {
            series.gauge(&with(&finding.labels(), "bound", "lower"), lower.into())?;
            series.gauge(&with(&finding.labels(), "bound", "upper"), upper.into())?;
        }
    }
    let mut series = Series::open(encoder, &table::WITHOUT)?;
    for finding in findings {
        let Some(without) = &finding.counterfactuals else {
            continue;
        };
        for (rule, outcome) in [
            ("tolerance", without.without_tolerance),
            ("dampening", without.without_dampening),
            ("stabilization", without.without_stabilization),
            ("rate", without.without_rate),
            ("maximum", without.without_maximum),
        ] {
            let labels = with(&finding.labels(), "rule", rule);
            series.gauge(&labels, outcome.desired.into())?;
        }
    }
    let mut series = Series::open(encoder, &table::UNMET)?;
    for finding in findings {
        if finding.decision.wish.is_none() {
            continue;
        }
        let unmet = finding.unmet();
        for (limit, replicas) in [
            ("stabilization", unmet.stabilization),
            ("rate", unmet.rate),
            ("max", unmet.maximum),
        ] {
            let labels = with(&finding.labels(), "limit", limit);
            series.gauge(&labels, replicas.into())?;
        }
    }
    Ok(())
}

fn limiters(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    let mut series = Series::open(encoder, &table::LIMITER)?;
    for finding in findings {
        let limiters = &finding.limiters;
        let none = (limiters.primary == Limiter::None).then_some(Limiter::None);
        let mut seen = Vec::new();
        for limiter in limiters.all.iter().copied().chain(none) {
            if seen.contains(&limiter) {
                continue;
            }
            seen.push(limiter);
            let primary = if limiter == limiters.primary {
                "true"
            } else {
                "false"
            };
            let labels = with(&finding.labels(), "limiter", limiter.as_str());
            series.gauge(&with(&labels, "primary", primary), 1.0)?;
        }
    }
    Ok(())
}

fn stabilization(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    let mut series = Series::open(encoder, &table::TOLERANCE)?;
    for finding in findings {
        let tolerance = finding.decision.tolerance;
        for (direction, ratio) in [("down", tolerance.down), ("up", tolerance.up)] {
            series.gauge(&with(&finding.labels(), "direction", direction), ratio)?;
        }
    }
    let stabilized = || {
        findings
            .iter()
            .filter_map(|finding| Some((finding, finding.decision.stabilization?)))
    };
    let mut series = Series::open(encoder, &table::WINDOW)?;
    for (finding, stabilization) in stabilized() {
        let windows = [
            ("down", Some(stabilization.down_window)),
            ("up", stabilization.up_window),
        ];
        for (direction, window) in windows {
            if let Some(window) = window {
                let labels = with(&finding.labels(), "direction", direction);
                series.gauge(&labels, window.as_secs_f64())?;
            }
        }
    }
    let mut series = Series::open(encoder, &table::STABILIZATION_BOUND)?;
    for (finding, stabilization) in stabilized() {
        let bounds = [
            ("down", Some(stabilization.highest)),
            ("up", stabilization.lowest),
        ];
        for (direction, bound) in bounds {
            if let Some(bound) = bound {
                let labels = with(&finding.labels(), "direction", direction);
                series.gauge(&labels, bound.into())?;
            }
        }
    }
    let mut series = Series::open(encoder, &table::STABILIZATION_RELEASE)?;
    releases(&mut series, findings, <[_]>::last)?;
    let mut series = Series::open(encoder, &table::NEXT_RELEASE)?;
    releases(&mut series, findings, <[_]>::first)
}

fn releases(
    series: &mut Series<'_>,
    findings: &[Arc<Finding>],
    which: fn(&[Release]) -> Option<&Release>,
) -> Result {
    for finding in findings {
        let releases = &finding.releases;
        for (direction, steps) in [("down", &releases.down), ("up", &releases.up)] {
            if let Some(release) = which(steps) {
                let labels = with(&finding.labels(), "direction", direction);
                series.gauge(&labels, seconds(release.at))?;
            }
        }
    }
    Ok(())
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "up",
        Direction::Down => "down",
    }
}

fn policies(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    type Count = fn(&hpa_engine::PolicyLimit, Direction) -> i32;
    let counts: [(&table::Family, Count); 2] = [
        (&table::POLICY_LIMIT, |policy, _| policy.limit),
        (&table::POLICY_USED, |policy, direction| match direction {
            Direction::Up => policy.added,
            Direction::Down => policy.removed,
        }),
    ];
    for (family, count) in counts {
        let mut series = Series::open(encoder, family)?;
        for finding in findings {
            let bounds = finding.decision.bounds.as_ref();
            let Some(rate) = bounds.and_then(|bounds| bounds.rate.as_ref()) else {
                continue;
            };
            let Some(behavior) = &finding.autoscaler.spec.behavior else {
                continue;
            };
            let rules = match rate.direction {
                Direction::Up => &behavior.scale_up,
                Direction::Down => &behavior.scale_down,
            };
            for (index, (limit, policy)) in rate.policies.iter().zip(&rules.policies).enumerate() {
                let labels = with(&finding.labels(), "direction", word(rate.direction));
                let labels = with(&labels, "policy_index", index.to_string());
                let labels = with(&labels, "type", format!("{:?}", policy.kind));
                series.gauge(&labels, count(limit, rate.direction).into())?;
            }
        }
    }
    let mut series = Series::open(encoder, &table::RATE_RELEASE)?;
    for finding in findings {
        let bounds = finding.decision.bounds.as_ref();
        let rate = bounds.and_then(|bounds| bounds.rate.as_ref());
        if let Some((at, rate)) = finding.releases.rate.zip(rate) {
            let labels = with(&finding.labels(), "direction", word(rate.direction));
            series.gauge(&labels, seconds(at))?;
        }
    }
    Ok(())
}

fn tallies(encoder: &mut DescriptorEncoder<'_>, findings: &[Arc<Finding>]) -> Result {
    let mut series = Series::open(encoder, &table::SCALE_EVENTS)?;
    for finding in findings {
        for ((direction, limiter), count) in &finding.tally.scaled {
            let labels = with(&finding.labels(), "direction", direction.as_str());
            series.count(&with(&labels, "limiter", limiter), *count)?;
        }
    }
    let mut series = Series::open(encoder, &table::SCALED)?;
    for finding in findings {
        for (direction, replicas) in [Way::Up, Way::Down].iter().zip(finding.tally.replicas) {
            let labels = with(&finding.labels(), "direction", direction.as_str());
            series.count(&labels, replicas)?;
        }
    }
    let mut series = Series::open(encoder, &table::EXTERNAL_SCALE)?;
    for finding in findings {
        series.count(&finding.labels(), finding.tally.external)?;
    }
    let mut series = Series::open(encoder, &table::CHECKS)?;
    for finding in findings {
        for (verdict, count) in Verdict::ALL.iter().zip(finding.tally.checks) {
            let labels = with(&finding.labels(), "result", verdict.as_str());
            series.count(&labels, count)?;
        }
    }
    each(encoder, &table::AGREEMENT, findings, |it| {
        it.tally.agreement.map(flag)
    })?;
    let mut series = Series::open(encoder, &table::HISTORY)?;
    for finding in findings {
        let history = finding.history;
        for (kind, complete) in [
            ("recommendations", history.recommendations),
            ("scale_events", history.scale_events),
        ] {
            series.gauge(&with(&finding.labels(), "kind", kind), flag(complete))?;
        }
    }
    let mut series = Series::open(encoder, &table::SPEC_PROBLEM)?;
    for finding in findings {
        let mut fields: Vec<&str> = finding.problems.iter().map(|it| &*it.field).collect();
        fields.dedup();
        for field in fields {
            series.gauge(&with(&finding.labels(), "field", field), 1.0)?;
        }
    }
    each(encoder, &table::LAST_SYNC, findings, |it| {
        it.last_sync.map(seconds)
    })
}
