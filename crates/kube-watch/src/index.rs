//! What a watch writes into.

use std::fmt;

/// An object's name within its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Empty for a kind that has no namespaces.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

/// A model that follows one kind of objects.
///
/// Called under the index's write lock, so each call should be short. An `apply` or `delete` that
/// repeats what is already so must do no harm: a watch that resumes may say a thing twice.
pub trait Index<T>: Send + Sync + 'static {
    /// This object is new or has changed.
    fn apply(&mut self, object: T);

    /// This object is gone, or no longer in scope.
    fn delete(&mut self, key: &ObjectKey);

    /// These objects, and no others, are there: in this namespace, or everywhere if `None`.
    ///
    /// Objects of other namespaces are not touched when one is named.
    fn reset(&mut self, namespace: Option<&str>, objects: Vec<T>);
}

impl ObjectKey {
    /// A key of an object in a namespace; an empty namespace for a kind that has none.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            return formatter.write_str(&self.name);
        }
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}
