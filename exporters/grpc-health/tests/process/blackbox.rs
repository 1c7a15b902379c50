//! `/probe` beside the real `blackbox_exporter`, on the same server.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::exporter::{Exporter, address, cartservice, get, until};

const MODULES: &str =
    "modules: {grpc: {prober: grpc, timeout: 5s, grpc: {preferred_ip_protocol: ip4}}}\n";

/// Release 0.23 gives 0 where no certificate was, which alerts read as one that ran out in 1970; later ones leave it out, and so do we.
const WITHOUT_TLS: &str = "probe_ssl_earliest_cert_expiry";

struct Blackbox {
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Blackbox {
    /// As Debian calls it, or as upstream does.
    fn program() -> Option<PathBuf> {
        let upstream = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join("blackbox_exporter"))
            .find(|path| path.is_file());
        upstream.or_else(|| tools::program("prometheus-blackbox-exporter"))
    }

    fn start(program: &PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let modules = folder.path().join("modules.yml");
        std::fs::write(&modules, MODULES).unwrap();
        let mut child = Command::new(program)
            .arg(format!("--config.file={}", modules.display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = log
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once("msg=\"Listening on\" address=")?;
                rest.split(' ').next()?.parse().ok()
            })
            .expect("it says where it listens");
        thread::spawn(move || log.for_each(drop));
        Self {
            address,
            child,
            _folder: folder,
        }
    }
}

impl Drop for Blackbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names with their labels, whose values are phases and statuses and so the same for both; and each name's type.
fn shape(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                return Some(format!("type {family}"));
            }
            if line.starts_with('#') {
                return None;
            }
            let series = line.rsplit_once(' ')?.0;
            Some(series.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn every_series_that_blackbox_gives_is_given_with_its_type_and_its_labels() {
    let Some(program) = Blackbox::program() else {
        return;
    };
    let cart = cartservice().await;
    let blackbox = Blackbox::start(&program);
    let exporter = Exporter::start(&[], &["--probe.allow=127.0.0.0/8"]);
    let path = format!("/probe?target={}&module=grpc", address(&cart));
    let theirs = until("blackbox's success", || {
        let answer = get(blackbox.address, &path, &[]);
        (answer.value("probe_success") == Some(1.0)).then_some(answer)
    });
    let ours = exporter.get(&path);
    let (theirs_shape, ours_shape) = (shape(&theirs.text()), shape(&ours.text()));
    let missing: Vec<_> = theirs_shape
        .difference(&ours_shape)
        .filter(|series| !series.contains(WITHOUT_TLS))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(theirs_shape.len() > 15, "{theirs_shape:?}");
    assert!(matches!(theirs.value(WITHOUT_TLS), None | Some(0.0)));
    assert_eq!(ours.value(WITHOUT_TLS), None);
    for name in [
        "probe_success",
        "probe_ip_protocol",
        "probe_grpc_ssl",
        "probe_grpc_status_code",
        "probe_grpc_healthcheck_response{serving_status=\"SERVING\"}",
    ] {
        assert_eq!(ours.value(name), theirs.value(name), "{name}");
    }
}
