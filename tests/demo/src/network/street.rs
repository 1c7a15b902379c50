//! The second shop: its services, its manifests, and listeners that obey the policies among them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use netpol_engine::{Endpoint, Profile, Protocol, Query, Route, Verdict};
use netpol_exporter::model::Model;
use netpol_exporter::watch::take;
use serde_json::{Value, json};
use shop::pods::{self, NAMESPACE, Pod};
use shop::{Faults, Layout, Load, Role, Running, Settings};
use tempfile::TempDir;

use super::policies::Policy;

/// The first street has the day's own shop.
const STREETS: std::ops::RangeInclusive<u8> = 2..=60;
/// The pods have been running for that long.
const AGE: Duration = Duration::from_hours(1);

/// The second shop.
#[derive(Debug)]
pub(super) struct Street {
    folder: TempDir,
    layout: Layout,
    started_at: SystemTime,
    roles: Vec<Running>,
    /// By name.
    policies: BTreeMap<&'static str, String>,
    /// The switch.
    enforced: bool,
    /// Whose process has stopped.
    down: Option<Role>,
}

impl Street {
    /// Starts the services where all their ports are free, since policies name ports, and writes their manifests.
    pub(super) async fn open() -> Result<Self> {
        let layout = free_street()?;
        let mut roles = Vec::new();
        for role in Role::ALL
            .into_iter()
            .filter(|role| layout.traffic(*role).is_some())
        {
            let running = Running::start(Settings {
                role,
                listen: layout.traffic(role),
                admin: layout.admin(role),
                // Nobody shops here: the agents dial.
                callees: BTreeMap::new(),
                load: Load::default(),
                redis_server: None,
            });
            roles.push(running.await?);
        }
        let street = Self {
            folder: tempfile::tempdir().context("a folder for the manifests")?,
            layout,
            started_at: SystemTime::now() - AGE,
            roles,
            policies: BTreeMap::new(),
            enforced: true,
            down: None,
        };
        fs::create_dir(street.manifests())?;
        pods::write_all(&street.manifests(), &street.layout, street.started_at)?;
        street.write("namespace", &namespace().to_string())?;
        street.write("node", &node().to_string())?;
        for (name, service) in services() {
            street.write(&format!("service-{name}"), &service.to_string())?;
        }
        Ok(street)
    }

    /// What the exporter watches.
    pub(super) fn manifests(&self) -> PathBuf {
        self.folder.path().join("manifests")
    }

    /// What else it is given.
    pub(super) fn beside(&self) -> &Path {
        self.folder.path()
    }

    /// A role's pod.
    pub(super) fn pod(&self, role: Role) -> Pod {
        super::pod(role, &self.layout, self.started_at)
    }

    /// A role's address.
    pub(super) fn address(&self, role: Role) -> IpAddr {
        let place = self.layout.traffic(role);
        place.unwrap_or(self.layout.admin(role)).actual.ip()
    }

    /// Writes these policies in the place of those there are, and has the listeners obey them.
    pub(super) async fn apply(&mut self, policies: &[Policy]) -> Result<()> {
        let policies = policies.iter().copied();
        self.policies = policies
            .map(|(name, text)| (name, text.to_owned()))
            .collect();
        self.write_policies()?;
        self.obey().await
    }

    /// Writes one policy anew.
    pub(super) async fn change(&mut self, name: &'static str, text: String) -> Result<()> {
        self.policies.insert(name, text);
        self.write_policies()?;
        self.obey().await
    }

    /// All in one file: a set of which a watcher reads half is another set, and cuts other calls.
    fn write_policies(&self) -> Result<()> {
        let texts: Vec<&str> = self.policies.values().map(String::as_str).collect();
        self.write("policies", &texts.join("\n---\n"))
    }

    /// Turns the switch.
    pub(super) async fn enforce(&mut self, enforced: bool) -> Result<()> {
        self.enforced = enforced;
        self.obey().await
    }

    /// Stops a role's process: nobody listens on its port.
    pub(super) async fn stop(&mut self, role: Role) -> Result<()> {
        self.down = Some(role);
        self.obey().await
    }

    /// Whole or not at all: a watcher never reads half a file.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let unfinished = self.manifests().join(format!(".{name}.unfinished"));
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, self.manifests().join(format!("{name}.yaml")))?;
        Ok(())
    }

    async fn obey(&self) -> Result<()> {
        let model = self.model()?;
        for running in &self.roles {
            let faults = Faults {
                deaf_to: if self.enforced {
                    self.denied(&model, running.role())
                } else {
                    Vec::new()
                },
                refuse: self.down == Some(running.role()),
                ..Faults::default()
            };
            if running.faults() != faults {
                running.set_faults(faults).await?;
            }
        }
        Ok(())
    }

    fn model(&self) -> Result<Model> {
        let mut model = Model::new(Profile::SPECIFICATION);
        for entry in fs::read_dir(self.manifests())? {
            let text = fs::read_to_string(entry?.path())?;
            let objects: Vec<Value> = serde_saphyr::from_multiple(&text)?;
            for object in &objects {
                take(&mut model, object)?;
            }
        }
        Ok(model)
    }

    /// The addresses of those whom the policies do not let through to a role.
    fn denied(&self, model: &Model, to: Role) -> Vec<Ipv4Addr> {
        let Some(port) = to.container_port() else {
            return Vec::new();
        };
        let pod = |role| Endpoint::pod(NAMESPACE, &self.pod(role).name());
        let others = Role::ALL.into_iter().filter(|from| *from != to);
        others
            .filter(|from| {
                let asked = Query {
                    source: pod(*from),
                    destination: pod(to),
                    protocol: Protocol::Tcp,
                    port,
                    route: Route::Direct,
                    family: None,
                };
                model.matrix().verdict(&asked) == Verdict::Denied
            })
            .filter_map(|from| match self.address(from) {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            })
            .collect()
    }
}

fn free_street() -> Result<Layout> {
    for number in STREETS {
        let mut layout = Layout::street(number);
        layout.settle()?;
        if layout.moved().next().is_none() {
            return Ok(layout);
        }
    }
    bail!("no street of 127.0.0.0/16 has the shop's ports free")
}

fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": NAMESPACE, "labels": { "kubernetes.io/metadata.name": NAMESPACE } },
    })
}

fn node() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": "loopback" },
        "status": { "addresses": [{ "type": "InternalIP", "address": "127.0.0.1" }] },
    })
}

fn services() -> Vec<(String, Value)> {
    let service = |name: String, role: Role, kind: &str| {
        let port = role.service_port()?;
        let object = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "type": kind,
                "selector": { "app": role.name() },
                "ports": [{ "port": port, "targetPort": role.container_port(), "protocol": "TCP" }],
            },
        });
        Some((name, object))
    };
    let inside = Role::ALL
        .into_iter()
        .filter_map(|role| service(role.name().to_owned(), role, "ClusterIP"));
    let outside = service(
        "frontend-external".to_owned(),
        Role::Frontend,
        "LoadBalancer",
    );
    inside.chain(outside).collect()
}
