//! The committed corpus: a scenario and its outcome by turns, a line each, compressed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;

use anyhow::Result;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::generate::{self, Kind};
use crate::oracle::Oracle;
use crate::scenario::{Outcome, Scenario};

/// Has the oracle play the first scenarios of each kind, and writes all of it down.
pub fn write(oracle: &Oracle, count: u64, path: &Path) -> Result<bool> {
    let kinds = [Kind::Random, Kind::Boundary];
    let scenarios: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| (1..=count).map(move |seed| generate::scenario(kind, seed)))
        .collect();
    let mut file = GzEncoder::new(File::create(path)?, Compression::best());
    for (scenario, outcome) in scenarios.iter().zip(oracle.play(&scenarios)?) {
        serde_json::to_writer(&mut file, scenario)?;
        file.write_all(b"\n")?;
        serde_json::to_writer(&mut file, &outcome)?;
        file.write_all(b"\n")?;
    }
    file.finish()?;
    Ok(true)
}

/// Reads a corpus.
pub fn read(compressed: impl Read) -> Result<Vec<(Scenario, Outcome)>> {
    let mut lines = BufReader::new(GzDecoder::new(compressed)).lines();
    let mut pairs = Vec::new();
    while let (Some(scenario), Some(outcome)) = (lines.next(), lines.next()) {
        pairs.push((
            serde_json::from_str(&scenario?)?,
            serde_json::from_str(&outcome?)?,
        ));
    }
    Ok(pairs)
}
