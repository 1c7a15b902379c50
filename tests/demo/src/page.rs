//! Prometheus' text format, 0.0.4, as far as a page without timestamps has it.

use std::borrow::Cow;

/// A scraped page: its samples, in their order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page<'a> {
    samples: Vec<Sample<'a>>,
}

/// A line of a page.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    pub(crate) name: &'a str,
    labels: Vec<(&'a str, Cow<'a, str>)>,
    pub(crate) value: f64,
}

/// A line that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number} of the page is no sample: {line}")]
pub(crate) struct PageError {
    number: usize,
    line: String,
}

impl<'a> Page<'a> {
    /// Reads a page; one line that cannot be read spoils it, as it does for Prometheus.
    pub(crate) fn parse(text: &'a str) -> Result<Self, PageError> {
        let mut samples = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            samples.push(sample(line).ok_or_else(|| PageError {
                number: index + 1,
                line: line.to_owned(),
            })?);
        }
        Ok(Self { samples })
    }

    /// All samples.
    pub(crate) fn samples(&self) -> &[Sample<'a>] {
        &self.samples
    }
}

impl Sample<'_> {
    /// A label's value; empty where there is none, which is the same to Prometheus.
    pub(crate) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(label, _)| *label == name);
        found.map_or("", |(_, value)| value)
    }
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' ', '\t'])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once('=')?;
            let (value, after) = quoted(after.trim_start())?;
            labels.push((label.trim(), value));
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.starts_with('}') => after,
                None => return None,
            };
        }
    }
    // A timestamp may follow; it is of no use here.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    (!name.is_empty() && name.bytes().all(valid)).then_some(Sample {
        name,
        labels,
        value,
    })
}

/// A quoted value and what comes after it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let special = rest.find(['"', '\\'])?;
        value += &rest[..special];
        let mut after = rest[special..].chars();
        if after.next()? == '"' {
            return Some((value, after.as_str()));
        }
        let escaped = match after.next()? {
            'n' => '\n',
            other => other,
        };
        value.to_mut().push(escaped);
        rest = after.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_escapes_and_special_numbers_are_read() {
        let page = Page::parse(
            "# HELP a b\na 1\nb_total{x=\"1\",y=\"a\\\"b\\\\c\\nd}\",} 2e3 1700\nc{le=\"+Inf\"} +Inf\n\nd{} NaN\n",
        )
        .unwrap();
        let [a, b, c, d] = page.samples() else {
            panic!("{page:?}");
        };
        assert_eq!((a.name, a.label("x")), ("a", ""));
        assert_eq!((b.label("x"), b.label("y")), ("1", "a\"b\\c\nd}"));
        assert!((b.value - 2000.0).abs() < f64::EPSILON);
        assert!(c.value.is_infinite() && d.value.is_nan());
    }

    #[test]
    fn a_line_that_is_no_sample_is_named() {
        for line in [
            "a",
            "a{x=1} 2",
            "a{x=\"1\" 2",
            "a{x=\"1\"y=\"2\"} 2",
            "a b",
            "{} 1",
            "ä 1",
        ] {
            let error = Page::parse(&format!("good 1\n{line}\n")).unwrap_err();
            assert_eq!(error.number, 2, "{line}");
            assert!(error.to_string().contains(line));
        }
    }
}
