//! A metrics page, as far as the tests read it.

use std::collections::{BTreeMap, BTreeSet};

/// Series by name and labels as written, with their values.
#[derive(Clone, Debug, Default)]
pub struct Page(BTreeMap<String, f64>);

impl Page {
    /// Reads the text format. Labels of ours have neither spaces nor quotes in them.
    pub fn parse(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let series = series.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(series.collect())
    }

    /// The series of this name that carry all of these labels.
    pub fn series<'page>(
        &'page self,
        name: &str,
        labels: &[(&str, &str)],
    ) -> impl Iterator<Item = (&'page str, f64)> {
        let carries = |series: &str, label: &str, value: &str| {
            let pair = format!("{label}=\"{value}\"");
            series.contains(&format!("{{{pair}")) || series.contains(&format!(",{pair}"))
        };
        self.0
            .iter()
            .filter(move |(series, _)| series.split('{').next() == Some(name))
            .filter(move |(series, _)| {
                labels
                    .iter()
                    .all(|(label, value)| carries(series, label, value))
            })
            .map(|(series, value)| (series.as_str(), *value))
    }

    /// What a label says in the series of this name.
    pub fn values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        let series = self.series(name, &[]);
        series
            .filter_map(|(series, _)| value(series, label))
            .collect()
    }

    /// Their sum; `None` when there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.series(name, labels)
            .map(|(_, value)| value)
            .reduce(|sum, value| sum + value)
    }

    /// Counters that are smaller here than on an earlier page.
    pub fn fallen_since<'page>(&'page self, earlier: &'page Self) -> Vec<&'page str> {
        let counters = self.0.iter().filter(|(name, _)| {
            name.split('{')
                .next()
                .is_some_and(|name| name.ends_with("_total"))
        });
        counters
            .filter(|(name, value)| earlier.0.get(*name).is_some_and(|before| before > value))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// What a label says in a series as it is written on a page.
pub fn value<'series>(series: &'series str, label: &str) -> Option<&'series str> {
    let start = format!("{label}=\"");
    let at = series.find(&format!("{{{start}"));
    let at = at.or_else(|| series.find(&format!(",{start}")))?;
    series[at + 1 + start.len()..].split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_name_and_labels() {
        let page = Page::parse(
            "# TYPE a counter\na_total{x=\"1\",y=\"2\"} 3\na_total{x=\"1\",y=\"3\"} 4\nb 5\n",
        );
        assert_eq!(page.sum("a_total", &[("x", "1")]), Some(7.0));
        assert_eq!(page.sum("a_total", &[("y", "3"), ("x", "1")]), Some(4.0));
        assert_eq!(page.sum("a_total", &[("y", "4")]), None);
        assert_eq!(page.sum("b", &[]), Some(5.0));
    }

    #[test]
    fn the_values_of_a_label_are_each_there_once() {
        let page = Page::parse("a{x=\"1\",y=\"2\"} 3\na{x=\"1\",y=\"3\"} 4\na{my=\"5\"} 5\n");
        assert_eq!(page.values("a", "x"), BTreeSet::from(["1"]));
        assert_eq!(page.values("a", "y"), BTreeSet::from(["2", "3"]));
    }

    #[test]
    fn a_counter_that_fell_is_named() {
        let page = |count| Page::parse(&format!("a_total {count}\nb {count}\n"));
        assert_eq!(page(1).fallen_since(&page(2)), ["a_total"]);
        assert!(page(2).fallen_since(&page(1)).is_empty());
    }
}
