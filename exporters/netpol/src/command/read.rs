//! What a command is about: objects from manifests, from a cluster or from both, and the flows that are required of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use kube_watch::Manifest;
use netpol_engine::{Endpoint, ObjectKey, Profile};
use serde_json::Value;

use crate::config;
use crate::flows;
use crate::model::Model;
use crate::watch::{self, Taken};

#[cfg(feature = "cluster")]
mod live;

/// The namespace of an object that names none, as for `kubectl apply`.
const DEFAULT_NAMESPACE: &str = "default";

/// Policies of one plugin alone: nobody else knows what they mean, so they are named and not evaluated.
const PLUGINS_OWN: [(&str, &str); 8] = [
    ("cilium.io", "CiliumNetworkPolicy"),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "GlobalNetworkPolicy"),
    ("crd.antrea.io", "NetworkPolicy"),
    ("crd.antrea.io", "ClusterNetworkPolicy"),
];

/// What a command reads, besides its paths.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Files that list what the application needs, separated by commas; without any, it is read from the containers'
    /// environment (`CART_SERVICE_ADDR=cartservice:7070`).
    #[arg(long, value_delimiter = ',', value_name = "FILE")]
    pub flows: Vec<PathBuf>,
    /// The namespace of objects that name none [default: the flows' own, or `default`].
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Read the cluster of the kubeconfig first; manifests are laid over what is there.
    #[cfg(feature = "cluster")]
    #[arg(long)]
    pub cluster: bool,
    /// How the network decides what the API leaves open.
    #[arg(long, value_name = "NAME", default_value = Profile::SPECIFICATION.name, value_parser = config::profile)]
    pub profile: Profile,
}

/// Where in the manifests something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was given.
    pub path: PathBuf,
    /// The line on which its document begins, from 1.
    pub line: u64,
}

/// What there is and what is required of it, with what could not be read beside it.
#[derive(Debug)]
pub struct Scene {
    /// Objects and flows.
    pub model: Model,
    /// Where each policy stands, if it is from a manifest.
    pub places: BTreeMap<ObjectKey, Place>,
    /// The namespace in which a name without one is.
    pub namespace: String,
    /// The files of flows.
    pub flows: Vec<PathBuf>,
    /// What could not be read: the answer may be wrong.
    pub unread: Vec<String>,
    /// What was left out on purpose.
    pub notes: Vec<String>,
}

/// Reads everything. An error is about what was typed, or about the cluster.
pub fn read(paths: &[PathBuf], args: &ReadArgs) -> Result<Scene, String> {
    let mut scene = Scene::begin(args);
    #[cfg(feature = "cluster")]
    if args.cluster {
        scene.unread.extend(live::read(&mut scene.model)?);
    } else if paths.is_empty() {
        return Err(
            "nothing to read: name files or folders of manifests, or ask for the --cluster"
                .to_owned(),
        );
    }
    #[cfg(not(feature = "cluster"))]
    if paths.is_empty() {
        return Err("nothing to read: name files or folders of manifests".to_owned());
    }
    for path in paths {
        scene.take_path(path);
    }
    Ok(scene)
}

// === impl Scene ===

impl Scene {
    fn begin(args: &ReadArgs) -> Self {
        let read = flows::read(&args.flows);
        let mut model = Model::new(args.profile);
        model.require(read.flows, args.flows.is_empty());
        let namespace = args.namespace.clone().or(read.namespace);
        Self {
            model,
            places: BTreeMap::new(),
            namespace: namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            flows: args.flows.clone(),
            unread: read.problems.iter().map(ToString::to_string).collect(),
            notes: Vec::new(),
        }
    }

    /// Whose pod this is; an end that is none is named as it is.
    pub(super) fn workload(&self, endpoint: &Endpoint) -> String {
        match endpoint {
            Endpoint::Pod(key) => self.model.cluster().pods.get(key).map_or_else(
                || key.to_string(),
                |pod| ObjectKey::new(&key.namespace, &pod.workload).to_string(),
            ),
            other => other.to_string(),
        }
    }

    fn take_path(&mut self, path: &Path) {
        match kube_watch::manifests(path) {
            Ok((manifests, problems)) => {
                self.unread.extend(problems.iter().map(ToString::to_string));
                for manifest in manifests {
                    self.take(manifest);
                }
            }
            Err(error) => self.unread.push(format!("{}: {error}", path.display())),
        }
    }

    fn take(&mut self, manifest: Manifest) {
        let Manifest {
            path,
            line,
            mut object,
        } = manifest;
        let place = Place { path, line };
        if let Some(metadata) = object["metadata"].as_object_mut() {
            let namespace = metadata.entry("namespace").or_insert(Value::Null);
            if namespace.as_str().is_none_or(str::is_empty) {
                *namespace = Value::String(self.namespace.clone());
            }
        }
        match watch::take(&mut self.model, &object) {
            Ok(Taken::Unseen) => self.note_of_a_plugins_own(&object, &place),
            Ok(taken) => {
                let Some(key) = policy_key(&object) else {
                    return;
                };
                let before = self.places.insert(key, place.clone());
                if let (Taken::Again, Some(before)) = (taken, before) {
                    let name = name(&object);
                    self.unread
                        .push(format!("{place}: {name} is there twice: {before} has it, too, and the last one holds"));
                }
            }
            Err(malformed) => self.unread.push(format!("{place}: {malformed}")),
        }
    }

    fn note_of_a_plugins_own(&mut self, object: &Value, place: &Place) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let group = version.split('/').next().unwrap_or_default();
        if PLUGINS_OWN.contains(&(group, kind.as_str())) {
            let name = name(object);
            self.notes.push(format!(
                "{place}: {name} of {group} is not evaluated: it is for one network plugin alone"
            ));
        }
    }
}

/// The key of a policy in the engine; nothing for any other kind.
fn policy_key(object: &Value) -> Option<ObjectKey> {
    let (kind, name) = (
        object["kind"].as_str()?,
        object["metadata"]["name"].as_str()?,
    );
    match kind {
        "NetworkPolicy" => Some(ObjectKey::new(
            object["metadata"]["namespace"].as_str()?,
            name,
        )),
        "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy" | "ClusterNetworkPolicy" => {
            Some(crate::model::kind::cluster_key(kind, name))
        }
        _ => None,
    }
}

fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!(
        "{} {}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}

impl fmt::Display for Place {
    /// `policies/deny.yaml:7`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.path.display(), self.line)
    }
}
