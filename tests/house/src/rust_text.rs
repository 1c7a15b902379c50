//! Rust source as these tests need it: its words without comments and strings, its lines without its tests.

/// The source with the inside of comments, strings and characters blanked out; every line keeps its place.
pub(crate) fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped_until(source, at);
        if end > at {
            let blank = source[at..end]
                .chars()
                .map(|it| if it == '\n' { '\n' } else { ' ' });
            out.extend(blank);
            at = end;
        } else {
            let character = source[at..].chars().next().unwrap();
            out.push(character);
            at += character.len_utf8();
        }
    }
    out
}

/// Where the comment or literal that starts here ends; the same place where none starts.
fn skipped_until(source: &str, at: usize) -> usize {
    let rest = &source[at..];
    let word_before = source[..at]
        .chars()
        .next_back()
        .is_some_and(|it| it.is_alphanumeric() || it == '_');
    if rest.starts_with("//") {
        return at + rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return at + rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if rest.starts_with('r') && !word_before {
        let hashes = rest[1..].chars().take_while(|it| *it == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            return at
                + rest[body..]
                    .find(&closing)
                    .map_or(rest.len(), |end| body + end + closing.len());
        }
    }
    if rest.starts_with('"') {
        return at + closed_by(rest, '"');
    }
    if rest.starts_with('\'') {
        // 'a' and '\n' are characters, 'a alone is a lifetime.
        let mut next = rest.chars().skip(1);
        let (first, second) = (next.next(), next.next());
        if first == Some('\\') || second == Some('\'') {
            return at + closed_by(rest, '\'');
        }
    }
    at
}

/// How long the literal is that opens with this quote.
fn closed_by(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return index + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The source with comments, strings and every item under `#[cfg(test)]` blanked out.
pub(crate) fn shipped_code(source: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut code = code(source);
    while let Some(start) = code.find(MARK) {
        let end = start + MARK.len() + item_length(&code[start + MARK.len()..]);
        let blank: String = code[start..end]
            .chars()
            .map(|it| if it == '\n' { '\n' } else { ' ' })
            .collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// The lines of a source that count: without its items under `#[cfg(test)]`.
pub(crate) fn lines_without_tests(source: &str) -> usize {
    const MARK: &str = "#[cfg(test)]";
    let code = code(source);
    let (mut tested, mut from) = (0, 0);
    while let Some(start) = code[from..].find(MARK).map(|at| from + at) {
        let end = start + MARK.len() + item_length(&code[start + MARK.len()..]);
        tested += code[start..end].lines().count();
        from = end;
    }
    source.lines().count() - tested
}

/// How far the item reaches that starts here: to its semicolon, or to the brace that closes its first.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (index, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return index + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    code.len()
}

/// The words of code, each with what follows it at once: nothing, or `::`.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let mut rest = code;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        let end = rest[start..]
            .find(|it| !is_word(it))
            .map_or(rest.len(), |at| start + at);
        let word = &rest[start..end];
        rest = &rest[end..];
        Some((word, rest.starts_with("::")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let source = "let a = \"tokio \\\" tokio\"; // tokio\n/* tokio */ let b = r#\"tokio\"#; let c: &'a str = x('\"', 'b'); tokio::spawn()";
        let found: Vec<_> = words(&code(source))
            .filter(|(word, _)| *word == "tokio")
            .map(|it| it.1)
            .collect();
        assert_eq!(found, [true]);
        assert_eq!(code(source).lines().count(), 2);
    }

    #[test]
    fn tests_are_not_counted() {
        let source = "fn a() {}\n#[cfg(test)]\nuse b;\n\n#[cfg(test)]\nmod tests {\n    fn c() { \"}\"; }\n}\nfn d() {}\n";
        assert_eq!(lines_without_tests(source), 3);
        assert!(!shipped_code(source).contains("fn c"));
        assert!(shipped_code(source).contains("fn d"));
    }
}
