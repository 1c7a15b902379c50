//! A file's text as documents, each with the line on which it begins.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// One document, or why it is none. Lines count from 1.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) line: u64,
    pub(super) value: Result<Value, Broken>,
    /// Of a list in JSON: its items, which the value then is without. Read one at a time, a thousand pods take no more memory than
    /// one of them, and leave no holes between what is kept of each.
    pub(super) items: Vec<Item<'a>>,
}

/// An item of a list that is only known to be JSON.
#[derive(Debug)]
pub(super) struct Item<'a>(&'a RawValue);

/// What an item says that it is.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
}

/// A list, as far as it is read at once.
#[derive(Deserialize)]
struct Head<'a> {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// Text that is neither YAML nor JSON.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) message: String,
}

/// A file's documents, read as what its name says.
pub(super) fn of<'a>(path: &Path, text: &'a str) -> Vec<Document<'a>> {
    let is_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_json {
        from_json(text)
    } else {
        from_yaml(text)
    }
}

/// JSON has its own reader: it is quicker, and stricter about what JSON is.
pub(super) fn from_json(text: &str) -> Vec<Document<'_>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut documents = Vec::new();
    loop {
        let rest = &text[values.byte_offset()..];
        let blank = rest.len() - rest.trim_start().len();
        let line = line_at(text, values.byte_offset() + blank);
        let value = match values.next() {
            None => return documents,
            Some(Ok(text)) => Ok(text),
            Some(Err(error)) => Err(Broken {
                line: u64::try_from(error.line()).unwrap_or(line),
                message: error.to_string(),
            }),
        };
        // What follows broken JSON cannot be told from what is broken.
        let broken = value.is_err();
        let (value, items) = match value {
            Ok(text) => opened(text, line),
            Err(broken) => (Err(broken), Vec::new()),
        };
        documents.push(Document { line, value, items });
        if broken {
            return documents;
        }
    }
}

/// A value of JSON, or a list's head and its items.
fn opened(text: &RawValue, line: u64) -> (Result<Value, Broken>, Vec<Item<'_>>) {
    if let Ok(head) = serde_json::from_str::<Head<'_>>(text.get())
        && head.kind.ends_with("List")
        && !head.items.is_empty()
    {
        let value = json!({"kind": head.kind, "apiVersion": head.api_version, "items": null});
        return (Ok(value), head.items.into_iter().map(Item).collect());
    }
    let value = Item(text).read();
    (
        value.map_err(|message| Broken { line, message }),
        Vec::new(),
    )
}

impl Item<'_> {
    /// Whether it says of itself that it is something else: neither of this kind, nor a list. That is quick to see.
    pub(super) fn is_other_than(&self, kind: &str) -> bool {
        let told = serde_json::from_str::<Kind<'_>>(self.0.get());
        told.ok()
            .and_then(|told| told.kind)
            .is_some_and(|told| told != kind && !told.ends_with("List"))
    }

    /// What is wrong with JSON that was read over already, such as that it is too deep, has no line.
    pub(super) fn read(&self) -> Result<Value, String> {
        serde_json::from_str(self.0.get()).map_err(|error| {
            let message = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            message
                .strip_suffix(&place)
                .map_or(message.clone(), str::to_owned)
        })
    }
}

/// YAML, cut at the lines that begin with `---` before it is parsed.
///
/// YAML 1.2 forbids such a line within any scalar (9.1.2, `c-forbidden`), so the cut is exact, and a
/// broken document costs none of its neighbours.
pub(super) fn from_yaml(text: &str) -> Vec<Document<'_>> {
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

fn document(text: &str, first_line: u64) -> Option<Document<'_>> {
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
    let items = Vec::new();
    Some(Document { line, value, items })
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
    let before = text.get(..offset).unwrap_or(text);
    u64::try_from(before.split('\n').count()).unwrap_or_default()
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
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 10_000,
        },
        // `mode: 0644` is what it is for the API server's own reader.
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(documents: &[Document<'_>]) -> Vec<u64> {
        documents.iter().map(|document| document.line).collect()
    }

    fn broken<'a>(document: &'a Document<'_>) -> &'a Broken {
        document.value.as_ref().unwrap_err()
    }

    #[test]
    fn documents_know_their_lines() {
        let text = "# first\n\na: 1\n---\n# second\nb: 2\n--- # third\nc: 3\n---\n...\n---\n\nd: 4";
        let documents = from_yaml(text);
        assert_eq!(lines(&documents), [3, 6, 8, 13]);
        let values: Vec<_> = documents
            .into_iter()
            .map(|document| document.value.unwrap())
            .collect();
        assert_eq!(
            values,
            [
                json!({"a": 1}),
                json!({"b": 2}),
                json!({"c": 3}),
                json!({"d": 4})
            ]
        );
    }

    #[test]
    fn text_without_content_has_no_documents() {
        for text in [
            "",
            "\n\n",
            "# note\n",
            "---\n",
            "---\n---\n",
            "%YAML 1.2\n---\n...\n",
            "\u{feff}",
        ] {
            assert!(from_yaml(text).is_empty(), "{text:?}");
            assert!(
                from_json(text.trim_start_matches(['#', '-', '%', '.'])).len() < 2,
                "{text:?}"
            );
        }
        assert!(from_json("\u{feff} \n").is_empty());
    }

    #[test]
    fn directives_windows_line_ends_and_byte_order_marks_do_no_harm() {
        let documents = from_yaml("\u{feff}%YAML 1.2\r\n---\r\na: 1\r\n---\r\nb: \"x\"\r\n...\r\n");
        let values: Vec<_> = documents
            .into_iter()
            .map(|document| document.value.unwrap())
            .collect();
        assert_eq!(values, [json!({"a": 1}), json!({"b": "x"})]);
    }

    #[test]
    fn three_dashes_within_a_block_are_content_unless_they_begin_the_line() {
        let documents = from_yaml("text: |\n  ---\n  more\n---extra: 1\n");
        assert_eq!(documents.len(), 1);
        let documents = from_yaml("text: |\n  a\n ---\n  b\n");
        assert_eq!(documents.len(), 1);
    }

    #[test]
    fn a_broken_document_costs_none_of_its_neighbours() {
        let documents = from_yaml("a: 1\n---\nb: [1\n---\nc: 3\n");
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[0].value.as_ref().unwrap(), &json!({"a": 1}));
        assert!(
            (3..=4).contains(&broken(&documents[1]).line),
            "{:?}",
            documents[1]
        );
        assert_eq!(documents[2].value.as_ref().unwrap(), &json!({"c": 3}));
    }

    #[test]
    fn a_key_given_twice_is_refused_with_its_line() {
        let documents = from_yaml("# pod\n---\na: 1\nb: 2\na: 3\n");
        let broken = broken(&documents[0]);
        assert_eq!(broken.line, 5, "{broken:?}");
        assert!(broken.message.contains("duplicate"), "{broken:?}");
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_quickly() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.extend([format!("a{level}: &a{level} [{before}]\n")]);
        }
        let documents = from_yaml(&text);
        assert!(documents[0].value.is_err());
    }

    #[test]
    fn depth_without_end_is_refused() {
        assert!(from_yaml(&"[".repeat(100_000))[0].value.is_err());
        assert!(
            from_yaml(&format!("a: {}", "{b: ".repeat(5_000)))[0]
                .value
                .is_err()
        );
        assert!(from_json(&"[".repeat(100_000))[0].value.is_err());
    }

    #[test]
    fn aliases_and_merge_keys_within_reason_are_read() {
        let documents = from_yaml("base: &base {x: 1}\nnext:\n  <<: *base\n  y: 2\n");
        assert_eq!(
            documents[0].value.as_ref().unwrap()["next"],
            json!({"x": 1, "y": 2})
        );
    }

    #[test]
    fn scalars_are_what_kubernetes_takes_them_for() {
        let documents = from_yaml(
            "mode: 0644\nquoted: \"5\"\non: yes\nplain: 5\nminus: -1\nnone:\nratio: 0.5\n",
        );
        assert_eq!(
            documents[0].value.as_ref().unwrap(),
            &json!({"mode": 420, "quoted": "5", "on": "yes", "plain": 5, "minus": -1, "none": null, "ratio": 0.5})
        );
    }

    #[test]
    fn more_values_than_the_parser_would_take_by_itself_are_read() {
        let text = format!("items: [{}]", "a, ".repeat(260_000));
        let documents = from_yaml(&text);
        let value = documents[0].value.as_ref().unwrap();
        assert_eq!(value["items"].as_array().unwrap().len(), 260_000);
    }

    #[test]
    fn json_values_may_follow_each_other_and_errors_have_lines() {
        let documents = from_json("{\"a\": 1}\n\n{\"b\":\n 2}\n{\"c\": \n nope}\n{\"d\": 4}");
        assert_eq!(lines(&documents), [1, 3, 5]);
        assert_eq!(broken(&documents[2]).line, 6);
    }

    #[test]
    fn a_list_in_json_is_read_item_by_item() {
        let deep = "[".repeat(1_000) + &"]".repeat(1_000);
        let text = format!(
            r#"{{"items": [{{"a": 1}}, {deep}], "kind": "PodList"}} {{"kind": "List", "items": []}}
            {{"kind": "Song", "items": [1]}} {{"kind": "List", "items": 1}}"#
        );
        let documents = from_json(&text);
        let items: Vec<_> = documents.iter().map(|it| it.items.len()).collect();
        assert_eq!(items, [2, 0, 0, 0]);
        let list = &documents[0];
        let head = json!({"kind": "PodList", "apiVersion": null, "items": null});
        assert_eq!(list.value.as_ref().unwrap(), &head);
        assert_eq!(list.items[0].read(), Ok(json!({"a": 1})));
        assert!(!list.items[0].is_other_than("Pod"));
        assert!(!list.items[1].is_other_than("Pod"));
        assert_eq!(
            list.items[1].read().unwrap_err(),
            "recursion limit exceeded"
        );
        let text = r#"{"kind": "List", "items": [{"kind": "Pod"}, {"kind": "Node"}, {"kind": "PodList"}]}"#;
        let items = &from_json(text)[0].items;
        let other: Vec<_> = items.iter().map(|it| it.is_other_than("Pod")).collect();
        assert_eq!(other, [false, true, false]);
        let song = json!({"kind": "Song", "items": [1]});
        assert_eq!(documents[2].value.as_ref().unwrap(), &song);
    }
}
