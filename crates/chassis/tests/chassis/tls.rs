//! TLS as clients meet it.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;

use rcgen::SanType;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig, ProtocolVersion};
use tempfile::TempDir;

use crate::certificates::{Authority, Signed, dns, over_tls};
use crate::client::{Answer, connect, exchange, get};
use crate::program::Program;

const PAIR: &str = "cert_file: server.crt, key_file: server.key";

/// The program with this inside `tls_server_config: {}`, beside the pair.
fn started(authority: &Authority, more: &str, flags: &[&str]) -> (Program, TempDir) {
    let folder = authority.folder();
    let path = folder.path().join("web.yml");
    fs::write(&path, format!("tls_server_config: {{{PAIR}{more}}}\n")).unwrap();
    let flag = format!("--web.config.file={}", path.display());
    let mut all = vec![flag.as_str()];
    all.extend(flags);
    (Program::start(&all), folder)
}

/// `None` when there was no answer.
fn secure_get(address: SocketAddr, config: ClientConfig, path: &str) -> Option<Answer> {
    let mut stream = over_tls(config, connect(address));
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: lamp\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut bytes = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut bytes);
    (!bytes.is_empty()).then(|| Answer::parse(&bytes))
}

fn admitted(authority: &Authority, program: &Program, identity: Option<&Signed>) -> bool {
    // TLS 1.2 refuses in the handshake, 1.3 after it: both must.
    let outcomes = ALL_VERSIONS.iter().map(|version| {
        let config = authority.client(identity, &[version]);
        secure_get(program.address(), config, "/livez").is_some_and(|answer| answer.status == 200)
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert!(
        outcomes.iter().all(|outcome| *outcome == outcomes[0]),
        "{outcomes:?}"
    );
    outcomes[0]
}

#[test]
fn both_versions_are_served_and_plain_text_is_not() {
    let authority = Authority::new();
    let (program, _folder) = started(&authority, "", &[]);
    for version in ALL_VERSIONS {
        let answer = exchange(
            over_tls(
                authority.client(None, &[version]),
                connect(program.address()),
            ),
            "GET",
            "/metrics",
            "",
        );
        assert_eq!(answer.status, 200);
    }
    let mut plain = connect(program.address());
    plain
        .write_all(b"GET /livez HTTP/1.1\r\nHost: lamp\r\n\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain, &mut bytes);
    assert!(!bytes.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn versions_can_be_narrowed() {
    let authority = Authority::new();
    let (only_13, _a) = started(&authority, ", min_version: TLS13", &[]);
    let (only_12, _b) = started(&authority, ", max_version: TLS12", &[]);
    let speaks = |program: &Program, version| {
        secure_get(
            program.address(),
            authority.client(None, &[version]),
            "/livez",
        )
        .is_some()
    };
    assert!(speaks(&only_13, &TLS13) && !speaks(&only_13, &TLS12));
    assert!(speaks(&only_12, &TLS12) && !speaks(&only_12, &TLS13));
}

#[test]
fn suites_of_12_leave_13_alone() {
    let authority = Authority::new();
    let (program, _folder) = started(
        &authority,
        ", cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]",
        &[],
    );
    for (version, suite, protocol) in [
        (
            &TLS12,
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            ProtocolVersion::TLSv1_2,
        ),
        (&TLS13, "TLS13_AES_256_GCM_SHA384", ProtocolVersion::TLSv1_3),
    ] {
        let mut stream = over_tls(
            authority.client(None, &[version]),
            connect(program.address()),
        );
        stream.write_all(b"\r\n").unwrap();
        stream.flush().unwrap();
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        assert_eq!(stream.conn.protocol_version(), Some(protocol));
        assert_eq!(
            stream
                .conn
                .negotiated_cipher_suite()
                .unwrap()
                .suite()
                .as_str(),
            Some(suite)
        );
    }
}

#[test]
fn each_client_auth_type_admits_whom_it_names() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ours = authority.sign(vec![dns("client")]);
    let theirs = stranger.sign(vec![dns("client")]);
    let authority_key = ", client_ca_file: ca.crt";
    // Type, then: without a certificate, with ours, with one that somebody else signed.
    for (name, extra, none, known, unknown) in [
        ("NoClientCert", "", true, true, true),
        ("RequestClientCert", "", true, true, true),
        ("RequireAnyClientCert", "", false, true, true),
        ("VerifyClientCertIfGiven", authority_key, true, true, false),
        (
            "RequireAndVerifyClientCert",
            authority_key,
            false,
            true,
            false,
        ),
    ] {
        let (program, _folder) = started(
            &authority,
            &format!(", client_auth_type: {name}{extra}"),
            &["--web.health-address=127.0.0.1:0"],
        );
        assert_eq!(admitted(&authority, &program, None), none, "{name} without");
        assert_eq!(
            admitted(&authority, &program, Some(&ours)),
            known,
            "{name} with ours"
        );
        assert_eq!(
            admitted(&authority, &program, Some(&theirs)),
            unknown,
            "{name} with a stranger's"
        );
    }
}

#[test]
fn only_allowed_names_get_in() {
    let authority = Authority::new();
    let names = "prometheus.monitoring.svc, 'spiffe://shop/prometheus', 192.0.2.7";
    let more = format!(
        ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [{names}]"
    );
    let (program, _folder) = started(&authority, &more, &["--web.health-address=127.0.0.1:0"]);
    for (san, expected) in [
        (dns("prometheus.monitoring.svc"), true),
        (
            SanType::URI("spiffe://shop/prometheus".try_into().unwrap()),
            true,
        ),
        (SanType::IpAddress("192.0.2.7".parse().unwrap()), true),
        (dns("grafana.monitoring.svc"), false),
        (dns("*.monitoring.svc"), false),
        (
            SanType::URI("spiffe://shop/prometheus/x".try_into().unwrap()),
            false,
        ),
        (SanType::IpAddress("192.0.2.8".parse().unwrap()), false),
    ] {
        let identity = authority.sign(vec![san.clone()]);
        assert_eq!(
            admitted(&authority, &program, Some(&identity)),
            expected,
            "{san:?}"
        );
    }
    assert!(!admitted(&authority, &program, None));
}

#[test]
fn the_health_address_is_plain_and_tells_health_only() {
    let authority = Authority::new();
    let more = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt";
    let (program, _folder) = started(&authority, more, &["--web.health-address=127.0.0.1:0"]);
    for path in ["/livez", "/readyz", "/healthz"] {
        assert_eq!(get(program.health_address(), path).status, 200, "{path}");
    }
    for path in ["/", "/metrics", "/teapot"] {
        assert_eq!(get(program.health_address(), path).status, 404, "{path}");
    }
    let (program, _folder) = started(&authority, more, &[]);
    program.await_line("give --web.health-address");
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart() {
    let authority = Authority::new();
    let (program, folder) = started(&authority, "", &[]);
    let served = || {
        let mut stream = over_tls(
            authority.client(None, ALL_VERSIONS),
            connect(program.address()),
        );
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream.conn.peer_certificates().unwrap()[0].clone()
    };
    let first = served();
    let renewed = authority.renew_server(folder.path());
    let expected = CertificateDer::from_pem_slice(renewed.certificate.as_bytes()).unwrap();
    assert_ne!(first, expected);
    assert_eq!(served(), expected);

    fs::write(folder.path().join("server.crt"), "half a cert").unwrap();
    assert_eq!(served(), expected);
    fs::remove_file(folder.path().join("server.crt")).unwrap();
    assert_eq!(served(), expected);
    let page = exchange(
        over_tls(
            authority.client(None, ALL_VERSIONS),
            connect(program.address()),
        ),
        "GET",
        "/metrics",
        "",
    );
    assert!(
        page.text()
            .contains("exporter_web_config_last_reload_successful 0")
    );
    assert!(program.await_line("No such file").contains("server.crt"));

    let again = authority.renew_server(folder.path());
    assert_eq!(
        served(),
        CertificateDer::from_pem_slice(again.certificate.as_bytes()).unwrap()
    );
}

#[test]
fn tls_cannot_be_taken_away_by_a_reload() {
    let authority = Authority::new();
    let (program, folder) = started(&authority, "", &[]);
    fs::write(folder.path().join("web.yml"), "").unwrap();
    assert_eq!(
        secure_get(
            program.address(),
            authority.client(None, ALL_VERSIONS),
            "/livez"
        )
        .unwrap()
        .status,
        200
    );
    program.await_line("tls_server_config is gone: that takes a restart");
}

#[test]
fn inline_pem_is_as_good_as_files() {
    let authority = Authority::new();
    let folder = authority.folder();
    let indented = |name: &str| {
        fs::read_to_string(folder.path().join(name))
            .unwrap()
            .replace('\n', "\n    ")
    };
    let text = format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n",
        indented("server.crt"),
        indented("server.key")
    );
    let path = folder.path().join("web.yml");
    fs::write(&path, text).unwrap();
    let program = Program::start(&[&format!("--web.config.file={}", path.display())]);
    assert_eq!(
        secure_get(
            program.address(),
            authority.client(None, ALL_VERSIONS),
            "/livez"
        )
        .unwrap()
        .status,
        200
    );
}

#[test]
fn http2_is_spoken_when_asked_for_and_not_when_switched_off() {
    let authority = Authority::new();
    let chosen = |program: &Program| {
        let mut config = authority.client(None, ALL_VERSIONS);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut stream = over_tls(config, connect(program.address()));
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream.conn.alpn_protocol().map(<[u8]>::to_vec)
    };
    let (program, folder) = started(&authority, "", &[]);
    assert_eq!(chosen(&program).as_deref(), Some(&b"h2"[..]));
    fs::write(
        folder.path().join("web.yml"),
        format!("tls_server_config: {{{PAIR}}}\nhttp_server_config: {{http2: false}}\n"),
    )
    .unwrap();
    assert_eq!(chosen(&program).as_deref(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn pages_come_over_http2() {
    let authority = Authority::new();
    let (program, _folder) = started(&authority, "", &[]);
    let mut config = authority.client(None, ALL_VERSIONS);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(program.address())
        .await
        .unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = connector
        .connect("lamp".try_into().unwrap(), stream)
        .await
        .unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    for (path, status) in [("/metrics", 200), ("/livez", 200), ("/nope", 404)] {
        let request = http::Request::get(format!("https://lamp{path}"))
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        assert_eq!(
            sender.send_request(request).await.unwrap().status(),
            status,
            "{path}"
        );
    }
}
