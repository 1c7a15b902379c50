//! Where objects come from, as typed on a command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where objects come from.
///
/// Read from `cluster` or `files:PATH`, and written the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Kubernetes API server: the one of the pod's own service account, or of the kubeconfig.
    Cluster,
    /// A file, or a folder and what is below it, of YAML or JSON such as `kubectl get -o yaml` writes.
    Files(PathBuf),
}

/// Why a source cannot be used.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The text is neither of the two forms.
    #[error("source {0:?} is neither \"cluster\" nor \"files:PATH\"")]
    Unknown(String),
    /// `files:` with nothing behind it.
    #[error("source \"files:\" names no path: write files:PATH, a file or a folder")]
    NoPath,
    /// The program was built without the `cluster` feature.
    #[error("this program was built without cluster access: only \"files:PATH\" can be read")]
    ClusterNotBuilt,
    /// No service account and no usable kubeconfig.
    #[cfg(feature = "cluster")]
    #[error(
        "no cluster to talk to (without one, --source=files:PATH reads objects from files): {0}"
    )]
    NoCluster(String),
    /// Another server than the API server that was to be asked with the cluster's credentials.
    #[cfg(feature = "cluster")]
    #[error("{address}: {reason}")]
    Elsewhere {
        /// As it was written.
        address: String,
        /// Why it is not asked.
        reason: String,
    },
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text.split_once(':') {
            None if text == "cluster" => Ok(Self::Cluster),
            Some(("files", "")) => Err(SourceError::NoPath),
            Some(("files", path)) => Ok(Self::Files(PathBuf::from(path))),
            _ => Err(SourceError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => formatter.write_str("cluster"),
            Self::Files(path) => write!(formatter, "files:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_written_alike() {
        for text in ["cluster", "files:/tmp/a b.yaml", "files:C:/x", "files:."] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert_eq!(
            "files:C:/x".parse::<Source>().unwrap(),
            Source::Files(PathBuf::from("C:/x"))
        );
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for text in ["", "Cluster", "cluster:", "file:/x", "/x", " cluster"] {
            let message = text.parse::<Source>().unwrap_err().to_string();
            assert!(message.contains(&format!("{text:?}")), "{message}");
            assert!(message.contains("files:PATH"), "{message}");
        }
        assert!(matches!(
            "files:".parse::<Source>(),
            Err(SourceError::NoPath)
        ));
    }
}
