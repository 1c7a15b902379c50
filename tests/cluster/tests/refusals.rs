//! What `up` says where it cannot start a lab, and what `down` makes of what was left. None of these needs a lab; some need a machine that can
//! have one, and are left out like those that do.
#![expect(clippy::unwrap_used, reason = "a test: a panic is its finding")]

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

const CLUSTER: &str = env!("CARGO_MANIFEST_DIR");
/// Where one of the kinds of control groups is, in which a lab's processes are found again.
const CONTROL_GROUPS: &str = "/sys/fs/cgroup/pids";

/// `up` with an empty cache, and with programs of this folder before those of the machine.
fn up(folder: &Path, arguments: &[&str]) -> Output {
    let path = env::var("PATH").unwrap();
    up_with_path(folder, &format!("{}:{path}", folder.display()), arguments)
}

fn up_with_path(folder: &Path, path: &str, arguments: &[&str]) -> Output {
    Command::new(format!("{CLUSTER}/up"))
        .args(arguments)
        .env("PATH", path)
        .env("SIDELIGHTS_CACHE", folder.join("cache"))
        .env_remove("SIDELIGHTS_TOOLS")
        .output()
        .unwrap()
}

/// `down`, which has to find that nothing is left.
fn down(name: &str) {
    let output = Command::new(format!("{CLUSTER}/down"))
        .args(["--name", name])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with a program in it that does this.
fn folder_with(program: &str, does: &str) -> TempDir {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    add(folder.path(), program, does);
    folder
}

fn add(folder: &Path, program: &str, does: &str) {
    let file = folder.join(program);
    fs::write(&file, format!("#!/bin/sh\n{does}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

#[test]
fn a_kernel_without_network_namespaces_is_named_or_else_the_want_of_root() {
    let folder = folder_with("unshare", "exit 1");
    let said = said(&up(folder.path(), &["--name", "refused"]));
    let expected = if is_root() {
        "tests/cluster: needs network namespaces in the kernel\n"
    } else {
        "tests/cluster: needs root"
    };
    assert!(said.contains(expected), "{said}");
    assert!(!folder.path().join("cache").exists(), "something was begun");
}

#[test]
fn the_want_of_root_is_named() {
    // Elsewhere, since nobody may be let into the folder of this workspace.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("tests/cluster");
    fs::create_dir_all(copy.join("lab")).unwrap();
    fs::copy(format!("{CLUSTER}/up"), copy.join("up")).unwrap();
    for part in fs::read_dir(format!("{CLUSTER}/lab")).unwrap() {
        let part = part.unwrap();
        fs::copy(part.path(), copy.join("lab").join(part.file_name())).unwrap();
    }
    // Which modules it would have to fetch is read from here.
    let kubernetes = folder.path().join("tests/tools/kubernetes");
    fs::create_dir_all(&kubernetes).unwrap();
    let pinned = format!("{CLUSTER}/../tools/kubernetes/go.mod");
    fs::copy(pinned, kubernetes.join("go.mod")).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut up = Command::new(copy.join("up"));
    if is_root() {
        up.uid(65534);
    }
    let said = said(
        &up.env("SIDELIGHTS_CACHE", "/tmp/of-nobody")
            .output()
            .unwrap(),
    );
    assert!(said.contains("tests/cluster: needs root: "), "{said}");
    assert!(!Path::new("/tmp/of-nobody").exists(), "something was begun");
}

#[test]
fn the_want_of_go_is_named() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = env::var("PATH").unwrap();
    let without = path.split(':').enumerate().map(|(index, place)| {
        if !Path::new(place).join("go").exists() {
            return place.to_owned();
        }
        let copy = folder.path().join(index.to_string());
        fs::create_dir(&copy).unwrap();
        for program in fs::read_dir(place).unwrap().map(Result::unwrap) {
            if program.file_name() != "go" {
                symlink(program.path(), copy.join(program.file_name())).unwrap();
            }
        }
        copy.display().to_string()
    });
    let without = without.collect::<Vec<_>>().join(":");
    let said = said(&up_with_path(
        folder.path(),
        &without,
        &["--name", "refused"],
    ));
    assert!(said.contains("tests/cluster: needs Go, "), "{said}");
    assert!(!folder.path().join("cache").exists(), "something was begun");
}

#[test]
#[ignore = "needs what a lab needs: tests/cluster/run"]
fn a_module_that_is_not_to_be_had_is_named() {
    let folder = folder_with("df", "echo Avail; echo 99999999");
    let go = "[ $1 = env ] && echo go1 || { echo \"$PWD: no such module\" >&2; exit 1; }";
    add(folder.path(), "go", go);
    // As if Debian's packages were there.
    fs::create_dir_all(folder.path().join("cache/debian/usr/lib/cni")).unwrap();
    let said = said(&up(folder.path(), &["--name", "refused"]));
    assert!(
        said.starts_with("tests/cluster: kube-apiserver cannot be built: "),
        "{said}"
    );
    assert!(
        said.contains("tests/tools/kubernetes: no such module"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
#[ignore = "needs what a lab needs: tests/cluster/run"]
fn what_a_killed_run_left_is_named_and_down_clears_it() {
    let folder = folder_with("df", "echo Avail; echo 99999999");
    fs::create_dir_all(format!("{CONTROL_GROUPS}/sidelights-left/processes")).unwrap();
    let said = said(&up(folder.path(), &["--name", "left"]));
    assert!(said.contains("needs the name 'left' to be free"), "{said}");
    assert!(said.contains("tests/cluster/down --name left"), "{said}");
    down("left");
    assert!(!Path::new(CONTROL_GROUPS).join("sidelights-left").exists());
}

#[test]
#[ignore = "needs what a lab needs: tests/cluster/run"]
fn of_an_up_that_is_killed_half_way_down_leaves_nothing() {
    let mut up = Command::new(format!("{CLUSTER}/up"));
    // What cargo tells a test, a build script of ring's takes for a change, and half of our programs would be built anew.
    for (name, _) in env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            up.env_remove(name);
        }
    }
    let up = up.args(["--name", "halfway"]).stdout(Stdio::null());
    let mut up = up.spawn().unwrap();
    let group = Path::new(CONTROL_GROUPS).join("sidelights-halfway/processes/cgroup.procs");
    let processes = || fs::read_to_string(&group).unwrap_or_default();
    // A node, etcd, and the API server at least.
    while processes().lines().count() < 3 {
        assert!(up.try_wait().unwrap().is_none(), "it ended by itself");
        sleep(Duration::from_millis(100));
    }
    up.kill().unwrap();
    up.wait().unwrap();
    assert!(!processes().is_empty(), "nothing was left to take down");
    down("halfway");
    assert!(!group.exists());
}

#[test]
fn a_full_disk_is_named_with_what_is_left_of_it() {
    let folder = folder_with("df", "echo Avail; echo 4096");
    let said = said(&up(folder.path(), &["--name", "refused"]));
    assert!(
        said.contains("GB free on the disk of"),
        "no word of the disk: {said}"
    );
}

#[test]
fn a_name_that_is_not_plain_is_refused_before_anything_else() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in ["", "Lab", "../lab", "a-name"] {
        let said = said(&up(folder.path(), &["--name", name]));
        assert!(said.starts_with("tests/cluster: --name takes"), "{said}");
    }
}

#[test]
fn an_unknown_flag_gets_the_usage() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let said = said(&up(folder.path(), &["--node", "3"]));
    assert!(said.contains("tests/cluster/up [--name NAME]"), "{said}");
}
