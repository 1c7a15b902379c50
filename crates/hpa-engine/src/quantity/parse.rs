//! Reading a quantity: `ParseQuantity` in `quantity.go`, `interpret` in `suffix.go`.

use std::str::FromStr;

use super::decimal::Decimal;
use super::{Amount, Format, Quantity};

/// Why a text is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum QuantityProblem {
    /// Neither a number nor a number with a suffix.
    #[error("a quantity is a number with an optional suffix")]
    Form,
    /// No digits where there have to be some.
    #[error("the number of the quantity has no digits")]
    Number,
    /// The suffix is none that Kubernetes knows.
    #[error(
        "the suffix of the quantity is not one of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent"
    )]
    Suffix,
}

/// The most digits that are kept in an `i64` (`maxInt64Factors`).
const SMALL_DIGITS: usize = 18;
/// The digits that a power of two may be given, less what the power itself takes.
const SMALL_BINARY_DIGITS: i64 = 14;
/// `resource.Nano`.
const NANO: i32 = -9;

/// A quantity taken apart.
struct Parts<'a> {
    negative: bool,
    /// Sign, digits and point, as written.
    number: &'a str,
    /// Without leading zeros; `0` if nothing is left.
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

impl FromStr for Quantity {
    type Err = QuantityProblem;

    fn from_str(text: &str) -> Result<Self, QuantityProblem> {
        let parts = split(text)?;
        let (format, exponent) = interpret(parts.suffix)?;
        if let Some(amount) = small(&parts, format, exponent) {
            return Ok(Self { amount, format });
        }
        big(&parts, format, exponent)
    }
}

/// `parseQuantityString`.
fn split(text: &str) -> Result<Parts<'_>, QuantityProblem> {
    if text.is_empty() {
        return Err(QuantityProblem::Form);
    }
    let digits_end = |from: usize| {
        text[from..]
            .find(|it: char| !it.is_ascii_digit())
            .map_or(text.len(), |length| from + length)
    };
    let negative = text.starts_with('-');
    let start = usize::from(negative || text.starts_with('+'));
    let zeros = text[start..].len() - text[start..].trim_start_matches('0').len();
    let whole_end = digits_end(start + zeros);
    let whole = match &text[start + zeros..whole_end] {
        "" => "0",
        digits => digits,
    };
    let (fraction, number_end) = if text[whole_end..].starts_with('.') {
        let end = digits_end(whole_end + 1);
        (&text[whole_end + 1..end], end)
    } else {
        ("", whole_end)
    };
    let suffix = &text[number_end..];
    let letters = suffix
        .find(|it: char| !"eEinumkKMGTP".contains(it))
        .unwrap_or(suffix.len());
    let behind = &suffix[letters..];
    let behind = behind.strip_prefix(['-', '+']).unwrap_or(behind);
    if !behind.bytes().all(|it| it.is_ascii_digit()) {
        return Err(QuantityProblem::Form);
    }
    Ok(Parts {
        negative,
        number: &text[..number_end],
        whole,
        fraction,
        suffix,
    })
}

/// What a suffix stands for: a power of two or of ten.
fn interpret(suffix: &str) -> Result<(Format, i32), QuantityProblem> {
    use Format::{BinarySi, DecimalExponent, DecimalSi};
    Ok(match suffix {
        "n" => (DecimalSi, -9),
        "u" => (DecimalSi, -6),
        "m" => (DecimalSi, -3),
        "" => (DecimalSi, 0),
        "k" => (DecimalSi, 3),
        "M" => (DecimalSi, 6),
        "G" => (DecimalSi, 9),
        "T" => (DecimalSi, 12),
        "P" => (DecimalSi, 15),
        "E" => (DecimalSi, 18),
        "Ki" => (BinarySi, 10),
        "Mi" => (BinarySi, 20),
        "Gi" => (BinarySi, 30),
        "Ti" => (BinarySi, 40),
        "Pi" => (BinarySi, 50),
        "Ei" => (BinarySi, 60),
        exponent => {
            let digits = exponent
                .strip_prefix(['e', 'E'])
                .ok_or(QuantityProblem::Suffix)?;
            let exponent: i64 = digits.parse().map_err(|_| QuantityProblem::Suffix)?;
            // Go cuts an exponent beyond 32 bits down, too.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "as in suffixHandler.interpret"
            )]
            (DecimalExponent, exponent as i32)
        }
    })
}

/// The fast path, for what fits into an `i64` for certain.
fn small(parts: &Parts<'_>, format: Format, exponent: i32) -> Option<Amount> {
    let digits = parts.whole.len() + parts.fraction.len();
    let (scale, factor) = match format {
        Format::DecimalSi | Format::DecimalExponent if digits <= SMALL_DIGITS => (exponent, 1),
        Format::BinarySi if parts.fraction.is_empty() => {
            let power_digits = i64::from(exponent) * 3 / 10;
            let digits = i64::try_from(digits).ok()?;
            if SMALL_BINARY_DIGITS - digits - power_digits < 0 {
                return None;
            }
            (0, 1_i64 << exponent)
        }
        _ => return None,
    };
    let scale = scale.wrapping_sub(i32::try_from(parts.fraction.len()).ok()?);
    if scale < NANO {
        return None;
    }
    let magnitude: i64 = [parts.whole, parts.fraction].concat().parse().ok()?;
    let value = magnitude.checked_mul(factor)?;
    let value = if parts.negative { -value } else { value };
    Some(Amount::Small { value, scale })
}

/// The slow path: of any length, rounded up to billionths, and with powers of two capped.
fn big(parts: &Parts<'_>, format: Format, exponent: i32) -> Result<Quantity, QuantityProblem> {
    if !parts.number.contains(|it: char| it.is_ascii_digit()) {
        return Err(QuantityProblem::Number);
    }
    let places = i64::try_from(parts.fraction.len()).map_err(|_| QuantityProblem::Number)?;
    let mut decimal = Decimal::new(false, parts.number, places);
    let mut format = format;
    if format == Format::BinarySi {
        decimal.shift(exponent.unsigned_abs());
    } else {
        decimal = Decimal::new(false, parts.number, places - i64::from(exponent));
    }
    decimal.round_to_nano();
    if format == Format::BinarySi {
        let greatest = Decimal::from_small(i64::MAX, 0);
        if decimal.compare(&greatest).is_gt() {
            decimal = greatest;
        }
        if decimal.signum() > 0 && decimal.compare(&Decimal::from_small(1, 0)).is_lt() {
            format = Format::DecimalSi;
        }
    }
    if parts.negative {
        decimal.negate();
    }
    Ok(Quantity {
        amount: Amount::Big(Box::new(decimal)),
        format,
    })
}
