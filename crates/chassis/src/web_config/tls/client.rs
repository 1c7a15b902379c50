//! Client certificates: `client_auth_type`, `client_ca`, `client_allowed_sans`.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};
use webpki::EndEntityCert;

use super::Pem;
use crate::web_config::Problem;
use crate::web_config::file::TlsSection;

/// Go's `ClientAuthType`, by its names; `RequireClientCert` is exporter-toolkit's older name.
const POLICIES: [(&str, Policy); 6] = [
    ("NoClientCert", Policy::None),
    ("RequestClientCert", Policy::Request),
    ("RequireAnyClientCert", Policy::RequireAny),
    ("RequireClientCert", Policy::RequireAny),
    ("VerifyClientCertIfGiven", Policy::VerifyIfGiven),
    ("RequireAndVerifyClientCert", Policy::RequireAndVerify),
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Policy {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

/// Takes any certificate whose key the client holds, whoever signed it.
#[derive(Debug)]
struct AnyCertificate {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

/// Wants one of these names, besides what `chain` wants.
#[derive(Debug)]
struct Named {
    chain: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

/// The verifier that the section asks for.
pub(super) fn verifier(
    section: &TlsSection,
    authority: Option<Pem>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let policy = policy(section)?;
    let verifies = matches!(policy, Policy::VerifyIfGiven | Policy::RequireAndVerify);
    if policy == Policy::None && authority.is_some() {
        return Err(Problem::new(
            "client_ca without client_auth_type: nobody would be asked for a certificate",
        ));
    }
    let chain: Arc<dyn ClientCertVerifier> = match (verifies, authority) {
        (true, Some(authority)) => verifying(policy, &authority, provider)?,
        (true, None) => {
            return Err(Problem::new(
                "this client_auth_type needs client_ca or client_ca_file to verify with",
            ));
        }
        (false, _) if policy == Policy::None => WebPkiClientVerifier::no_client_auth(),
        (false, _) => Arc::new(AnyCertificate {
            mandatory: policy == Policy::RequireAny,
            provider: Arc::clone(provider),
        }),
    };
    let Some(names) = section
        .client_allowed_sans
        .as_ref()
        .filter(|names| !names.is_empty())
    else {
        return Ok(chain);
    };
    if policy != Policy::RequireAndVerify {
        // Without verification anybody can sign himself any name.
        return Err(Problem::at(
            &names[0],
            "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert",
        ));
    }
    if let Some(address) = names
        .iter()
        .find(|name| name.value.contains('@') && !name.value.contains("://"))
    {
        return Err(Problem::at(
            address,
            "client_allowed_sans: mail addresses are not looked at, only DNS names, URIs and IP addresses",
        ));
    }
    let names = names.iter().map(|name| name.value.clone()).collect();
    Ok(Arc::new(Named { chain, names }))
}

/// Whether a client without a certificate is refused.
pub(super) fn mandatory(section: &TlsSection) -> bool {
    policy(section)
        .is_ok_and(|policy| matches!(policy, Policy::RequireAny | Policy::RequireAndVerify))
}

fn policy(section: &TlsSection) -> Result<Policy, Problem> {
    let Some(name) = section
        .client_auth_type
        .as_ref()
        .filter(|name| !name.value.is_empty())
    else {
        return Ok(Policy::None);
    };
    super::find("client_auth_type", name, &POLICIES, |(known, _)| {
        (*known).to_owned()
    })
    .map(|(_, policy)| *policy)
}

fn verifying(
    policy: Policy,
    authority: &Pem,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let wrong =
        |error: &dyn std::fmt::Display| Problem::new(format!("{}: {error}", authority.origin));
    let mut roots = RootCertStore::empty();
    for certificate in authority.certificates()? {
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if policy == Policy::VerifyIfGiven {
        builder.allow_unauthenticated()
    } else {
        builder
    };
    builder.build().map_err(|error| wrong(&error))
}

// === impl AnyCertificate ===

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        parsed(end_entity).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

// === impl Named ===

impl Named {
    /// DNS names and URIs as they are written, IP addresses by value.
    fn admits(&self, certificate: &EndEntityCert<'_>) -> bool {
        let written = |name: &String| {
            certificate.valid_dns_names().any(|known| known == name)
                || certificate.valid_uri_names().any(|known| known == name)
        };
        let address = |name: &String| {
            name.parse::<IpAddr>().is_ok_and(|ip| {
                certificate
                    .verify_is_valid_for_subject_name(&ServerName::from(ip))
                    .is_ok()
            })
        };
        self.names.iter().any(|name| written(name) || address(name))
    }
}

impl ClientCertVerifier for Named {
    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .chain
            .verify_client_cert(end_entity, intermediates, now)?;
        if self.admits(&parsed(end_entity)?) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<EndEntityCert<'a>, Error> {
    EndEntityCert::try_from(certificate).map_err(|_| CertificateError::BadEncoding.into())
}
