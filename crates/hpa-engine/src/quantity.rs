//! Kubernetes quantities with the arithmetic of `k8s.io/apimachinery/pkg/api/resource`, surprises included.
//!
//! An amount is an `i64` with a decimal scale as long as it fits (`int64Amount`), else a decimal of any length
//! (`infDecAmount`); which of the two it is decides what happens on overflow, so it is kept apart here too.

mod decimal;
mod parse;
mod text;

use std::cmp::Ordering;

use decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::profile::Architecture;
use crate::shared::Same;

pub use parse::QuantityProblem;

/// How a quantity is written (`resource.Format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `1500m`, `12M`.
    DecimalSi,
    /// `512Mi`.
    BinarySi,
    /// `12e6`.
    DecimalExponent,
}

/// A quantity as the API server serves it (`resource.Quantity`).
///
/// ```
/// use hpa_engine::{Architecture, Quantity};
///
/// let quantity: Quantity = "123456789n".parse().unwrap();
/// // Away from zero, to the next thousandth.
/// assert_eq!(quantity.milli(Architecture::Amd64), 124);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "text::Written", into = "String")]
pub struct Quantity {
    amount: Amount,
    format: Format,
}

#[derive(Clone, Debug)]
enum Amount {
    /// `int64Amount`: `value * 10^scale`.
    Small { value: i64, scale: i32 },
    /// `infDecAmount`. Rare, so out of line.
    Big(Box<Decimal>),
}

/// The scale of thousandths (`resource.Milli`).
const MILLI: i32 = -3;

// === impl Quantity ===

impl Quantity {
    /// So many thousandths (`resource.NewMilliQuantity`).
    pub const fn from_milli(value: i64, format: Format) -> Self {
        let amount = Amount::Small {
            value,
            scale: MILLI,
        };
        Self { amount, format }
    }

    /// How it is written.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// In thousandths, rounded up (`Quantity.MilliValue`), with what comes of an overflow there.
    pub fn milli(&self, architecture: Architecture) -> i64 {
        match &self.amount {
            Amount::Small { value, scale } => scaled(*value, *scale),
            Amount::Big(decimal) => decimal.milli(architecture),
        }
    }

    /// As a float (`Quantity.AsApproximateFloat64`): the mantissa as parsed, times a power of ten. `50m` is `50 * 0.001`,
    /// which is not always the float nearest to the decimal number.
    pub fn approximate(&self) -> f64 {
        match &self.amount {
            #[expect(clippy::cast_precision_loss, reason = "Go's conversion, to nearest")]
            Amount::Small { value, scale } => match *scale {
                0 => *value as f64,
                scale => *value as f64 * power_of_ten(scale),
            },
            Amount::Big(decimal) => decimal.approximate(),
        }
    }

    /// Whether it is below, at or above zero.
    pub fn signum(&self) -> i32 {
        match &self.amount {
            Amount::Small { value, .. } => value.signum().try_into().unwrap_or_default(),
            Amount::Big(decimal) => decimal.signum(),
        }
    }

    /// The sum (`Quantity.Add`), which turns into a long decimal where an `i64` does not do.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let format = if self.signum() == 0 {
            other.format
        } else {
            self.format
        };
        let amount = small_sum(&self.amount, &other.amount)
            .unwrap_or_else(|| Amount::Big(Box::new(self.decimal().plus(&other.decimal()))));
        Self { amount, format }
    }

    fn decimal(&self) -> Decimal {
        match &self.amount {
            Amount::Small { value, scale } => Decimal::from_small(*value, *scale),
            Amount::Big(decimal) => (**decimal).clone(),
        }
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (
            Amount::Small {
                value: left,
                scale: left_scale,
            },
            Amount::Small {
                value: right,
                scale: right_scale,
            },
        ) = (&self.amount, &other.amount)
            && left_scale == right_scale
        {
            return left.cmp(right);
        }
        self.decimal().compare(&other.decimal())
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value: `1` and `1000m` are equal.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Quantity {}

impl Same for Quantity {
    fn is_same(&self, other: &Self) -> bool {
        let same_amount = match (&self.amount, &other.amount) {
            (
                Amount::Small { value, scale },
                Amount::Small {
                    value: other_value,
                    scale: other_scale,
                },
            ) => (value, scale) == (other_value, other_scale),
            // Too rare to be compared.
            _ => false,
        };
        same_amount && self.format == other.format
    }
}

/// `int64Amount.Add`; nothing where it refuses.
fn small_sum(left: &Amount, right: &Amount) -> Option<Amount> {
    let (
        Amount::Small {
            value: left,
            scale: left_scale,
        },
        Amount::Small {
            value: right,
            scale: right_scale,
        },
    ) = (left, right)
    else {
        return None;
    };
    let (value, scale) = match (left, right) {
        (_, 0) => (*left, *left_scale),
        (0, _) => (*right, *right_scale),
        _ => {
            let scale = *left_scale.min(right_scale);
            let left = checked_scale(*left, left_scale - scale)?;
            (
                left.checked_add(checked_scale(*right, right_scale - scale)?)?,
                scale,
            )
        }
    };
    Some(Amount::Small { value, scale })
}

/// `positiveScaleInt64`, when its word on overflow counts.
fn checked_scale(value: i64, steps: i32) -> Option<i64> {
    let factor = 10_i64.checked_pow(u32::try_from(steps).ok()?)?;
    value.checked_mul(factor)
}

/// `int64Amount.AsScaledInt64(Milli)`, whose word on overflow `ScaledValue` ignores: the usual steps then give what is
/// left of the product, the others nothing.
fn scaled(value: i64, scale: i32) -> i64 {
    let steps = scale.wrapping_sub(MILLI);
    if steps < 0 {
        return reduced(value, steps.unsigned_abs());
    }
    match steps {
        0 => value,
        1 | 2 | 3 | 6 | 9 if value == i64::MIN => 0,
        1 | 2 | 3 | 6 | 9 => value.wrapping_mul(10_i64.pow(steps.unsigned_abs())),
        _ if value == 0 => 0,
        _ => checked_scale(value, steps).unwrap_or(0),
    }
}

/// `negativeScaleInt64`: divided by a power of ten, away from zero.
fn reduced(value: i64, steps: u32) -> i64 {
    let Some(divisor) = 10_i64.checked_pow(steps) else {
        return value.signum();
    };
    let quotient = value / divisor;
    if value % divisor == 0 {
        quotient
    } else {
        quotient + value.signum()
    }
}

/// `math.Pow10`, which multiplies from two tables: not the nearest float for every exponent.
fn power_of_ten(exponent: i32) -> f64 {
    const STEP: usize = 32;
    const UPWARDS: [f64; 10] = [
        1e0, 1e32, 1e64, 1e96, 1e128, 1e160, 1e192, 1e224, 1e256, 1e288,
    ];
    const DOWNWARDS: [f64; 11] = [
        1e0, 1e-32, 1e-64, 1e-96, 1e-128, 1e-160, 1e-192, 1e-224, 1e-256, 1e-288, 1e-320,
    ];
    const SMALL: [f64; STEP] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31,
    ];
    let distance = exponent.unsigned_abs() as usize;
    match exponent {
        0..=308 => UPWARDS[distance / STEP] * SMALL[distance % STEP],
        -323..0 => DOWNWARDS[distance / STEP] / SMALL[distance % STEP],
        ..-323 => 0.0,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests;
