//! `--recording.file`, and what `upgrade` makes of it.

use std::fs;
use std::path::Path;

use crate::cluster::{Autoscaler, Cluster, Metric};
use crate::exporter::run;

#[tokio::test]
async fn what_is_followed_is_recorded_and_upgrade_plays_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording.jsonl");
    let to_file = format!("--recording.file={}", file.display());
    let flags = ["--controller.sync-period=1s", &to_file];
    let web = Autoscaler::new("web", &[Metric::cpu()]);
    let cluster = Cluster::start(std::slice::from_ref(&web), &flags).await;
    cluster.write(&web);
    // The head, the write, and syncs that had nothing to write.
    let lines = || fs::read_to_string(&file).unwrap().lines().count();
    cluster.until("it is recorded", || lines() >= 4).await;

    let recording = fs::read_to_string(&file).unwrap();
    let anew = |line: &&str| line.contains(r#""before":"#);
    assert!(recording.starts_with(r#"{"recording":"#), "{recording}");
    assert_eq!(recording.lines().filter(anew).count(), 1, "{recording}");
    let upgrade = ["upgrade", "--to=1.35"].map(Path::new);
    let (code, text, _) = run(upgrade.into_iter().chain([&*file]));
    assert_eq!(code, Some(0), "{text}");
    let told = "syncs come out otherwise under 1.35 than under 1.36\n";
    assert!(text.starts_with("web/web: 0 of "), "{text}");
    assert!(text.ends_with(told), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_the_start() {
    let objects = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/maximum");
    let source = format!("--source=files:{objects}");
    let (code, _, text) = run([
        &*source,
        "--web.listen-address=127.0.0.1:0",
        "--recording.file=/nowhere/recording.jsonl",
    ]);
    assert_ne!(code, Some(0));
    let told = "--recording.file: /nowhere/recording.jsonl: No such file";
    assert!(text.contains(told), "{text}");
}
