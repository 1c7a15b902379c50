//! What a cluster test asks of the lab that it runs in, through the lab's own kubectl.
//!
//! `tests/cluster/run` starts a lab, runs the tests, which `cargo test` alone leaves out, and takes the lab down. With a lab that is up
//! already: `tests/cluster/enter cargo test -p cluster-tests -- --ignored`.

use std::env;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The Prometheus that the operator made, as the API server's proxy reaches it.
const PROMETHEUS: &str =
    "/api/v1/namespaces/monitoring/services/prometheus-kube-prometheus-prometheus:http-web/proxy";

/// How long to wait between two looks at something.
const PAUSE: Duration = Duration::from_millis(500);

/// The lab whose network this process is in.
#[derive(Clone, Debug)]
pub struct Lab {
    name: String,
}

impl Lab {
    /// The lab that `tests/cluster/enter` entered.
    ///
    /// # Panics
    ///
    /// When this process was not started by it.
    pub fn entered() -> Self {
        let name =
            env::var("SIDELIGHTS_LAB").expect("start cluster tests through tests/cluster/enter");
        Self { name }
    }

    /// The lab's name, with which `tests/cluster/process` finds it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kubectl prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("kubectl")
            .args(arguments)
            .output()
            .context("kubectl cannot be run")?;
        let words = arguments.join(" ");
        ensure!(
            output.status.success(),
            "kubectl {words}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        String::from_utf8(output.stdout).with_context(|| format!("kubectl {words}"))
    }

    /// The object or list that `kubectl get ... -o json` prints.
    pub fn get(&self, arguments: &[&str]) -> Result<Value> {
        let words = [&["get", "-o", "json"], arguments].concat();
        Ok(serde_json::from_str(&self.kubectl(&words)?)?)
    }

    /// The samples of an instant query, as Prometheus' HTTP API gives them: `metric` and `value`.
    pub fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let path = format!("{PROMETHEUS}/api/v1/query?query={query}");
        let answer: Value = serde_json::from_str(&self.kubectl(&["get", "--raw", &path])?)?;
        match answer.pointer("/data/result") {
            Some(Value::Array(samples)) => Ok(samples.clone()),
            _ => bail!("{expression}: {answer}"),
        }
    }
}

/// Looks until something is there, and gives it.
///
/// # Panics
///
/// When the time is over; with what was seen last.
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(error) if start.elapsed() > limit => {
                panic!("not within {limit:?}: {what}; last seen: {error:#}")
            }
            Err(_) => sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_at_the_second_look_is_given() {
        let mut looks = 0;
        let found = eventually("two looks", Duration::from_mins(1), || {
            looks += 1;
            ensure!(looks == 2, "look {looks}");
            Ok(looks)
        });
        assert_eq!(found, 2);
    }

    #[test]
    #[should_panic(expected = "not within 0ns: rain; last seen: sun")]
    fn what_never_comes_is_told_with_what_was_there_instead() {
        eventually("rain", Duration::ZERO, || -> Result<()> { bail!("sun") });
    }
}
