//! What autoscalers scale, by kind and name, and which of them scale it.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use hpa_engine::{Moment, ObjectReference, Scale, ScaleFailure};
use kube_watch::ObjectKey;

/// A kind of the group `apps` that is watched.
pub trait Kind: Send + Sync + 'static {
    /// Its name.
    const KIND: &'static str;
    /// As the API server names it in errors.
    const RESOURCE: &'static str;
}

/// `apps/v1` `Deployment`.
#[derive(Debug)]
pub struct Deployment;
/// `apps/v1` `StatefulSet`.
#[derive(Debug)]
pub struct StatefulSet;
/// `apps/v1` `ReplicaSet`.
#[derive(Debug)]
pub struct ReplicaSet;

impl Kind for Deployment {
    const KIND: &'static str = "Deployment";
    const RESOURCE: &'static str = "deployments.apps";
}

impl Kind for StatefulSet {
    const KIND: &'static str = "StatefulSet";
    const RESOURCE: &'static str = "statefulsets.apps";
}

impl Kind for ReplicaSet {
    const KIND: &'static str = "ReplicaSet";
    const RESOURCE: &'static str = "replicasets.apps";
}

/// The kinds that are watched, and how errors name them.
const WATCHED: [(&str, &str); 3] = [
    (Deployment::KIND, Deployment::RESOURCE),
    (StatefulSet::KIND, StatefulSet::RESOURCE),
    (ReplicaSet::KIND, ReplicaSet::RESOURCE),
];

/// One object of such a kind.
pub struct Target<K> {
    seen: Moment,
    key: ObjectKey,
    scale: Scale,
    /// It belongs to another controller, which alone scales it.
    owned: bool,
    kind: PhantomData<K>,
}

impl<K> Target<K> {
    /// An object and its scale, as it was seen then.
    pub fn new(seen: Moment, key: ObjectKey, scale: Scale, owned: bool) -> Self {
        Self {
            seen,
            key,
            scale,
            owned,
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for Target<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {:?}", self.key, self.scale)
    }
}

/// What a target reported before what it reports now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formerly {
    /// The replicas that it reported.
    pub reported_replicas: i32,
    /// When it was seen to report others.
    pub until: Moment,
}

/// For so long it is known what a target reported before: longer than a write is disputed.
const KNOWN: Duration = Duration::from_secs(3);

/// A scale, and what it was lately.
#[derive(Debug)]
struct Watched {
    scale: Scale,
    formerly: Vec<Formerly>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Targets {
    scales: HashMap<&'static str, HashMap<ObjectKey, Watched>>,
    /// Of kinds that are not watched: what `/scale` last answered, by namespace and reference.
    asked: HashMap<(String, ObjectReference), Result<Scale, ScaleFailure>>,
    /// Which autoscalers scale what, by namespace, kind and name.
    claims: HashMap<(String, String, String), Vec<ObjectKey>>,
    /// How many autoscalers name what of the kinds that are not watched, by namespace and reference.
    references: HashMap<(String, ObjectReference), usize>,
}

impl Targets {
    /// The scale that the API server would give, or what it would say.
    pub(super) fn scale(
        &self,
        namespace: &str,
        target: &ObjectReference,
    ) -> Result<Scale, ScaleFailure> {
        let Some((kind, resource)) = watched(target) else {
            let asked = self.asked.get(&(namespace.to_owned(), target.clone()));
            return asked.cloned().unwrap_or_else(|| {
                let kind = &target.kind;
                let text = format!("the scale of a {kind} has not been asked for");
                Err(ScaleFailure::Get(text))
            });
        };
        let found = self.watched(kind, namespace, &target.name);
        found.map(|found| found.scale.clone()).ok_or_else(|| {
            let text = format!("{resource} {:?} not found", target.name);
            ScaleFailure::Get(text)
        })
    }

    /// What it reported lately, the oldest first. Nothing is known of it for kinds that are not watched.
    pub(super) fn formerly(&self, namespace: &str, target: &ObjectReference) -> Vec<Formerly> {
        let found =
            watched(target).and_then(|(kind, _)| self.watched(kind, namespace, &target.name));
        found.map_or_else(Vec::new, |found| found.formerly.clone())
    }

    fn watched(&self, kind: &str, namespace: &str, name: &str) -> Option<&Watched> {
        self.scales.get(kind)?.get(&ObjectKey::new(namespace, name))
    }

    /// Of kinds that are not watched: what has to be asked for.
    pub(super) fn unwatched(&self) -> Vec<(String, ObjectReference)> {
        self.references.keys().cloned().collect()
    }

    /// What `/scale` answered; gives the autoscalers that scale it, if that is news.
    pub(super) fn answered(
        &mut self,
        namespace: &str,
        target: &ObjectReference,
        answer: Result<Scale, ScaleFailure>,
    ) -> bool {
        let key = (namespace.to_owned(), target.clone());
        let known = self.asked.insert(key, answer.clone());
        known != Some(answer)
    }

    pub(super) fn claim(&mut self, autoscaler: &ObjectKey, target: &ObjectReference) {
        let claims = self.claims.entry(place(autoscaler, target)).or_default();
        if !claims.contains(autoscaler) {
            claims.reserve_exact(1);
            claims.push(autoscaler.clone());
            if watched(target).is_some() {
                return;
            }
            let reference = (autoscaler.namespace.clone(), target.clone());
            *self.references.entry(reference).or_default() += 1;
        }
    }

    pub(super) fn release(&mut self, autoscaler: &ObjectKey, target: &ObjectReference) {
        let reference = (autoscaler.namespace.clone(), target.clone());
        if let Some(count) = self.references.get_mut(&reference) {
            *count -= 1;
            if *count == 0 {
                self.references.remove(&reference);
                self.asked.remove(&reference);
            }
        }
        let place = place(autoscaler, target);
        if let Some(claims) = self.claims.get_mut(&place) {
            claims.retain(|it| it != autoscaler);
            if claims.is_empty() {
                self.claims.remove(&place);
            }
        }
    }

    /// Keeps a target; gives the autoscalers that scale it, if it changed.
    pub(super) fn apply<K: Kind>(&mut self, target: Target<K>) -> Vec<ObjectKey> {
        let Target {
            seen,
            key,
            scale,
            owned,
            ..
        } = target;
        let claims = self.claims_of::<K>(&key);
        // Somebody may scale it by hand all the same, so one that is claimed is kept.
        if owned && claims.is_empty() {
            self.scales.entry(K::KIND).or_default().remove(&key);
            return claims;
        }
        let scales = self.scales.entry(K::KIND).or_default();
        let mut formerly = Vec::new();
        if let Some(before) = scales.remove(&key) {
            formerly = before.formerly;
            formerly.retain(|it| seen <= it.until.after(KNOWN));
            if before.scale == scale {
                scales.insert(key, Watched { scale, formerly });
                return Vec::new();
            }
            formerly.push(Formerly {
                reported_replicas: before.scale.reported_replicas,
                until: seen,
            });
        }
        scales.insert(key, Watched { scale, formerly });
        claims
    }

    pub(super) fn delete<K: Kind>(&mut self, key: &ObjectKey) -> Vec<ObjectKey> {
        self.scales.entry(K::KIND).or_default().remove(key);
        self.claims_of::<K>(key)
    }

    pub(super) fn reset<K: Kind>(
        &mut self,
        namespace: Option<&str>,
        targets: Vec<Target<K>>,
    ) -> Vec<ObjectKey> {
        let scales = self.scales.entry(K::KIND).or_default();
        let mut before = std::mem::take(scales);
        scales.extend(before.extract_if(|key, _| namespace.is_some_and(|it| key.namespace != it)));
        let mut claims: Vec<_> = before
            .keys()
            .flat_map(|key| self.claims_of::<K>(key))
            .collect();
        for target in targets {
            claims.extend(self.apply(target));
        }
        claims
    }

    fn claims_of<K: Kind>(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let place = (key.namespace.clone(), K::KIND.to_owned(), key.name.clone());
        self.claims.get(&place).cloned().unwrap_or_default()
    }
}

fn place(autoscaler: &ObjectKey, target: &ObjectReference) -> (String, String, String) {
    (
        autoscaler.namespace.clone(),
        target.kind.clone(),
        target.name.clone(),
    )
}

/// Of a reference to a watched kind, its name and how errors name it. The version does not matter to the API server.
fn watched(target: &ObjectReference) -> Option<(&'static str, &'static str)> {
    let group = target.api_version.split_once('/').map_or("", |it| it.0);
    WATCHED
        .into_iter()
        .find(|(kind, _)| group == "apps" && *kind == target.kind)
}
