//! Label selectors as a scale's status writes them: `labels.Parse` and `Requirement.Matches` of `apimachinery/pkg/labels`.

mod parse;

use crate::pod::Labels;

/// A selector: all of its requirements have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// What one label has to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operator {
    /// `in`, `=` and `==`.
    In,
    /// `notin` and `!=`, which a missing label fulfils.
    NotIn,
    Exists,
    Missing,
    Above,
    Below,
}

/// Why a text is no selector: the controller's own message, but for labels that are no labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0}")]
pub struct SelectorProblem(String);

impl Selector {
    /// Whether a pod with these labels is selected. A selector without requirements selects all.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|it| it.holds(labels))
    }

    /// A label that every selected pod has, by which to look selectors up.
    pub fn equality(&self) -> Option<(&str, &str)> {
        self.requirements.iter().find_map(|it| match &*it.values {
            [value] if it.operator == Operator::In => Some((&*it.key, &**value)),
            _ => None,
        })
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&*self.key);
        let listed = |value: &str| self.values.iter().any(|it| it == value);
        match self.operator {
            Operator::In => value.is_some_and(|value| listed(value)),
            Operator::NotIn => !value.is_some_and(|value| listed(value)),
            Operator::Exists => value.is_some(),
            Operator::Missing => value.is_none(),
            Operator::Above | Operator::Below => {
                let number = |text: &str| text.parse::<i64>().ok();
                let value = value.and_then(|value| number(value));
                let bound = self.values.first().and_then(|bound| number(bound));
                value.zip(bound).is_some_and(|(value, bound)| {
                    if self.operator == Operator::Above {
                        value > bound
                    } else {
                        value < bound
                    }
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn each_operator_selects() {
        let pod = labels(&[("app", "shop"), ("tier", "web"), ("size", "3")]);
        for (text, selected) in [
            ("app=shop", true),
            ("app==shop,tier!=db", true),
            ("app in (a, shop)", true),
            ("app notin (a,shop)", false),
            ("none notin (a)", true),
            ("tier", true),
            ("!tier", false),
            ("!other", true),
            ("size>2,size<4", true),
            ("size>3", false),
            ("app>1", false),
            ("tier in (web),app", true),
            ("other=", false),
            ("app=", false),
            ("  ", true),
            ("in in (in)", false),
        ] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.matches(&pod), selected, "{text}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_in_the_controllers_words() {
        for (text, message) in [
            ("a=b,", "found '', expected: identifier after ','"),
            (
                ",a",
                "found ',', expected: !, identifier, or 'end of string'",
            ),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            (
                "a in b",
                "unable to parse requirement: found 'b' expected: '('",
            ),
            (
                "a = (b)",
                "unable to parse requirement: found '(', expected: identifier",
            ),
        ] {
            let problem = text.parse::<Selector>().unwrap_err();
            assert_eq!(problem.to_string(), message);
        }
        for text in [
            "!", "a b", "a=b=c", "-a=b", "a=-b", "a in ()", "a>b", "a in (b", "é=a",
        ] {
            let parsed = text.parse::<Selector>();
            assert_eq!(parsed.is_err(), text != "a in ()", "{text}");
        }
    }

    #[test]
    fn one_label_that_all_have_is_found() {
        let equality = |text: &str| {
            let selector: Selector = text.parse().unwrap();
            selector
                .equality()
                .map(|(key, value)| format!("{key}={value}"))
        };
        assert_eq!(equality("a!=b,c in (d)").as_deref(), Some("c=d"));
        assert_eq!(equality("a!=b,c in (d,e)"), None);
    }
}
