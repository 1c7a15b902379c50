//! What the workspace consists of: its files and its members.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

/// The top folders that hold members.
pub(crate) const MEMBERS: [&str; 4] = ["crates", "exporters", "sidecars", "tests"];

/// The workspace's top folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().to_owned()
}

/// Reads a file, given its path from the root.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder, as paths from the root, in order; without what the build makes and what git keeps.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let (root, mut found, mut open) = (root(), Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_name() == "target" || entry.file_name() == ".git" {
                // In a worktree the latter is a file.
            } else if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Those of the files with this extension.
pub(crate) fn files_of(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = files(folder);
    found.retain(|path| path.extension().is_some_and(|it| it == extension));
    found
}

/// The Rust sources below a folder: what is under a `src`, without integration tests and the modules called `tests`.
pub(crate) fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = files_of(folder, "rs");
    found.retain(|path| path.iter().any(|part| part == "src") && !is_tests(path));
    found
}

fn is_tests(path: &Path) -> bool {
    path.iter().any(|part| part == "tests.rs")
        || path
            .iter()
            .skip_while(|part| *part != "src")
            .any(|part| part == "tests")
}

/// The documents of a YAML file.
pub(crate) fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency that a member names.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Nothing for a normal one; else `dev` or `build`.
    kind: Option<String>,
}

impl Member {
    /// The packages that it is built from, not those of its tests.
    pub(crate) fn shipped(&self) -> BTreeSet<&str> {
        let normal = self.dependencies.iter().filter(|it| it.kind.is_none());
        normal.map(|it| it.name.as_str()).collect()
    }

    /// Whether it lies in this top folder.
    pub(crate) fn is_in(&self, folder: &str) -> bool {
        self.manifest_path.starts_with(root().join(folder))
    }
}

/// All members, as cargo sees them.
pub(crate) fn members() -> Vec<Member> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Member>,
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice::<Metadata>(&output.stdout)
        .unwrap()
        .packages
}

/// A package of `Cargo.lock`.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) name: String,
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<String>,
}

/// `Cargo.lock`, read line by line: it is written by a machine, always in the same shape.
pub(crate) fn locked() -> Vec<Locked> {
    let text = read("Cargo.lock");
    let packages = text.split("[[package]]").skip(1).map(|block| {
        let value = |key: &str| {
            let line = block
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{key} = ")));
            line.map(|text| text.trim_matches('"').to_owned())
        };
        let dependencies = block.lines().filter_map(|line| line.strip_prefix(" \""));
        Locked {
            name: value("name").unwrap(),
            source: value("source"),
            dependencies: dependencies
                .map(|line| line.split([' ', '"']).next().unwrap_or_default().to_owned())
                .collect(),
        }
    });
    packages.collect()
}

/// All packages that a member is built from, through any number of others.
pub(crate) fn closure(member: &Member, members: &[Member], locked: &[Locked]) -> BTreeSet<String> {
    let mut direct: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in locked {
        let names = package.dependencies.iter().map(String::as_str);
        direct.entry(&package.name).or_default().extend(names);
    }
    // The lock file does not tell a member's own tests from itself.
    for member in members {
        direct.insert(&member.name, member.shipped());
    }
    let (mut seen, mut open) = (BTreeSet::new(), vec![member.name.as_str()]);
    while let Some(name) = open.pop() {
        if seen.insert(name.to_owned()) {
            open.extend(direct.get(name).into_iter().flatten());
        }
    }
    seen
}
