//! A file's text as documents, each with the line on which it begins.

use serde_json::Value;

/// One document, or why it is none. Lines count from 1.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) line: u64,
    pub(super) value: Result<Value, Broken>,
}

/// Text that is neither YAML nor JSON.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) message: String,
}

/// JSON has its own reader: it is quicker, and stricter about what JSON is.
pub(super) fn from_json(text: &str) -> Vec<Document> {
    let text = text.trim_start_matches('\u{feff}');
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut documents = Vec::new();
    loop {
        let rest = &text[values.byte_offset()..];
        let blank = rest.len() - rest.trim_start().len();
        let line = line_at(text, values.byte_offset() + blank);
        let value = match values.next() {
            None => return documents,
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(Broken {
                line: u64::try_from(error.line()).unwrap_or(line),
                message: error.to_string(),
            }),
        };
        // What follows broken JSON cannot be told from what is broken.
        let broken = value.is_err();
        documents.push(Document { line, value });
        if broken {
            return documents;
        }
    }
}

/// YAML, cut at the lines that begin with `---` before it is parsed.
///
/// YAML 1.2 forbids such a line within any scalar (9.1.2, `c-forbidden`), so the cut is exact, and a
/// broken document costs none of its neighbours.
pub(super) fn from_yaml(text: &str) -> Vec<Document> {
    let text = text.trim_start_matches('\u{feff}');
    let mut documents = Vec::new();
    let (mut start, mut first_line) = (0, 1);
    let (mut offset, mut line_number) = (0, 0);
    for line in text.split_inclusive('\n') {
        line_number += 1;
        if is_marker(line) && offset > start {
            documents.extend(document(&text[start..offset], first_line));
            (start, first_line) = (offset, line_number);
        }
        offset += line.len();
    }
    documents.extend(document(&text[start..], first_line));
    documents
}

fn document(text: &str, first_line: u64) -> Option<Document> {
    // Where the content begins, behind comments, directives and the marker itself.
    let blank = text
        .lines()
        .take_while(|line| is_marker_alone(line) || is_blank(line))
        .count();
    if blank == text.lines().count() {
        return None;
    }
    let line = first_line + u64::try_from(blank).unwrap_or_default();
    let value = serde_saphyr::from_str_with_options(text, options()).map_err(|error| Broken {
        line: error
            .location()
            .map_or(line, |location| first_line + location.line().max(1) - 1),
        message: error.without_snippet().to_string(),
    });
    Some(Document { line, value })
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn is_marker_alone(line: &str) -> bool {
    is_marker(line) && is_blank(&line[3..])
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', '%']) || line == "..."
}

fn line_at(text: &str, offset: usize) -> u64 {
    let before = text.as_bytes().iter().take(offset);
    1 + before
        .filter(|byte| **byte == b'\n')
        .fold(0, |lines, _| lines + 1)
}

/// Strict about keys given twice, tight about aliases (a bomb is made of them), and wide enough for
/// `kubectl get pods --all-namespaces --output yaml` of a large cluster, which has neither.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 64 << 20,
            max_nodes: 32 << 20,
            max_aliases: 10_000,
            max_anchors: 10_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 1 << 20,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 10_000,
        },
        // `mode: 0644` is what it is for the API server's own reader.
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
    }
}
