//! Which series a PromQL expression asks for. It reads no more of the language than that takes; promtool checks the rest.

/// One vector selector: `name{matchers}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    /// The metric, empty when only matchers are given.
    pub(crate) name: String,
    /// What stands between the braces.
    pub(crate) matchers: String,
}

/// Words followed by a list of labels, not by an expression.
const LABEL_LISTS: [&str; 6] = [
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "on",
    "without",
];

/// Words that stand between expressions.
const WORDS: [&str; 8] = [
    "and", "atan2", "bool", "inf", "nan", "offset", "or", "unless",
];

/// All selectors of an expression, in order.
pub(crate) fn selectors(expression: &str) -> Vec<Selector> {
    let (mut found, mut rest) = (Vec::new(), expression);
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '\'' | '`') {
            rest = &rest[string_length(rest)..];
        } else if first == '{' {
            let length = braces_length(rest);
            found.push(Selector {
                name: String::new(),
                matchers: rest[1..length - 1].to_owned(),
            });
            rest = &rest[length..];
        } else if first == '[' {
            rest = rest.split_once(']').map_or("", |(_, after)| after);
        } else if first.is_ascii_digit() || first == '$' {
            // A number, a duration, or one of Grafana's variables.
            rest = &rest[word_length(&rest[1..]) + 1..];
        } else if first.is_ascii_alphabetic() || first == '_' || first == ':' {
            let (word, after) = rest.split_at(word_length(rest));
            rest = after;
            let next = after.trim_start();
            if LABEL_LISTS.contains(&word) {
                if next.starts_with('(') {
                    rest = next.split_once(')').map_or("", |(_, after)| after);
                }
            } else if is_operator(word) || is_called(next) {
                // What it applies to comes next.
            } else if next.starts_with('{') {
                let length = braces_length(next);
                found.push(Selector {
                    name: word.to_owned(),
                    matchers: next[1..length - 1].to_owned(),
                });
                rest = &next[length..];
            } else {
                found.push(Selector {
                    name: word.to_owned(),
                    matchers: String::new(),
                });
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

fn is_operator(word: &str) -> bool {
    WORDS.contains(&word.to_ascii_lowercase().as_str())
}

/// A function, or an aggregation with its labels before its argument.
fn is_called(next: &str) -> bool {
    let word = &next[..word_length(next)];
    next.starts_with('(') || matches!(word, "by" | "without")
}

fn word_length(text: &str) -> usize {
    let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == ':';
    text.find(|it| !is_word(it)).unwrap_or(text.len())
}

/// How long the string is that starts here, with its quotes.
fn string_length(text: &str) -> usize {
    let quote = text.chars().next().unwrap();
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if character == quote => return index + 1,
            _ => {}
        }
    }
    panic!("a string is not closed: {text}")
}

/// How long the matchers are that start here, with their braces.
fn braces_length(text: &str) -> usize {
    let mut index = 1;
    while let Some(character) = text[index..].chars().next() {
        match character {
            '"' | '\'' | '`' => index += string_length(&text[index..]),
            '}' => return index + 1,
            _ => index += character.len_utf8(),
        }
    }
    panic!("a brace is not closed: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_matchers_are_found_and_nothing_else() {
        let found = selectors(
            "sum by (le, pod) (rate(a_bucket{x=\"}\", y=~'$job'}[$__rate_interval])) / on (pod) group_left sum without(x)(b:c) > bool 0.5e3 or {z=\"1\"} offset 5m",
        );
        let expected = [
            ("a_bucket", "x=\"}\", y=~'$job'"),
            ("b:c", ""),
            ("", "z=\"1\""),
        ]
        .map(|(name, matchers)| Selector {
            name: name.to_owned(),
            matchers: matchers.to_owned(),
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_label_in_a_list_is_no_metric() {
        assert!(selectors("vector(1) or on () vector(time())").is_empty());
        assert_eq!(selectors("count(up) by (job)").len(), 1);
    }
}
