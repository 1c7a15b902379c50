//! Packets that do not get through, as long as a value lives: a table of nftables in the network of a node or of a pod.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// A table with one chain. It is deleted when this goes.
#[derive(Debug)]
pub struct Filter {
    table: &'static str,
    /// One of the processes in the network that it is in; none in this process' own.
    process: Option<u32>,
}

impl Filter {
    /// In the network of the node that this process is in.
    pub fn here(table: &'static str, chain: &str) -> Result<Self> {
        Self::apply(table, None, chain)
    }

    /// In the network of another process.
    pub fn of(process: u32, table: &'static str, chain: &str) -> Result<Self> {
        Self::apply(table, Some(process), chain)
    }

    fn apply(table: &'static str, process: Option<u32>, chain: &str) -> Result<Self> {
        let filter = Self { table, process };
        filter.nft(&format!("table ip {table} {{ chain only {{ {chain} }}; }}"))?;
        Ok(filter)
    }

    fn nft(&self, rules: &str) -> Result<()> {
        let mut command = Command::new(if self.process.is_some() {
            "nsenter"
        } else {
            "nft"
        });
        if let Some(process) = self.process {
            command.args(["--target", &process.to_string(), "--net", "nft"]);
        }
        let mut child = command
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .context("nft cannot be run")?;
        let mut input = child.stdin.take().context("nft takes no rules")?;
        input.write_all(rules.as_bytes())?;
        drop(input);
        ensure!(child.wait()?.success(), "nft refuses {rules}");
        Ok(())
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        // Where it is not undone nothing gets through any more, and the test says so.
        let _ = self.nft(&format!("delete table ip {}", self.table));
    }
}
