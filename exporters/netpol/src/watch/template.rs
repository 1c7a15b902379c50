//! What makes pods, where there are none: in a folder of manifests one pod is made up for each template.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use netpol_engine::ObjectKey;

use super::pod::of_spec;
use crate::model::kind::{self, Of};
use crate::model::pod::Template;

pub(super) fn deployment(it: Deployment) -> Of<kind::Deployment, Template> {
    let spec = it.spec;
    template(&it.metadata, spec.template, spec.replicas)
}

pub(super) fn stateful_set(it: StatefulSet) -> Of<kind::StatefulSet, Template> {
    let spec = it.spec;
    template(&it.metadata, spec.template, spec.replicas)
}

pub(super) fn daemon_set(it: DaemonSet) -> Of<kind::DaemonSet, Template> {
    template(&it.metadata, it.spec.template, None)
}

pub(super) fn replica_set(it: ReplicaSet) -> Of<kind::ReplicaSet, Template> {
    let spec = it.spec;
    // A Deployment's own ReplicaSet: the Deployment has the template, too.
    let mut owners = it.metadata.owner_references.iter().flatten();
    let replicas = if owners.any(|it| it.controller == Some(true)) {
        Some(0)
    } else {
        spec.replicas
    };
    template(&it.metadata, spec.template.unwrap_or_default(), replicas)
}

pub(super) fn job(it: Job) -> Of<kind::Job, Template> {
    template(&it.metadata, it.spec.unwrap_or_default().template, None)
}

pub(super) fn cron_job(it: CronJob) -> Of<kind::CronJob, Template> {
    let job = it.spec.job_template;
    template(&it.metadata, job.spec.unwrap_or_default().template, None)
}

fn template<K: kind::Named>(
    metadata: &ObjectMeta,
    template: PodTemplateSpec,
    replicas: Option<i32>,
) -> Of<K, Template> {
    let key = super::key(metadata);
    // No pod can have this name: there is a slash in it.
    let made_up = format!("{}/{}", K::NAME.to_lowercase(), key.name);
    let labels = template.metadata.and_then(|it| it.labels);
    let spec = template.spec.unwrap_or_default();
    let pod = of_spec(
        ObjectKey::new(&key.namespace, made_up),
        labels,
        &spec,
        key.name.clone(),
    );
    Of::new(Template {
        key,
        pod: (replicas != Some(0)).then_some(pod),
    })
}
