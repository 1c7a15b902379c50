//! What autoscalers scale, by kind and name, and which of them scale it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
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

/// A scale, or why there is none, and what was reported lately.
#[derive(Debug)]
struct Known<S> {
    scale: S,
    formerly: Vec<Formerly>,
}

impl<S: PartialEq> Known<S> {
    /// Keeps it in the place of the one before; says whether it is another. `reported` is what it reports, if anything.
    fn keep<K>(
        place: Entry<'_, K, Self>,
        seen: Moment,
        scale: S,
        reported: impl Fn(&S) -> Option<i32>,
    ) -> bool {
        let known = match place {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let formerly = Vec::new();
                place.insert(Self { scale, formerly });
                return true;
            }
        };
        known.formerly.retain(|it| seen <= it.until.after(KNOWN));
        let before = std::mem::replace(&mut known.scale, scale);
        let (then, now) = (reported(&before), reported(&known.scale));
        let changed = then.filter(|_| then != now);
        let changed = changed.map(|reported_replicas| Formerly {
            reported_replicas,
            until: seen,
        });
        known.formerly.extend(changed);
        before != known.scale
    }
}

type Answer = Result<Scale, ScaleFailure>;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Targets {
    scales: HashMap<&'static str, HashMap<ObjectKey, Known<Scale>>>,
    /// Of kinds that are not watched: what `/scale` last answered, by namespace and reference.
    asked: HashMap<(String, ObjectReference), Known<Answer>>,
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
            let unasked = || {
                let kind = &target.kind;
                let text = format!("the scale of a {kind} has not been asked for");
                Err(ScaleFailure::Get(text))
            };
            return asked.map_or_else(unasked, |it| it.scale.clone());
        };
        let found = self.watched(kind, namespace, &target.name);
        found.map(|found| found.scale.clone()).ok_or_else(|| {
            let text = format!("{resource} {:?} not found", target.name);
            ScaleFailure::Get(text)
        })
    }

    /// What it reported lately, the oldest first.
    pub(super) fn formerly(&self, namespace: &str, target: &ObjectReference) -> Vec<Formerly> {
        let formerly = if let Some((kind, _)) = watched(target) {
            let found = self.watched(kind, namespace, &target.name);
            found.map(|found| &found.formerly)
        } else {
            let asked = self.asked.get(&(namespace.to_owned(), target.clone()));
            asked.map(|found| &found.formerly)
        };
        formerly.cloned().unwrap_or_default()
    }

    fn watched(&self, kind: &str, namespace: &str, name: &str) -> Option<&Known<Scale>> {
        self.scales.get(kind)?.get(&ObjectKey::new(namespace, name))
    }

    /// Of kinds that are not watched: what has to be asked for.
    pub(super) fn unwatched(&self) -> Vec<(String, ObjectReference)> {
        self.references.keys().cloned().collect()
    }

    /// What `/scale` answered; says whether that is news.
    pub(super) fn answered(
        &mut self,
        seen: Moment,
        namespace: &str,
        target: &ObjectReference,
        answer: Answer,
    ) -> bool {
        let place = self.asked.entry((namespace.to_owned(), target.clone()));
        Known::keep(place, seen, answer, |answer| {
            let scale = answer.as_ref().ok()?;
            Some(scale.reported_replicas)
        })
    }

    pub(super) fn claim(&mut self, autoscaler: &ObjectKey, target: &ObjectReference) {
        let claims = self.claims.entry(place(autoscaler, target)).or_default();
        if !claims.contains(autoscaler) {
            claims.reserve_exact(1);
            claims.push(autoscaler.clone());
            if is_watched(target) {
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
        let reported = |scale: &Scale| Some(scale.reported_replicas);
        let news = Known::keep(scales.entry(key), seen, scale, reported);
        if news { claims } else { Vec::new() }
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

/// Whether targets of this kind are watched.
pub(super) fn is_watched(target: &ObjectReference) -> bool {
    watched(target).is_some()
}

/// Of a reference to a watched kind, its name and how errors name it. The version does not matter to the API server.
fn watched(target: &ObjectReference) -> Option<(&'static str, &'static str)> {
    let group = target.api_version.split_once('/').map_or("", |it| it.0);
    WATCHED
        .into_iter()
        .find(|(kind, _)| group == "apps" && *kind == target.kind)
}
