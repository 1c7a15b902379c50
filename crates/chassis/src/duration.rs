//! Durations as flags and files write them: `500ms`, `20s`, `1m30s`, `2h`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads a duration: whole numbers, each with its unit (`ms`, `s`, `m`, `h`, `d`), put one after another. A bare `0` needs no unit.
///
/// Fit for clap's `value_parser`; the error says what is expected.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write 500ms, 20s, 1m30s or 2h");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut milliseconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (_, unit) = UNITS
            .iter()
            .find(|(name, _)| *name == &rest[..end])
            .ok_or_else(wrong)?;
        milliseconds = count
            .checked_mul(*unit)
            .and_then(|part| milliseconds.checked_add(part))
            .ok_or_else(wrong)?;
        rest = &rest[end..];
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("500ms", 500),
            ("20s", 20_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in [
            "",
            "5",
            "s",
            "1.5s",
            "-1s",
            "1x",
            "1s ",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            let message = parse_duration(text).expect_err(text);
            assert!(message.contains("20s"), "{message}");
        }
    }
}
