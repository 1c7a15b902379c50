//! Whose token this is, as the API server says: `TokenReview` of authentication.k8s.io/v1.

use crate::SourceError;

/// Somebody whom the API server knows by a token of a `ServiceAccount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// The namespace of the `ServiceAccount`, and of the pod.
    pub namespace: String,
    /// The `ServiceAccount`.
    pub account: String,
    /// The pod that the token was projected into, if it was.
    pub pod: Option<String>,
    /// The node of that pod, if the API server says so (from Kubernetes 1.32 on).
    pub node: Option<String>,
}

/// Asks the API server whose token this is.
#[derive(Clone, Debug)]
pub struct Reviewer(
    #[cfg(feature = "cluster")] cluster::Asking,
    #[cfg(not(feature = "cluster"))] Never,
);

/// Nobody to ask: the program was built without cluster access.
#[cfg(not(feature = "cluster"))]
#[derive(Clone, Copy, Debug)]
enum Never {}

/// The API server could not be asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the token could not be reviewed: {0}")]
pub struct ReviewError(String);

// === impl Reviewer ===

#[cfg(not(feature = "cluster"))]
impl Reviewer {
    /// Never: there is no cluster to ask.
    #[expect(
        clippy::unused_async,
        reason = "only the cluster's configuration is awaited"
    )]
    pub async fn open() -> Result<Self, SourceError> {
        Err(SourceError::ClusterNotBuilt)
    }

    /// Never.
    #[expect(clippy::unused_async, reason = "only the cluster's answer is awaited")]
    pub async fn review(&self, _: &str, _: &str) -> Result<Option<Reviewed>, ReviewError> {
        match self.0 {}
    }
}

#[cfg(feature = "cluster")]
impl Reviewer {
    /// Reads the service account or the kubeconfig; talks to nobody yet.
    pub async fn open() -> Result<Self, SourceError> {
        cluster::Asking::open().await.map(Self)
    }

    /// Whose token this is, if it is one of a `ServiceAccount` and for this audience.
    pub async fn review(
        &self,
        token: &str,
        audience: &str,
    ) -> Result<Option<Reviewed>, ReviewError> {
        self.0.review(token, audience).await
    }
}

#[cfg(feature = "cluster")]
impl From<kube::Client> for Reviewer {
    /// Of a cluster to which there is a client already.
    fn from(client: kube::Client) -> Self {
        Self(cluster::Asking::from(client))
    }
}

#[cfg(feature = "cluster")]
mod cluster {
    use std::fmt;
    use std::time::Duration;

    use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
    use kube::Client;
    use tokio::time::timeout;

    use super::{ReviewError, Reviewed};
    use crate::SourceError;
    use crate::cluster::client;

    const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
    /// How long the API server may take.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// What the API server puts into `status.user.extra` of a bound token (`pkg/serviceaccount/util.go`).
    const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
    const NODE_NAME: &str = "authentication.kubernetes.io/node-name";

    #[derive(Clone)]
    pub(super) struct Asking(Client);

    impl Asking {
        pub(super) async fn open() -> Result<Self, SourceError> {
            client().await.map(Self)
        }

        pub(super) async fn review(
            &self,
            token: &str,
            audience: &str,
        ) -> Result<Option<Reviewed>, ReviewError> {
            let error = |error: &dyn fmt::Display| ReviewError(error.to_string());
            let review = TokenReview {
                spec: TokenReviewSpec {
                    audiences: Some(vec![audience.to_owned()]),
                    token: token.to_owned(),
                },
                ..TokenReview::default()
            };
            let body = serde_json::to_vec(&review).map_err(|it| error(&it))?;
            let request = http::Request::post(PATH)
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(body)
                .map_err(|it| error(&it))?;
            let answer = timeout(PATIENCE, self.0.request::<TokenReview>(request));
            let answer = answer.await.map_err(|it| error(&it))?;
            let answer = answer.map_err(|it| error(&it))?;
            Ok(answer.status.and_then(|it| reviewed(it, audience)))
        }
    }

    fn reviewed(status: TokenReviewStatus, audience: &str) -> Option<Reviewed> {
        // An API server that does not know audiences leaves them out: then the token is for itself and not for us.
        let for_us = status
            .audiences
            .is_some_and(|it| it.iter().any(|one| one == audience));
        if status.authenticated != Some(true) || !for_us {
            return None;
        }
        let user = status.user?;
        let username = user.username?;
        let (namespace, account) = username
            .strip_prefix("system:serviceaccount:")?
            .split_once(':')?;
        let extra = user.extra.unwrap_or_default();
        let one = |name: &str| extra.get(name)?.first().cloned();
        Some(Reviewed {
            namespace: namespace.to_owned(),
            account: account.to_owned(),
            pod: one(POD_NAME),
            node: one(NODE_NAME),
        })
    }

    impl From<Client> for Asking {
        fn from(client: Client) -> Self {
            Self(client)
        }
    }

    impl fmt::Debug for Asking {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("Asking")
        }
    }

    #[cfg(test)]
    mod tests {
        use serde_json::json;

        use super::*;

        fn of(status: serde_json::Value) -> Option<Reviewed> {
            reviewed(serde_json::from_value(status).unwrap(), "netpol-exporter")
        }

        #[test]
        fn a_bound_token_names_its_pod_and_anything_else_nobody() {
            let user = json!({
                "username": "system:serviceaccount:sre-demo:cartservice",
                "extra": {POD_NAME: ["cartservice-1"], NODE_NAME: ["node-a"]},
            });
            let audiences = json!(["netpol-exporter"]);
            let found = of(json!({"authenticated": true, "user": user, "audiences": audiences}));
            let expected = Reviewed {
                namespace: "sre-demo".to_owned(),
                account: "cartservice".to_owned(),
                pod: Some("cartservice-1".to_owned()),
                node: Some("node-a".to_owned()),
            };
            assert_eq!(found, Some(expected));
            let person = json!({"username": "kubernetes-admin"});
            for status in [
                json!({"authenticated": false, "user": user, "audiences": audiences}),
                json!({"authenticated": true, "user": user, "audiences": ["https://kubernetes.default.svc"]}),
                json!({"authenticated": true, "user": user}),
                json!({"authenticated": true, "user": person, "audiences": audiences}),
                json!({"authenticated": true, "audiences": audiences}),
                json!({}),
            ] {
                assert_eq!(of(status.clone()), None, "{status}");
            }
        }
    }
}
