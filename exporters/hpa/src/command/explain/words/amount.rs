//! What a metric is at, as a person reads it: `--json` has the exact figure.

use hpa_engine::{Measure, MetricSource, ResourceName};

/// `apimachinery`'s binary suffixes, largest first.
const BINARY: [(&str, f64); 4] = [
    ("Ti", 1_099_511_627_776.0),
    ("Gi", 1_073_741_824.0),
    ("Mi", 1_048_576.0),
    ("Ki", 1024.0),
];

/// In percent, or in the metric's own unit: memory by the suffix that it is written with in a manifest.
pub(super) fn of(measure: Measure, source: &MetricSource, number: f64) -> String {
    if measure == Measure::Utilization {
        return format!("{number} %");
    }
    let suffix = BINARY
        .iter()
        .find(|(_, size)| is_memory(source) && number >= *size);
    match suffix {
        Some((suffix, size)) => format!("{}{suffix}", rounded(number / size, 1)),
        // A thousandth is the least that a quantity of the controller's can tell.
        None => rounded(number, 3),
    }
}

fn is_memory(source: &MetricSource) -> bool {
    let (MetricSource::Resource { name } | MetricSource::ContainerResource { name, .. }) = source
    else {
        return false;
    };
    *name == ResourceName::Memory
}

/// Without the zeros that say nothing.
fn rounded(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use hpa_engine::MetricIdentifier;

    use super::*;

    #[test]
    fn an_amount_is_told_in_the_unit_of_its_manifest() {
        let memory = MetricSource::Resource {
            name: ResourceName::Memory,
        };
        let queue = MetricSource::External {
            metric: MetricIdentifier {
                name: "queue".into(),
                selector: None,
            },
        };
        for (measure, source, number, told) in [
            (Measure::Utilization, &memory, 100.0, "100 %"),
            (Measure::PodAverage, &memory, 26_214_400.0, "25Mi"),
            // The edge of a tolerance is told to a thousandth of a byte.
            (Measure::PodAverage, &memory, 94_371_839.999, "90Mi"),
            (Measure::PodAverage, &memory, 1_610_612_736.0, "1.5Gi"),
            (Measure::PodAverage, &memory, 1000.0, "1000"),
            (Measure::PodAverage, &memory, 0.0, "0"),
            (Measure::Total, &queue, 26_214_400.0, "26214400"),
            (Measure::ReplicaAverage, &queue, 100.0 / 3.0, "33.333"),
            (Measure::Total, &queue, 0.044, "0.044"),
        ] {
            assert_eq!(of(measure, source, number), told);
        }
    }
}
