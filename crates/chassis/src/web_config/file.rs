//! The file's own shape. Strict: a key that is not known is an error, at its line.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::web_config::Problem;

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) tls_server_config: Option<TlsSection>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) http_server_config: HttpSection,
    #[serde(deserialize_with = "or_default")]
    pub(crate) basic_auth_users: BTreeMap<String, Spanned<String>>,
    pub(crate) rate_limit: Option<RateSection>,
}

/// `tls_server_config`.
#[derive(Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TlsSection {
    pub(crate) cert: Option<Spanned<String>>,
    pub(crate) cert_file: Option<Spanned<String>>,
    pub(crate) key: Option<Spanned<String>>,
    pub(crate) key_file: Option<Spanned<String>>,
    pub(crate) client_ca: Option<Spanned<String>>,
    pub(crate) client_ca_file: Option<Spanned<String>>,
    pub(crate) client_auth_type: Option<Spanned<String>>,
    pub(crate) client_allowed_sans: Option<Vec<Spanned<String>>>,
    pub(crate) min_version: Option<Spanned<String>>,
    pub(crate) max_version: Option<Spanned<String>>,
    pub(crate) cipher_suites: Option<Vec<Spanned<String>>>,
    pub(crate) curve_preferences: Option<Vec<Spanned<String>>>,
    pub(crate) prefer_server_cipher_suites: Option<bool>,
}

/// `http_server_config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HttpSection {
    pub(crate) http2: bool,
    #[serde(deserialize_with = "or_default")]
    pub(crate) headers: BTreeMap<String, Spanned<String>>,
}

/// `rate_limit`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RateSection {
    pub(crate) interval: Option<Spanned<String>>,
    pub(crate) burst: Option<Spanned<u32>>,
}

// === impl File ===

impl File {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        // An empty document is YAML's null.
        serde_saphyr::from_str::<Option<Self>>(text)
            .map(Option::unwrap_or_default)
            .map_err(|error| {
                let error = error.without_snippet();
                let place = error.location();
                Problem {
                    place,
                    what: without_place(&error.to_string()),
                }
            })
    }
}

impl TlsSection {
    /// Named, and nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for HttpSection {
    fn default() -> Self {
        Self {
            http2: true,
            headers: BTreeMap::new(),
        }
    }
}

/// A section that is named and left empty is as good as none.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The parser says the place in words; the problem has it already.
fn without_place(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
