//! Field selectors: `path=value`, `path==value`, `path!=value`, joined by commas.

use std::str::FromStr;

use serde_json::Value;

/// Requirements that all have to hold.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldSelector(Vec<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    path: Vec<String>,
    value: String,
    equal: bool,
}

impl FromStr for FieldSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',')
            .map(Requirement::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FieldSelector {
    /// A field that is not there counts as empty, as it does for the API server.
    pub(super) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let field = requirement
                .path
                .iter()
                .fold(object, |value, step| &value[step.as_str()]);
            let found = match field {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => field.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
            };
            (found == requirement.value) == requirement.equal
        })
    }
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let (left, right) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} has no \"=\" and no \"!=\""))?;
        let (path, equal) = left
            .strip_suffix('!')
            .map_or((left, true), |path| (path, false));
        let value = if equal {
            right.strip_prefix('=').unwrap_or(right)
        } else {
            right
        };
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(format!("{text:?} names no field"));
        }
        Ok(Self {
            path,
            value: value.trim().to_owned(),
            equal,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(selector: &str) -> bool {
        let pod = json!({
            "metadata": {"name": "cart", "generation": 3},
            "spec": {"nodeName": "node-1", "hostNetwork": true},
        });
        selector.parse::<FieldSelector>().unwrap().matches(&pod)
    }

    #[test]
    fn all_requirements_have_to_hold() {
        assert!(matches(""));
        assert!(matches("spec.nodeName=node-1"));
        assert!(matches("spec.nodeName==node-1, metadata.name!=frontend"));
        assert!(!matches("spec.nodeName=node-2"));
        assert!(!matches("spec.nodeName=node-1,metadata.name!=cart"));
        assert!(matches("metadata.generation=3,spec.hostNetwork=true"));
    }

    #[test]
    fn a_missing_field_is_empty() {
        assert!(matches("status.phase="));
        assert!(matches("status.phase!=Running"));
        assert!(!matches("status.phase=Running"));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["spec.nodeName", "=x", "a..b=x", "a=b,"] {
            text.parse::<FieldSelector>().unwrap_err();
        }
    }
}
