use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: SimulateArgs,
}

/// The fixture's file of a name.
fn fixture(name: &str) -> String {
    format!(
        "{}/tests/fixtures/simulate/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn simulate(arguments: &[&str]) -> Result<String, String> {
    let line = Line::try_parse_from(["simulate"].iter().chain(arguments));
    let args = line.map_err(|error| error.to_string())?.args;
    answer(&args).map_err(|error| format!("{error:#}"))
}

fn frontend(arguments: &[&str]) -> Result<String, String> {
    let (spec, trace) = (fixture("frontend.yaml"), fixture("day.csv"));
    let mut all = vec![spec.as_str(), trace.as_str()];
    all.extend(arguments);
    simulate(&all)
}

/// The cells of a column, by time.
fn column<'a>(csv: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    let index = head.iter().position(|it| *it == name).expect(name);
    lines.map(|cells| (cells[0], cells[index])).collect()
}

/// Where a column changes, and to what.
fn changes<'a>(csv: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let mut cells = column(csv, name);
    cells.dedup_by_key(|(_, cell)| *cell);
    cells
}

#[test]
fn the_frontend_grows_is_cut_at_its_maximum_and_is_let_go_five_minutes_after() {
    let csv = frontend(&["-o", "csv"]).unwrap();
    assert_eq!(
        changes(&csv, "decided"),
        [
            ("0", "1"),
            ("300", "3"),
            ("600", "5"),
            ("1200", "2"),
            ("1440", "1"),
        ]
    );
    let wish = column(&csv, "wish");
    assert!(wish.contains(&("600", "8")), "{wish:?}");
    assert!(wish.contains(&("900", "2")), "{wish:?}");
    let limiters = column(&csv, "limiter");
    assert!(limiters.contains(&("600", "max_replicas")), "{limiters:?}");
    assert!(
        limiters.contains(&("900", "stabilization_down")),
        "{limiters:?}"
    );
    // The announced time is that of the release.
    let until = column(&csv, "until");
    let at = |time| until.iter().find(|(it, _)| *it == time).unwrap().1;
    assert_eq!(at("1185"), "1200");
}

#[test]
fn the_table_tells_what_changed_and_sums_it_up() {
    let table = frontend(&[]).unwrap();
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("0:10:00") && line.ends_with("max_replicas")),
        "{table}"
    );
    assert!(
        table.contains("at maxReplicas 5 for 5m while more were wanted: 3 at the most"),
        "{table}"
    );
    assert!(table.lines().count() < 25, "{table}");
}

#[test]
fn the_picture_is_well_formed_and_has_every_limiter_in_its_legend() {
    let svg = frontend(&["-o", "svg"]).unwrap();
    let opened = svg.matches("<text").count();
    assert_eq!(opened, svg.matches("</text>").count());
    for name in ["max_replicas", "stabilization_down", "maxReplicas 5", "cpu"] {
        assert!(svg.contains(&format!(">{name}</text>")), "{name}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn pods_that_start_slowly_are_not_counted_before_they_are_ready() {
    let csv = frontend(&["-o", "csv", "--startup", "1m"]).unwrap();
    let ready = column(&csv, "ready");
    assert!(
        ready.contains(&("345", "1")) && ready.contains(&("360", "3")),
        "{ready:?}"
    );
}

#[test]
fn another_version_is_another_answer() {
    // 55 % of 50 %: outside of the tolerance until 1.32, for want of a bit.
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.csv");
    std::fs::write(&trace, "time,cpu\n0,550m\n30,550m\n").unwrap();
    let decided = |version: &str| {
        let csv = simulate(&[
            &fixture("frontend.yaml"),
            trace.to_str().unwrap(),
            "-o=csv",
            "--replicas=10",
            "--controller.version",
            version,
        ]);
        column(&csv.unwrap(), "cpu wish")
            .last()
            .unwrap()
            .1
            .to_owned()
    };
    // Ten is above the maximum, so that metrics are looked at with five.
    assert_eq!(
        (decided("1.32").as_str(), decided("1.33").as_str()),
        ("11", "11")
    );
}

#[test]
fn what_cannot_be_played_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let spec = std::fs::read_to_string(fixture("frontend.yaml")).unwrap();
    let (alone, _) = spec.split_once("---").unwrap();
    let v1 = spec
        .replace("autoscaling/v2", "autoscaling/v1")
        .split_once("  metrics:")
        .map(|(head, _)| format!("{head}  targetCPUUtilizationPercentage: 50\n"))
        .unwrap();
    let path = write("v1.yaml", &v1);
    let csv = simulate(&[&path, &fixture("day.csv"), "--request=cpu=100m", "-o=csv"]);
    assert_eq!(csv, frontend(&["-o=csv"]));
    for (changed, expected) in [
        (
            "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nspec: none\n".to_owned(),
            "spec",
        ),
        (alone.to_owned(), "no request of cpu is known"),
        (
            spec.replace("minReplicas: 1", "minReplicas: 9"),
            "spec.maxReplicas must be at least minReplicas",
        ),
        (
            spec.replace("maxReplicas: 5", "maxReplicas: 50000"),
            "more than the 10000 that are played",
        ),
        (
            spec.replace("averageUtilization: 50", "averageUtilization: lots"),
            "spec.metrics[0].resource.target.averageUtilization: invalid type",
        ),
        (
            spec.replace("cpu: 100m", "cpu: 100 m"),
            "spec.template.spec.containers[0].resources.requests",
        ),
        (
            spec.replace("HorizontalPodAutoscaler", "Deployment"),
            "no HorizontalPodAutoscaler",
        ),
        (
            spec.replace("autoscaling/v2", "autoscaling/v2beta1"),
            "frontend.yaml:2: HorizontalPodAutoscaler: apiVersion is",
        ),
        (
            format!(
                "{spec}---\n{}",
                alone.replace("name: frontend\n  namespace", "name: other\n  namespace")
            ),
            "say which with --name",
        ),
        ("kind: [".to_owned(), "frontend.yaml"),
    ] {
        let path = write("frontend.yaml", &changed);
        let error = simulate(&[&path, &fixture("day.csv")]).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let path = write("frontend.yaml", alone);
    assert!(simulate(&[&path, &fixture("day.csv"), "--request=cpu=100m"]).is_ok());
    assert!(
        simulate(&[&path, &fixture("day.csv"), "--request=cpu=-1"])
            .unwrap_err()
            .contains("must be positive")
    );
    assert!(
        frontend(&["--controller.sync-period=0"])
            .unwrap_err()
            .contains("--controller.sync-period")
    );
    assert!(
        frontend(&["--name=backend"])
            .unwrap_err()
            .contains("no HorizontalPodAutoscaler called backend")
    );
}
