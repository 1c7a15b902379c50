//! What the client asked for: the format from `Accept`, the coding from `Accept-Encoding`.
//!
//! Mirrors what Prometheus 3 sends (`scrape/scrape.go`, `acceptHeader`) and the rules of RFC 9110 sections 12.4.2,
//! 12.5.1 and 12.5.3, with one departure: there is no 406. A scraper that gets an error learns nothing, one that gets
//! text 0.0.4 nearly always can read it.

/// The format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Length-delimited `io.prometheus.client.MetricFamily`: the only one in which native histograms travel.
    Protobuf,
    /// OpenMetrics text 1.0.0.
    OpenMetrics,
    /// Prometheus text 1.0.0: as 0.0.4 for the names we use, announced as asked.
    Text1,
    /// Prometheus text 0.0.4: what is answered when nothing else fits.
    Text0,
}

/// The coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
}

/// A quality value in thousandths.
type Weight = u16;

const FULL_WEIGHT: Weight = 1000;

/// One element of an `Accept` or `Accept-Encoding` header.
struct Range<'h> {
    /// The media range or coding, as it was written.
    name: &'h str,
    parameters: Vec<(&'h str, &'h str)>,
    weight: Weight,
}

/// Chooses the format for an `Accept` header; several headers joined with commas are one.
///
/// The heaviest range that names a format of ours wins, the first of equals. A weight of 0 excludes a format from the
/// wildcards. Garbage counts for nothing, and nothing means text 0.0.4.
#[must_use]
pub fn format(accept: Option<&str>) -> Format {
    let mut ranges: Vec<Range<'_>> = ranges(accept.unwrap_or_default()).collect();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.weight));
    let refused: Vec<Format> = ranges
        .iter()
        .filter(|range| range.weight == 0)
        .filter_map(Range::exact_format)
        .collect();
    ranges
        .iter()
        .filter(|range| range.weight > 0)
        .find_map(|range| {
            range.exact_format().or_else(|| {
                range
                    .formats_by_wildcard()
                    .iter()
                    .copied()
                    .find(|format| !refused.contains(format))
            })
        })
        .unwrap_or(Format::Text0)
}

/// Chooses the coding for an `Accept-Encoding` header. Never an error: who refuses everything gets identity.
#[must_use]
pub fn coding(accept_encoding: Option<&str>) -> Coding {
    let mut gzip = None;
    let mut identity = None;
    let mut any = None;
    for range in ranges(accept_encoding.unwrap_or_default()) {
        let slot = match range.name {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                &mut gzip
            }
            name if name.eq_ignore_ascii_case("identity") => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        *slot = (*slot).max(Some(range.weight));
    }
    // RFC 9110 12.5.3: `*` stands for each coding that is not named. Identity that nobody weighed loses to any gzip.
    let gzip = gzip.or(any).unwrap_or(0);
    if gzip > 0 && gzip >= identity.unwrap_or(0) {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

impl Format {
    /// The `Content-Type` to answer with. Prometheus 3 chooses its parser by it and refuses a page without.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text1 => "text/plain; version=1.0.0; charset=utf-8",
            Self::Text0 => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Coding {
    /// The `Content-Encoding` to answer with, if any.
    #[must_use]
    pub fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
        }
    }
}

impl<'h> Range<'h> {
    fn parse(element: &'h str) -> Option<Self> {
        let mut pieces = split_unquoted(element, b';').map(str::trim);
        let name = pieces.next().filter(|name| !name.is_empty())?;
        let mut range = Range {
            name,
            parameters: Vec::new(),
            weight: FULL_WEIGHT,
        };
        for (key, value) in pieces.filter_map(|piece| piece.split_once('=')) {
            let (key, value) = (key.trim_end(), unquoted(value.trim_start()));
            if key.eq_ignore_ascii_case("q") {
                range.weight = parse_weight(value)?;
            } else {
                range.parameters.push((key, value));
            }
        }
        Some(range)
    }

    /// The format that this range names, if it is one of ours.
    fn exact_format(&self) -> Option<Format> {
        if self.is("application/vnd.google.protobuf") {
            let family = self
                .parameter("proto")
                .is_some_and(|proto| proto == "io.prometheus.client.MetricFamily");
            let delimited = self
                .parameter("encoding")
                .is_some_and(|encoding| encoding.eq_ignore_ascii_case("delimited"));
            (family && delimited).then_some(Format::Protobuf)
        } else if self.is("application/openmetrics-text") {
            // Who asks for 0.0.1 alone did not say that 1.0.0 is acceptable.
            matches!(self.parameter("version"), None | Some("1.0.0")).then_some(Format::OpenMetrics)
        } else if self.is("text/plain") {
            match self.parameter("version") {
                None | Some("0.0.4") => Some(Format::Text0),
                Some("1.0.0") => Some(Format::Text1),
                Some(_) => None,
            }
        } else {
            None
        }
    }

    /// The formats that a wildcard stands for, the safest first.
    fn formats_by_wildcard(&self) -> &'static [Format] {
        match self.name {
            "*/*" | "*" => &[Format::Text0, Format::OpenMetrics, Format::Protobuf],
            name if name.eq_ignore_ascii_case("text/*") => &[Format::Text0],
            name if name.eq_ignore_ascii_case("application/*") => {
                &[Format::OpenMetrics, Format::Protobuf]
            }
            _ => &[],
        }
    }

    fn is(&self, media_type: &str) -> bool {
        self.name.eq_ignore_ascii_case(media_type)
    }

    fn parameter(&self, key: &str) -> Option<&'h str> {
        self.parameters
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| *value)
    }
}

fn ranges(header: &str) -> impl Iterator<Item = Range<'_>> {
    split_unquoted(header, b',').filter_map(Range::parse)
}

/// Splits at `separator` where it is not inside a quoted string (RFC 9110 section 5.6.4).
fn split_unquoted(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        let mut quoted = false;
        let mut escaped = false;
        let end = current.bytes().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => return byte == separator && !quoted,
            }
            false
        });
        let (piece, remaining) = match end {
            Some(end) => (&current[..end], Some(&current[end + 1..])),
            None => (current, None),
        };
        rest = remaining;
        Some(piece)
    })
}

/// The value without its quotes. An escape inside stays as it is: no parameter that we know has one.
fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

/// A weight as RFC 9110 section 12.4.2 has it, and more than three decimals too: some clients divide.
fn parse_weight(text: &str) -> Option<Weight> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = decimals
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |sum, digit| sum * 10 + Weight::from(digit - b'0'));
    match whole {
        // A weight too small to be told from 0 still means "acceptable".
        "0" | "" if thousandths == 0 && decimals.bytes().any(|byte| byte != b'0') => Some(1),
        "0" => Some(thousandths),
        "" if !decimals.is_empty() => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
