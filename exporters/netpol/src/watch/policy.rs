//! Policies of all four kinds, as the engine wants them written: what the API server would refuse is for the engine to say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource};
use netpol_engine::{
    ClusterPolicy, NetworkPolicy, WrittenClusterPolicy, WrittenClusterSpec, WrittenMetadata,
    WrittenPolicy, WrittenSpec,
};
use serde::{Deserialize, Serialize};

use crate::model::kind::{self, Of};
use crate::model::policy::{Checked, Revision, Version};

/// `metadata`, and a `spec` of this form.
#[derive(Debug, Deserialize)]
#[serde(bound = "S: Deserialize<'de>")]
pub(super) struct Written<S> {
    metadata: ObjectMeta,
    #[serde(default = "none")]
    spec: Option<S>,
}

fn none<S>() -> Option<S> {
    None
}

/// Declares a kind: the group, version and plural under which an API server has it.
macro_rules! kinds {
    ($($name:ident of $spec:ty: $kind:literal, $group:literal, $version:literal, $plural:literal, $scope:ty;)*) => {
        $(
            #[derive(Debug, Deserialize)]
            #[serde(transparent)]
            pub(super) struct $name(Written<$spec>);

            impl Resource for $name {
                const API_VERSION: &'static str = concat!($group, "/", $version);
                const GROUP: &'static str = $group;
                const KIND: &'static str = $kind;
                const VERSION: &'static str = $version;
                const URL_PATH_SEGMENT: &'static str = $plural;
                type Scope = $scope;
            }
        )*
    };
}

kinds! {
    Policy of WrittenSpec:
        "NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies", NamespaceResourceScope;
    AdminPolicy of WrittenClusterSpec:
        "AdminNetworkPolicy", "policy.networking.k8s.io", "v1alpha1", "adminnetworkpolicies", ClusterResourceScope;
    BaselineAdminPolicy of WrittenClusterSpec:
        "BaselineAdminNetworkPolicy", "policy.networking.k8s.io", "v1alpha1", "baselineadminnetworkpolicies", ClusterResourceScope;
    WideClusterPolicy of WrittenClusterSpec:
        "ClusterNetworkPolicy", "policy.networking.k8s.io", "v1alpha2", "clusternetworkpolicies", ClusterResourceScope;
}

pub(super) fn policy(Policy(written): Policy) -> Checked<NetworkPolicy> {
    let key = super::key(&written.metadata);
    let version = version(&written);
    let policy = WrittenPolicy {
        metadata: WrittenMetadata {
            name: Some(key.name.clone()),
            namespace: Some(key.namespace.clone()),
        },
        spec: written.spec,
    };
    Checked {
        key,
        version,
        policy: NetworkPolicy::check(&policy),
    }
}

pub(super) fn admin(AdminPolicy(it): AdminPolicy) -> Of<kind::Admin, Checked<ClusterPolicy>> {
    wide(it)
}

pub(super) fn baseline_admin(
    BaselineAdminPolicy(it): BaselineAdminPolicy,
) -> Of<kind::BaselineAdmin, Checked<ClusterPolicy>> {
    wide(it)
}

pub(super) fn cluster(
    WideClusterPolicy(it): WideClusterPolicy,
) -> Of<kind::Cluster, Checked<ClusterPolicy>> {
    wide(it)
}

fn wide<K: kind::Named>(written: Written<WrittenClusterSpec>) -> Of<K, Checked<ClusterPolicy>> {
    let name = written.metadata.name.clone().unwrap_or_default();
    let version = version(&written);
    let policy = WrittenClusterPolicy {
        kind: K::NAME.to_owned(),
        metadata: WrittenMetadata {
            name: Some(name.clone()),
            namespace: None,
        },
        spec: written.spec,
    };
    Of::new(Checked {
        key: kind::cluster_key(K::NAME, &name),
        version,
        policy: ClusterPolicy::check(&policy),
    })
}

fn version<S: Serialize>(written: &Written<S>) -> Version {
    let metadata = &written.metadata;
    let resource_version = metadata.resource_version.clone();
    let revision = resource_version.filter(|it| !it.is_empty()).map_or_else(
        // A manifest has no version of its own, so its content is its version.
        || Revision::of_content(&serde_json::to_vec(&written.spec).unwrap_or_default()),
        Revision::of_object,
    );
    // Who wrote the specification last.
    let managers = metadata.managed_fields.iter().flatten();
    let last = managers
        .filter(|it| it.subresource.as_deref().is_none_or(str::is_empty))
        .max_by_key(|it| it.time.as_ref().map(|it| it.0));
    Version {
        revision,
        manager: last.and_then(|it| it.manager.clone()),
    }
}
