//! The families of a page in text 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// What a histogram's series have behind its name.
pub(crate) const ENDS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// A metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// Its type.
    pub kind: String,
    /// What it says, without the full stop.
    pub help: String,
    /// The names of its labels.
    pub labels: BTreeSet<String>,
}

impl Family {
    /// With these labels, whatever series there are.
    pub fn new(kind: &str, help: &str, labels: Vec<&str>) -> Self {
        Self {
            kind: kind.to_owned(),
            help: help.to_owned(),
            labels: labels.into_iter().map(str::to_owned).collect(),
        }
    }
}

/// Each family by its name. Labels are those of whatever series there are.
pub fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in page.lines() {
        let comment = |mark| {
            line.strip_prefix(mark)
                .and_then(|rest: &str| rest.split_once(' '))
        };
        if let Some((name, help)) = comment("# HELP ") {
            let family = families.entry(name.to_owned()).or_default();
            help.trim_end_matches('.').clone_into(&mut family.help);
        } else if let Some((name, kind)) = comment("# TYPE ") {
            kind.clone_into(&mut families.entry(name.to_owned()).or_default().kind);
        } else if let Some((name, rest)) = line.split_once('{') {
            let metric = ENDS.iter().find_map(|end| name.strip_suffix(end));
            let metric = metric
                .filter(|it| families.contains_key(*it))
                .unwrap_or(name);
            let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
            let names = labels.split(',').filter_map(|label| label.split_once('='));
            let names = names.map(|(name, _)| name).filter(|name| *name != "le");
            if let Some(family) = families.get_mut(metric) {
                family.labels.extend(names.map(str::to_owned));
            }
        }
    }
    // What is commented upon and has neither type nor series is no family.
    families.retain(|_, family| !family.kind.is_empty());
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_belong_to_their_family() {
        let found = families(
            "# HELP a_seconds How long.\n# TYPE a_seconds histogram\na_seconds_bucket{b=\"c\",le=\"1\"} 1\na_seconds_sum{b=\"c\"} 1\n\
             # HELP d How many\n# TYPE d gauge\nd 1\n",
        );
        let expected = [
            (
                "a_seconds".to_owned(),
                Family::new("histogram", "How long", vec!["b"]),
            ),
            ("d".to_owned(), Family::new("gauge", "How many", Vec::new())),
        ];
        assert_eq!(found, BTreeMap::from(expected));
    }
}
