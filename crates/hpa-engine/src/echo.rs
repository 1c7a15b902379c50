//! From a status back to samples that give the same first pass: how a sync is followed without asking the metric APIs again.
//!
//! A status tells each metric's number as the first pass came to it: the whole percentage and the average over the pods that
//! count, or a total. Samples that come to the same numbers lead to the same first ratio. What no status tells is which pods
//! had a metric at all: that is the caller's [`Assumption`].

use crate::decide::Controller;
use crate::group::{Groups, PodMetric, PodMetrics};
use crate::moment::Moment;
use crate::pod::{Phase, Pod};
use crate::quantity::{Format, Quantity};
use crate::requests::requests;
use crate::resource::ResourceName;
use crate::sample::{ContainerUsage, PodUsage, PodValue, Samples};
use crate::scale::Scale;
use crate::spec::{Autoscaler, MetricSource, MetricSpec};
use crate::status::{Current, MetricStatus, Status};

/// Which pods told a number when the controller asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumption {
    /// So many of the pods that started last had no metric yet.
    pub without: usize,
    /// Of the others, so many of the last had one from before they were ready.
    pub early: usize,
}

/// Samples made from a status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Echo {
    /// The samples.
    pub samples: Samples,
    /// Metrics, by their place in the spec, whose percentage and average no usage of these pods comes to: the controller saw
    /// other pods, or other requests.
    pub contradictions: Vec<usize>,
    /// Metrics whose total the status does not tell: an average over no replicas.
    pub untold: Vec<usize>,
}

/// The text of a failure that the status tells nothing more about.
const UNTOLD: &str = "the status has no number of it";

impl Controller {
    /// Samples that lead to the numbers in `status`, over these pods, at that time.
    pub fn echo(
        &self,
        autoscaler: &Autoscaler,
        status: &Status,
        scale: &Scale,
        pods: &[&Pod],
        assumption: Assumption,
        now: Moment,
    ) -> Echo {
        let mut told = Told::new(self, scale, pods, assumption, now);
        for (index, spec) in autoscaler.spec.metrics.iter().enumerate() {
            let line = status.current_metrics.get(index);
            told.tell(index, spec, line.filter(|line| line.source.is_some()));
        }
        told.finish(autoscaler)
    }
}

/// An echo in the making.
struct Told<'a> {
    controller: &'a Controller,
    scale: &'a Scale,
    pods: &'a [&'a Pod],
    /// Those that told a number, and from when it is.
    telling: Vec<(&'a Pod, Moment)>,
    now: Moment,
    usages: Vec<Usage<'a>>,
    echo: Echo,
}

/// What the pods use of a resource, or one container of each.
struct Usage<'a> {
    resource: &'a ResourceName,
    container: Option<&'a str>,
    /// Thousandths, for each telling pod.
    by_pod: Vec<Option<i64>>,
}

impl<'a> Told<'a> {
    fn new(
        controller: &'a Controller,
        scale: &'a Scale,
        pods: &'a [&'a Pod],
        assumption: Assumption,
        now: Moment,
    ) -> Self {
        let mut telling: Vec<&Pod> = pods.iter().copied().filter(|pod| may_tell(pod)).collect();
        telling.sort_by_key(|pod| pod.start_time);
        telling.truncate(telling.len().saturating_sub(assumption.without));
        let on_time = telling.len().saturating_sub(assumption.early);
        let telling = telling.into_iter().enumerate();
        Self {
            controller,
            scale,
            pods,
            telling: telling
                .map(|(place, pod)| (pod, if place < on_time { now } else { Moment::ZERO }))
                .collect(),
            now,
            usages: Vec::new(),
            echo: Echo::default(),
        }
    }

    fn tell(&mut self, index: usize, spec: &'a MetricSpec, line: Option<&MetricStatus>) {
        let current = line.map(|line| &line.current);
        match &spec.source {
            MetricSource::Resource { name } => self.resource(index, spec, name, None, current),
            MetricSource::ContainerResource { name, container } => {
                self.resource(index, spec, name, Some(container), current);
            }
            MetricSource::Pods { metric } => {
                let average = current.and_then(|current| current.average_value.as_ref());
                let answer = average.ok_or_else(|| UNTOLD.to_owned()).map(|average| {
                    let value = |(pod, _): &(&Pod, Moment)| PodValue {
                        pod: pod.name.clone(),
                        value: average.clone(),
                    };
                    self.telling.iter().map(value).collect()
                });
                self.echo.samples.pods.push((metric.clone(), answer));
            }
            MetricSource::Object { metric, described } => {
                let answer = self.total(index, current);
                let samples = &mut self.echo.samples;
                samples
                    .objects
                    .push((metric.clone(), described.clone(), answer));
            }
            MetricSource::External { metric } => {
                let answer = self.total(index, current).map(|total| vec![total]);
                self.echo.samples.external.push((metric.clone(), answer));
            }
            MetricSource::Unknown { .. } => {}
        }
    }

    /// A total, or the roundest one that leads to an average.
    fn total(&mut self, index: usize, current: Option<&Current>) -> Result<Quantity, String> {
        let current = current.ok_or_else(|| UNTOLD.to_owned())?;
        if let Some(value) = &current.value {
            return Ok(value.clone());
        }
        let average = current.average_value.as_ref();
        let average = average.ok_or_else(|| UNTOLD.to_owned())?;
        let average = average.milli(self.controller.profile.architecture);
        let replicas = i64::from(self.scale.reported_replicas);
        if replicas <= 0 {
            self.echo.untold.push(index);
            return Err(UNTOLD.to_owned());
        }
        // The average is rounded up, so the total lies above the one of an average that is one thousandth less.
        let highest = average.saturating_mul(replicas);
        let lowest = highest.saturating_sub(replicas).saturating_add(1);
        Ok(Quantity::from_milli(
            roundest(lowest, highest),
            Format::DecimalSi,
        ))
    }

    fn resource(
        &mut self,
        index: usize,
        spec: &'a MetricSpec,
        name: &'a ResourceName,
        container: Option<&'a str>,
        current: Option<&Current>,
    ) {
        let by_pod = match current {
            None => vec![None; self.telling.len()],
            Some(current) => {
                let usage = self.usage(index, spec, name, container, current);
                self.telling
                    .iter()
                    .zip(usage)
                    .map(|((pod, _), usage)| {
                        let has = container.is_none_or(|wanted| {
                            pod.running_containers().any(|it| *it.name == *wanted)
                        });
                        has.then_some(usage)
                    })
                    .collect()
            }
        };
        let usage = Usage {
            resource: name,
            container,
            by_pod,
        };
        let same = |it: &&mut Usage<'_>| it.resource == name && it.container == container;
        match self.usages.iter_mut().find(same) {
            None => self.usages.push(usage),
            // Of two metrics of one usage, a percentage tells more of it than an average.
            Some(known) if spec.target.average_value.is_none() => *known = usage,
            Some(_) => {}
        }
    }

    /// What each telling pod used. Only the sum over those that count matters, and it goes to the first of them.
    fn usage(
        &mut self,
        index: usize,
        spec: &MetricSpec,
        name: &ResourceName,
        container: Option<&str>,
        current: &Current,
    ) -> Vec<i64> {
        let architecture = self.controller.profile.architecture;
        let average = current
            .average_value
            .as_ref()
            .map_or(0, |average| average.milli(architecture));
        let mut usage = vec![average; self.telling.len()];
        let percent = current.average_utilization;
        let Some(percent) = percent.filter(|_| spec.target.average_value.is_none()) else {
            return usage;
        };
        let counted = self.counted(*name == ResourceName::Cpu);
        let Some(first) = counted.first() else {
            return usage;
        };
        let Ok(requests) = requests(self.pods, container, name, &self.controller.profile) else {
            return usage;
        };
        let requested = counted
            .iter()
            .map(|place| requests.get(&*self.telling[*place].0.name).copied())
            .map(|request| i128::from(request.unwrap_or(0)))
            .sum();
        let count = counted.len();
        match sum(average, percent, count, requested) {
            Sum::Of(sum) => {
                let others = average.saturating_mul(i64::try_from(count - 1).unwrap_or(i64::MAX));
                usage[*first] = sum.saturating_sub(others);
            }
            Sum::Contradiction(sum) => {
                self.echo.contradictions.push(index);
                for place in &counted {
                    usage[*place] = 0;
                }
                usage[*first] = sum;
            }
        }
        usage
    }

    /// The places of telling pods that the first pass counts.
    fn counted(&self, cpu: bool) -> Vec<usize> {
        let mut metrics: PodMetrics<'_> = self
            .telling
            .iter()
            .map(|(pod, timestamp)| {
                let metric = PodMetric {
                    timestamp: *timestamp,
                    ..PodMetric::stand_in(0)
                };
                (&*pod.name, metric)
            })
            .collect();
        let settings = &self.controller.settings;
        let groups = Groups::of(self.pods, &metrics, cpu, settings, self.now);
        groups.remove_uncounted(&mut metrics);
        let places = self.telling.iter().enumerate();
        places
            .filter(|(_, (pod, _))| metrics.contains_key(&*pod.name))
            .map(|(place, _)| place)
            .collect()
    }

    fn finish(mut self, autoscaler: &Autoscaler) -> Echo {
        if self.usages.is_empty() {
            return self.echo;
        }
        let pods = self.telling.iter().enumerate();
        let pods = pods.map(|(place, (pod, timestamp))| PodUsage {
            pod: pod.name.clone(),
            namespace: autoscaler.namespace.as_str().into(),
            timestamp: *timestamp,
            window: std::time::Duration::ZERO,
            containers: containers(&self.usages, place),
        });
        self.echo.samples.resource = Some(Ok(pods.collect()));
        self.echo
    }
}

/// A pod's containers such that each that is asked for by name has its own usage, and all together have the pod's. A pod
/// whose listed containers do not all have a resource has none of it, so that each has each.
fn containers(usages: &[Usage<'_>], place: usize) -> Box<[ContainerUsage]> {
    let mut named: Vec<&str> = usages.iter().filter_map(|it| it.container).collect();
    named.sort_unstable();
    named.dedup();
    let quantity = |name: &ResourceName, milli| {
        let quantity = Quantity::from_milli(milli, Format::DecimalSi);
        (name.clone(), quantity)
    };
    let whole = || usages.iter().filter(|it| it.container.is_none());
    let rest = whole().filter_map(|pod| {
        let parts = usages
            .iter()
            .filter(|it| it.resource == pod.resource && it.container.is_some());
        let elsewhere: i64 = parts.filter_map(|it| it.by_pod[place]).sum();
        let rest = pod.by_pod[place]?.saturating_sub(elsewhere);
        Some(quantity(pod.resource, rest))
    });
    let rest = ContainerUsage {
        name: "".into(),
        usage: rest.collect(),
    };
    let named = named.iter().filter(|container| {
        let mut own = usages.iter().filter(|it| it.container == Some(**container));
        own.any(|it| it.by_pod[place].is_some())
    });
    let named = named.map(|container| {
        let nothing = whole()
            .filter(|it| it.by_pod[place].is_some())
            .map(|it| quantity(it.resource, 0));
        let own = usages
            .iter()
            .filter(|it| it.container == Some(*container))
            .filter_map(|it| Some(quantity(it.resource, it.by_pod[place]?)));
        ContainerUsage {
            name: (*container).into(),
            usage: nothing.chain(own).collect(),
        }
    });
    std::iter::once(rest).chain(named).collect()
}

/// Whether a pod's metric could count: those of the others are thrown away or were never there.
fn may_tell(pod: &Pod) -> bool {
    !pod.deleting && matches!(pod.phase, Phase::Running | Phase::Unknown)
}

/// A sum over pods, found again.
#[derive(Debug, PartialEq, Eq)]
enum Sum {
    /// It leads to both the average and the percentage.
    Of(i64),
    /// It leads to the percentage, which decides, but not to the average.
    Contradiction(i64),
}

/// The sum whose average over `count`, cut, is `average`, and whose share of `requested`, cut, is `percent`.
fn sum(average: i64, percent: i32, count: usize, requested: i128) -> Sum {
    let (average, percent) = (i128::from(average), i128::from(percent));
    let count = i128::try_from(count).unwrap_or(i128::MAX);
    let by_average = average.saturating_mul(count);
    let least = ((percent * requested) + 99).div_euclid(100);
    let most = (((percent + 1) * requested) + 99).div_euclid(100) - 1;
    let lowest = by_average.max(least);
    let highest = by_average.saturating_add(count - 1).min(most);
    let narrowed = |sum: i128| i64::try_from(sum).unwrap_or(i64::MAX);
    if lowest <= highest {
        Sum::Of(narrowed(lowest))
    } else {
        Sum::Contradiction(narrowed(least))
    }
}

/// The number between two that ends in the most zeros: totals are counts more often than not.
fn roundest(lowest: i64, highest: i64) -> i64 {
    for step in [1_000_000, 100_000, 10_000, 1000, 100, 10] {
        let candidate = highest.div_euclid(step) * step;
        if candidate >= lowest {
            return candidate;
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_found_that_leads_to_both_numbers() {
        // 199m over four pods that request 100m each: 49m on average, 49 %.
        assert_eq!(sum(49, 49, 4, 400), Sum::Of(196));
        // 16m of three that request 5m: the cut average alone would say 100 %.
        assert_eq!(sum(5, 106, 3, 15), Sum::Of(16));
        assert_eq!(sum(49, 80, 4, 400), Sum::Contradiction(320));
    }

    #[test]
    fn of_the_totals_that_lead_to_an_average_the_roundest_is_taken() {
        // A hundred over three replicas is 33334m, rounded up.
        assert_eq!(roundest(100_000, 100_002), 100_000);
        assert_eq!(roundest(100_001, 100_003), 100_003);
    }
}
