//! What Prometheus answers to `/api/v1/query_range`, or `promtool query range -o json` prints: one series.

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::{Place, Sample};

/// The HTTP API's envelope.
#[derive(Deserialize)]
struct Envelope {
    status: String,
    error: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct Series {
    values: Vec<(f64, String)>,
}

pub(super) fn samples(text: &str) -> Result<Vec<Sample>> {
    let json: Value = serde_json::from_str(text)?;
    let result = if json.is_array() {
        json
    } else {
        let envelope: Envelope = shape(&json)?;
        if envelope.status != "success" {
            bail!(
                "Prometheus answered with an error: {}",
                envelope.error.unwrap_or(envelope.status)
            );
        }
        let data = envelope.data.context("`data` is missing")?;
        ensure!(
            data.result_type == "matrix",
            "the result is a {}, not a matrix: ask query_range",
            data.result_type
        );
        data.result
    };
    let mut series: Vec<Series> = shape(&result)?;
    ensure!(
        series.len() < 2,
        "{} series: the load of all pods together is wanted, so put sum(...) around the query",
        series.len()
    );
    let series = series.pop().context("no series: the query found nothing")?;
    let values = (1..).zip(series.values);
    Ok(values
        .map(|(number, (seconds, value))| Sample {
            place: Place::Sample(number),
            seconds,
            value,
        })
        .collect())
}

fn shape<'a, T: Deserialize<'a>>(json: &'a Value) -> Result<T> {
    serde_path_to_error::deserialize(json)
        .map_err(|error| anyhow::anyhow!("{}: {}", error.path(), error.inner()))
}
