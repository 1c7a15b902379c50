//! TLS towards a target: unverified, as the kubelet's (KEP-4939), or verified, as `grpc_health_probe`'s flags ask for.

use std::net::IpAddr;
use std::sync::Arc;

use probe_engine::{Phase, Reason};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;

/// The protocol's name in ALPN. grpc-go refuses a server that does not choose it, so do we.
const H2: &[u8] = b"h2";

/// An encrypted connection; boxed, because its buffers are large and most targets speak in clear.
pub(super) type TlsStream = Box<tokio_rustls::client::TlsStream<TcpStream>>;

/// How to speak TLS to a target. Cheap to clone; targets that ask for the same should share one.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// Whom a server's certificate has to convince.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody: the kubelet checks that TLS is spoken, not by whom.
    Anyone,
    /// The machine's own roots.
    System,
    /// These authorities, in PEM.
    Authorities(Vec<u8>),
}

/// What we show to a server that asks for a certificate, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, then those that lead to an authority.
    pub certificates: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
}

/// What was settled on, and who the server said it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// As Go writes it: `TLS 1.3`.
    pub version: &'static str,
    /// As IANA writes it: `TLS_AES_128_GCM_SHA256`.
    pub cipher: String,
    /// The certificates as sent, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not a host name and not an address.
    #[error("server name {0:?} is neither a host name nor an address")]
    Name(String),
    /// PEM that is not, or has nothing of what it should have.
    #[error("{what}: {source}")]
    Pem {
        /// Which of the inputs.
        what: &'static str,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// An authority that cannot be one, or a key that is not the certificate's.
    #[error("{what}: {source}")]
    Unusable {
        /// Which of the inputs.
        what: &'static str,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// Nothing to verify by.
    #[error("no authority to verify the server by: {0}")]
    NoAuthority(String),
}

// === impl Tls ===

impl Tls {
    /// As the kubelet does it: no verification, and no server name for an address.
    pub fn unverified(address: IpAddr) -> Result<Self, TlsError> {
        Self::new(&Trust::Anyone, None, &address.to_string())
    }

    /// Verifies the server as `trust` says, against `name`.
    pub fn new(trust: &Trust, identity: Option<&Identity>, name: &str) -> Result<Self, TlsError> {
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable("protocol versions"))?;
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::Anyone => Arc::new(Unverified(Arc::clone(&provider))),
            Trust::System => by_roots(system_roots()?, provider)?,
            Trust::Authorities(pem) => by_roots(roots_of(pem)?, provider)?,
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(
                    certificates(&identity.certificates, "client certificate")?,
                    PrivateKeyDer::from_pem_slice(&identity.key).map_err(pem("client key"))?,
                )
                .map_err(unusable("client certificate"))?,
        };
        config.alpn_protocols = vec![H2.to_vec()];
        // A fresh connection each time is what is measured: a resumed session would skip half of the work.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }

    pub(super) async fn connect(&self, plain: TcpStream) -> Result<(TlsStream, Session), Failure> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let stream = connector
            .connect(self.name.clone(), plain)
            .await
            .map_err(|error| Failure::of_stream(Phase::Tls, &error))?;
        let (_, connection) = stream.get_ref();
        if connection.alpn_protocol() != Some(H2) {
            return Err(Failure::new(
                Phase::Tls,
                Reason::Tls,
                "the server did not choose h2 by ALPN",
            ));
        }
        let session = Session::of(connection);
        Ok((Box::new(stream), session))
    }
}

fn by_roots(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| TlsError::NoAuthority(error.to_string()))
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some roots of a machine are too odd for rustls; that is no reason to distrust the others.
    roots.add_parsable_certificates(loaded.certs);
    if roots.is_empty() {
        let reasons: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        return Err(TlsError::NoAuthority(reasons.join(", ")));
    }
    Ok(roots)
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    const WHAT: &str = "authorities";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, WHAT)? {
        roots.add(certificate).map_err(unusable(WHAT))?;
    }
    Ok(roots)
}

fn certificates(
    bytes: &[u8],
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(pem(what))?;
    if certificates.is_empty() {
        return Err(pem(what)(rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn pem(what: &'static str) -> impl Fn(rustls::pki_types::pem::Error) -> TlsError {
    move |source| TlsError::Pem { what, source }
}

fn unusable(what: &'static str) -> impl Fn(rustls::Error) -> TlsError {
    move |source| TlsError::Unusable { what, source }
}

// === impl Identity ===

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity(..)")
    }
}

// === impl Session ===

impl Session {
    fn of(connection: &ClientConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "unknown",
        };
        let cipher = connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .map(|name| name.replacen("TLS13_", "TLS_", 1))
            .unwrap_or_default();
        Self {
            version,
            cipher,
            chain: connection
                .peer_certificates()
                .unwrap_or_default()
                .iter()
                .map(|certificate| certificate.clone().into_owned())
                .collect(),
        }
    }
}

/// Believes every certificate, but not a server that does not hold its key: as Go's `InsecureSkipVerify`.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
