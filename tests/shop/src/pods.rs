//! The shop's pods as `kubectl get pods -o yaml` shows them, for the `files:` source of the exporters.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::layout::Layout;
use crate::role::{Handler, Probe, Role};

/// The namespace of the shop.
pub const NAMESPACE: &str = "sre-demo";

/// A budget of a probe, and the memory that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Seconds an answer may take.
    pub timeout_seconds: u32,
    /// Seconds from one probe to the next.
    pub period_seconds: u32,
    /// Failures in a row that count as one.
    pub failure_threshold: u32,
    /// `requests.memory`
    pub memory_request: &'static str,
    /// `limits.memory`
    pub memory_limit: &'static str,
}

/// The budget that ended cartservice's 83 restarts.
pub const CARTSERVICE_FIXED: Budget = Budget {
    timeout_seconds: 5,
    period_seconds: 15,
    failure_threshold: 5,
    memory_request: "128Mi",
    memory_limit: "256Mi",
};

/// A pod to be written. The same pod can be written again after a change: its name and file stay.
#[derive(Debug, Clone)]
pub struct Pod {
    role: Role,
    address: IpAddr,
    port: Option<u16>,
    liveness: Option<Probe>,
    readiness: Option<Probe>,
    memory_request: &'static str,
    memory_limit: &'static str,
    created_at: SystemTime,
    started_at: SystemTime,
    last_ended: Option<Ended>,
    restart_count: u32,
}

#[derive(Debug, Clone, Copy)]
struct Ended {
    started_at: SystemTime,
    finished_at: SystemTime,
}

impl Pod {
    /// The pod as upstream deploys it, running since `started_at` where the layout has put it.
    pub fn upstream(role: Role, layout: &Layout, started_at: SystemTime) -> Self {
        let place = layout.address(role);
        let resources = role.resources();
        Self {
            role,
            // The load generator listens nowhere, and has an address all the same.
            address: place.unwrap_or(layout.admin(role).actual).ip(),
            port: place.map(|place| place.port()),
            liveness: role.liveness(),
            readiness: role.readiness(),
            memory_request: resources.memory_request,
            memory_limit: resources.memory_limit,
            created_at: started_at,
            started_at,
            last_ended: None,
            restart_count: 0,
        }
    }

    /// The pod's name: the workload's, and a hash and a suffix that look like Kubernetes' own and are the same in every run.
    pub fn name(&self) -> String {
        format!(
            "{}-{}-{}",
            self.role,
            letters(self.role.name(), 9),
            letters(self.role.container(), 5)
        )
    }

    /// Gives both probes another budget.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        for probe in [&mut self.liveness, &mut self.readiness]
            .into_iter()
            .flatten()
        {
            probe.timeout_seconds = budget.timeout_seconds;
            probe.period_seconds = budget.period_seconds;
            probe.failure_threshold = budget.failure_threshold;
        }
        self.memory_request = budget.memory_request;
        self.memory_limit = budget.memory_limit;
        self
    }

    /// The container was killed and started again at `at`, as after a failed liveness probe (exit code 137).
    #[must_use]
    pub fn restarted(mut self, at: SystemTime) -> Self {
        self.last_ended = Some(Ended {
            started_at: self.started_at,
            finished_at: at,
        });
        self.started_at = at;
        self.restart_count += 1;
        self
    }

    /// The object, with the keys the API server fills in.
    pub fn to_value(&self) -> Value {
        let name = self.name();
        let app = self.role.name();
        let mut value = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": NAMESPACE,
                "uid": self.identifier("pod"),
                "creationTimestamp": timestamp(self.created_at),
                "labels": { "app": app, "pod-template-hash": letters(app, 9) },
                "ownerReferences": [{
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": format!("{app}-{}", letters(app, 9)),
                    "uid": self.identifier("replica set"),
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "spec": {
                "containers": [self.container()],
                "nodeName": "loopback",
                "restartPolicy": "Always",
                "terminationGracePeriodSeconds": 5,
            },
            "status": self.status(),
        });
        // Another one for each change, as from an API server.
        value["metadata"]["resourceVersion"] =
            json!((hash(&value.to_string()) % 1_000_000_000).to_string());
        value
    }

    /// The object as YAML.
    pub fn to_yaml(&self) -> io::Result<String> {
        serde_saphyr::to_string(&self.to_value()).map_err(io::Error::other)
    }

    /// Writes `<role>.yaml` into the folder, whole or not at all: a watcher never reads half a file.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(format!("{}.yaml", self.role));
        let unfinished = folder.join(format!(".{}.unfinished", self.role));
        fs::write(&unfinished, self.to_yaml()?)?;
        fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    fn container(&self) -> Value {
        let resources = self.role.resources();
        let mut container = object(json!({
            "name": self.role.container(),
            "image": image(self.role),
            "imagePullPolicy": "IfNotPresent",
            "resources": {
                "requests": { "cpu": resources.cpu_request, "memory": self.memory_request },
                "limits": { "cpu": resources.cpu_limit, "memory": self.memory_limit },
            },
        }));
        if let Some(port) = self.port {
            let mut entry = object(json!({ "containerPort": port, "protocol": "TCP" }));
            if self.role == Role::CurrencyService {
                // The only port upstream has named.
                entry.insert("name".to_owned(), json!("grpc"));
            }
            container.insert("ports".to_owned(), json!([entry]));
            for (key, probe) in [
                ("livenessProbe", self.liveness),
                ("readinessProbe", self.readiness),
            ] {
                if let Some(probe) = probe {
                    container.insert(key.to_owned(), probe_value(&probe, port));
                }
            }
        }
        Value::Object(container)
    }

    fn status(&self) -> Value {
        let started = timestamp(self.started_at);
        let identifier = format!(
            "containerd://{}",
            self.identifier(&self.restart_count.to_string())
        );
        let last_state = self.last_ended.map_or(json!({}), |ended| {
            json!({ "terminated": {
                "containerID": format!("containerd://{}", self.identifier(&(self.restart_count - 1).to_string())),
                "exitCode": 137,
                "reason": "Error",
                "startedAt": timestamp(ended.started_at),
                "finishedAt": timestamp(ended.finished_at),
            }})
        });
        let conditions = ["Initialized", "Ready", "ContainersReady", "PodScheduled"]
            .map(|kind| json!({ "type": kind, "status": "True", "lastTransitionTime": started }));
        json!({
            "phase": "Running",
            "hostIP": "127.0.0.1",
            "podIP": self.address.to_string(),
            "podIPs": [{ "ip": self.address.to_string() }],
            "startTime": timestamp(self.created_at),
            "conditions": conditions,
            "containerStatuses": [{
                "name": self.role.container(),
                "image": image(self.role),
                "imageID": "",
                "containerID": identifier,
                "ready": true,
                "started": true,
                "restartCount": self.restart_count,
                "state": { "running": { "startedAt": started } },
                "lastState": last_state,
            }],
            "qosClass": "Burstable",
        })
    }

    fn identifier(&self, part: &str) -> String {
        format!("{:016x}", hash(&format!("{} {part}", self.role)))
    }
}

/// Writes a file for each of the twelve into the folder, which is made where it is missing, as upstream deploys them, all running since `started_at`.
pub fn write_all(
    folder: &Path,
    layout: &Layout,
    started_at: SystemTime,
) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    Role::ALL
        .into_iter()
        .map(|role| Pod::upstream(role, layout, started_at).write(folder))
        .collect()
}

/// Writes cartservice's file anew with [`CARTSERVICE_FIXED`].
pub fn write_fixed_cartservice(
    folder: &Path,
    layout: &Layout,
    started_at: SystemTime,
) -> io::Result<PathBuf> {
    Pod::upstream(Role::CartService, layout, started_at)
        .with_budget(CARTSERVICE_FIXED)
        .write(folder)
}

fn probe_value(probe: &Probe, port: u16) -> Value {
    let mut value = object(json!({
        "timeoutSeconds": probe.timeout_seconds,
        "periodSeconds": probe.period_seconds,
        "successThreshold": 1,
        "failureThreshold": probe.failure_threshold,
    }));
    // The API server leaves a zero out.
    if probe.initial_delay_seconds > 0 {
        value.insert(
            "initialDelaySeconds".to_owned(),
            json!(probe.initial_delay_seconds),
        );
    }
    let (key, handler) = match probe.handler {
        Handler::Grpc => ("grpc", json!({ "port": port, "service": "" })),
        Handler::HttpGet(path) => (
            "httpGet",
            json!({ "path": path, "port": port, "scheme": "HTTP" }),
        ),
        Handler::TcpSocket => ("tcpSocket", json!({ "port": port })),
    };
    value.insert(key.to_owned(), handler);
    Value::Object(value)
}

fn image(role: Role) -> &'static str {
    if role == Role::RedisCart {
        "redis:alpine"
    } else {
        role.name()
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// FNV-1a: names have to be the same in every run, so that two runs' series can be compared.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `count` characters of the alphabet Kubernetes makes names from.
fn letters(text: &str, count: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut state = hash(text);
    let mut name = String::with_capacity(count);
    for _ in 0..count {
        let place = usize::try_from(state % ALPHABET.len() as u64).unwrap_or_default();
        name.push(char::from(ALPHABET[place]));
        state /= ALPHABET.len() as u64;
    }
    name
}

/// RFC 3339 in UTC to the second, as Kubernetes writes times.
fn timestamp(time: SystemTime) -> String {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March put the leap day last; an era is 400 of them, 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z",
        second = second % 60
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_as_kubernetes_writes_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_798_761_600, "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn names_are_the_same_in_every_run_and_differ_between_roles() {
        let layout = Layout::standard();
        let names: Vec<_> = Role::ALL
            .map(|role| Pod::upstream(role, &layout, UNIX_EPOCH).name())
            .into();
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
        assert!(names[1].starts_with("cartservice-"), "{names:?}");
    }
}
