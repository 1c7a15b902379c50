//! The three metric APIs, answered from a script: an aggregated API server of ours, in the place of metrics-server and of adapters.
//!
//! It listens on the node's own address, in this process, and is registered with the cluster's API server as adapters are.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::Lab;

/// Where the lab's first node is, and with it this process.
const ADDRESS: &str = "172.30.0.1";
/// How long a connection may be without a word.
const PATIENCE: Duration = Duration::from_secs(90);
/// The API groups, with the versions that the controller asks for.
const GROUPS: [(&str, &str); 3] = [
    ("metrics.k8s.io", "v1beta1"),
    ("custom.metrics.k8s.io", "v1beta2"),
    ("external.metrics.k8s.io", "v1beta1"),
];

/// What is answered at the moment, by path without its query; a path that is not there is 404.
type Script = Arc<Mutex<BTreeMap<String, Value>>>;

/// The server, and the script that it answers from.
#[derive(Clone, Debug, Default)]
pub struct MetricsApi {
    script: Script,
}

impl MetricsApi {
    /// Starts it and registers it in the place of whoever answered before.
    pub fn start(lab: &Lab) -> Result<Self> {
        let api = Self::default();
        let listener = TcpListener::bind((ADDRESS, 0))?;
        let port = listener.local_addr()?.port();
        let tls = Arc::new(tls()?);
        let script = Arc::clone(&api.script);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tls, script) = (Arc::clone(&tls), Arc::clone(&script));
                thread::spawn(move || serve(stream, tls, &script));
            }
        });
        for (group, version) in GROUPS {
            api.answer(
                &format!("/apis/{group}/{version}"),
                resources(group, version),
            );
        }
        register(lab, port)?;
        Ok(api)
    }

    /// From now on a path is answered so.
    pub fn answer(&self, path: &str, body: Value) {
        self.script.lock().insert(path.to_owned(), body);
    }

    /// From now on a path is not there.
    pub fn forget(&self, path: &str) {
        self.script.lock().remove(path);
    }
}

/// Gives `metrics.k8s.io` back to metrics-server.
pub fn restore(lab: &Lab) -> Result<()> {
    for (group, version) in &GROUPS[1..] {
        let name = format!("{version}.{group}");
        lab.kubectl(&["delete", "apiservice", &name, "--ignore-not-found"])?;
    }
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/metrics-server.yaml");
    lab.kubectl(&["apply", "-f", workspace]).map(drop)
}

fn tls() -> Result<ServerConfig> {
    let key = rcgen::generate_simple_self_signed([ADDRESS.to_owned()])?;
    let certificate = key.cert.der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der())
        .map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private)?;
    Ok(config)
}

/// What discovery says: the controller asks for nothing that is not in it.
fn resources(group: &str, version: &str) -> Value {
    let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get", "list"]});
    let listed = match group {
        "metrics.k8s.io" => vec![resource("pods", "PodMetrics")],
        "external.metrics.k8s.io" => vec![resource("any", "ExternalMetricValueList")],
        _ => vec![
            resource("pods/any", "MetricValueList"),
            resource("services/any", "MetricValueList"),
        ],
    };
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/{version}"), "resources": listed})
}

fn register(lab: &Lab, port: u16) -> Result<()> {
    let labels = json!({"kubernetes.io/service-name": "scripted-metrics"});
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "scripted-metrics", "namespace": "kube-system"},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]}}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "scripted-metrics", "namespace": "kube-system", "labels": labels},
            "addressType": "IPv4", "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": true}}]}),
    ];
    objects.extend(GROUPS.map(|(group, version)| {
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": format!("{version}.{group}")},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true,
                "service": {"name": "scripted-metrics", "namespace": "kube-system"}}})
    }));
    lab.apply(&objects)
}

fn serve(stream: TcpStream, tls: Arc<ServerConfig>, script: &Script) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let Ok(connection) = ServerConnection::new(tls) else {
        return;
    };
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    // Until the other end has no more to ask, or says something else than HTTP.
    while answer_one(&mut stream, script).is_ok() {}
}

/// One request of HTTP/1.1 without a body, and its answer.
fn answer_one<S: Read + Write>(stream: &mut BufReader<S>, script: &Script) -> Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let target = line.split(' ').nth(1).context("no request")?.to_owned();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = &path.replace("%2A", "*");
    let found = script.lock().get(path).cloned();
    let found = found.map(|body| selected(body, query));
    let (status, body) = match found {
        Some(body) => ("200 OK", body),
        None => (
            "404 Not Found",
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
                "message": format!("the script has no {path}")}),
        ),
    };
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    Ok(stream.flush()?)
}

/// The items with the labels that a query asks for.
fn selected(mut body: Value, query: &str) -> Value {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let selectors = pairs.filter(|(name, _)| name == "labelSelector");
    let wanted: Vec<(String, String)> = selectors
        .flat_map(|(_, value)| {
            let labels = value.split(',').filter_map(|label| label.split_once('='));
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            labels.collect::<Vec<_>>()
        })
        .collect();
    if let Some(items) = body["items"].as_array_mut() {
        items.retain(|item| {
            let labels = &item["metadata"]["labels"];
            wanted
                .iter()
                .all(|(name, value)| labels[name] == value.as_str())
        });
    }
    body
}
