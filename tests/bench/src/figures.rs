//! What is printed.

use std::io::{self, Write as _};

/// Prints figures as they come.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Whether targets are held against them.
    judged: bool,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Figures {
    /// Without `judged`, a figure is only said to be there.
    pub(crate) const fn new(judged: bool) -> Self {
        Self { judged }
    }

    /// A line for whoever reads along.
    #[expect(clippy::unused_self, reason = "what prints is what was handed in")]
    pub(crate) fn note(&self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "# {text}")
    }

    /// A figure without a target: one of the peer's, or what explains another.
    pub(crate) fn plain(&self, name: &str, value: f64, unit: &str) -> io::Result<()> {
        self.print(name, value, unit, None)
    }

    /// A figure and its target.
    pub(crate) fn against(
        &self,
        name: &str,
        value: f64,
        unit: &str,
        target: Target,
    ) -> io::Result<()> {
        self.print(name, value, unit, Some(target))
    }

    fn print(&self, name: &str, value: f64, unit: &str, target: Option<Target>) -> io::Result<()> {
        let verdict = target.map_or_else(String::new, |target| target.verdict(value, self.judged));
        writeln!(
            io::stdout().lock(),
            "figure {name} {} {unit}{verdict}",
            rounded(value)
        )
    }
}

impl Target {
    fn verdict(self, value: f64, judged: bool) -> String {
        let (relation, bound, met) = match self {
            Self::AtMost(bound) => ("<=", bound, value <= bound),
            Self::AtLeast(bound) => (">=", bound, value >= bound),
        };
        let word = match (judged, met) {
            (false, _) => "not judged",
            (true, true) => "met",
            (true, false) => "MISSED",
        };
        format!("  (target {relation} {}: {word})", rounded(bound))
    }
}

/// Four significant digits, which is more than the machine's noise leaves.
fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm is small")]
    let magnitude = value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(3 - magnitude);
    let rounded = (value * scale).round() / scale;
    let decimals = usize::try_from(3 - magnitude).unwrap_or(0);
    let text = format!("{rounded:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// The middle one of several rounds; NaN of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => f64::NAN,
        (Some(upper), 0) => f64::midpoint(values[middle - 1], *upper),
        (Some(middle), _) => *middle,
    }
}

/// The value that this share of all does not exceed; NaN of none.
pub(crate) fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "as many values as fit in memory, and a share of them"
    )]
    let rank = (share * values.len() as f64).ceil() as usize;
    values
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_kept_whatever_the_size() {
        for (value, text) in [
            (0.000_123_456, "0.0001235"),
            (12.0, "12"),
            (12_345.6, "12350"),
            (-0.5, "-0.5"),
            (0.0, "0"),
            (1000.0, "1000"),
        ] {
            assert_eq!(rounded(value), text);
        }
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values = || (1..=200).map(f64::from).collect::<Vec<_>>();
        assert!((quantile(values(), 0.99) - 198.0).abs() < f64::EPSILON);
        assert!((quantile(values(), 1.0) - 200.0).abs() < f64::EPSILON);
        assert!((median(values()) - 100.5).abs() < f64::EPSILON);
        assert!(quantile(Vec::new(), 0.5).is_nan() && median(Vec::new()).is_nan());
    }

    #[test]
    fn a_target_that_was_missed_is_called_so() {
        assert!(Target::AtMost(1.0).verdict(2.0, true).contains("MISSED"));
        assert!(Target::AtLeast(1.0).verdict(2.0, true).contains("met"));
        assert!(!Target::AtMost(1.0).verdict(2.0, false).contains("MISSED"));
    }
}
