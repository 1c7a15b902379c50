//! Which build is running: `<name>_build_info`.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// What a build is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The binary's name, with dashes.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The source revision, as given by `SIDELIGHTS_REVISION` at build time, or `unknown`.
    pub revision: &'static str,
    /// The compiler's version.
    pub rustversion: &'static str,
    /// The target triple.
    pub target: &'static str,
}

impl BuildInfo {
    /// A binary's build, as far as the workspace's build knows it.
    #[must_use]
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            revision: env!("EXPOSITION_REVISION"),
            rustversion: env!("EXPOSITION_RUSTC"),
            target: env!("EXPOSITION_TARGET"),
        }
    }

    /// A registry with the one metric. As an info its series is called `<name>_build_info` in each format.
    pub(crate) fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let labels = [
            ("version", self.version),
            ("revision", self.revision),
            ("rustversion", self.rustversion),
            ("target", self.target),
        ];
        registry.register(
            format!("{}_build", self.name.replace('-', "_")),
            "The build that is running",
            Info::new(labels),
        );
        registry
    }
}
