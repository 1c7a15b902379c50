//! Events in; the matrix, what is required and what has changed out.

use kube_watch::ObjectKey as WatchedKey;
use netpol_engine::Pod;

use super::changes::Object;
use super::kind::{Deployment, Of};
use super::pod::WatchedPod;
use super::*;

fn pod(name: &str, workload: &str, finished: bool) -> WatchedPod {
    let pod = Pod {
        key: ObjectKey::new("n", name),
        workload: workload.to_owned(),
        finished,
        ..Pod::default()
    };
    WatchedPod {
        pod,
        calls: vec![Call::read("B_ADDR", "b:80").unwrap()],
        ..WatchedPod::default()
    }
}

fn template(workload: &str) -> Of<Deployment, Template> {
    let name = format!("deployment/{workload}");
    Of::new(Template {
        key: ObjectKey::new("n", workload),
        pod: Some(pod(&name, workload, false)),
    })
}

fn model() -> Model {
    let mut model = Model::new(Profile::SPECIFICATION);
    model.require(Vec::new(), true);
    model.take_changes();
    model
}

fn names(model: &Model) -> Vec<&str> {
    let pods = model.cluster().pods.keys();
    pods.map(|it| it.name.as_str()).collect()
}

fn delete_pod(model: &mut Model, name: &str) {
    Index::<WatchedPod>::delete(model, &WatchedKey::new("n", name));
}

#[test]
fn a_template_stands_in_for_pods_that_are_not_there() {
    let mut model = model();
    model.apply(template("a"));
    assert_eq!(names(&model), ["deployment/a"]);
    model.apply(pod("a-1", "a", false));
    assert_eq!(names(&model), ["a-1"]);
    model.apply(pod("a-1", "a", true));
    assert_eq!(
        names(&model),
        ["a-1", "deployment/a"],
        "a finished pod is no replica"
    );
    model.apply(pod("a-2", "a", false));
    delete_pod(&mut model, "a-1");
    assert_eq!(names(&model), ["a-2"]);
    delete_pod(&mut model, "a-2");
    assert_eq!(names(&model), ["deployment/a"]);
    Index::<Of<Deployment, Template>>::delete(&mut model, &WatchedKey::new("n", "a"));
    assert_eq!(names(&model), [""; 0]);
}

#[test]
fn a_list_takes_the_place_of_what_was_there_whatever_came_first() {
    let mut model = model();
    model.reset(None, vec![template("a"), template("b")]);
    model.reset(None, vec![pod("a-1", "a", false)]);
    assert_eq!(names(&model), ["a-1", "deployment/b"]);
    model.reset(None, vec![pod("a-2", "a", false), pod("b-1", "b", false)]);
    assert_eq!(names(&model), ["a-2", "b-1"]);
    model.reset(None, Vec::<WatchedPod>::new());
    assert_eq!(names(&model), ["deployment/a", "deployment/b"]);
}

#[test]
fn what_an_environment_names_is_required_as_long_as_a_pod_names_it() {
    let mut model = model();
    model.apply(pod("a-1", "a", false));
    model.apply(pod("a-2", "a", false));
    assert_eq!(model.required().len(), 1);
    delete_pod(&mut model, "a-1");
    assert_eq!(model.required().len(), 1);
    model.take_changes();
    delete_pod(&mut model, "a-2");
    assert_eq!(model.required().len(), 0);
    assert!(model.take_changes().required);
}

#[test]
fn an_event_that_changes_nothing_policies_see_is_no_change() {
    let mut model = model();
    model.apply(pod("a-1", "a", false));
    let changes = model.take_changes();
    assert!(changes.concern("n") && !changes.concern("m"));
    assert_eq!(
        changes.objects,
        [Object::Other("Pod", ObjectKey::new("n", "a-1"))]
    );
    model.apply(pod("a-1", "a", false));
    assert!(model.take_changes().is_empty());
}
