//! What has changed since somebody last looked: which namespaces may have other verdicts, and what to blame for them.

use std::collections::BTreeSet;
use std::fmt;

use netpol_engine::ObjectKey;

use super::policy::Version;

/// Objects that are kept as possible causes; of what else came at the same time only the number is known.
const MOST_OBJECTS: usize = 100;

/// What has changed since somebody last looked.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Whether any verdict may be another.
    pub everything: bool,
    /// Otherwise, the namespaces with an end of each flow that may have another verdict.
    pub namespaces: BTreeSet<String>,
    /// Whether what is required has changed.
    pub required: bool,
    /// What came, in order; at most a hundred.
    pub objects: Vec<Object>,
    /// How many more.
    pub more: usize,
}

/// An object that came, changed or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A policy, now in this state; without one it is gone or refused.
    Policy(ObjectKey, Option<Version>),
    /// Something else: its kind and name.
    Other(&'static str, ObjectKey),
    /// A whole list of this kind.
    List(&'static str),
}

// === impl Changes ===

impl Changes {
    /// Nothing has been looked at yet.
    pub fn everything() -> Self {
        Self {
            everything: true,
            required: true,
            ..Self::default()
        }
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        !self.everything && !self.required && self.namespaces.is_empty()
    }

    /// Whether a flow with an end in this namespace may have another verdict.
    pub fn concern(&self, namespace: &str) -> bool {
        self.everything || self.namespaces.contains(namespace)
    }

    /// Whether a policy has changed, or a namespace's labels, that may be about pods of this namespace.
    pub fn policies_concern(&self, namespace: &str) -> bool {
        self.objects.iter().any(|object| match object {
            Object::Policy(key, _) => key.namespace.is_empty() || key.namespace == namespace,
            Object::Other("Namespace", key) => key.name == namespace,
            Object::List(kind) => kind.ends_with("Policy"),
            Object::Other(..) => false,
        })
    }

    /// Notes that somebody else can dial now.
    pub fn agents_changed(&mut self) {
        self.everything = true;
    }

    pub(super) fn touch(&mut self, namespace: &str, object: Object) {
        if !self.namespaces.contains(namespace) {
            self.namespaces.insert(namespace.to_owned());
        }
        self.came(object);
    }

    pub(super) fn touch_all(&mut self, object: Object) {
        self.everything = true;
        self.came(object);
    }

    fn came(&mut self, object: Object) {
        if self.objects.len() < MOST_OBJECTS {
            self.objects.push(object);
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(key, Some(version)) => {
                write!(formatter, "policy {key} (revision {version})")
            }
            Self::Policy(key, None) => write!(formatter, "policy {key} (gone)"),
            Self::Other(kind, key) => write!(formatter, "{kind} {key}"),
            Self::List(kind) => write!(formatter, "a list of {kind}s"),
        }
    }
}
