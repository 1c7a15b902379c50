//! What a server's certificate says, as far as `blackbox_exporter`'s metrics show it.

use std::fmt::Write as _;
use std::net::IpAddr;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// A certificate, in words. All of it is the server's own and not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Seconds since the Unix epoch at which it expires.
    pub not_after: i64,
    /// Whom it is for.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// The issuer's number for it, in lower-case hexadecimal.
    pub serial: String,
    /// DNS names, addresses, mail addresses and URIs it is for.
    pub names: Vec<String>,
    /// SHA-256 over its DER, in lower-case hexadecimal.
    pub fingerprint_sha256: String,
}

/// Not a certificate.
#[derive(Debug, thiserror::Error)]
#[error("not an X.509 certificate: {0}")]
pub struct CertificateError(String);

impl Certificate {
    /// Reads one certificate.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|error| CertificateError(error.to_string()))?;
        Ok(Self {
            not_after: certificate.validity().not_after.timestamp(),
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: hexadecimal(certificate.raw_serial()),
            names: names(&certificate),
            fingerprint_sha256: sha256(der)
                .map(|hash| hexadecimal(&hash))
                .unwrap_or_default(),
        })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some((*name).to_owned())
            }
            GeneralName::IPAddress(octets) => address(octets).map(|address| address.to_string()),
            _ => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(octets.into());
    }
    <[u8; 16]>::try_from(octets).ok().map(IpAddr::from)
}

/// By the hash of a cipher suite, for the want of a hash of rustls' own.
fn sha256(bytes: &[u8]) -> Option<Vec<u8>> {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?;
    let hash = suite.common.hash_provider.hash(bytes);
    Some(hash.as_ref().to_vec())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read() {
        let names = ["cart.example".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names.clone()).unwrap();
        let read = Certificate::read(made.cert.der()).unwrap();
        assert_eq!(read.names, names);
        assert!(read.subject.contains("rcgen"), "{}", read.subject);
        assert_eq!(read.subject, read.issuer);
        assert!(read.not_after > 1_000_000_000);
        assert_eq!(read.fingerprint_sha256.len(), 64);
        assert!(!read.serial.is_empty());
    }

    #[test]
    fn the_hash_is_sha256() {
        assert_eq!(
            hexadecimal(&sha256(b"").unwrap()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(Certificate::read(&CertificateDer::from(vec![0x30, 0x80, 1])).is_err());
        assert!(Certificate::read(&CertificateDer::from(Vec::new())).is_err());
    }
}
