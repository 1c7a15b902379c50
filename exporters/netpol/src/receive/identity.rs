//! Whose token a report came with, and whether that is who it says it is.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use kube_watch::{ReviewError, Reviewed, Reviewer};
use netpol_engine::ObjectKey;
use parking_lot::Mutex;
use reach::Agent;
use tokio::sync::Semaphore;

use crate::model::Model;

/// Whom tokens have to be meant for.
pub const AUDIENCE: &str = "netpol-exporter";
/// How long a review is believed: a token that was revoked is let in for so long.
const BELIEVED: Duration = Duration::from_mins(1);
/// Reviews that are kept. With more senders than that, some are reviewed more often.
const MOST_KEPT: usize = 10_000;
/// Reviews at one time: whoever sends wrong tokens is not to reach the API server through us with as many.
const MOST_AT_ONCE: usize = 4;
/// The longest token. Those of `ServiceAccounts` have about 1,000 bytes.
const LONGEST: usize = 8 * 1024;

/// Lets agents in.
#[derive(Debug)]
pub enum Gate {
    /// Nobody.
    Closed,
    /// Whoever has the token in this file, as whomever it says it is.
    Shared(PathBuf),
    /// Pods, by the token that their kubelet projects into them.
    Reviewed(Box<Reviews>),
}

/// What the API server said of tokens.
#[derive(Debug)]
pub struct Reviews {
    reviewer: Reviewer,
    /// The `ServiceAccount` of nodes' agents: whoever says what nodes see can hide anything.
    nodes_account: ObjectKey,
    kept: Mutex<HashMap<String, (Duration, Option<Reviewed>)>>,
    at_once: Semaphore,
}

/// Who has sent a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Somebody with the shared token.
    Holder,
    /// This pod.
    Pod(Reviewed),
}

/// Why somebody is not let in.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Stopped {
    /// No agent is.
    #[error("no agents are let in here: give --agents.token-file, or watch a cluster")]
    Closed,
    /// It shows none.
    #[error("Authorization: Bearer TOKEN, please")]
    NoToken,
    /// It is nobody's.
    #[error("that token is nobody's")]
    WrongToken,
    /// It is somebody else's.
    #[error("that token is not that agent's")]
    NotYou,
    /// The API server does not say.
    #[error("{0}")]
    Unreviewed(#[from] ReviewError),
    /// Too many are asked for.
    #[error("too many tokens to review, try again later")]
    Busy,
}

// === impl Gate ===

impl Gate {
    /// Pods are let in by their token; nodes' agents by this `ServiceAccount`'s.
    pub fn reviewed(reviewer: Reviewer, nodes_account: ObjectKey) -> Self {
        Self::Reviewed(Box::new(Reviews {
            reviewer,
            nodes_account,
            kept: Mutex::default(),
            at_once: Semaphore::new(MOST_AT_ONCE),
        }))
    }

    /// Whose token this is.
    pub(super) async fn admit(
        &self,
        headers: &HeaderMap,
        now: Duration,
    ) -> Result<Identity, Stopped> {
        if let Self::Closed = self {
            return Err(Stopped::Closed);
        }
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|it| it.to_str().ok())
            .and_then(|it| it.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty() && token.len() <= LONGEST)
            .ok_or(Stopped::NoToken)?;
        match self {
            Self::Closed => Err(Stopped::Closed),
            // A line in a mounted file that may be changed at any time; reading it takes microseconds.
            Self::Shared(path) => {
                let shared = std::fs::read_to_string(path).unwrap_or_default();
                let shared = shared.trim();
                if !shared.is_empty() && is_same(shared.as_bytes(), token.as_bytes()) {
                    Ok(Identity::Holder)
                } else {
                    Err(Stopped::WrongToken)
                }
            }
            Self::Reviewed(reviews) => {
                let reviewed = reviews.review(token, now).await?;
                reviewed.map(Identity::Pod).ok_or(Stopped::WrongToken)
            }
        }
    }

    /// Whether the agent is who it says it is.
    pub(super) fn vouch(
        &self,
        identity: &Identity,
        agent: &Agent,
        model: &Model,
    ) -> Result<(), Stopped> {
        let (Self::Reviewed(reviews), Identity::Pod(reviewed)) = (self, identity) else {
            return Ok(());
        };
        let is_you = is_it(reviewed, agent, &reviews.nodes_account, model);
        is_you.then_some(()).ok_or(Stopped::NotYou)
    }
}

/// Whether whoever has this token may speak as this agent: a pod for itself, and a pod of the nodes' account for its own node.
fn is_it(reviewed: &Reviewed, agent: &Agent, nodes_account: &ObjectKey, model: &Model) -> bool {
    let Some(pod) = &reviewed.pod else {
        return false;
    };
    match agent {
        Agent::Pod(name) => name.namespace == reviewed.namespace && name.name == *pod,
        Agent::Node(name) => {
            let account = ObjectKey::new(&reviewed.namespace, &reviewed.account);
            let key = ObjectKey::new(&reviewed.namespace, pod);
            // Older API servers do not say where the pod is.
            let watched = model.cluster().pods.get(&key);
            let watched = watched.and_then(|it| it.node.as_deref());
            let node = reviewed.node.as_deref().or(watched);
            account == *nodes_account && node == Some(name)
        }
    }
}

/// Compared to the end, wherever they differ: the time it takes says nothing.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b));
    left.len() == right.len() && differences == 0
}

// === impl Reviews ===

impl Reviews {
    async fn review(&self, token: &str, now: Duration) -> Result<Option<Reviewed>, Stopped> {
        if let Some((at, reviewed)) = self.kept.lock().get(token)
            && now.saturating_sub(*at) <= BELIEVED
        {
            return Ok(reviewed.clone());
        }
        let _permit = self.at_once.try_acquire().map_err(|_| Stopped::Busy)?;
        let reviewed = self.reviewer.review(token, AUDIENCE).await?;
        let mut kept = self.kept.lock();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(token.to_owned(), (now, reviewed.clone()));
        Ok(reviewed)
    }
}

#[cfg(test)]
mod tests {
    use kube_watch::Index;
    use netpol_engine::{Pod, Profile};
    use reach::PodName;

    use super::*;
    use crate::model::pod::WatchedPod;

    #[test]
    fn a_token_speaks_for_its_own_pod_and_the_nodes_account_for_its_own_node() {
        let nodes_account = ObjectKey::new("monitoring", "reach-agent");
        let mut model = Model::new(Profile::SPECIFICATION);
        model.apply(WatchedPod {
            pod: Pod {
                key: ObjectKey::new("monitoring", "agent-1"),
                node: Some("one".to_owned()),
                ..Pod::default()
            },
            ..WatchedPod::default()
        });
        let token =
            |namespace: &str, account: &str, pod: Option<&str>, node: Option<&str>| Reviewed {
                namespace: namespace.to_owned(),
                account: account.to_owned(),
                pod: pod.map(str::to_owned),
                node: node.map(str::to_owned),
            };
        let pod = |namespace: &str, name: &str| {
            Agent::Pod(PodName {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                uid: String::new(),
            })
        };
        let node = |name: &str| Agent::Node(name.to_owned());
        let shop = |pod| token("shop", "default", pod, Some("one"));
        let monitoring = |node| token("monitoring", "reach-agent", Some("agent-1"), node);
        for (token, agent, is_you) in [
            (shop(Some("a")), pod("shop", "a"), true),
            (shop(Some("a")), pod("shop", "b"), false),
            (shop(Some("a")), pod("other", "a"), false),
            // Not bound to a pod: whoever may make tokens of the account has it.
            (shop(None), pod("shop", "a"), false),
            (shop(Some("a")), node("one"), false),
            (monitoring(Some("one")), node("one"), true),
            (monitoring(Some("one")), node("two"), false),
            // Where its pod is, the watch knows.
            (monitoring(None), node("one"), true),
            (monitoring(None), node("two"), false),
            (
                token("shop", "reach-agent", Some("agent-1"), Some("one")),
                node("one"),
                false,
            ),
        ] {
            let found = is_it(&token, &agent, &nodes_account, &model);
            assert_eq!(found, is_you, "{token:?} as {agent:?}");
        }
    }

    #[test]
    fn a_token_is_compared_to_its_end() {
        assert!(is_same(b"abc", b"abc"));
        assert!(!is_same(b"abc", b"abd"));
        assert!(!is_same(b"abc", b"ab"));
        assert!(!is_same(b"", b"a"));
    }
}
