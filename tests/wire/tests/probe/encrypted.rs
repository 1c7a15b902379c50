//! TLS: believed, verified, refused, and spoken to somebody who does not.

use std::net::SocketAddr;
use std::sync::Arc;

use grpc_health_exporter::probe::tls::{Identity, Tls, Trust};
use grpc_health_exporter::probe::{Endpoint, Observation};
use probe_engine::{Phase, Reason};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use crate::server::{self, says};
use crate::{SERVING, failed, look, phases, probe};

const NAME: &str = "cartservice.example";

struct Certified {
    pem: Vec<u8>,
    identity: Identity,
    acceptor: TlsAcceptor,
}

/// A server's certificate for [`NAME`], its own authority.
fn certified(alpn: &[&[u8]], ask_for: Option<&Identity>) -> Certified {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match ask_for {
        None => builder.with_no_client_auth(),
        Some(client) => {
            use rustls::pki_types::CertificateDer;
            use rustls::pki_types::pem::PemObject;
            let mut roots = rustls::RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_slice(&client.certificates).unwrap())
                .unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = builder
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Certified {
        pem: cert.pem().into_bytes(),
        identity: Identity {
            certificates: cert.pem().into_bytes(),
            key: signing_key.serialize_pem().into_bytes(),
        },
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

async fn serve(acceptor: TlsAcceptor) -> SocketAddr {
    server::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                server::http2(stream, server::serving).await;
            }
        }
    })
    .await
}

async fn look_with(address: SocketAddr, tls: Tls) -> Observation {
    look(&Endpoint::at(address, "", Some(tls)).unwrap()).await
}

fn unverified() -> Tls {
    Tls::unverified("127.0.0.1".parse().unwrap()).unwrap()
}

#[tokio::test]
async fn an_unverified_server_is_believed_and_its_handshake_is_a_phase() {
    let address = serve(certified(&[b"h2"], None).acceptor).await;
    let observation = look_with(address, unverified()).await;
    assert_eq!(observation.attempt.ending, SERVING);
    assert_eq!(phases(&observation.attempt), Phase::ALL);
    let session = observation.session.unwrap();
    assert_eq!(session.version, "TLS 1.3");
    assert!(session.cipher.starts_with("TLS_"), "{}", session.cipher);
    assert_eq!(session.chain.len(), 1);
}

#[tokio::test]
async fn a_verified_server_has_to_be_known_and_to_have_the_right_name() {
    let server = certified(&[b"h2"], None);
    let stranger = certified(&[b"h2"], None);
    let address = serve(server.acceptor).await;
    let known = Trust::Authorities(server.pem);
    let unknown = Trust::Authorities(stranger.pem);
    for (trust, name, expected) in [
        (&known, NAME, SERVING),
        (&known, "127.0.0.1", SERVING),
        (&known, "other.example", failed(Phase::Tls, Reason::Tls)),
        (&unknown, NAME, failed(Phase::Tls, Reason::Tls)),
    ] {
        let tls = Tls::new(trust, None, name).unwrap();
        let observation = look_with(address, tls).await;
        assert_eq!(observation.attempt.ending, expected, "{name}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_ours() {
    let client = certified(&[], None).identity;
    let server = certified(&[b"h2"], Some(&client));
    let address = serve(server.acceptor).await;
    let tls = Tls::new(&Trust::Authorities(server.pem), Some(&client), NAME).unwrap();
    assert_eq!(look_with(address, tls).await.attempt.ending, SERVING);
    // In TLS 1.3 the alert comes after the client believes the handshake done.
    let refused = look_with(address, unverified()).await.attempt;
    assert_eq!(refused.ending, failed(Phase::Http2, Reason::Tls));
}

#[tokio::test]
async fn a_server_that_does_not_choose_h2_is_refused() {
    for alpn in [&[][..], &[&b"http/1.1"[..]]] {
        let address = serve(certified(alpn, None).acceptor).await;
        let attempt = look_with(address, unverified()).await.attempt;
        assert_eq!(attempt.ending, failed(Phase::Tls, Reason::Tls), "{alpn:?}");
    }
}

#[tokio::test]
async fn a_tls_server_is_recognised_by_a_probe_in_clear() {
    let address = serve(certified(&[b"h2"], None).acceptor).await;
    let attempt = probe(address).await;
    assert_eq!(attempt.ending, failed(Phase::Http2, Reason::TlsOnPlaintext));
}

#[tokio::test]
async fn an_answer_in_clear_is_told_apart_from_a_tls_that_failed() {
    for (answer, reason) in [
        (server::SETTINGS, Reason::Protocol),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason::Protocol),
        (&[0x15, 3, 3, 0, 2, 2, 40], Reason::Tls),
    ] {
        let address = server::raw(move |stream| says(stream, answer)).await;
        let attempt = look_with(address, unverified()).await.attempt;
        assert_eq!(attempt.ending, failed(Phase::Tls, reason), "{answer:?}");
    }
}

#[tokio::test]
async fn an_end_within_the_handshake_is_closed_in_tls() {
    let address = server::raw(|mut stream| async move {
        let mut some = [0; 16];
        let _ = tokio::io::AsyncReadExt::read_exact(&mut stream, &mut some).await;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
        server::listen(&mut stream).await;
    })
    .await;
    let attempt = look_with(address, unverified()).await.attempt;
    assert_eq!(attempt.ending, failed(Phase::Tls, Reason::Closed));
}

#[tokio::test]
async fn silence_within_the_handshake_is_cut_in_tls() {
    let address = server::raw(|stream| says(stream, b"")).await;
    let attempt = look_with(address, unverified()).await.attempt;
    assert_eq!(
        attempt.ending,
        probe_engine::Ending::Cut { phase: Phase::Tls }
    );
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    for (trust, identity, name, named) in [
        (Trust::Anyone, None, "a b", "server name"),
        (
            Trust::Authorities(b"none".to_vec()),
            None,
            NAME,
            "authorities",
        ),
        (
            Trust::Anyone,
            Some(Identity {
                certificates: b"-----BEGIN".to_vec(),
                key: Vec::new(),
            }),
            NAME,
            "client certificate",
        ),
    ] {
        let error = Tls::new(&trust, identity.as_ref(), name).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}
