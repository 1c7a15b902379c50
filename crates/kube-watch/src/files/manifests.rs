//! Every object in files, once, whatever its kind.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::documents::{self, Document};
use super::read::{self, Reading};
use super::walk::{rest_not_read, walk};
use crate::{Place, Problem, Reason};

/// An object as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The file.
    pub path: PathBuf,
    /// The line on which its document begins, counted from 1.
    pub line: u64,
    /// The object; items of a list come one by one.
    pub object: Value,
}

/// Reads every object in a file, or in a folder and what is below it, with whatever could not be read beside
/// them. An error is about the path itself.
pub fn manifests(root: &Path) -> io::Result<(Vec<Manifest>, Vec<Problem>)> {
    let walk = walk(root)?;
    let mut manifests = Vec::new();
    let mut problems = Vec::new();
    for (path, error) in walk.unreadable {
        problems.push(problem(&path, None, Reason::Unreadable, error.to_string()));
    }
    if walk.too_many {
        let message = rest_not_read();
        problems.push(problem(root, None, Reason::Unreadable, message));
    }
    for (path, seen) in walk.files {
        match read::read(&path, &seen) {
            Reading::Text(text, _) => take(&path, &text, &mut manifests, &mut problems),
            Reading::Unreadable(message, _) => {
                problems.push(problem(&path, None, Reason::Unreadable, message));
            }
            Reading::Moving => {
                let message = "it was written to while it was read".to_owned();
                problems.push(problem(&path, None, Reason::Unreadable, message));
            }
            Reading::Gone => {}
        }
    }
    Ok((manifests, problems))
}

fn take(path: &Path, text: &str, manifests: &mut Vec<Manifest>, problems: &mut Vec<Problem>) {
    let mut wrong = |line, message| {
        problems.push(problem(path, Some(line), Reason::Syntax, message));
    };
    for Document { line, value, items } in documents::of(path, text) {
        let mut keep = |object| {
            let path = path.to_owned();
            manifests.push(Manifest { path, line, object });
        };
        match value {
            Ok(value) if items.is_empty() => flatten(value, &mut keep),
            Ok(_) => {
                for (at, item) in items.iter().enumerate() {
                    match item.read() {
                        Ok(item) => flatten(item, &mut keep),
                        Err(message) => wrong(line, format!("items[{at}]: {message}")),
                    }
                }
            }
            Err(broken) => wrong(broken.line, broken.message),
        }
    }
}

fn flatten(value: Value, take: &mut impl FnMut(Value)) {
    match value {
        Value::Object(mut object) if object.get("items").is_some_and(Value::is_array) => {
            if let Some(Value::Array(items)) = object.remove("items") {
                for item in items {
                    flatten(item, take);
                }
            }
        }
        Value::Object(_) => take(value),
        _ => {}
    }
}

fn problem(path: &Path, line: Option<u64>, reason: Reason, message: String) -> Problem {
    Problem {
        kind: "manifest",
        place: Place::File {
            path: path.to_owned(),
            line,
        },
        object: None,
        reason,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_any_kind_are_read_and_a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "a.yaml",
            "kind: Deployment\n---\nkind: List\nitems: [{kind: Pod}, {kind: Service}]\n",
        );
        write("b.yaml", "kind: [\n");
        write("c.json", r#"{"kind": "CronJob"}"#);
        write(
            "d.json",
            r#"{"kind": "List", "items": [{"kind": "Job"}, {"kind": "Node"}]}"#,
        );
        write("notes.txt", "not a manifest");
        let (manifests, problems) = manifests(folder.path()).unwrap();
        let kinds: Vec<_> = manifests
            .iter()
            .map(|found| (found.object["kind"].as_str().unwrap(), found.line))
            .collect();
        assert_eq!(
            kinds,
            [
                ("Deployment", 1),
                ("Pod", 3),
                ("Service", 3),
                ("CronJob", 1),
                ("Job", 1),
                ("Node", 1)
            ]
        );
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].to_string().contains("b.yaml:"),
            "{}",
            problems[0]
        );
        assert!(super::manifests(&folder.path().join("absent")).is_err());
    }
}
