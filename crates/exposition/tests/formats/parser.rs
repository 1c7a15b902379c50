//! A reader of the two text formats that shares nothing with their writers.

use std::collections::BTreeMap;

/// One family as a page has it.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Reads a whole page; panics on what the formats do not allow. OpenMetrics must end with `# EOF`, text has none.
pub(crate) fn parse(page: &str, open_metrics: bool) -> BTreeMap<String, Family> {
    let body = if open_metrics {
        page.strip_suffix("# EOF\n")
            .expect("OpenMetrics ends with # EOF")
    } else {
        page
    };
    assert!(
        body.is_empty() || body.ends_with('\n'),
        "the last line is whole"
    );
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').expect(line);
            let (name, text) = rest.split_once(' ').expect(line);
            if name != current {
                assert!(!families.contains_key(name), "{name} comes twice");
                name.clone_into(&mut current);
            }
            let family = families.entry(current.clone()).or_default();
            assert!(family.samples.is_empty(), "{line} behind samples");
            match keyword {
                "HELP" => family.help = unescape(text, open_metrics),
                "TYPE" => text.clone_into(&mut family.kind),
                "UNIT" if open_metrics => family.unit = Some(text.to_owned()),
                _ => panic!("{line}"),
            }
        } else {
            let sample = sample(line, open_metrics);
            let family = families.get_mut(&current).expect(line);
            let suffix = sample.name.strip_prefix(&current).expect(line);
            let allowed: &[&str] = match (family.kind.as_str(), open_metrics) {
                ("counter", true) => &["_total"],
                ("info", true) => &["_info"],
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                ("counter" | "gauge", _) | ("unknown", true) | ("untyped", false) => &[""],
                (kind, _) => panic!("{kind} is no type here: {line}"),
            };
            assert!(allowed.contains(&suffix), "{line} in a {}", family.kind);
            family.samples.push(sample);
        }
    }
    families
}

fn sample(line: &str, open_metrics: bool) -> Sample {
    let name_end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(name_end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        while !inside.starts_with('}') {
            let (key, value) = inside.split_once("=\"").expect(line);
            assert!(is_name(key), "{key} in {line}");
            let (value, behind) = quoted(value);
            assert!(
                labels.insert(key.to_owned(), value).is_none(),
                "{key} twice in {line}"
            );
            assert!(behind.starts_with([',', '}']), "{line}");
            inside = behind.strip_prefix(',').unwrap_or(behind);
        }
        rest = &inside[1..];
    }
    let mut value = rest.strip_prefix(' ').expect(line);
    if let Some((before, _exemplar)) = value.split_once(" # {") {
        assert!(open_metrics, "an exemplar: {line}");
        value = before;
    }
    assert!(!value.contains(' '), "a timestamp: {line}");
    Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().expect(line),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_' || first == b':')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

/// A value up to its closing quote, and what is behind it.
fn quoted(text: &str) -> (String, &str) {
    let mut escaped = false;
    let end = text
        .find(|character| {
            let closes = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            closes
        })
        .expect("a closing quote");
    (unescape(&text[..end], true), &text[end + 1..])
}

fn unescape(text: &str, quotes_too: bool) -> String {
    let mut read = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        read.push(match character {
            '\\' => match characters.next().expect("something behind a backslash") {
                'n' => '\n',
                '\\' => '\\',
                '"' if quotes_too => '"',
                other => panic!("\\{other} is no escape"),
            },
            '"' => {
                assert!(!quotes_too, "a quote without a backslash in {text}");
                '"'
            }
            other => other,
        });
    }
    read
}
