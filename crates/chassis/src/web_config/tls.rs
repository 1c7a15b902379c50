//! `tls_server_config`, with Go's names for versions, cipher suites and curves, since that is what existing files have.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{
    NamedGroup, ProtocolVersion, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
};
use serde_saphyr::Spanned;

use crate::web_config::Problem;
use crate::web_config::file::TlsSection;
use crate::web_config::sources::Sources;

mod client;

/// Those that there are, oldest first.
const VERSIONS: [(&str, &SupportedProtocolVersion); 2] = [("TLS12", &TLS12), ("TLS13", &TLS13)];
const CURVES: [(&str, NamedGroup); 3] = [
    ("X25519", NamedGroup::X25519),
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
];

/// PEM text and what to call its origin in a message.
pub(crate) struct Pem {
    text: String,
    origin: String,
}

/// What the server needs, or `None` when the section is not there.
pub(crate) fn server(
    section: Option<TlsSection>,
    sources: &mut Sources,
    http2: bool,
) -> Result<Option<Arc<ServerConfig>>, Problem> {
    let Some(section) = section.filter(|section| !section.is_empty()) else {
        return Ok(None);
    };
    let certificate = one_of(
        "cert",
        section.cert.as_ref(),
        section.cert_file.as_ref(),
        sources,
    )?
    .ok_or_else(|| Problem::new("tls_server_config needs cert or cert_file"))?;
    let key = one_of(
        "key",
        section.key.as_ref(),
        section.key_file.as_ref(),
        sources,
    )?
    .ok_or_else(|| Problem::new("tls_server_config needs key or key_file"))?;
    let chain = certificate.certificates()?;
    let private = PrivateKeyDer::from_pem_slice(key.text.as_bytes())
        .map_err(|error| Problem::new(format!("{}: no private key: {error}", key.origin)))?;

    let provider = Arc::new(provider(&section)?);
    let client_ca = one_of(
        "client_ca",
        section.client_ca.as_ref(),
        section.client_ca_file.as_ref(),
        sources,
    )?;
    let verifier = client::verifier(&section, client_ca, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(&section)?)
        .map_err(|error| Problem::new(format!("tls_server_config: these cipher suites, curves and versions do not go together: {error}")))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, private)
        .map_err(|error| Problem::new(format!("{} and {} do not make a pair: {error}", certificate.origin, key.origin)))?;
    config.ignore_client_order = section.prefer_server_cipher_suites.unwrap_or(true);
    config.alpn_protocols = if http2 {
        vec![b"h2".to_vec(), b"http/1.1".to_vec()]
    } else {
        vec![b"http/1.1".to_vec()]
    };
    Ok(Some(Arc::new(config)))
}

/// Whether a client without a certificate is refused.
pub(crate) fn wants_certificates(section: Option<&TlsSection>) -> bool {
    section.is_some_and(client::mandatory)
}

/// The content of a key or of the file that its sibling names; both at once contradict each other.
fn one_of(
    name: &str,
    inline: Option<&Spanned<String>>,
    file: Option<&Spanned<String>>,
    sources: &mut Sources,
) -> Result<Option<Pem>, Problem> {
    match (inline, file) {
        (Some(_), Some(file)) => Err(Problem::at(
            file,
            format!("{name} and {name}_file contradict each other: one is enough"),
        )),
        (Some(inline), None) => Ok(Some(Pem {
            text: inline.value.clone(),
            origin: format!("tls_server_config.{name}"),
        })),
        (None, Some(file)) => {
            let text = sources
                .read_named(&file.value)
                .map_err(|problem| Problem::at(file, format!("{name}_file: {problem}")))?;
            Ok(Some(Pem {
                text,
                origin: format!("{name}_file {}", file.value),
            }))
        }
        (None, None) => Ok(None),
    }
}

/// ring, narrowed down to what the section names. In Go the suites of TLS 1.3 cannot be chosen; here they are narrowed down too,
/// if any is named.
fn provider(section: &TlsSection) -> Result<CryptoProvider, Problem> {
    let mut provider = ring::default_provider();
    if let Some(wanted) = section
        .cipher_suites
        .as_ref()
        .filter(|wanted| !wanted.is_empty())
    {
        let known = provider.cipher_suites.clone();
        let mut chosen = wanted
            .iter()
            .map(|name| find("cipher suite", name, &known, |suite| go_name(*suite)).copied())
            .collect::<Result<Vec<_>, _>>()?;
        if chosen.iter().all(|suite| suite.tls13().is_none()) {
            chosen.extend(known.iter().filter(|suite| suite.tls13().is_some()));
        }
        provider.cipher_suites = chosen;
    }
    if let Some(wanted) = section
        .curve_preferences
        .as_ref()
        .filter(|wanted| !wanted.is_empty())
    {
        provider.kx_groups = wanted
            .iter()
            .map(|name| {
                let (_, group) = find("curve", name, &CURVES, |(known, _)| (*known).to_owned())?;
                exchange(&provider, *group)
                    .ok_or_else(|| Problem::at(name, "this curve is not built in"))
            })
            .collect::<Result<_, _>>()?;
    }
    Ok(provider)
}

fn exchange(provider: &CryptoProvider, group: NamedGroup) -> Option<&'static dyn SupportedKxGroup> {
    provider
        .kx_groups
        .iter()
        .copied()
        .find(|known| known.name() == group)
}

fn versions(section: &TlsSection) -> Result<Vec<&'static SupportedProtocolVersion>, Problem> {
    let number = |version: &Option<Spanned<String>>, default: usize| match version {
        None => Ok(default),
        Some(name) => {
            let (_, found) = find("TLS version", name, &VERSIONS, |(known, _)| {
                (*known).to_owned()
            })?;
            Ok(usize::from(found.version == ProtocolVersion::TLSv1_3))
        }
    };
    let least = number(&section.min_version, 0)?;
    let most = number(&section.max_version, 1)?;
    match &section.max_version {
        Some(name) if least > most => Err(Problem::at(name, "max_version is below min_version")),
        _ => Ok(VERSIONS[least..=most]
            .iter()
            .map(|(_, version)| *version)
            .collect()),
    }
}

/// Looks a name up; the error lists all that would have been found.
fn find<'a, T>(
    what: &str,
    name: &Spanned<String>,
    known: &'a [T],
    call: impl Fn(&T) -> String,
) -> Result<&'a T, Problem> {
    known
        .iter()
        .find(|item| call(item) == name.value)
        .ok_or_else(|| {
            let names: Vec<_> = known.iter().map(call).collect();
            Problem::at(
                name,
                format!(
                    "{what} `{}` is unknown or not built in; there are {}",
                    name.value,
                    names.join(", ")
                ),
            )
        })
}

/// rustls calls TLS 1.3's suites `TLS13_...`, Go and the RFC `TLS_...`.
fn go_name(suite: SupportedCipherSuite) -> String {
    suite
        .suite()
        .as_str()
        .unwrap_or_default()
        .replacen("TLS13_", "TLS_", 1)
}

// === impl Pem ===

impl Pem {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Problem> {
        let found: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.text.as_bytes()).collect();
        match found {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => Err(Problem::new(format!(
                "{}: no certificate in it",
                self.origin
            ))),
            Err(error) => Err(Problem::new(format!("{}: {error}", self.origin))),
        }
    }
}
