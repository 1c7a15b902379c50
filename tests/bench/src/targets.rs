//! Targets that only answer health checks, or do not.

use std::net::SocketAddr;

use serde_json::Value;

use crate::process::{self, Process};

/// So many of them, in a process of their own.
#[derive(Debug)]
pub(crate) struct Many {
    _process: Process,
    /// Where they listen.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Many {
    pub(crate) fn start(count: usize, silent_share: f64) -> anyhow::Result<Self> {
        let arguments = [
            "--many".to_owned(),
            count.to_string(),
            "--silent-share".to_owned(),
            silent_share.to_string(),
        ];
        let (process, lines) = process::shop(&arguments, count)?;
        let mut addresses = Vec::with_capacity(count);
        for line in lines {
            let target: Value = serde_json::from_str(&line)?;
            addresses.push(target["target"].as_str().unwrap_or_default().parse()?);
        }
        Ok(Self {
            _process: process,
            addresses,
        })
    }
}
