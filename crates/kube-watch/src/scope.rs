//! Which objects of a kind are wanted.

mod fields;
mod labels;

use serde_json::Value;
use thiserror::Error;

use self::fields::FieldSelector;
use self::labels::LabelSelector;

/// Which objects of a kind are wanted; the default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these namespaces; all if empty. Does not concern kinds that have no namespaces.
    pub namespaces: Vec<String>,
    /// A label selector as `kubectl get --selector` takes it.
    pub labels: Option<String>,
    /// A field selector as `kubectl get --field-selector` takes it, such as `spec.nodeName=node-1`.
    ///
    /// The API server knows only some fields of each kind; in files any field can be named.
    pub fields: Option<String>,
}

/// A selector that makes no sense.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ScopeError {
    /// The label selector.
    #[error("label selector {selector:?}: {message}")]
    Labels {
        /// As it was given.
        selector: String,
        /// What is wrong with it.
        message: String,
    },
    /// The field selector.
    #[error("field selector {selector:?}: {message}")]
    Fields {
        /// As it was given.
        selector: String,
        /// What is wrong with it.
        message: String,
    },
    /// A namespace.
    #[error("namespace {0:?} is not a name: lower case letters, digits and \"-\", at most 63")]
    Namespace(String),
}

/// A scope whose selectors were understood.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// Sorted, each once.
    pub(crate) namespaces: Vec<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(crate) fn new(scope: &Scope) -> Result<Self, ScopeError> {
        let mut namespaces = scope.namespaces.clone();
        namespaces.sort();
        namespaces.dedup();
        if let Some(wrong) = namespaces.iter().find(|name| !is_namespace(name)) {
            return Err(ScopeError::Namespace(wrong.clone()));
        }
        let labels = scope.labels.as_deref().unwrap_or_default();
        let fields = scope.fields.as_deref().unwrap_or_default();
        Ok(Self {
            namespaces,
            labels: labels.parse().map_err(|message| ScopeError::Labels {
                selector: labels.to_owned(),
                message,
            })?,
            fields: fields.parse().map_err(|message| ScopeError::Fields {
                selector: fields.to_owned(),
                message,
            })?,
        })
    }

    /// Whether an object that was read from a file is wanted.
    pub(crate) fn contains(&self, namespace: &str, object: &Value) -> bool {
        (namespace.is_empty()
            || self.namespaces.is_empty()
            || self.namespaces.iter().any(|wanted| wanted == namespace))
            && self.labels.matches(&object["metadata"]["labels"])
            && self.fields.matches(object)
    }
}

/// RFC 1123 label, which is what the API server accepts as a namespace. A name goes into the path of
/// a request, so nothing else may pass.
fn is_namespace(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn namespaces_bind_only_objects_that_have_one() {
        let scope = Scope {
            namespaces: vec!["b".into(), "a".into(), "b".into()],
            ..Scope::default()
        };
        let selection = Selection::new(&scope).unwrap();
        assert_eq!(selection.namespaces, ["a", "b"]);
        assert!(selection.contains("a", &json!({})));
        assert!(!selection.contains("c", &json!({})));
        assert!(selection.contains("", &json!({})));
    }

    #[test]
    fn an_error_names_the_selector() {
        let wrong = |scope| Selection::new(&scope).unwrap_err().to_string();
        let labels = wrong(Scope {
            labels: Some("app in x".into()),
            ..Scope::default()
        });
        assert!(labels.contains("\"app in x\""), "{labels}");
        let fields = wrong(Scope {
            fields: Some("spec.nodeName".into()),
            ..Scope::default()
        });
        assert!(fields.contains("\"spec.nodeName\""), "{fields}");
        for name in ["", "A", "a/b", "a?b", "-a", "a-", "..", &"x".repeat(64)] {
            let scope = Scope {
                namespaces: vec![name.into()],
                ..Scope::default()
            };
            assert_eq!(
                Selection::new(&scope).unwrap_err(),
                ScopeError::Namespace(name.into())
            );
        }
    }
}
