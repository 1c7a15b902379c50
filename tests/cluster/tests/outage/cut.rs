//! A connection that breaks: whatever one pod says to the API server is answered with a reset. Nobody else notices.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

const TABLE: &str = "broken-watch";

/// It lasts until it is dropped.
#[derive(Debug)]
pub(crate) struct Cut {
    process: String,
}

impl Cut {
    /// `process` is one of the pod's. The reset is made in the pod's own network: from outside it would have to find its way back through
    /// kube-proxy's translation, which the reset itself ends, and the pod would be left with a connection that is merely silent.
    pub(crate) fn between_api_server_and(process: u32) -> Result<Self> {
        let cut = Self {
            process: process.to_string(),
        };
        cut.nft(&format!(
            "table ip {TABLE} {{ chain output {{ type filter hook output priority filter; \
             ip daddr 10.96.0.1 tcp dport 443 reject with tcp reset; }}; }}"
        ))?;
        Ok(cut)
    }

    fn nft(&self, rules: &str) -> Result<()> {
        let mut child = Command::new("nsenter")
            .args(["--target", &self.process, "--net", "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .context("nsenter cannot be run")?;
        let mut input = child.stdin.take().context("nft takes no rules")?;
        input.write_all(rules.as_bytes())?;
        drop(input);
        ensure!(child.wait()?.success(), "nft refuses {rules}");
        Ok(())
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        // Where it is not undone the exporter is never right again, and the test says so.
        let _ = self.nft(&format!("delete table ip {TABLE}"));
    }
}
