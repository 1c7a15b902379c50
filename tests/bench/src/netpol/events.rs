//! One event at a time on a matrix that is there, and one question at a time.

use std::time::Duration;

use netpol_engine::{Endpoint, Labels, Matrix, ObjectKey, Query, explain, naive};

use super::clock::{microseconds, milliseconds, timed};
use super::objects::{checked, one_more, pod};
use crate::figures::{Figures, Target, median, quantile};

/// An event may take this long.
const POD: f64 = 1.0;
const POLICY: f64 = 20.0;
/// And an answer to "why".
const EXPLAIN: f64 = 1.0;

/// All of them, on the usual cluster.
pub(super) fn run(matrix: &mut Matrix, quick: bool, figures: &Figures) -> anyhow::Result<()> {
    let many = if quick { 10 } else { 1000 };
    let known = matrix
        .cluster()
        .pods
        .get(&ObjectKey::new("team-0", "app-3-0"))
        .cloned()
        .unwrap_or_default();
    let replicas = each(many, |index| {
        let mut replica = known.clone();
        replica.key.name = format!("app-3-new-{index}");
        timed(|| matrix.apply_pod(replica)).0
    });
    print(figures, "pod_of_a_known_kind", replicas, POD)?;
    let strangers = each(many, |index| {
        let labels = [
            ("app", "app-3".to_owned()),
            ("team", format!("fresh-{index}")),
        ];
        let stranger = pod("team-1", &format!("new-{index}"), &labels, 99_999);
        timed(|| matrix.apply_pod(stranger)).0
    });
    print(figures, "pod_of_a_new_kind", strangers, POD)?;
    let namespaces: Vec<String> = matrix
        .cluster()
        .namespaces()
        .map(|it| it.0.to_owned())
        .collect();
    let mut policies = Vec::new();
    for namespace in &namespaces {
        let added = checked(&one_more(namespace))?;
        policies.push(milliseconds(timed(|| matrix.apply_policy(added)).0));
        let gone = ObjectKey::new(namespace, "edge-1");
        policies.push(milliseconds(timed(|| matrix.delete_policy(&gone)).0));
    }
    print(figures, "policy", policies, POLICY)?;
    let renamed = each(many, |index| {
        let labels = Labels::from([("a".to_owned(), format!("{index}"))]);
        timed(|| matrix.apply_namespace("team-1", labels)).0
    });
    figures.plain("netpol_event_namespace", median(renamed), "ms")?;
    questions(matrix, many, figures)
}

fn questions(matrix: &Matrix, many: usize, figures: &Figures) -> anyhow::Result<()> {
    let query = Query::tcp(
        Endpoint::pod("team-0", "app-3-0"),
        Endpoint::pod("team-0", "app-4-1"),
        8003,
    );
    let (cluster, profile) = (matrix.cluster(), matrix.profile());
    let why = each(many, |_| {
        timed(|| std::hint::black_box(explain(cluster, profile, &query))).0
    });
    print(figures, "explain", why, EXPLAIN)?;
    let each_of_many =
        |time: Duration| microseconds(time) / f64::from(u32::try_from(many).unwrap_or(1));
    let (fast, ()) = timed(|| {
        for _ in 0..many {
            std::hint::black_box(matrix.verdict(&query));
        }
    });
    let (naive, ()) = timed(|| {
        for _ in 0..many {
            std::hint::black_box(naive::verdict(cluster, profile, &query));
        }
    });
    figures.plain("netpol_query", each_of_many(fast), "us")?;
    figures.plain("netpol_query_naive", each_of_many(naive), "us")?;
    Ok(())
}

fn each(many: usize, mut event: impl FnMut(usize) -> Duration) -> Vec<f64> {
    (0..many).map(|index| milliseconds(event(index))).collect()
}

/// The middle one, and the slowest of a hundred against the target.
fn print(figures: &Figures, name: &str, times: Vec<f64>, target: f64) -> anyhow::Result<()> {
    let name = format!("netpol_{name}");
    figures.plain(&format!("{name}_p50"), median(times.clone()), "ms")?;
    let slow = quantile(times, 0.99);
    figures.against(&format!("{name}_p99"), slow, "ms", Target::AtMost(target))?;
    Ok(())
}
