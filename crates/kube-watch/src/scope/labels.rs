//! Label selectors, in the grammar of the API server: `a=b`, `a==b`, `a!=b`, `a in (b,c)`,
//! `a notin (b,c)`, `a`, `!a`, joined by commas.

use std::str::FromStr;

use serde_json::Value;

/// Requirements that all have to hold.
#[derive(Clone, Debug, Default)]
pub(super) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl FromStr for LabelSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        split(text)?
            .into_iter()
            .map(Requirement::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl LabelSelector {
    pub(super) fn matches(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let found = labels.get(&requirement.key).and_then(Value::as_str);
            let among = |values: &[String]| {
                found.is_some_and(|found| values.iter().any(|value| value == found))
            };
            match &requirement.test {
                Test::Exists => found.is_some(),
                Test::Missing => found.is_none(),
                Test::In(values) => among(values),
                // An object without the label is chosen too: so says the API server.
                Test::NotIn(values) => !among(values),
            }
        })
    }
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(key) = text.strip_prefix('!') {
            return Self::new(key, Test::Missing);
        }
        if let Some((left, right)) = text.split_once('=') {
            let (key, equal) = left
                .strip_suffix('!')
                .map_or((left, true), |key| (key, false));
            let value = if equal {
                right.strip_prefix('=').unwrap_or(right)
            } else {
                right
            };
            let values = vec![value_of(value)?];
            return Self::new(
                key,
                if equal {
                    Test::In(values)
                } else {
                    Test::NotIn(values)
                },
            );
        }
        let Some((left, list)) = text.split_once('(') else {
            return Self::new(text, Test::Exists);
        };
        let list = list
            .strip_suffix(')')
            .ok_or_else(|| format!("{text:?} lacks \")\""))?;
        let values = list.split(',').map(value_of).collect::<Result<_, _>>()?;
        match left.trim().rsplit_once(char::is_whitespace) {
            Some((key, "in")) => Self::new(key, Test::In(values)),
            Some((key, "notin")) => Self::new(key, Test::NotIn(values)),
            _ => Err(format!(
                "{text:?} has neither \"in\" nor \"notin\" before \"(\""
            )),
        }
    }

    fn new(key: &str, test: Test) -> Result<Self, String> {
        let key = key.trim();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        if key.is_empty() || !key.bytes().all(allowed) {
            return Err(format!("{key:?} is not a label's name"));
        }
        Ok(Self {
            key: key.to_owned(),
            test,
        })
    }
}

/// At the commas that stand outside parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' if !inside => inside = true,
            b')' if inside => inside = false,
            b'(' | b')' => return Err(format!("stray {:?} at {}", char::from(byte), at + 1)),
            b',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn value_of(text: &str) -> Result<String, String> {
    let text = text.trim();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.len() > 63 || !text.bytes().all(allowed) {
        return Err(format!("{text:?} is not a label's value"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str) -> bool {
        let labels = json!({"app": "cart", "app.kubernetes.io/part-of": "shop", "empty": ""});
        selector.parse::<LabelSelector>().unwrap().matches(&labels)
    }

    #[test]
    fn every_operator_of_the_api_server() {
        for selector in [
            "",
            "app=cart",
            "app == cart",
            "app!=frontend",
            "tier!=web",
            "app in (frontend, cart)",
            "app notin (frontend)",
            "tier notin (web)",
            "app",
            "!tier",
            "empty=",
            "app in (cart),app.kubernetes.io/part-of=shop,!tier",
        ] {
            assert!(matches(selector), "{selector}");
        }
        for selector in [
            "app=frontend",
            "app!=cart",
            "tier",
            "!app",
            "tier in (web)",
            "app notin (cart,x)",
            "app=cart,tier=web",
            "tier=",
        ] {
            assert!(!matches(selector), "{selector}");
        }
    }

    #[test]
    fn an_object_without_labels_has_none() {
        let selector: LabelSelector = "!app".parse().unwrap();
        assert!(selector.matches(&Value::Null));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "app in cart",
            "app in (a",
            "app (a)",
            "a b=c",
            "=x",
            "!",
            "a,,b",
            "a=b c",
            "a)",
            "a in ((b))",
        ] {
            assert!(text.parse::<LabelSelector>().is_err(), "{text}");
        }
    }
}
