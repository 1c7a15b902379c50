//! `grpc-health-exporter replay FILE`: what the kubelet would have done under another budget.
//!
//! A recording is lines of JSON, one attempt each, as `/recording` and `probe --json` write them. Durations are
//! in seconds, times in seconds since the epoch.

use std::fmt::Write;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use chassis::parse_duration;
use clap::Args;
use http::{Response, StatusCode, header};
use probe_engine::{Policy, Probe, ProbeSpec, ProbeType, Replay, Spread, recommend, replay};

use self::recording::Line;
use crate::model::Model;
use crate::model::target::TargetKey;

pub mod recording;

/// Replays a recording under a budget.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A recording: what `/recording` gave, or the output of `probe --json`; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// `timeoutSeconds`, in whole seconds.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "DURATION")]
    timeout: Duration,
    /// `periodSeconds`, in whole seconds.
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "DURATION")]
    period: Duration,
    /// `failureThreshold`.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    failure_threshold: u32,
    /// `successThreshold`; more than 1 is for readiness alone.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    success_threshold: u32,
    /// Liveness, Readiness or Startup.
    #[arg(long = "probe-type", default_value = "Liveness", value_name = "TYPE")]
    probe_type: ProbeType,
    /// Recommend no timeout on fewer attempts.
    #[arg(long, default_value_t = crate::config::DEFAULT_MIN_SAMPLES, value_name = "N")]
    min_samples: usize,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command: 0 when the budget holds, 1 when it would not have, 2 when the recording cannot be read.
pub fn run(args: &ReplayArgs) -> ExitCode {
    let answers = read(&args.file).and_then(|text| answers(args, &text));
    match answers {
        Ok(answers) => {
            let holds = answers.iter().all(|answer| answer.decisions().max == 0);
            let text = if args.json {
                json(&answers)
            } else {
                words(&answers)
            };
            // A reader that has seen enough is no error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            if holds {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", args.file.display());
            ExitCode::from(2)
        }
    }
}

/// What came of one target.
struct Answer {
    target: String,
    probe: Probe,
    replay: Replay,
    recommended: Result<probe_engine::Recommendation, probe_engine::Refusal>,
}

fn read(file: &PathBuf) -> anyhow::Result<String> {
    Ok(if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(file)?
    })
}

fn answers(args: &ReplayArgs, text: &str) -> anyhow::Result<Vec<Answer>> {
    let probe = probe(args)?;
    let policy = Policy {
        minimum_samples: args.min_samples,
        ..Policy::default()
    };
    let targets = recording::read(text)?;
    Ok(targets
        .into_iter()
        .map(|(target, window)| Answer {
            target,
            probe,
            replay: replay(window.iter(), &probe, None),
            recommended: recommend(window.iter(), &probe, None, &policy),
        })
        .collect())
}

fn probe(args: &ReplayArgs) -> anyhow::Result<Probe> {
    anyhow::ensure!(
        args.success_threshold == 1 || !args.probe_type.kills(),
        "--success-threshold must be 1 for {}",
        args.probe_type
    );
    let spec = ProbeSpec {
        timeout_seconds: whole_seconds("--timeout", args.timeout)?,
        period_seconds: whole_seconds("--period", args.period)?,
        failure_threshold: args.failure_threshold,
        success_threshold: args.success_threshold,
        ..ProbeSpec::default()
    };
    Ok(Probe {
        probe_type: args.probe_type,
        spec,
        pod_grace_seconds: None,
    })
}

/// The API knows whole seconds, one at the least.
fn whole_seconds(flag: &str, time: Duration) -> anyhow::Result<u32> {
    let seconds = u32::try_from(time.as_secs())
        .ok()
        .filter(|seconds| *seconds > 0);
    match (seconds, time.subsec_nanos()) {
        (Some(seconds), 0) => Ok(seconds),
        _ => anyhow::bail!("{flag} must be whole seconds, at least 1: Kubernetes knows no others"),
    }
}

impl Answer {
    fn decisions(&self) -> Spread {
        self.replay.decisions()
    }
}

fn words(answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        let Answer {
            target,
            probe,
            replay,
            recommended,
        } = answer;
        let spec = &probe.spec;
        let what = if probe.probe_type.kills() {
            "kills"
        } else {
            "times unready"
        };
        let decisions = answer.decisions();
        let _ = writeln!(
            text,
            "{}: {} attempts, {:.1} s apart\n  \
             {}: timeout {} s, period {} s, failure threshold {}: {} to {} {what} over {} tick phase(s), {} failures, {} to {} near misses",
            if target.is_empty() {
                "recording"
            } else {
                target
            },
            replay.samples,
            replay.interval.as_secs_f64(),
            probe.probe_type,
            spec.timeout_seconds,
            spec.period_seconds,
            spec.failure_threshold,
            decisions.min,
            decisions.max,
            replay.phases,
            replay.failures,
            replay.near_misses.min,
            replay.near_misses.max,
        );
        let detection = spec.detection().worst.as_secs();
        let _ = writeln!(text, "  a hang is noticed after {detection} s at worst");
        match recommended {
            Ok(found) => {
                let then = found.detection_then.worst.as_secs();
                let seconds = found.timeout_seconds;
                let _ = writeln!(
                    text,
                    "  recommended: timeout {seconds} s (a hang is then noticed after {then} s at worst)"
                );
                for note in &found.notes {
                    let _ = writeln!(text, "    {note}");
                }
            }
            Err(refusal) => {
                let _ = writeln!(text, "  nothing recommended: {refusal}");
            }
        }
    }
    text
}

fn json(answers: &[Answer]) -> String {
    let spread = |spread: &Spread| serde_json::json!({"min": spread.min, "mean": spread.mean, "max": spread.max});
    let answers: Vec<_> = answers
        .iter()
        .map(|Answer { target, probe, replay, recommended }| {
            serde_json::json!({
                "target": target,
                "probe_type": probe.probe_type.as_str(),
                "spec": probe.spec,
                "samples": replay.samples,
                "interval_seconds": replay.interval.as_secs_f64(),
                "tick_phases": replay.phases,
                "failures": replay.failures,
                "kills": spread(&replay.kills),
                "unready": spread(&replay.unready),
                "near_misses": spread(&replay.near_misses),
                "detection_seconds": probe.spec.detection().worst.as_secs(),
                "recommended_timeout_seconds": recommended.as_ref().ok().map(|found| found.timeout_seconds),
                "refusal": recommended.as_ref().err().map(ToString::to_string),
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(answers))
}

/// More would keep the one thread from probing for longer than a probe may be late.
const MOST_ATTEMPTS: usize = 20_000;

/// `/recording`: the windows of all targets, or of those that the query names, as a recording.
pub fn recording(model: &Model, query: Option<&str>) -> Response<Bytes> {
    let filters: Vec<(String, String)> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let known = ["namespace", "pod", "container"];
    if let Some((name, _)) = filters
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        let text = format!("unknown parameter `{name}`: there are namespace, pod and container\n");
        return answer(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", text);
    }
    let wanted = |key: &TargetKey| {
        filters.iter().all(|(name, value)| {
            let own = match name.as_str() {
                "namespace" => &key.namespace,
                "pod" => &key.pod,
                _ => &key.container,
            };
            **own == **value
        })
    };
    let targets = || model.targets().filter(|(_, key, _)| wanted(key));
    let attempts: usize = targets().map(|(_, _, target)| target.window.len()).sum();
    if attempts > MOST_ATTEMPTS {
        let text = format!(
            "{attempts} attempts are more than the {MOST_ATTEMPTS} that one answer holds: ask for ?namespace=, ?pod= or ?container=\n"
        );
        return answer(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", text);
    }
    let mut text = String::new();
    for (_, key, target) in targets() {
        let name = format!(
            "{}/{}/{}:{}/{}",
            key.namespace, key.pod, key.container, key.port, key.service
        );
        for sample in target.window.iter() {
            if let Ok(line) = serde_json::to_string(&Line::new(name.clone(), sample)) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    answer(StatusCode::OK, "application/jsonl", text)
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static(content_type),
    );
    response
}

#[cfg(test)]
mod tests {
    use kube_watch::Index;
    use probe_engine::{Attempt, Ending, PhaseDurations, ServingStatus};

    use super::*;
    use crate::discover;
    use crate::model::{Event, Settings};

    #[test]
    fn one_answer_holds_so_many_attempts_and_asks_to_select_beyond() {
        let mut model = Model::new(Settings {
            window_samples: MOST_ATTEMPTS,
            interval: None,
            kubelet: false,
        });
        for name in ["a", "b"] {
            let pod = serde_json::json!({
                "metadata": {"namespace": "shop", "name": name},
                "spec": {"containers": [{"name": "c", "livenessProbe": {"grpc": {"port": 1}}}]},
            });
            let pod = serde_json::from_value(pod).expect("a pod");
            Index::apply(&mut model, discover::pod(pod));
        }
        let ids: Vec<_> = model.targets().map(|(id, _, _)| id).collect();
        for second in 0..=MOST_ATTEMPTS / 2 {
            let started_at = Duration::from_secs(second as u64);
            let attempt = Attempt {
                started_at,
                phases: PhaseDurations::default(),
                ending: Ending::Answered(ServingStatus::Serving),
            };
            for id in &ids {
                model.record(*id, Event::Started(started_at));
                model.record(*id, Event::Finished(attempt));
            }
        }
        let all = recording(&model, None);
        assert_eq!(all.status(), StatusCode::BAD_REQUEST);
        assert!(
            all.body().starts_with(b"20002 attempts"),
            "{:?}",
            all.body()
        );
        let one = recording(&model, Some("pod=a"));
        assert_eq!(one.status(), StatusCode::OK);
        assert_eq!(String::from_utf8_lossy(one.body()).lines().count(), 10_001);
    }
}
