//! Kinds of objects that share a shape: the type says which kind, so that one of a kind never takes another's place.

use core::marker::PhantomData;

use netpol_engine::ObjectKey;

/// An object of this kind.
#[derive(Debug)]
pub struct Of<K, T> {
    /// The object.
    pub object: T,
    kind: PhantomData<fn() -> K>,
}

/// A kind with a name.
pub trait Named: 'static {
    /// As the API spells it.
    const NAME: &'static str;
}

macro_rules! kinds {
    ($($kind:ident = $name:literal),* $(,)?) => {
        $(
            #[doc = concat!("`", $name, "`")]
            #[derive(Debug)]
            pub enum $kind {}

            impl Named for $kind {
                const NAME: &'static str = $name;
            }
        )*
    };
}

kinds! {
    Admin = "AdminNetworkPolicy",
    BaselineAdmin = "BaselineAdminNetworkPolicy",
    Cluster = "ClusterNetworkPolicy",
    Deployment = "Deployment",
    StatefulSet = "StatefulSet",
    DaemonSet = "DaemonSet",
    ReplicaSet = "ReplicaSet",
    Job = "Job",
    CronJob = "CronJob",
}

/// The key that the engine gives to a cluster-wide policy: names are unique in a kind only (`ClusterPolicy::key`).
pub fn cluster_key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey::new("", format!("{kind}/{name}"))
}

// === impl Of ===

impl<K, T> Of<K, T> {
    /// It is of that kind.
    pub fn new(object: T) -> Self {
        Self {
            object,
            kind: PhantomData,
        }
    }
}
