//! The image as the Containerfile builds it is the image that the lab packs and runs.

use crate::workspace::read;

/// What follows a word at the beginning of a line.
fn after<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(word))
        .map(str::trim)
        .collect()
}

#[test]
fn the_lab_runs_what_the_containerfile_would_build() {
    let file = read("Containerfile");
    let lab = read("tests/cluster/lab/images.sh");
    assert_eq!(after(&file, "FROM ").last(), Some(&"scratch"));
    assert_eq!(after(&file, "USER "), after(&lab, "nobody="));
    let entry = "/sidelight";
    assert_eq!(after(&file, "ENTRYPOINT "), [format!("[\"{entry}\"]")]);
    assert_eq!(
        after(&file, "COPY --from=build "),
        [format!("{entry} {entry}")]
    );
    assert!(
        lab.contains(&format!("\"{entry}=$binaries/$package\"")),
        "the lab packs {entry}"
    );
    let [target] = after(&lab, "target=")[..] else {
        panic!("the lab builds for one target");
    };
    let flags = "-C target-feature=+crt-static";
    assert!(file.contains(&format!("--target {target} ")) && lab.contains("--target $target "));
    assert!(
        file.contains(&format!("RUSTFLAGS=\"{flags}\""))
            && lab.contains(&format!("RUSTFLAGS='{flags}'"))
    );
}
