//! Kubernetes objects in, from a cluster or from files, as apply, delete and reset events, trimmed.
