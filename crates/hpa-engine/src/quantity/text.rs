//! Writing a quantity in canonical form: `CanonicalizeBytes` in `quantity.go`.

use std::fmt;

use serde::Deserialize;

use super::{Amount, Format, Quantity, QuantityProblem};

/// A quantity in JSON: a string, or a bare number.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    Text(String),
    Integer(i64),
    Float(f64),
}

impl TryFrom<Written> for Quantity {
    type Error = QuantityProblem;

    fn try_from(written: Written) -> Result<Self, QuantityProblem> {
        match written {
            Written::Text(text) => text.trim().parse(),
            Written::Integer(number) => number.to_string().parse(),
            Written::Float(number) => number.to_string().parse(),
        }
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.to_string()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.signum() == 0 {
            return formatter.write_str("0");
        }
        if self.format == Format::BinarySi
            && let Some(value) = self.whole_from_1024()
        {
            return write_binary(formatter, value);
        }
        let (negative, digits, exponent) = match &self.amount {
            Amount::Small { value, scale } => {
                let text = value.unsigned_abs().to_string();
                let digits = text.trim_end_matches('0');
                let zeros = i64::try_from(text.len() - digits.len()).unwrap_or(i64::MAX);
                (*value < 0, digits.to_owned(), zeros + i64::from(*scale))
            }
            Amount::Big(decimal) => decimal.written(),
        };
        if negative {
            formatter.write_str("-")?;
        }
        // The exponent is to be a multiple of three, from below.
        let padding = exponent.rem_euclid(3);
        formatter.write_str(&digits)?;
        for _ in 0..padding {
            formatter.write_str("0")?;
        }
        let exponent = exponent - padding;
        match (self.format, exponent) {
            (_, 0) => Ok(()),
            (Format::DecimalExponent, exponent) => write!(formatter, "e{exponent}"),
            (_, exponent) => formatter.write_str(decimal_suffix(exponent)),
        }
    }
}

impl Quantity {
    /// As an integer, if it is one, of 1024 at least: only those are written with a power of two.
    fn whole_from_1024(&self) -> Option<i64> {
        let value = match &self.amount {
            Amount::Small { value, scale } if *scale < 0 => {
                let divisor = 10_i64.checked_pow(scale.unsigned_abs())?;
                (value % divisor == 0).then_some(value / divisor)?
            }
            Amount::Small { value, scale } => super::checked_scale(*value, *scale)?,
            Amount::Big(decimal) => decimal.to_string_integer()?.parse().ok()?,
        };
        (value.unsigned_abs() >= 1024).then_some(value)
    }
}

fn write_binary(formatter: &mut fmt::Formatter<'_>, mut value: i64) -> fmt::Result {
    const SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let mut power = 0;
    while value != i64::MIN && value % 1024 == 0 {
        (value, power) = (value / 1024, power + 1);
    }
    write!(formatter, "{value}{}", SUFFIXES[power])
}

/// `listSuffixer.constructBytes`: nothing where there is none.
fn decimal_suffix(exponent: i64) -> &'static str {
    match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    }
}
