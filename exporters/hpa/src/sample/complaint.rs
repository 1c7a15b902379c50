//! What is wrong with answers of the metric APIs, in words.

use hpa_engine::{Answer, Quantity, Samples};

/// Of each API and metric what came instead of a measurement: a failure, an empty list, or less than nothing. The last is decided by all
/// the same, as the controller does.
pub fn complaints(samples: &Samples) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(answer) = &samples.resource {
        let problem = problem(answer, |usages| {
            let mut containers = usages
                .iter()
                .flat_map(|usage| usage.containers.iter().map(move |it| (usage, it)));
            containers.find_map(|(usage, container)| {
                let mut resources = container.usage.iter();
                let (name, below) = resources.find(|(_, quantity)| quantity.signum() < 0)?;
                let (pod, container) = (&usage.pod, &container.name);
                Some(format!(
                    "{} {below} of container {container} of pod {pod}",
                    name.as_str()
                ))
            })
        });
        found.extend(problem.map(|it| format!("metrics.k8s.io: {it}")));
    }
    for (metric, answer) in &samples.pods {
        let problem = problem(answer, |values| {
            let below = values.iter().find(|it| it.value.signum() < 0)?;
            Some(format!("{} of pod {}", below.value, below.pod))
        });
        found.extend(problem.map(|it| format!("custom.metrics.k8s.io {}: {it}", metric.name)));
    }
    for (metric, _, answer) in &samples.objects {
        let problem = match answer {
            Ok(value) => below_zero(value).map(|it| negative(&it)),
            Err(text) => Some(text.clone()),
        };
        found.extend(problem.map(|it| format!("custom.metrics.k8s.io {}: {it}", metric.name)));
    }
    for (metric, answer) in &samples.external {
        let problem = problem(answer, |values| values.iter().find_map(below_zero));
        found.extend(problem.map(|it| format!("external.metrics.k8s.io {}: {it}", metric.name)));
    }
    found
}

fn problem<T>(
    answer: &Answer<Vec<T>>,
    below: impl FnOnce(&[T]) -> Option<String>,
) -> Option<String> {
    match answer {
        Err(text) => Some(text.clone()),
        Ok(items) if items.is_empty() => Some("an empty list".to_owned()),
        Ok(items) => below(items).map(|it| negative(&it)),
    }
}

fn below_zero(quantity: &Quantity) -> Option<String> {
    (quantity.signum() < 0).then(|| quantity.to_string())
}

fn negative(what: &str) -> String {
    format!("a negative quantity: {what}")
}
