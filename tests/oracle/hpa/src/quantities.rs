//! Quantities alone, against apimachinery's own.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hpa_engine::{Architecture, Quantity};

use crate::oracle::Oracle;

/// What the oracle prints of each line: thousandths, the float's bits, thousandths of the sum with the one before, the sign.
fn ours(texts: &[String], architecture: Architecture) -> Vec<String> {
    let mut before: Option<Quantity> = None;
    let mut lines = Vec::new();
    for text in texts {
        let Ok(quantity) = text.parse::<Quantity>() else {
            lines.push("refused".to_owned());
            continue;
        };
        let milli = |quantity: &Quantity| quantity.milli(architecture);
        let sum = before.map_or_else(|| quantity.clone(), |before| before.plus(&quantity));
        let bits = quantity.approximate().to_bits();
        let (own, sign) = (milli(&quantity), quantity.signum());
        lines.push(format!("{own} {bits:016x} {} {sign}", milli(&sum)));
        before = Some(quantity);
    }
    lines
}

/// Numbers with few and with many digits, all suffixes, and a few that are no quantities.
fn invent(random: &mut fastrand::Rng) -> String {
    const SUFFIXES: [&str; 30] = [
        "", "", "", "m", "m", "u", "n", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi",
        "Ei", "e3", "E3", "e-3", "e18", "e-9", "e-12", "e+2", "e30", "e", "x", "mm",
    ];
    let mut text = String::new();
    text.push_str(["", "", "", "", "-", "+"][random.usize(..6)]);
    let digits = |random: &mut fastrand::Rng, text: &mut String| {
        let most = [3, 6, 12, 18, 19, 20, 40][random.usize(..7)];
        let zeros = random.usize(..4) == 0;
        for _ in 0..random.usize(0..=most) {
            let digit = if zeros && random.bool() {
                0
            } else {
                random.u8(..10)
            };
            let _ = write!(text, "{digit}");
        }
    };
    digits(random, &mut text);
    if random.u8(..3) == 0 {
        text.push('.');
        digits(random, &mut text);
    }
    text.push_str(SUFFIXES[random.usize(..SUFFIXES.len())]);
    text
}

/// Writes so many down with what the oracle makes of them, a line each and compressed.
pub fn write(oracle: &Oracle, count: u64, seed: u64, path: &Path) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let texts: Vec<_> = (0..count).map(|_| invent(&mut random)).collect();
    let mut file = GzEncoder::new(File::create(path)?, Compression::best());
    for (text, theirs) in texts.iter().zip(oracle.quantities(&texts)?) {
        writeln!(file, "{text}\t{theirs}")?;
    }
    file.finish()?;
    Ok(())
}

/// Compares with what was written on amd64; gives the count and the first difference.
pub fn check(compressed: impl Read) -> Result<(usize, Option<String>)> {
    let mut written = String::new();
    GzDecoder::new(compressed).read_to_string(&mut written)?;
    let pairs = written.lines().filter_map(|line| line.split_once('\t'));
    let (texts, theirs): (Vec<_>, Vec<_>) = pairs.map(|(text, it)| (text.to_owned(), it)).unzip();
    let ours = ours(&texts, Architecture::Amd64);
    let different = texts
        .iter()
        .zip(theirs)
        .zip(ours)
        .find_map(|((text, theirs), ours)| {
            (theirs != ours).then(|| format!("{text}: {theirs} is {ours} here"))
        });
    Ok((texts.len(), different))
}

/// Compares so many; gives how many differ, and tells the first few.
pub fn compare(
    oracle: &Oracle,
    architecture: Architecture,
    count: u64,
    seed: u64,
    mut say: impl FnMut(&str),
) -> Result<usize> {
    let mut random = fastrand::Rng::with_seed(seed);
    let texts: Vec<_> = (0..count).map(|_| invent(&mut random)).collect();
    let theirs = oracle.quantities(&texts)?;
    ensure!(theirs.len() == texts.len(), "the oracle left lines out");
    let mut different = 0;
    for ((text, theirs), ours) in texts.iter().zip(theirs).zip(ours(&texts, architecture)) {
        if theirs != ours {
            different += 1;
            if different <= 20 {
                say(&format!(
                    "{text:?}\n  apimachinery: {theirs}\n  engine:       {ours}"
                ));
            }
        }
    }
    Ok(different)
}
