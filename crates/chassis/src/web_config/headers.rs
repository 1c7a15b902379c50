//! `http_server_config.headers`: the five that exporter-toolkit permits, so that every exporter answers alike.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_saphyr::Spanned;

use crate::web_config::Problem;

/// Permitted headers, with their permitted values; none listed means any.
const PERMITTED: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Headers for every answer.
pub(crate) fn check(headers: BTreeMap<String, Spanned<String>>) -> Result<HeaderMap, Problem> {
    let mut checked = HeaderMap::new();
    for (name, value) in headers {
        let Some((_, values)) = PERMITTED.iter().find(|(permitted, _)| *permitted == name) else {
            let names = PERMITTED.map(|(name, _)| name).join(", ");
            return Err(Problem::at(
                &value,
                format!("header `{name}` cannot be set; these can: {names}"),
            ));
        };
        if !values.is_empty() && !values.contains(&value.value.as_str()) {
            let wanted = values.join(" or ");
            return Err(Problem::at(
                &value,
                format!("header `{name}` is {wanted}, not `{}`", value.value),
            ));
        }
        let (Ok(header), Ok(text)) = (
            HeaderName::try_from(&name),
            HeaderValue::try_from(&value.value),
        ) else {
            return Err(Problem::at(
                &value,
                format!("header `{name}` has a character that no header can have"),
            ));
        };
        checked.insert(header, text);
    }
    Ok(checked)
}
