//! Where both sources pour into: decode, trim, index, status.

use std::any::TypeId;
use std::sync::Arc;

use k8s_openapi::{ClusterResourceScope, Resource};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::status::{Event, Teller};
use crate::{Index, ObjectKey};

/// From a decoded object to what is kept of it.
pub(crate) type Trim<K, T> = Arc<dyn Fn(K) -> T + Send + Sync>;

/// One watch's way into its index.
pub(crate) struct Sink<K, T, I> {
    /// The namespace that a reset speaks for; `None` for all.
    pub(crate) namespace: Option<String>,
    pub(crate) trim: Trim<K, T>,
    pub(crate) index: Arc<RwLock<I>>,
    pub(crate) teller: Teller,
}

impl<K, T, I> Sink<K, T, I>
where
    K: DeserializeOwned,
    I: Index<T>,
{
    /// The object, trimmed, or what does not fit, with the path of the field.
    ///
    /// By way of a [`Value`] for both sources: the code that reads a pod is the largest part of a binary, and each
    /// way of reading one would bring all of it again.
    pub(crate) fn decode(&self, object: Value) -> Result<T, String> {
        serde_path_to_error::deserialize(object)
            .map(|object| (self.trim)(object))
            .map_err(|error| {
                let path = error.path().to_string();
                if path == "." {
                    error.into_inner().to_string()
                } else {
                    format!("{path}: {}", error.into_inner())
                }
            })
    }

    /// `held` is how many objects there are with this one.
    pub(crate) fn apply(&self, object: T, held: usize) {
        self.index.write().apply(object);
        self.teller.event(Event::Apply, held);
    }

    /// `held` is how many objects there are without this one.
    pub(crate) fn delete(&self, key: &ObjectKey, held: usize) {
        self.index.write().delete(key);
        self.teller.event(Event::Delete, held);
    }

    pub(crate) fn reset(&self, objects: Vec<T>) {
        let held = objects.len();
        self.index.write().reset(self.namespace.as_deref(), objects);
        self.teller.event(Event::Reset, held);
    }
}

/// Whether objects of this kind live in namespaces.
pub(crate) fn is_namespaced<K>() -> bool
where
    K: Resource<Scope: 'static>,
{
    TypeId::of::<K::Scope>() != TypeId::of::<ClusterResourceScope>()
}
