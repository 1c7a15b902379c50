//! Looks at real files in a temporary folder, one look at a time.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Node, Pod};
use parking_lot::RwLock;
use tempfile::TempDir;

use super::*;
use crate::{ObjectKey, Problem, Reason, Scope, State, WatchStatus, Watched};

/// What is kept of a pod: its name, and the period of its first liveness probe.
#[derive(Debug, PartialEq)]
struct Trimmed {
    key: ObjectKey,
    period: i32,
}

#[derive(Default)]
struct Log {
    objects: BTreeMap<ObjectKey, i32>,
    calls: Vec<String>,
}

impl Index<Trimmed> for Log {
    fn apply(&mut self, object: Trimmed) {
        self.calls.push(format!("apply {}", object.key));
        self.objects.insert(object.key, object.period);
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.calls.push(format!("delete {key}"));
        self.objects.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Trimmed>) {
        assert_eq!(namespace, None);
        self.calls.push(format!("reset {}", objects.len()));
        self.objects = objects
            .into_iter()
            .map(|object| (object.key, object.period))
            .collect();
    }
}

fn trim(pod: Pod) -> Trimmed {
    let probe = pod
        .spec
        .and_then(|spec| spec.containers.into_iter().next()?.liveness_probe);
    Trimmed {
        key: ObjectKey::new(
            pod.metadata.namespace.unwrap_or_default(),
            pod.metadata.name.unwrap_or_default(),
        ),
        period: probe
            .and_then(|probe| probe.period_seconds)
            .unwrap_or_default(),
    }
}

struct Folder {
    temporary: TempDir,
    index: Arc<RwLock<Log>>,
    status: WatchStatus,
    files: Files<Pod, Trimmed, Log>,
}

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().to_owned();
        Self::at(folder, root, &Scope::default())
    }

    fn at(folder: TempDir, root: PathBuf, scope: &Scope) -> Self {
        let (index, status) = (Arc::default(), WatchStatus::new());
        let sink = Sink {
            namespace: None,
            trim: Arc::new(trim),
            index: Arc::clone(&index),
            teller: status.teller("Pod", None),
        };
        let files = Files::new(root, Selection::new(scope).unwrap(), sink);
        Self {
            temporary: folder,
            index,
            status,
            files,
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.temporary.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.temporary.path().join(name)).unwrap();
    }

    /// Looks once, and hands back what the index was told.
    fn look(&mut self) -> Vec<String> {
        self.files.look();
        std::mem::take(&mut self.index.write().calls)
    }

    fn period(&self, name: &str) -> Option<i32> {
        self.index
            .read()
            .objects
            .get(&ObjectKey::new("shop", name))
            .copied()
    }

    fn watched(&self) -> Watched {
        self.status.watches().remove(0)
    }

    fn problem(&self) -> Problem {
        let problems = self.status.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems.into_iter().next().unwrap()
    }
}

fn pod(name: &str, period: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: shop\n  labels: {{app: {name}}}\n\
         spec:\n  nodeName: node-{name}\n  containers:\n  - name: server\n    livenessProbe:\n      \
         periodSeconds: {period}\n"
    )
}

#[test]
fn the_first_look_resets_and_later_ones_tell_differences() {
    let mut folder = Folder::new();
    folder.write(
        "shop.yaml",
        &format!("{}---\n{}", pod("cart", "1"), pod("ads", "1")),
    );
    folder.write("sub/deeper/web.yml", &pod("web", "1"));
    assert_eq!(folder.look(), ["reset 3"]);
    assert_eq!(folder.watched().state, State::Current);
    assert_eq!(folder.watched().objects, 3);
    assert_eq!(folder.look(), [""; 0]);

    folder.write(
        "shop.yaml",
        &format!("{}---\n{}", pod("cart", "15"), pod("ads", "1")),
    );
    folder.write(
        "new.json",
        r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new", "namespace": "shop"}}"#,
    );
    assert_eq!(folder.look(), ["apply shop/cart", "apply shop/new"]);
    assert_eq!(folder.period("cart"), Some(15));

    folder.remove("sub/deeper/web.yml");
    folder.write("shop.yaml", &pod("cart", "15"));
    assert_eq!(folder.look(), ["delete shop/ads", "delete shop/web"]);
    assert_eq!(folder.watched().objects, 2);
    assert!(folder.status.problems().is_empty());
}

#[test]
fn a_single_file_is_a_source_whatever_its_name() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pods");
    fs::write(&path, pod("cart", "1")).unwrap();
    let mut folder = Folder::at(folder, path, &Scope::default());
    assert_eq!(folder.look(), ["reset 1"]);
}

#[test]
fn lists_of_every_form_are_read() {
    let mut folder = Folder::new();
    let bare = "metadata: {name: a, namespace: shop}";
    folder.write(
        "pods.yaml",
        &format!("apiVersion: v1\nkind: PodList\nitems:\n- {bare}\n"),
    );
    folder.write(
        "list.yaml",
        "apiVersion: v1\nkind: List\nitems:\n\
         - {apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop}}\n\
         - {apiVersion: v1, kind: Service, metadata: {name: c, namespace: shop}}\n\
         - {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: d}}]}\n",
    );
    folder.write(
        "empty.yaml",
        "apiVersion: v1\nkind: PodList\nitems: null\n---\napiVersion: v1\nkind: List\nitems: []\n",
    );
    assert_eq!(folder.look(), ["reset 3"]);
    assert!(
        folder
            .index
            .read()
            .objects
            .contains_key(&ObjectKey::new("default", "d"))
    );
    assert!(
        folder.status.problems().is_empty(),
        "{:?}",
        folder.status.problems()
    );
}

#[test]
fn other_kinds_other_groups_and_other_files_are_left_alone() {
    let mut folder = Folder::new();
    folder.write(
        "service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: nonsense}\n",
    );
    folder.write(
        "other.yaml",
        "apiVersion: example.org/v1\nkind: Pod\nmetadata: {name: a}\n",
    );
    folder.write("README.md", "kind: Pod\n");
    folder.write(".hidden.yaml", "a: [\n");
    folder.write(".git/config.yaml", "a: [\n");
    folder.write("cart.yaml", &pod("cart", "1"));
    assert_eq!(folder.look(), ["reset 1"]);
    assert!(
        folder.status.problems().is_empty(),
        "{:?}",
        folder.status.problems()
    );
}

#[test]
fn a_broken_file_keeps_what_it_held_and_is_named_until_it_parses() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &pod("cart", "1"));
    folder.write("b.yaml", &pod("web", "1"));
    assert_eq!(folder.look(), ["reset 2"]);

    folder.write("a.yaml", &pod("cart", "[1"));
    folder.write("b.yaml", &pod("web", "2"));
    assert_eq!(folder.look(), ["apply shop/web"]);
    assert_eq!(folder.period("cart"), Some(1));
    assert!(folder.status.stale() && folder.status.ready() && !folder.status.synced());
    let problem = folder.problem();
    assert_eq!(problem.reason, Reason::Syntax);
    let text = problem.to_string();
    assert!(text.contains("a.yaml:1"), "names file and line: {text}");
    assert_eq!(folder.look(), [""; 0]);

    folder.write("a.yaml", &pod("cart", "5"));
    assert_eq!(folder.look(), ["apply shop/cart"]);
    assert!(folder.status.synced() && folder.status.problems().is_empty());
}

#[test]
fn a_broken_document_updates_its_neighbours_and_keeps_the_rest() {
    let mut folder = Folder::new();
    let both = |cart: &str, web: &str| format!("{}---\n{}", pod("cart", cart), pod("web", web));
    folder.write("a.yaml", &both("1", "1"));
    folder.look();
    folder.write("a.yaml", &both("{", "2"));
    assert_eq!(folder.look(), ["apply shop/web"]);
    assert_eq!(folder.period("cart"), Some(1));
    folder.write("a.yaml", &pod("web", "2"));
    assert_eq!(folder.look(), ["delete shop/cart"]);
    assert!(folder.status.synced());
}

#[test]
fn a_file_that_is_broken_from_the_start_stops_no_other() {
    let mut folder = Folder::new();
    folder.write("a.yaml", "kind: Pod\n  name: [\n");
    folder.write("b.yaml", &pod("web", "1"));
    assert_eq!(folder.look(), ["reset 1"]);
    assert!(folder.status.ready() && folder.status.stale());
    assert!(folder.problem().to_string().contains("a.yaml:"));
}

#[test]
fn a_bad_value_costs_one_object_and_names_file_object_and_field() {
    let mut folder = Folder::new();
    folder.write(
        "a.yaml",
        &format!("{}---\n{}", pod("cart", "\"ten\""), pod("web", "-3")),
    );
    assert_eq!(folder.look(), ["reset 1"]);
    assert_eq!(folder.period("web"), Some(-3));
    assert_eq!(
        folder.watched().state,
        State::Current,
        "one object is no reason to doubt all"
    );
    let problem = folder.problem();
    assert_eq!(problem.reason, Reason::Malformed);
    assert_eq!(problem.object, Some(ObjectKey::new("shop", "cart")));
    let text = problem.to_string();
    for part in [
        "a.yaml:1",
        "shop/cart",
        "spec.containers[0].livenessProbe.periodSeconds",
        "ten",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn an_object_that_turns_bad_stays_as_it_was_and_one_that_goes_is_deleted() {
    let mut folder = Folder::new();
    folder.write(
        "a.yaml",
        &format!("{}---\n{}", pod("cart", "1"), pod("web", "1")),
    );
    folder.look();
    folder.write("a.yaml", &pod("cart", "1.5"));
    assert_eq!(folder.look(), ["delete shop/web"]);
    assert_eq!(folder.period("cart"), Some(1));
    assert_eq!(
        folder.problem().object,
        Some(ObjectKey::new("shop", "cart"))
    );
    folder.remove("a.yaml");
    assert_eq!(folder.look(), ["delete shop/cart"]);
    assert!(folder.status.problems().is_empty());
}

#[test]
fn one_bad_item_of_a_list_costs_that_item() {
    let mut folder = Folder::new();
    folder.write(
        "pods.yaml",
        "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n  spec: {containers: 7}\n- metadata: {name: c}\n",
    );
    assert_eq!(folder.look(), ["reset 2"]);
    let text = folder.problem().to_string();
    assert!(
        text.contains("default/b") && text.contains("items[1]"),
        "{text}"
    );
}

#[test]
fn documents_that_are_no_objects_are_named() {
    for text in [
        "- 1\n- 2\n",
        "just text\n",
        "apiVersion: v1\n",
        "kind: Pod\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Pod\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: ''}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: 7\n",
    ] {
        let mut folder = Folder::new();
        folder.write("a.yaml", &format!("# note\n---\n{text}"));
        assert_eq!(folder.look(), ["reset 0"], "{text}");
        let problem = folder.problem();
        assert_eq!(problem.reason, Reason::Syntax, "{text}");
        assert!(problem.to_string().contains("a.yaml:3"), "{problem}");
    }
}

#[test]
fn of_two_files_the_later_wins_and_the_earlier_takes_over_when_it_goes() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &pod("cart", "1"));
    folder.write("b.yaml", &pod("cart", "2"));
    assert_eq!(folder.look(), ["reset 1"]);
    assert_eq!(folder.period("cart"), Some(2));
    let problem = folder.problem();
    assert_eq!(problem.reason, Reason::Duplicate);
    let text = problem.to_string();
    assert!(
        text.contains("a.yaml:1") && text.contains("b.yaml:1, which wins"),
        "{text}"
    );

    folder.remove("b.yaml");
    assert_eq!(folder.look(), ["apply shop/cart"]);
    assert_eq!(folder.period("cart"), Some(1));
    assert!(folder.status.problems().is_empty());
}

#[test]
fn what_is_wrong_is_told_for_as_long_as_it_is_so() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &pod("cart", "1"));
    folder.write("b.yaml", &pod("cart", "2"));
    for _ in 0..3 {
        folder.look();
        assert_eq!(folder.problem().reason, Reason::Duplicate);
    }
    folder.write("c.yaml", "kind: [");
    folder.look();
    folder.look();
    assert_eq!(folder.status.problems().len(), 2);
    assert_eq!(folder.watched().state, State::Stale);
    folder.remove("b.yaml");
    folder.remove("c.yaml");
    assert_eq!(folder.look(), ["apply shop/cart"]);
    assert!(folder.status.problems().is_empty());
    assert_eq!(folder.watched().state, State::Current);
}

#[test]
fn within_one_file_the_later_wins() {
    let mut folder = Folder::new();
    folder.write(
        "a.yaml",
        &format!("{}---\n{}", pod("cart", "1"), pod("cart", "2")),
    );
    assert_eq!(folder.look(), ["reset 1"]);
    assert_eq!(folder.period("cart"), Some(2));
    assert_eq!(folder.problem().reason, Reason::Duplicate);
}

#[test]
fn what_a_broken_file_kept_yields_to_a_file_that_has_it() {
    let mut folder = Folder::new();
    folder.write("b.yaml", &pod("cart", "1"));
    folder.look();
    folder.write("b.yaml", "a: [");
    folder.look();
    folder.write("a.yaml", &pod("cart", "7"));
    assert_eq!(folder.look(), ["apply shop/cart"]);
    assert_eq!(folder.period("cart"), Some(7));
}

#[test]
fn a_folder_that_is_not_there_yet_is_waited_for_and_one_that_goes_is_remembered() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("later");
    let mut folder = Folder::at(folder, root.clone(), &Scope::default());
    assert_eq!(folder.look(), [""; 0]);
    assert!(!folder.status.ready());
    assert_eq!(folder.watched().contact, None);
    assert!(folder.problem().to_string().contains("later"));

    folder.write("later/a.yaml", &pod("cart", "1"));
    assert_eq!(folder.look(), ["reset 1"]);
    assert!(folder.status.synced());

    fs::rename(&root, folder.temporary.path().join("away")).unwrap();
    assert_eq!(folder.look(), [""; 0]);
    assert!(folder.status.stale());
    assert_eq!(folder.period("cart"), Some(1));

    fs::rename(folder.temporary.path().join("away"), &root).unwrap();
    assert_eq!(folder.look(), [""; 0]);
    assert!(folder.status.synced());
}

#[test]
fn a_config_map_that_is_swapped_behind_its_links_is_read_anew() {
    let mut folder = Folder::new();
    folder.write("..one/cart.yaml", &pod("cart", "1"));
    folder.write("..two/cart.yaml", &pod("cart", "2"));
    let at = |name: &str| folder.temporary.path().join(name);
    let (data, next) = (at("..data"), at("..data_tmp"));
    symlink("..one", &data).unwrap();
    symlink("..data/cart.yaml", at("cart.yaml")).unwrap();
    assert_eq!(folder.look(), ["reset 1"]);

    symlink("..two", &next).unwrap();
    fs::rename(&next, &data).unwrap();
    assert_eq!(folder.look(), ["apply shop/cart"]);
    assert_eq!(folder.period("cart"), Some(2));
}

#[test]
fn a_circle_of_links_and_a_dangling_link_do_no_harm() {
    let mut folder = Folder::new();
    folder.write("sub/cart.yaml", &pod("cart", "1"));
    symlink(
        folder.temporary.path(),
        folder.temporary.path().join("sub/up.yaml"),
    )
    .unwrap();
    symlink(
        folder.temporary.path(),
        folder.temporary.path().join("sub/up"),
    )
    .unwrap();
    symlink("nowhere", folder.temporary.path().join("dangling.yaml")).unwrap();
    assert_eq!(folder.look(), ["reset 1"]);
    assert!(
        folder.status.problems().is_empty(),
        "{:?}",
        folder.status.problems()
    );
}

#[test]
fn a_file_that_is_empty_for_a_moment_loses_nothing() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &pod("cart", "1"));
    folder.look();
    folder.write("a.yaml", "");
    assert_eq!(folder.look(), [""; 0]);
    folder.write("a.yaml", &pod("cart", "2"));
    assert_eq!(folder.look(), ["apply shop/cart"]);
    folder.write("a.yaml", "");
    folder.look();
    assert_eq!(folder.look(), ["delete shop/cart"]);
}

#[test]
fn files_that_cannot_be_read_as_text_are_named_and_keep_what_they_held() {
    let mut folder = Folder::new();
    folder.write("a.yaml", &pod("cart", "1"));
    folder.look();
    fs::write(folder.temporary.path().join("a.yaml"), b"a: 1\nb: \xff\n").unwrap();
    assert_eq!(folder.look(), [""; 0]);
    assert_eq!(folder.period("cart"), Some(1));
    assert!(folder.status.stale());
    assert!(
        folder.problem().to_string().contains("line 2 is not UTF-8"),
        "{}",
        folder.problem()
    );

    let huge = fs::File::create(folder.temporary.path().join("a.yaml")).unwrap();
    huge.set_len(super::read::LARGEST + 1).unwrap();
    folder.look();
    assert_eq!(folder.problem().reason, Reason::Unreadable);
    assert_eq!(folder.period("cart"), Some(1));
}

#[test]
fn scope_is_applied_to_files() {
    let everything = format!(
        "{}---\n{}---\n{}",
        pod("cart", "1"),
        pod("web", "1"),
        pod("web", "1").replace("namespace: shop", "namespace: other")
    );
    let held = |scope: Scope| {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.yaml"), &everything).unwrap();
        let root = folder.path().to_owned();
        let mut folder = Folder::at(folder, root, &scope);
        folder.look();
        let keys: Vec<_> = folder
            .index
            .read()
            .objects
            .keys()
            .map(ToString::to_string)
            .collect();
        keys.join(" ")
    };
    assert_eq!(
        held(Scope {
            namespaces: vec!["shop".into()],
            ..Scope::default()
        }),
        "shop/cart shop/web"
    );
    assert_eq!(
        held(Scope {
            labels: Some("app in (web)".into()),
            ..Scope::default()
        }),
        "other/web shop/web"
    );
    assert_eq!(
        held(Scope {
            fields: Some("spec.nodeName=node-cart".into()),
            ..Scope::default()
        }),
        "shop/cart"
    );
}

#[test]
fn an_object_that_leaves_the_scope_is_deleted() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().to_owned();
    let scope = Scope {
        labels: Some("app=cart".into()),
        ..Scope::default()
    };
    let mut folder = Folder::at(folder, root, &scope);
    folder.write("a.yaml", &pod("cart", "1"));
    assert_eq!(folder.look(), ["reset 1"]);
    folder.write(
        "a.yaml",
        &pod("cart", "1").replace("app: cart", "app: gone"),
    );
    assert_eq!(folder.look(), ["delete shop/cart"]);
}

#[test]
fn another_version_of_the_kind_is_a_problem_and_a_kind_without_namespaces_has_none() {
    #[derive(Default)]
    struct Names(Vec<String>);
    impl Index<String> for Names {
        fn apply(&mut self, object: String) {
            self.0.push(object);
        }
        fn delete(&mut self, _: &ObjectKey) {}
        fn reset(&mut self, _: Option<&str>, objects: Vec<String>) {
            self.0 = objects;
        }
    }
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("a.yaml"),
        "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: cart}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n",
    )
    .unwrap();
    let scope = Selection::new(&Scope {
        namespaces: vec!["shop".into(), "default".into()],
        ..Scope::default()
    })
    .unwrap();

    let (index, status) = (Arc::new(RwLock::new(Names::default())), WatchStatus::new());
    let trim = |_: HorizontalPodAutoscaler| String::new();
    let sink = Sink {
        namespace: None,
        trim: Arc::new(trim),
        index: Arc::clone(&index),
        teller: status.teller("HorizontalPodAutoscaler", None),
    };
    Files::new(folder.path().to_owned(), scope.clone(), sink).look();
    assert!(index.read().0.is_empty());
    assert!(
        status.problems()[0]
            .to_string()
            .contains("autoscaling/v1 is not read, only autoscaling/v2")
    );

    let (index, status) = (Arc::new(RwLock::new(Names::default())), WatchStatus::new());
    let trim = |node: Node| {
        format!(
            "{:?}/{}",
            node.metadata.namespace,
            node.metadata.name.unwrap()
        )
    };
    let sink = Sink {
        namespace: None,
        trim: Arc::new(trim),
        index: Arc::clone(&index),
        teller: status.teller("Node", None),
    };
    Files::new(folder.path().to_owned(), scope, sink).look();
    assert_eq!(index.read().0, ["None/node-1"]);
    assert!(status.problems().is_empty());
}
