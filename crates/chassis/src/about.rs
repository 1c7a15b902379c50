//! What a binary says about itself: `--version`, the landing page, `build_info`.

use exposition::BuildInfo;

/// Who the process is. One constant in each binary.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The binary's name, as in `grpc-health-exporter`.
    pub name: &'static str,
    /// The question it answers, in one sentence.
    pub description: &'static str,
    /// Its version: `env!("CARGO_PKG_VERSION")` of the binary's own package.
    pub version: &'static str,
    /// The port it listens on, on all addresses, unless `--web.listen-address` says otherwise.
    pub default_port: u16,
}

// === impl About ===

impl About {
    pub(crate) fn build(&self) -> BuildInfo {
        BuildInfo::new(self.name, self.version)
    }

    /// What follows the name in the answer to `--version`.
    pub(crate) fn long_version(&self) -> String {
        let build = self.build();
        format!(
            "{} (revision {})\n  rustc {}\n  {}",
            build.version, build.revision, build.rustversion, build.target
        )
    }
}
