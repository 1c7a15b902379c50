//! Tokens and certificates.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reach::Report;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::agent::{PATIENCE, Program};
use crate::exporter::{Exporter, serve_with};
use crate::plan;

#[test]
fn a_wrong_token_is_said_and_the_right_one_is_found_when_it_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "old\n").unwrap();
    let exporter = Exporter::start(&plan(1, Vec::new()));
    exporter.demand("new");
    let mut flags = exporter.flags();
    flags.push(format!("--exporter.token-file={}", file.display()));
    let program = Program::start(&flags);
    program.await_page("reach_agent_exchanges_total{result=\"unauthorized\"} 1");
    fs::write(&file, "new\n").unwrap();
    exporter.report(|_| true);
}

#[test]
fn a_token_that_cannot_be_read_or_sent_is_the_same_as_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    for content in [None, Some(""), Some("a\nb")] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let exporter = Exporter::start(&plan(1, Vec::new()));
        let mut flags = exporter.flags();
        flags.push(format!("--exporter.token-file={}", file.display()));
        let program = Program::start(&flags);
        program.await_page("reach_agent_exchanges_total{result=\"unauthorized\"} 1");
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).unwrap();
    Authority {
        pem: certificate.pem(),
        issuer: Issuer::new(parameters, key),
    }
}

/// An exporter on `localhost`, with a certificate of this authority. Its reports arrive at the receiver.
fn encrypted(authority: &Authority) -> (u16, std::sync::mpsc::Receiver<Report>) {
    let key = KeyPair::generate().unwrap();
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = parameters.signed_by(&key, &authority.issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let told = told.clone();
            thread::spawn(move || {
                let stream = StreamOwned::new(connection, stream.unwrap());
                let answer = serde_json::to_vec(&plan(1, Vec::new())).unwrap();
                serve_with(stream, |_, body| {
                    told.send(serde_json::from_slice(body).unwrap()).unwrap();
                    Some((200, answer.clone()))
                })
            });
        }
    });
    (port, heard)
}

#[test]
fn the_exporter_is_believed_by_its_authority_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority();
    let (port, heard) = encrypted(&authority);
    let flags = |pem: &str| {
        let file = folder.path().join("ca.pem");
        fs::write(&file, pem).unwrap();
        vec![
            format!("--exporter.url=https://localhost:{port}"),
            format!("--exporter.ca-file={}", file.display()),
        ]
    };
    let believing = Program::start(&flags(&authority.pem));
    heard.recv_timeout(PATIENCE).unwrap();
    drop(believing);
    while heard.try_recv().is_ok() {}
    let doubting = Program::start(&flags(&crate::secrets::authority().pem));
    doubting.await_page("reach_agent_exchanges_total{result=\"unreachable\"} 1");
    assert!(heard.try_recv().is_err());
}
