//! RFC 3339 to the second, and Go's durations: only the forms that occur in scenarios.

use std::time::Duration;

use anyhow::{Context, Result};
use hpa_engine::Moment;

const DAY: i64 = 86_400;

/// Days since 1970-01-01, by the calendar's 400 years.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Reads `2000-01-01T00:00:00Z`, also with a fraction of a second of nine digits.
pub fn parse(text: &str) -> Result<Moment> {
    let part = |from: usize, to: usize| {
        let digits = text.get(from..to);
        let number = digits.and_then(|digits| digits.parse::<i64>().ok());
        number.with_context(|| format!("{text:?} is not a time"))
    };
    let days = days(part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let seconds = part(11, 13)? * 3600 + part(14, 16)? * 60 + part(17, 19)?;
    let whole = Moment::from_seconds(days * DAY + seconds);
    let fraction = text.get(19..20).filter(|it| *it == ".");
    let nanoseconds = fraction.map_or(Ok(0), |_| part(20, 29))?;
    Ok(whole.after(Duration::from_nanos(nanoseconds.unsigned_abs())))
}

/// Writes the second that a moment lies in.
pub fn format(moment: Moment) -> String {
    let seconds = moment.whole_seconds().nanoseconds() / 1_000_000_000;
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Writes a moment to the nanosecond.
pub fn format_exactly(moment: Moment) -> String {
    let nanoseconds = moment.nanoseconds().rem_euclid(1_000_000_000);
    format(moment).replace('Z', &format!(".{nanoseconds:09}Z"))
}

/// Reads `1m30s`.
pub fn duration(text: &str) -> Result<Duration> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let unit_at = rest
            .find(|it: char| !it.is_ascii_digit() && it != '.')
            .with_context(|| format!("{text:?} is not a duration"))?;
        let number: f64 = rest[..unit_at].parse()?;
        let unit_end = rest[unit_at..]
            .find(|it: char| it.is_ascii_digit())
            .map_or(rest.len(), |length| unit_at + length);
        let factor = match &rest[unit_at..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            other => anyhow::bail!("{text:?} has an unknown unit {other:?}"),
        };
        sum += number * factor;
        rest = &rest[unit_end..];
    }
    Ok(Duration::from_secs_f64(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-01-01T00:00:00Z", 946_684_800),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-23T12:00:01Z", 1_795_435_201),
        ] {
            let moment = Moment::from_seconds(seconds);
            assert_eq!(parse(text).unwrap(), moment, "{text}");
            assert_eq!(format(moment), text);
        }
        let moment = Moment::from_nanoseconds(1_795_435_201_000_000_009);
        let text = format_exactly(moment);
        assert_eq!(text, "2026-11-23T12:00:01.000000009Z");
        assert_eq!(parse(&text).unwrap(), moment);
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
    }
}
