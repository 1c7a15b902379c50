//! Files of required flows.

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use netpol_engine::{Flow, FlowProblem, WrittenFlows};

/// A file that somebody wrote by hand is far smaller; what is larger is something else.
const MOST_BYTES: u64 = 16 << 20;

/// What files of required flows say.
#[derive(Debug, Default)]
pub struct Read {
    /// The flows that can be understood, in the order of the files.
    pub flows: Vec<Flow>,
    /// The namespace that the first of the files to name one is about.
    pub namespace: Option<String>,
    /// What cannot.
    pub problems: Vec<Problem>,
}

/// Something in a file of flows that cannot be understood.
#[derive(Debug)]
pub struct Problem {
    /// In which file.
    pub path: PathBuf,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a file of flows.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is too large to be such a file.
    #[error("it is larger than {} MiB", MOST_BYTES >> 20)]
    TooLarge,
    /// It is no YAML, or has other fields than such a file has.
    #[error("{0}")]
    Syntax(String),
    /// One line of it cannot be understood; the others count.
    #[error("{0}")]
    Line(#[from] FlowProblem),
}

/// Reads files of required flows; each may have several documents. What is wrong in one does not hide the others.
pub fn read(paths: &[PathBuf]) -> Read {
    let mut read = Read::default();
    for path in paths {
        match read_file(path) {
            Ok(documents) => {
                for document in documents {
                    let (flows, problems) = document.check();
                    read.namespace = read.namespace.take().or(document.namespace);
                    read.flows.extend(flows);
                    for problem in problems {
                        read.problem(path, problem.into());
                    }
                }
            }
            Err(fault) => read.problem(path, fault),
        }
    }
    read
}

fn read_file(path: &Path) -> Result<Vec<WrittenFlows>, Fault> {
    if fs::metadata(path)?.len() > MOST_BYTES {
        return Err(Fault::TooLarge);
    }
    let text = fs::read_to_string(path)?;
    let documents: Vec<Option<WrittenFlows>> =
        serde_saphyr::from_multiple(&text).map_err(|error| Fault::Syntax(error.to_string()))?;
    Ok(documents.into_iter().flatten().collect())
}

// === impl Read ===

impl Read {
    fn problem(&mut self, path: &Path, fault: Fault) {
        let path = path.to_owned();
        self.problems.push(Problem { path, fault });
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Read {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.yaml");
        fs::write(&path, text).unwrap();
        let gone = folder.path().join("gone.yaml");
        read(&[gone, path])
    }

    #[test]
    fn what_is_wrong_hides_nothing_else() {
        let read = of(
            "namespace: a\nrequiredFlows: [{from: b, to: svc/c:80}, {from: b, to: c}]\n---\nrequiredFlows: [{from: d, to: svc/e:80}]\n",
        );
        assert_eq!(read.flows.len(), 2);
        let problems: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("gone.yaml: "), "{problems:?}");
        assert!(
            problems[1].contains("flows.yaml: requiredFlows[1].to: \"c\""),
            "{problems:?}"
        );
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_no_empty_one() {
        for text in ["requiredFlows: [", "requiredFlows: [}", "- a", "a"] {
            let read = of(text);
            assert_eq!(read.problems.len(), 2, "{text}: {:?}", read.problems);
        }
        assert_eq!(of("").problems.len(), 1);
    }

    #[test]
    fn a_field_that_no_flow_has_is_named() {
        let read = of("requiredFlows: [{from: b, to: svc/c:80, prot: UDP}]\n");
        assert!(read.flows.is_empty());
        let fault = read.problems[1].to_string();
        assert!(fault.contains("prot"), "{fault}");
    }
}
