//! Against an API server that does what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_server::{Answer, Server};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::{ObjectKey, Problem, Reason, State};

/// Short enough for a test, long enough for a machine that is busy.
fn quick() -> Timing {
    Timing {
        page: 2,
        answer: Duration::from_secs(5),
        watch: Duration::from_mins(1),
        margin: Duration::from_secs(5),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        settled: Duration::from_mins(1),
        recheck: Duration::from_millis(20),
    }
}

fn client(server: &Server) -> Client {
    client_over("http", server)
}

fn client_over(scheme: &str, server: &Server) -> Client {
    let address = format!("{scheme}://{}", server.address());
    let mut config = Config::new(address.parse().unwrap());
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

#[derive(Default)]
struct Log {
    objects: BTreeMap<ObjectKey, String>,
    calls: Vec<String>,
}

/// A key, and the node that it runs on.
struct Trimmed(ObjectKey, String);

impl Index<Trimmed> for Log {
    fn apply(&mut self, object: Trimmed) {
        self.calls.push(format!("apply {}", object.0));
        self.objects.insert(object.0, object.1);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.calls.push(format!("delete {key}"));
        self.objects.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Trimmed>) {
        self.calls.push(format!(
            "reset {} {}",
            namespace.unwrap_or("*"),
            objects.len()
        ));
        self.objects
            .retain(|key, _| namespace.is_some_and(|namespace| key.namespace != namespace));
        self.objects
            .extend(objects.into_iter().map(|Trimmed(key, node)| (key, node)));
    }
}

fn trim(pod: Pod) -> Trimmed {
    let metadata = pod.metadata;
    let key = ObjectKey::new(
        metadata.namespace.unwrap_or_default(),
        metadata.name.unwrap_or_default(),
    );
    Trimmed(
        key,
        pod.spec.and_then(|spec| spec.node_name).unwrap_or_default(),
    )
}

fn pod(name: &str, version: u32, node: impl Into<Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "shop", "resourceVersion": version.to_string(),
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
        },
        "spec": {"nodeName": node.into(), "containers": []},
    })
}

/// A watch of pods at work.
struct Pods {
    index: Arc<RwLock<Log>>,
    status: WatchStatus,
    task: tokio::task::JoinHandle<()>,
}

impl Pods {
    fn watch(server: &Server) -> Self {
        Self::watch_with(server, quick(), &Scope::default())
    }

    fn watch_with(server: &Server, timing: Timing, scope: &Scope) -> Self {
        Self::watch_client(client(server), timing, scope)
    }

    fn watch_client(client: Client, timing: Timing, scope: &Scope) -> Self {
        let (index, status) = (Arc::new(RwLock::new(Log::default())), WatchStatus::new());
        let cluster = Cluster { client, timing };
        let selection = Selection::new(scope).unwrap();
        let watching = cluster.watch(scope, &selection, trim, &index, &status);
        let task = tokio::spawn(async move { match watching.await {} });
        Self {
            index,
            status,
            task,
        }
    }

    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.status.changes();
        let changing = async {
            while !holds(self) {
                changes.changed().await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), changing).await;
        assert!(
            found.is_ok(),
            "{what}: {:?} {:?}",
            self.calls(),
            self.status
        );
    }

    fn calls(&self) -> Vec<String> {
        self.index.read().calls.clone()
    }

    fn node(&self, name: &str) -> Option<String> {
        self.index
            .read()
            .objects
            .get(&ObjectKey::new("shop", name))
            .cloned()
    }

    fn problem(&self) -> Option<Problem> {
        self.status.problems().into_iter().next()
    }

    fn page(&self) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(self.status.clone()));
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        page
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[test]
fn another_server_gets_the_token_and_none_of_the_trust() {
    let address: Uri = "https://10.0.0.1:10257".parse().unwrap();
    let mut of_the_cluster = Config::new("https://127.0.0.1:6443".parse().unwrap());
    of_the_cluster.root_cert = Some(vec![vec![1]]);
    of_the_cluster.accept_invalid_certs = true;
    of_the_cluster.tls_server_name = Some("kubernetes".to_owned());
    of_the_cluster.auth_info.token = Some("secret".to_owned().into());

    let config = at(of_the_cluster.clone(), address.clone(), None);
    assert_eq!(config.cluster_url, address);
    assert_eq!(config.root_cert, Some(vec![vec![1]]));
    assert!(config.auth_info.token.is_some());
    assert!(!config.accept_invalid_certs && config.tls_server_name.is_none());

    let config = at(of_the_cluster, address, Some(Path::new("ca.pem")));
    assert_eq!(config.root_cert, None);
    assert_eq!(config.root_cert_file.as_deref(), Some(Path::new("ca.pem")));
}

#[tokio::test]
async fn a_token_is_not_shown_in_the_clear() {
    for address in ["http://10.0.0.1:10257", "10.0.0.1:10257", "https//x y"] {
        let error = Cluster::elsewhere(address, None).await.unwrap_err();
        assert!(error.to_string().starts_with(address), "{error}");
    }
}

#[tokio::test]
async fn an_initial_list_in_pages_is_one_reset_and_a_watch_goes_on_from_it() {
    let server = Server::start();
    server.list(
        "/api/v1/pods",
        &[
            pod("a", 1, "n"),
            pod("b", 2, "n"),
            pod("c", 3, "n"),
            pod("d", 4, "n"),
            pod("e", 5, "n"),
        ],
        9,
    );
    let pods = Pods::watch(&server);
    pods.until("synced", |pods| pods.status.synced()).await;
    assert_eq!(pods.calls(), ["reset * 5"]);

    let watch = server.next_watch().await;
    assert_eq!(watch.parameter("resourceVersion"), "9");
    assert_eq!(watch.parameter("allowWatchBookmarks"), "true");
    assert_eq!(watch.parameter("timeoutSeconds"), "60");
    watch.event("MODIFIED", &pod("a", 10, "moved"));
    watch.event("ADDED", &pod("f", 11, "n"));
    watch.event("DELETED", &pod("b", 12, "n"));
    pods.until("three events", |pods| pods.calls().len() == 4)
        .await;
    assert_eq!(
        pods.calls()[1..],
        ["apply shop/a", "apply shop/f", "delete shop/b"]
    );
    assert_eq!(pods.node("a").as_deref(), Some("moved"));
    assert_eq!(pods.status.watches()[0].objects, 5);
    assert_eq!(
        server.lists().len(),
        3,
        "pages of two: {:?}",
        server.lists()
    );
}

#[tokio::test]
async fn a_watch_that_ends_is_taken_up_at_the_last_version_even_a_bookmarks() {
    let server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    let pods = Pods::watch(&server);
    let watch = server.next_watch().await;
    watch.event(
        "BOOKMARK",
        &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"resourceVersion": "77"}}),
    );
    watch.end();
    let watch = server.next_watch().await;
    assert_eq!(watch.parameter("resourceVersion"), "77");
    watch.event("MODIFIED", &pod("a", 80, "n"));
    watch.end();
    assert_eq!(server.next_watch().await.parameter("resourceVersion"), "80");
    assert_eq!(pods.calls(), ["reset * 1", "apply shop/a"]);
    assert!(pods.status.synced());
    assert_eq!(server.lists().len(), 1);
}

#[tokio::test]
async fn a_bookmark_is_contact_though_nothing_changed() {
    let server = Server::start();
    server.list("/api/v1/pods", &[], 5);
    let pods = Pods::watch(&server);
    let watch = server.next_watch().await;
    pods.until("synced", |pods| pods.status.synced()).await;
    // Contact by the list and by the start of the watch is behind us once an event came.
    watch.event("ADDED", &pod("a", 5, "n"));
    pods.until("an event", |pods| pods.node("a").is_some())
        .await;
    let before = pods.status.watches()[0].contact.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    watch.event("BOOKMARK", &json!({"metadata": {"resourceVersion": "6"}}));
    let told = async {
        while pods.status.watches()[0].contact.unwrap() <= before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told)
        .await
        .expect("a bookmark was no contact");
}

#[tokio::test]
async fn an_expired_version_is_listed_anew_and_tells_what_was_missed() {
    for in_stream in [true, false] {
        let server = Server::start();
        server.list("/api/v1/pods", &[pod("a", 1, "n"), pod("gone", 2, "n")], 5);
        let pods = Pods::watch(&server);
        let watch = server.next_watch().await;
        pods.until("first list", |pods| pods.status.synced()).await;
        server.list(
            "/api/v1/pods",
            &[pod("a", 1, "n"), pod("new", 90, "n")],
            100,
        );
        if in_stream {
            watch.event(
                "ERROR",
                &json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}),
            );
        } else {
            server.answer_watches("/api/v1/pods", Answer::Status(410, "too old"));
            watch.end();
            server.expect_request().await;
            server.answer_watches("/api/v1/pods", Answer::Stream);
        }
        pods.until("second list", |pods| pods.node("new").is_some())
            .await;
        assert_eq!(pods.node("gone"), None);
        loop {
            if server.next_watch().await.parameter("resourceVersion") == "100" {
                break;
            }
        }
        assert!(pods.status.synced(), "{:?}", pods.status);
        assert!(
            pods.page()
                .contains("kube_watch_errors_total{kind=\"Pod\",reason=\"expired\"}")
        );
    }
}

#[tokio::test]
async fn a_list_that_expires_between_its_pages_begins_again() {
    let server = Server::start();
    server.list(
        "/api/v1/pods",
        &[pod("a", 1, "n"), pod("b", 2, "n"), pod("c", 3, "n")],
        5,
    );
    server.expire_next_page();
    let pods = Pods::watch(&server);
    pods.until("synced", |pods| pods.status.synced()).await;
    assert_eq!(pods.calls(), ["reset * 3"]);
    assert_eq!(server.lists().len(), 4);
}

#[tokio::test]
async fn a_cut_connection_is_taken_up_and_half_a_line_is_no_event() {
    let server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    let pods = Pods::watch(&server);
    let watch = server.next_watch().await;
    watch.event("MODIFIED", &pod("a", 7, "seen"));
    pods.until("seen", |pods| pods.node("a").as_deref() == Some("seen"))
        .await;
    watch.raw("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"na");
    watch.cut();
    let watch = server.next_watch().await;
    assert_eq!(watch.parameter("resourceVersion"), "7");
    watch.event("MODIFIED", &pod("a", 8, "again"));
    pods.until("resumed", |pods| pods.node("a").as_deref() == Some("again"))
        .await;
    assert_eq!(pods.calls(), ["reset * 1", "apply shop/a", "apply shop/a"]);
    pods.until("synced", |pods| pods.status.synced()).await;
    assert!(
        pods.page()
            .contains("kube_watch_errors_total{kind=\"Pod\",reason=\"cut\"} 1"),
        "{}",
        pods.page()
    );
}

#[tokio::test]
async fn an_answer_that_ends_within_a_line_is_cut_and_costs_no_list() {
    let server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    let pods = Pods::watch(&server);
    let watch = server.next_watch().await;
    watch.raw("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"na");
    watch.end();
    let watch = server.next_watch().await;
    assert_eq!(watch.parameter("resourceVersion"), "5");
    assert_eq!(server.lists().len(), 1);
    assert!(pods.page().contains("reason=\"cut\"} 1"), "{}", pods.page());
}

#[tokio::test]
async fn a_server_that_is_down_leaves_all_as_it_was_but_stale_until_it_is_back() {
    let mut server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    let pods = Pods::watch(&server);
    server.next_watch().await.keep();
    pods.until("synced", |pods| pods.status.synced()).await;

    server.stop().await;
    pods.until("stale", |pods| {
        pods.status.stale()
            && pods
                .problem()
                .is_some_and(|problem| problem.reason == Reason::Unreachable)
    })
    .await;
    assert_eq!(pods.node("a").as_deref(), Some("n"));
    assert!(
        pods.status.ready(),
        "ready once is ready: findings are stale, not absent"
    );
    let contact = pods.status.watches()[0].contact;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        pods.status.watches()[0].contact,
        contact,
        "no contact while it is down"
    );
    assert!(
        pods.page()
            .contains("kube_watch_synced{kind=\"Pod\",namespace=\"\"} 0")
    );
    let problem = pods.problem().unwrap().to_string();
    assert!(problem.contains("/api/v1/pods"), "{problem}");

    server.restart();
    let watch = server.next_watch().await;
    assert_eq!(watch.parameter("resourceVersion"), "5");
    watch.event("MODIFIED", &pod("a", 6, "back"));
    pods.until("back", |pods| {
        pods.status.synced() && pods.node("a").as_deref() == Some("back")
    })
    .await;
    assert_eq!(pods.problem(), None);
}

/// Who logs, event by event.
#[derive(Clone, Default)]
struct Loggers(Arc<parking_lot::Mutex<Vec<String>>>);

impl tracing::Subscriber for Loggers {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().push(event.metadata().target().to_owned());
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn a_failure_is_logged_once_and_not_by_the_client_as_well() {
    let loggers = Loggers::default();
    let _log = tracing::subscriber::set_default(loggers.clone());
    let mut server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    let pods = Pods::watch(&server);
    server.next_watch().await.keep();
    pods.until("synced", |pods| pods.status.synced()).await;
    server.stop().await;
    pods.until("stale", |pods| pods.status.stale()).await;
    server.restart();
    server.answer_lists("/api/v1/pods", Answer::Status(500, "broken"));
    server.next_watch().await.event("MODIFIED", &json!({}));
    pods.until("broken", |pods| {
        pods.problem()
            .is_some_and(|problem| problem.to_string().contains("broken"))
    })
    .await;

    let heard = loggers.0.lock().clone();
    let foreign = |target: &&String| !target.starts_with("kube_watch");
    assert_eq!(heard.iter().find(foreign), None, "{heard:?}");
    assert!(!heard.is_empty(), "our own word is there");
}

#[tokio::test]
async fn a_server_that_is_down_from_the_start_is_waited_for() {
    let mut server = Server::start();
    server.stop().await;
    let pods = Pods::watch(&server);
    pods.until("a problem", |pods| pods.problem().is_some())
        .await;
    assert!(!pods.status.ready());
    assert_eq!(pods.status.watches()[0].state, State::Starting);
    server.restart();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    pods.until("synced", |pods| {
        pods.status.synced() && pods.node("a").is_some()
    })
    .await;
}

#[tokio::test]
async fn a_refusal_says_which_verbs_of_what_are_wanted() {
    let server = Server::start();
    server.answer_lists(
        "/api/v1/namespaces/shop/pods",
        Answer::Status(403, "pods is forbidden: User \"x\" cannot list"),
    );
    let scope = Scope {
        namespaces: vec!["shop".into()],
        ..Scope::default()
    };
    let pods = Pods::watch_with(&server, quick(), &scope);
    pods.until("refused", |pods| pods.problem().is_some()).await;
    let problem = pods.problem().unwrap();
    assert_eq!(problem.reason, Reason::Forbidden);
    let text = problem.to_string();
    for part in [
        "/api/v1/namespaces/shop/pods",
        "cannot list",
        "list and watch",
        "\"pods\"",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    server.list("/api/v1/namespaces/shop/pods", &[pod("a", 1, "n")], 5);
    pods.until("granted", |pods| pods.status.synced()).await;
    assert_eq!(pods.calls(), ["reset shop 1"]);
}

#[tokio::test]
async fn a_watch_that_is_refused_after_a_list_keeps_the_list_and_says_stale() {
    let server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    server.answer_watches("/api/v1/pods", Answer::Status(403, "cannot watch"));
    let pods = Pods::watch(&server);
    pods.until("stale", |pods| pods.status.stale()).await;
    assert!(pods.node("a").is_some());
}

#[tokio::test]
async fn answers_that_make_no_sense_are_problems_and_are_asked_for_again() {
    for answer in [
        Answer::Status(500, "etcd is away"),
        Answer::Status(429, "slow down"),
        Answer::Status(401, "who are you"),
        Answer::Body("<html>not an API server</html>".into()),
        Answer::Body("{\"items\": []}".into()),
        Answer::Body("{\"metadata\": {\"resourceVersion\": \"1\"}, \"items\": [1".into()),
    ] {
        let server = Server::start();
        server.answer_lists("/api/v1/pods", answer);
        let pods = Pods::watch(&server);
        pods.until("a problem", |pods| pods.problem().is_some())
            .await;
        server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
        pods.until("synced", |pods| {
            pods.status.synced() && pods.problem().is_none()
        })
        .await;
    }
}

#[tokio::test]
async fn a_watch_that_sends_nonsense_is_listed_anew() {
    for line in [
        "{\"type\":\"ADDED\"}\n",
        "nonsense\n",
        "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n",
        "\n",
    ] {
        let server = Server::start();
        server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
        let pods = Pods::watch(&server);
        let watch = server.next_watch().await;
        server.list("/api/v1/pods", &[pod("a", 6, "other")], 6);
        watch.raw(line);
        pods.until("listed anew", |pods| {
            pods.node("a").as_deref() == Some("other")
        })
        .await;
        pods.until("synced", |pods| pods.status.synced()).await;
    }
}

#[tokio::test]
async fn a_malformed_object_costs_itself_and_is_named_until_it_fits() {
    let server = Server::start();
    server.list(
        "/api/v1/pods",
        &[pod("a", 1, "n"), pod("bad", 2, 7), pod("c", 3, "n")],
        5,
    );
    let pods = Pods::watch(&server);
    pods.until("synced", |pods| pods.status.synced()).await;
    assert_eq!(pods.calls(), ["reset * 2"]);
    let problem = pods.problem().unwrap();
    assert_eq!(
        (problem.reason, problem.object),
        (Reason::Malformed, Some(ObjectKey::new("shop", "bad")))
    );
    assert!(
        problem.message.contains("spec.nodeName"),
        "{}",
        problem.message
    );

    let watch = server.next_watch().await;
    watch.event("MODIFIED", &pod("a", 6, json!(["nonsense"])));
    watch.event("MODIFIED", &pod("bad", 7, "fits"));
    watch.event("MODIFIED", &pod("c", 8, "moved"));
    pods.until("all three", |pods| {
        pods.node("c").as_deref() == Some("moved")
    })
    .await;
    assert_eq!(pods.node("bad").as_deref(), Some("fits"));
    assert_eq!(
        pods.node("a").as_deref(),
        Some("n"),
        "what was known of it stays"
    );
    assert_eq!(pods.status.problems().len(), 1);
    watch.event("DELETED", &pod("a", 9, json!(["nonsense"])));
    pods.until("no problems", |pods| {
        pods.problem().is_none() && pods.node("a").is_none()
    })
    .await;
}

/// A custom resource as an exporter would write it down.
#[derive(Deserialize)]
struct Rule {
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
}

impl Resource for Rule {
    const API_VERSION: &'static str = "monitoring.coreos.com/v1";
    const GROUP: &'static str = "monitoring.coreos.com";
    const KIND: &'static str = "PrometheusRule";
    const VERSION: &'static str = "v1";
    const URL_PATH_SEGMENT: &'static str = "prometheusrules";
    type Scope = NamespaceResourceScope;
}

#[tokio::test]
async fn a_kind_that_is_not_installed_is_absent_asked_for_again_and_may_go_again() {
    const PATH: &str = "/apis/monitoring.coreos.com/v1/prometheusrules";
    let server = Server::start();
    let (index, status) = (Arc::new(RwLock::new(Log::default())), WatchStatus::new());
    let cluster = Cluster {
        client: client(&server),
        timing: quick(),
    };
    let selection = Selection::new(&Scope::default()).unwrap();
    let trim = |rule: Rule| {
        Trimmed(
            ObjectKey::new("shop", rule.metadata.name.unwrap_or_default()),
            String::new(),
        )
    };
    let watching = cluster.watch(&Scope::default(), &selection, trim, &index, &status);
    let task = tokio::spawn(async move { match watching.await {} });
    let rules = Pods {
        index,
        status,
        task,
    };

    rules
        .until("absent", |rules| {
            rules.status.watches()[0].state == State::Absent
        })
        .await;
    assert!(rules.status.ready() && rules.status.synced() && rules.problem().is_none());
    assert_eq!(rules.calls(), ["reset * 0"]);
    assert!(
        rules
            .page()
            .contains("kube_watch_absent{kind=\"PrometheusRule\",namespace=\"\"} 1")
    );

    server.list(
        PATH,
        &[json!({"metadata": {"name": "slo", "namespace": "shop", "resourceVersion": "3"}})],
        5,
    );
    rules
        .until("installed", |rules| rules.node("slo").is_some())
        .await;
    let watch = server.next_watch().await;
    server.answer_lists(PATH, Answer::Status(404, "404 page not found"));
    server.answer_watches(PATH, Answer::Status(404, "404 page not found"));
    watch.end();
    rules
        .until("absent again", |rules| {
            rules.status.watches()[0].state == State::Absent
        })
        .await;
    assert_eq!(rules.node("slo"), None);
}

#[tokio::test]
async fn a_server_without_pods_is_no_api_server() {
    let server = Server::start();
    let pods = Pods::watch(&server);
    pods.until("a problem", |pods| pods.problem().is_some())
        .await;
    assert_eq!(pods.problem().unwrap().reason, Reason::Absent);
    assert!(!pods.status.ready());
}

#[tokio::test]
async fn each_namespace_is_reset_by_itself() {
    let server = Server::start();
    let other = |version: u32| {
        let mut pod = pod("b", version, "n");
        pod["metadata"]["namespace"] = "other".into();
        pod
    };
    server.list("/api/v1/namespaces/shop/pods", &[pod("a", 1, "n")], 5);
    server.list("/api/v1/namespaces/other/pods", &[other(2)], 6);
    let scope = Scope {
        namespaces: vec!["shop".into(), "other".into()],
        ..Scope::default()
    };
    let pods = Pods::watch_with(&server, quick(), &scope);
    pods.until("synced", |pods| pods.status.synced()).await;
    let (one, two) = (server.next_watch().await, server.next_watch().await);
    let (shop, kept) = if one.path().contains("shop") {
        (one, two)
    } else {
        (two, one)
    };
    server.list("/api/v1/namespaces/shop/pods", &[], 9);
    shop.event("ERROR", &json!({"kind": "Status", "code": 410}));
    pods.until("shop is empty", |pods| pods.node("a").is_none())
        .await;
    assert!(
        pods.index
            .read()
            .objects
            .contains_key(&ObjectKey::new("other", "b"))
    );
    let states: Vec<_> = pods
        .status
        .watches()
        .into_iter()
        .map(|watched| watched.namespace)
        .collect();
    assert_eq!(states, [Some("other".to_owned()), Some("shop".to_owned())]);
    kept.end();
}

#[tokio::test]
async fn selectors_go_to_the_server_with_every_request() {
    let server = Server::start();
    server.list("/api/v1/pods", &[], 5);
    let scope = Scope {
        labels: Some("app in (cart,web)".into()),
        fields: Some("spec.nodeName=node-1".into()),
        ..Scope::default()
    };
    let pods = Pods::watch_with(&server, quick(), &scope);
    let watch = server.next_watch().await;
    pods.until("synced", |pods| pods.status.synced()).await;
    for request in [&server.lists()[0], watch.request()] {
        assert_eq!(request.parameter("labelSelector"), "app in (cart,web)");
        assert_eq!(request.parameter("fieldSelector"), "spec.nodeName=node-1");
    }
}

#[tokio::test]
async fn events_and_kinds_without_namespaces_are_watched_alike() {
    let server = Server::start();
    server.list(
        "/api/v1/nodes",
        &[json!({"metadata": {"name": "node-1", "resourceVersion": "1"}})],
        5,
    );
    server.list(
        "/api/v1/namespaces/shop/events",
        &[json!({
            "metadata": {"name": "cart.1", "namespace": "shop", "resourceVersion": "2"},
            "reason": "Killing", "involvedObject": {"kind": "Pod", "name": "cart"},
        })],
        6,
    );
    let (index, status) = (Arc::new(RwLock::new(Log::default())), WatchStatus::new());
    let cluster = Cluster {
        client: client(&server),
        timing: quick(),
    };
    let scope = Scope {
        namespaces: vec!["shop".into()],
        ..Scope::default()
    };
    let selection = Selection::new(&scope).unwrap();
    let node = |node: Node| {
        Trimmed(
            ObjectKey::new("", node.metadata.name.unwrap()),
            String::new(),
        )
    };
    let event =
        |event: Event| Trimmed(ObjectKey::new("shop", event.reason.unwrap()), String::new());
    let nodes = cluster.watch(&scope, &selection, node, &index, &status);
    let events = cluster.watch(&scope, &selection, event, &index, &status);
    let both = tokio::spawn(async move { match select_all([nodes, events]).await.0 {} });
    let all = Pods {
        index,
        status,
        task: both,
    };
    all.until("synced", |all| all.status.synced()).await;
    let mut calls = all.calls();
    calls.sort();
    assert_eq!(calls, ["reset * 1", "reset shop 1"]);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let server = Server::start();
    server.answer_lists("/api/v1/pods", Answer::Silence);
    let pods = Pods::watch_with(
        &server,
        Timing {
            answer: Duration::from_millis(50),
            ..quick()
        },
        &Scope::default(),
    );
    pods.until("given up", |pods| pods.problem().is_some())
        .await;
    assert_eq!(pods.problem().unwrap().reason, Reason::Unreachable);
    server.list("/api/v1/pods", &[], 5);
    pods.until("synced", |pods| pods.status.synced()).await;
}

#[tokio::test]
async fn a_watch_without_a_word_counts_as_dead_and_is_taken_up() {
    let server = Server::start();
    server.list("/api/v1/pods", &[pod("a", 1, "n")], 5);
    let timing = Timing {
        watch: Duration::ZERO,
        margin: Duration::from_millis(50),
        ..quick()
    };
    let pods = Pods::watch_with(&server, timing, &Scope::default());
    let silent = server.next_watch().await;
    pods.until("stale", |pods| pods.status.stale()).await;
    assert_eq!(server.next_watch().await.parameter("resourceVersion"), "5");
    drop(silent);
}

#[tokio::test]
async fn a_server_that_ends_every_watch_at_once_is_not_asked_without_a_pause() {
    let server = Server::start();
    server.list("/api/v1/pods", &[], 5);
    server.answer_watches("/api/v1/pods", Answer::Body("".into()));
    let timing = Timing {
        first_wait: Duration::from_millis(50),
        longest_wait: Duration::from_secs(5),
        ..quick()
    };
    let pods = Pods::watch_with(&server, timing, &Scope::default());
    pods.until("synced", |pods| pods.status.synced()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // 25 + 50 + 100 + 200 ms at the least: four waits, five watches.
    assert!(server.watches() <= 6, "{} watches", server.watches());
}

#[tokio::test]
async fn tls_to_a_server_that_does_not_speak_it_is_a_problem_and_needs_no_preparation() {
    let server = Server::start();
    let pods = Pods::watch_client(client_over("https", &server), quick(), &Scope::default());
    pods.until("a problem", |pods| pods.problem().is_some())
        .await;
    assert_eq!(pods.problem().unwrap().reason, Reason::Unreachable);
}

/// How many pods of [`Counted`] exist at this moment, and how many did at most.
mod counted {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Deserialize, NamespaceResourceScope, Resource};

    static ALIVE: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    #[derive(Deserialize)]
    #[serde(from = "Plain")]
    pub(super) struct Counted {
        pub(super) name: String,
    }

    #[derive(Deserialize)]
    struct Plain {
        metadata: Metadata,
    }

    #[derive(Deserialize)]
    struct Metadata {
        name: String,
    }

    impl From<Plain> for Counted {
        fn from(plain: Plain) -> Self {
            let alive = ALIVE.fetch_add(1, Ordering::SeqCst) + 1;
            MOST.fetch_max(alive, Ordering::SeqCst);
            Self {
                name: plain.metadata.name,
            }
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            ALIVE.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Resource for Counted {
        const API_VERSION: &'static str = "v1";
        const GROUP: &'static str = "";
        const KIND: &'static str = "Pod";
        const VERSION: &'static str = "v1";
        const URL_PATH_SEGMENT: &'static str = "pods";
        type Scope = NamespaceResourceScope;
    }

    pub(super) fn alive_and_most() -> (usize, usize) {
        (ALIVE.load(Ordering::SeqCst), MOST.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn at_most_one_object_exists_in_full_at_any_time() {
    let server = Server::start();
    let all: Vec<Value> = (0..50)
        .map(|number| pod(&format!("p{number}"), number + 1, "n"))
        .collect();
    server.list("/api/v1/pods", &all, 100);
    let (index, status) = (Arc::new(RwLock::new(Log::default())), WatchStatus::new());
    let cluster = Cluster {
        client: client(&server),
        timing: Timing {
            page: 20,
            ..quick()
        },
    };
    let selection = Selection::new(&Scope::default()).unwrap();
    let trim =
        |pod: counted::Counted| Trimmed(ObjectKey::new("shop", pod.name.clone()), String::new());
    let watching = cluster.watch(&Scope::default(), &selection, trim, &index, &status);
    let task = tokio::spawn(async move { match watching.await {} });
    let pods = Pods {
        index,
        status,
        task,
    };
    let watch = server.next_watch().await;
    for version in 101..120 {
        watch.event("MODIFIED", &pod("p0", version, "n"));
    }
    pods.until("all", |pods| pods.calls().len() == 20).await;
    assert_eq!(counted::alive_and_most(), (0, 1));
}

#[tokio::test]
async fn what_cannot_be_watched_is_asked_for_and_each_way_to_fail_is_told_apart() {
    let server = Server::start();
    let cluster = Cluster {
        client: client(&server),
        timing: Timing {
            answer: Duration::from_millis(200),
            ..quick()
        },
    };
    let reader = crate::Watcher::from(cluster).reader().unwrap();
    for (path, answer) in [
        (
            "/version",
            Answer::Body("{\"gitVersion\": \"v1.36.3\"}".into()),
        ),
        ("/broken", Answer::Body("<html>".into())),
        ("/silent", Answer::Silence),
        ("/forbidden", Answer::Status(403, "not for you")),
    ] {
        server.answer_lists(path, answer);
    }
    let version = reader.get("/version").await.unwrap();
    assert_eq!(version["gitVersion"], "v1.36.3");
    for (path, reason, told) in [
        ("/broken", Reason::Server, "no JSON"),
        ("/silent", Reason::Unreachable, "no answer within"),
        ("/forbidden", Reason::Forbidden, "not for you"),
        ("/absent", Reason::Absent, "404"),
        ("/a b", Reason::Server, "is no path"),
    ] {
        let error = reader.get(path).await.unwrap_err();
        assert_eq!(error.reason, reason, "{path}: {error}");
        assert!(error.message.contains(told), "{path}: {error}");
    }
    assert!(crate::Watcher::files("/nowhere").reader().is_none());
}
