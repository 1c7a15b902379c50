//! The selector's grammar: a comma-separated list of `key`, `!key`, `key=value`, `key in (a,b)`, `key>1` and the like.

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{Operator, Requirement, Selector, SelectorProblem};

/// A word of the selector. `in` and `notin` are words that may also be values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    End,
    Word(&'a str),
    Symbol(&'a str),
    Broken(&'a str),
}

/// Both the longest symbol first.
const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
/// The longest name in a key, and the longest value.
const LONGEST_NAME: usize = 63;
/// The longest prefix in a key.
const LONGEST_PREFIX: usize = 253;

impl FromStr for Selector {
    type Err = SelectorProblem;

    fn from_str(text: &str) -> Result<Self, SelectorProblem> {
        let mut parser = Parser {
            tokens: tokens(text),
            position: 0,
        };
        parser.selector().map_err(SelectorProblem)
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let is_symbol = |it: char| "=!(),><".contains(it);
    let is_blank = |it: char| " \t\r\n".contains(it);
    let (mut rest, mut tokens) = (text, Vec::new());
    loop {
        rest = rest.trim_start_matches(is_blank);
        if rest.is_empty() {
            tokens.push(Token::End);
            return tokens;
        }
        let token = if rest.starts_with(is_symbol) {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
            symbol.map_or(Token::Broken(rest), |symbol| {
                Token::Symbol(&rest[..symbol.len()])
            })
        } else {
            let end = rest.find(|it| is_symbol(it) || is_blank(it));
            Token::Word(&rest[..end.unwrap_or(rest.len())])
        };
        rest = &rest[token.text().len()..];
        tokens.push(token);
    }
}

impl<'a> Token<'a> {
    const fn text(self) -> &'a str {
        match self {
            Self::End => "",
            Self::Word(text) | Self::Symbol(text) | Self::Broken(text) => text,
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    position: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens
            .get(self.position)
            .copied()
            .unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.position += 1;
        token
    }

    fn selector(&mut self) -> Result<Selector, String> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                Token::End => break,
                Token::Word(_) | Token::Symbol("!") => {}
                other => {
                    let found = other.text();
                    return Err(format!(
                        "found '{found}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
            let requirement = self
                .requirement()
                .map_err(|text| format!("unable to parse requirement: {text}"))?;
            requirements.push(requirement);
            match self.next() {
                Token::End => break,
                Token::Symbol(",") => match self.peek() {
                    Token::Word(_) | Token::Symbol("!") => {}
                    other => {
                        let found = other.text();
                        return Err(format!("found '{found}', expected: identifier after ','"));
                    }
                },
                other => {
                    let found = other.text();
                    return Err(format!("found '{found}', expected: ',' or 'end of string'"));
                }
            }
        }
        Ok(Selector { requirements })
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let missing = self.peek() == Token::Symbol("!");
        if missing {
            self.next();
        }
        let key = match self.next() {
            Token::Word(key) => key,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        if !is_key(key) {
            return Err(format!("{key:?} is not the key of a label"));
        }
        let alone = matches!(self.peek(), Token::End | Token::Symbol(","));
        let (operator, values) = if missing {
            (Operator::Missing, Vec::new())
        } else if alone {
            (Operator::Exists, Vec::new())
        } else {
            self.comparison()?
        };
        if let Some(value) = values.iter().find(|value| !is_value(value)) {
            return Err(format!("{value:?} is not the value of a label"));
        }
        Ok(Requirement {
            key: key.to_owned(),
            operator,
            values,
        })
    }

    fn comparison(&mut self) -> Result<(Operator, Vec<String>), String> {
        let operator = self.next();
        Ok(match operator {
            Token::Word("in") => (Operator::In, self.values()?),
            Token::Word("notin") => (Operator::NotIn, self.values()?),
            Token::Symbol("=" | "==") => (Operator::In, vec![self.value()?]),
            Token::Symbol("!=") => (Operator::NotIn, vec![self.value()?]),
            Token::Symbol(symbol @ (">" | "<")) => {
                let value = self.value()?;
                if value.parse::<i64>().is_err() {
                    return Err(format!(
                        "{value:?} is not an integer, which '{symbol}' wants"
                    ));
                }
                let operator = if symbol == ">" {
                    Operator::Above
                } else {
                    Operator::Below
                };
                (operator, vec![value])
            }
            other => {
                let found = other.text();
                return Err(format!(
                    "found '{found}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        })
    }

    /// `parseExactValue`.
    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(String::new());
        }
        match self.next() {
            Token::Word(value) => Ok(value.to_owned()),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    /// `parseValues`: in brackets, and with an empty value for every comma that has none.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Symbol("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let first = self.peek();
        let mut values = BTreeSet::new();
        if first == Token::Symbol(")") {
            self.next();
            values.insert("");
        } else if matches!(first, Token::Word(_) | Token::Symbol(",")) {
            self.listed(&mut values)?;
            if self.next() != Token::Symbol(")") {
                return Err(format!("found '{}', expected: ')'", first.text()));
            }
        } else {
            let found = first.text();
            return Err(format!("found '{found}', expected: ',', ')' or identifier"));
        }
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// `parseIdentifiersList`.
    fn listed(&mut self, values: &mut BTreeSet<&'a str>) -> Result<(), String> {
        loop {
            match self.next() {
                Token::Word(value) => {
                    values.insert(value);
                    match self.peek() {
                        Token::Symbol(",") => {}
                        Token::Symbol(")") => return Ok(()),
                        other => {
                            return Err(format!("found '{}', expected: ',' or ')'", other.text()));
                        }
                    }
                }
                Token::Symbol(",") => {
                    if values.is_empty() {
                        values.insert("");
                    }
                    match self.peek() {
                        Token::Symbol(")") => {
                            values.insert("");
                            return Ok(());
                        }
                        Token::Symbol(",") => {
                            values.insert("");
                        }
                        _ => {}
                    }
                }
                other => {
                    let found = other.text();
                    return Err(format!("found '{found}', expected: ',', or identifier"));
                }
            }
        }
    }
}

/// Letters, digits, and between them `-`, `_` and `.`.
fn is_name(text: &str, inner: &str) -> bool {
    let outer = |it: char| it.is_ascii_alphanumeric();
    text.starts_with(outer)
        && text.ends_with(outer)
        && text.chars().all(|it| outer(it) || inner.contains(it))
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = key
        .rsplit_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let domain = |prefix: &str| {
        let parts = |part| is_name(part, "-") && !part.contains(|it: char| it.is_ascii_uppercase());
        prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(parts)
    };
    name.len() <= LONGEST_NAME && is_name(name, "-_.") && prefix.is_none_or(domain)
}

fn is_value(value: &str) -> bool {
    value.is_empty() || (value.len() <= LONGEST_NAME && is_name(value, "-_."))
}
