//! What a cluster test asks of the lab that it runs in, through the lab's own kubectl.
//!
//! `tests/cluster/run` starts a lab, runs the tests, which `cargo test` alone leaves out, and takes the lab down. With a lab that is up
//! already: `tests/cluster/enter cargo test -p cluster-tests -- --ignored`.

pub mod filter;
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

    /// Applies a folder of this workspace's, and waits until all that it deploys there is of its latest version.
    pub fn deploy(&self, folder: &str, namespace: &str) -> Result<()> {
        self.kubectl(&["apply", "-k", &in_workspace(folder)])?;
        self.rolled_out(namespace);
        Ok(())
    }

    /// Waits until every pod of a namespace's Deployments and `DaemonSet`s is available and of their latest version, and those before it are gone.
    pub fn rolled_out(&self, namespace: &str) {
        let what = format!("{namespace} is rolled out");
        eventually(&what, Duration::from_mins(4), || {
            let list = self.get(&["deployments,daemonsets", "-n", namespace])?;
            let items = list["items"].as_array().context("a list")?.iter();
            let waits: Vec<_> = items.filter(|it| !is_rolled_out(it)).collect();
            let name = |it: &Value| format!("{} {}", it["metadata"]["name"], it["status"]);
            let waits: Vec<_> = waits.into_iter().map(name).collect();
            ensure!(waits.is_empty(), "{waits:?}");
            Ok(())
        });
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
        let processes = self.processes_of(namespace, pod)?;
        let first = processes.first().copied();
        first.with_context(|| format!("no process of {pod}"))
    }

    /// Kills the process in a pod that was started with this argument. Its kubelet starts it again.
    pub fn kill(&self, namespace: &str, pod: &str, argument: &str) -> Result<()> {
        let has = |process: &u32| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0)
                .any(|it| it == argument.as_bytes())
        };
        let mut processes = self.processes_of(namespace, pod)?;
        processes.retain(has);
        let [process] = processes[..] else {
            bail!("not one process of {pod} with {argument}: {processes:?}");
        };
        let killed = Command::new("kill")
            .args(["-KILL", &process.to_string()])
            .status()?;
        ensure!(killed.success(), "{process} cannot be killed");
        Ok(())
    }

    fn processes_of(&self, namespace: &str, pod: &str) -> Result<Vec<u32>> {
        let object = self.get(&["pod", "-n", namespace, pod])?;
        let uid = object["metadata"]["uid"].as_str().context("a uid")?;
        let folder = format!("{CONTROL_GROUPS}/sidelights-{}", self.name);
        Ok(processes(Path::new(&folder), &format!("pod{uid}"), false))
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

/// As `kubectl rollout status` has it, of a Deployment or a `DaemonSet`.
fn is_rolled_out(object: &Value) -> bool {
    let status = &object["status"];
    let count = |name: &str| status[name].as_u64().unwrap_or_default();
    let (wanted, there, latest, available) = match object["spec"]["replicas"].as_u64() {
        Some(wanted) => (wanted, "replicas", "updatedReplicas", "availableReplicas"),
        None => (
            count("desiredNumberScheduled"),
            "currentNumberScheduled",
            "updatedNumberScheduled",
            "numberAvailable",
        ),
    };
    status["observedGeneration"] == object["metadata"]["generation"]
        && [there, latest, available].map(count) == [wanted; 3]
}

/// The path of something in this workspace.
pub fn in_workspace(path: &str) -> String {
    format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The processes in a control group and in those below it, once a group of that name was passed.
fn processes(folder: &Path, name: &str, inside: bool) -> Vec<u32> {
    let inside = inside || folder.file_name().is_some_and(|last| last == name);
    let own = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    let own = own.lines().filter(|_| inside);
    let mut found: Vec<u32> = own.filter_map(|number| number.parse().ok()).collect();
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    for below in folders.map(|entry| entry.path()).filter(|it| it.is_dir()) {
        found.extend(processes(&below, name, inside));
    }
    found
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
    fn a_rollout_is_over_when_all_is_of_the_latest_version_and_nothing_else_is_left() {
        let deployment = |generation: u64, replicas: u64, updated: u64, available: u64| {
            is_rolled_out(
                &json!({"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": {
                "observedGeneration": generation, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available}}),
            )
        };
        assert!(deployment(2, 1, 1, 1));
        assert!(!deployment(1, 1, 1, 1), "not looked at yet");
        assert!(!deployment(2, 2, 1, 1), "an old one is left");
        assert!(!deployment(2, 1, 0, 1), "none is new");
        assert!(!deployment(2, 1, 1, 0), "the new one is not available");
        let daemon_set = |desired: u64, updated: u64| {
            is_rolled_out(
                &json!({"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1,
                "desiredNumberScheduled": desired, "currentNumberScheduled": 1, "updatedNumberScheduled": updated, "numberAvailable": 1}}),
            )
        };
        assert!(daemon_set(1, 1));
        assert!(!daemon_set(2, 1) && !daemon_set(1, 0));
    }

    #[test]
    fn processes_are_found_below_the_group_of_their_pod() {
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
        assert_eq!(processes(folder.path(), "poda", false), [2, 3]);
        assert_eq!(processes(folder.path(), "podb", false), [4]);
        assert_eq!(processes(folder.path(), "podc", false), [0_u32; 0]);
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
