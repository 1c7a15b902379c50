//! What a cluster test asks of the lab that it runs in, through the lab's own kubectl.
//!
//! `tests/cluster/run` starts a lab, runs the tests, which `cargo test` alone leaves out, and takes the lab down. With a lab that is up
//! already: `tests/cluster/enter cargo test -p cluster-tests -- --ignored`.

pub mod grpc_health;
pub mod http;
pub mod metrics_api;
pub mod page;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use page::Page;

/// The Prometheus that the operator made, as the API server's proxy reaches it.
const PROMETHEUS: &str =
    "/api/v1/namespaces/monitoring/services/prometheus-kube-prometheus-prometheus:http-web/proxy";

/// Where a role of the shop takes its faults.
const FAULTS_PORT: u16 = 9610;

/// One of the hierarchies in which the kubelet keeps a pod's processes together, in a group named after its uid.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup/pids";

/// How long to wait between two looks at something.
const PAUSE: Duration = Duration::from_millis(500);

/// The lab whose network this process is in.
#[derive(Clone, Debug)]
pub struct Lab {
    name: String,
}

impl Lab {
    /// The lab that `tests/cluster/enter` entered.
    ///
    /// # Panics
    ///
    /// When this process was not started by it.
    pub fn entered() -> Self {
        let name =
            env::var("SIDELIGHTS_LAB").expect("start cluster tests through tests/cluster/enter");
        Self { name }
    }

    /// The lab's name, with which `tests/cluster/process` finds it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kubectl prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("kubectl")
            .args(arguments)
            .output()
            .context("kubectl cannot be run")?;
        let words = arguments.join(" ");
        ensure!(
            output.status.success(),
            "kubectl {words}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        String::from_utf8(output.stdout).with_context(|| format!("kubectl {words}"))
    }

    /// The object or list that `kubectl get ... -o json` prints.
    pub fn get(&self, arguments: &[&str]) -> Result<Value> {
        let words = [&["get", "-o", "json"], arguments].concat();
        Ok(serde_json::from_str(&self.kubectl(&words)?)?)
    }

    /// Applies objects.
    pub fn apply(&self, objects: &[Value]) -> Result<()> {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let mut kubectl = Command::new("kubectl")
            .args(["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("kubectl cannot be run")?;
        let mut input = kubectl.stdin.take().context("an input")?;
        input.write_all(list.to_string().as_bytes())?;
        drop(input);
        let output = kubectl.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kubectl apply: {said}");
        Ok(())
    }

    /// Applies a folder of this workspace's, and waits until its Deployments are available.
    pub fn deploy(&self, folder: &str, namespace: &str) -> Result<()> {
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        self.kubectl(&["apply", "-k", &format!("{workspace}/{folder}")])?;
        let all = ["wait", "--for=condition=Available", "deployment", "--all"];
        let here = ["--timeout=240s", "-n", namespace];
        self.kubectl(&[&all[..], &here].concat()).map(drop)
    }

    /// The shop and our programs, as every test of them expects it: all available, and nothing wrong.
    pub fn deploy_everything(&self) -> Result<()> {
        self.deploy("manifests/platform/lab/shop", "sre-demo")?;
        self.deploy("manifests/platform/lab/sidelights", "monitoring")?;
        self.deploy("manifests/platform/lab/pod-state", "monitoring")
    }

    /// Names and addresses of the running pods with a label, that are not on their way out.
    pub fn pods(&self, namespace: &str, selector: &str) -> Result<Vec<(String, String)>> {
        let list = self.get(&["pods", "-n", namespace, "-l", selector])?;
        let pods = list["items"].as_array().context("a list")?.iter();
        let pods = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let named = pods.filter_map(|pod| {
            let name = pod["metadata"]["name"].as_str()?;
            Some((name.to_owned(), pod["status"]["podIP"].as_str()?.to_owned()))
        });
        Ok(named.collect())
    }

    /// Where a program listens that is one pod.
    pub fn address(&self, namespace: &str, selector: &str, port: u16) -> Result<String> {
        let pods = self.pods(namespace, selector)?;
        ensure!(pods.len() == 1, "not one pod of {selector}: {pods:?}");
        Ok(format!("{}:{port}", pods[0].1))
    }

    /// The number of a process in a pod, by which its network can be entered.
    pub fn process_of(&self, namespace: &str, pod: &str) -> Result<u32> {
        let object = self.get(&["pod", "-n", namespace, pod])?;
        let uid = object["metadata"]["uid"].as_str().context("a uid")?;
        let folder = format!("{CONTROL_GROUPS}/sidelights-{}", self.name);
        let found = first_process(Path::new(&folder), &format!("pod{uid}"), false);
        found.with_context(|| format!("no process of {pod} below {folder}"))
    }

    /// Stops, starts or restarts a process of the lab.
    pub fn process(&self, verb: &str, process: &str) -> Result<()> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/process");
        let arguments = [verb, process, "--name", &self.name];
        let output = Command::new(program).args(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "process {verb} {process}: {said}");
        Ok(())
    }

    /// The samples of an instant query, as Prometheus' HTTP API gives them: `metric` and `value`.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let path = format!("{PROMETHEUS}/api/v1/query?query={query}");
        let answer: Value = serde_json::from_str(&self.kubectl(&["get", "--raw", &path])?)?;
        match answer.pointer("/data/result") {
            Some(Value::Array(samples)) => Ok(samples.clone()),
            _ => bail!("{expression}: {answer}"),
        }
    }
}

/// The page of whoever listens there, asked from it and not from Prometheus.
pub fn page_of(address: &str) -> Result<Page> {
    Ok(Page::parse(&http::request("GET", address, "/metrics", "")?))
}

/// Sets what is wrong with a role of the shop, by its pod's address; `{}` for nothing.
pub fn set_faults(pod: &str, faults: &str) -> Result<()> {
    http::request("PUT", &format!("{pod}:{FAULTS_PORT}"), "/faults", faults).map(drop)
}

/// The first process in a control group, or in one below it, once a group of that name was passed.
fn first_process(folder: &Path, name: &str, inside: bool) -> Option<u32> {
    let inside = inside || folder.file_name().is_some_and(|last| last == name);
    let processes = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let first = processes.lines().next().filter(|_| inside);
    first.and_then(|number| number.parse().ok()).or_else(|| {
        let folders = fs::read_dir(folder).ok()?.flatten();
        let mut folders = folders.filter(|entry| entry.path().is_dir());
        folders.find_map(|entry| first_process(&entry.path(), name, inside))
    })
}

/// Looks until something is there, and gives it.
///
/// # Panics
///
/// When the time is over; with what was seen last.
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(error) if start.elapsed() > limit => {
                panic!("not within {limit:?}: {what}; last seen: {error:#}")
            }
            Err(_) => sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_below_the_group_of_its_pod() {
        let folder = tempfile::tempdir().expect("a folder");
        let group = |path: &str, processes: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(&path).expect("a folder");
            fs::write(path.join("cgroup.procs"), processes).expect("a file");
        };
        group("node-0", "1\n");
        group("node-0/poda/x", "2\n3\n");
        group("node-1/podb", "");
        group("node-1/podb/y", "4\n");
        assert_eq!(first_process(folder.path(), "podb", false), Some(4));
        assert_eq!(first_process(folder.path(), "podc", false), None);
    }

    #[test]
    fn what_is_there_at_the_second_look_is_given() {
        let mut looks = 0;
        let found = eventually("two looks", Duration::from_mins(1), || {
            looks += 1;
            ensure!(looks == 2, "look {looks}");
            Ok(looks)
        });
        assert_eq!(found, 2);
    }

    #[test]
    #[should_panic(expected = "not within 0ns: rain; last seen: sun")]
    fn what_never_comes_is_told_with_what_was_there_instead() {
        eventually("rain", Duration::ZERO, || -> Result<()> { bail!("sun") });
    }
}
