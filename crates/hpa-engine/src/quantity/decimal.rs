//! A decimal number of any length: as much of `gopkg.in/inf.v0` as quantities need.

use std::cmp::Ordering;

use super::power_of_ten;
use crate::profile::Architecture;

/// `±digits * 10^-scale`. The digits have no leading zeros, and none at all for zero.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    scale: i64,
}

/// The scale of billionths (`resource.Nano`), the finest that a quantity keeps.
const NANO: i64 = 9;
/// The scale of thousandths.
const MILLI: i64 = 3;
/// So many zeros behind the point leave nothing in the lowest 64 bits, and are too many for a float: more tell no more.
const MOST_ZEROS: usize = 1000;
/// Longer sums than this are not made.
const MOST_DIGITS: i64 = 100_000;

impl Decimal {
    /// From decimal digits as text; anything else in them is skipped.
    pub(super) fn new(negative: bool, text: &str, scale: i64) -> Self {
        let mut decimal = Self {
            negative,
            digits: text
                .bytes()
                .filter(u8::is_ascii_digit)
                .map(|digit| digit - b'0')
                .collect(),
            scale,
        };
        decimal.trim();
        decimal
    }

    pub(super) fn from_small(value: i64, scale: i32) -> Self {
        Self::new(
            value < 0,
            &value.unsigned_abs().to_string(),
            -i64::from(scale),
        )
    }

    pub(super) fn signum(&self) -> i32 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
    }

    /// Times two, so many times.
    pub(super) fn shift(&mut self, doublings: u32) {
        for _ in 0..doublings {
            let mut carry = 0;
            for digit in self.digits.iter_mut().rev() {
                let doubled = *digit * 2 + carry;
                (*digit, carry) = (doubled % 10, doubled / 10);
            }
            if carry > 0 {
                self.digits.insert(0, carry);
            }
        }
    }

    /// At billionths, away from zero; zeros are added where it is coarser.
    pub(super) fn round_to_nano(&mut self) {
        if self.digits.is_empty() {
            return;
        }
        let Ok(dropped) = usize::try_from(self.scale - NANO) else {
            let zeros = usize::try_from(NANO - self.scale).unwrap_or(usize::MAX);
            let length = self.digits.len() + zeros.min(MOST_ZEROS);
            self.digits.resize(length, 0);
            self.scale = NANO;
            return;
        };
        let kept = self.digits.len().saturating_sub(dropped);
        let inexact = self.digits[kept..].iter().any(|digit| *digit != 0);
        self.digits.truncate(kept);
        self.scale = NANO;
        if inexact {
            self.increment();
        }
    }

    /// One more in the last place.
    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
    }

    /// The digit that stands for `10^place`.
    fn digit(&self, place: i64) -> u8 {
        let from_end = place + self.scale;
        usize::try_from(from_end)
            .ok()
            .and_then(|from_end| self.digits.len().checked_sub(from_end + 1))
            .map_or(0, |index| self.digits[index])
    }

    /// One above the highest place.
    fn top(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX) - self.scale
    }

    fn compare_magnitudes(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        // From the highest place down, so that a great scale costs nothing.
        let digit = |digits: &[u8], index| digits.get(index).copied().unwrap_or(0);
        self.top().cmp(&other.top()).then_with(|| {
            (0..self.digits.len().max(other.digits.len()))
                .map(|index| digit(&self.digits, index).cmp(&digit(&other.digits, index)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.signum().cmp(&other.signum()).then_with(|| {
            let order = self.compare_magnitudes(other);
            if self.negative {
                order.reverse()
            } else {
                order
            }
        })
    }

    /// At a finer scale. A zero's counts as well, and it is not always the same: on it depends what an overflow leaves.
    fn refine(&mut self, scale: i64) {
        if !self.digits.is_empty() {
            let zeros = usize::try_from(scale - self.scale).unwrap_or(0);
            let length = self.digits.len() + zeros.min(MOST_ZEROS);
            self.digits.resize(length, 0);
        }
        self.scale = scale;
    }

    /// The sum, at the finer of the two scales (`Dec.Add`).
    pub(super) fn plus(&self, other: &Self) -> Self {
        let scale = self.scale.max(other.scale);
        if self.digits.is_empty() || other.digits.is_empty() {
            let mut sum = if self.digits.is_empty() { other } else { self }.clone();
            sum.refine(scale);
            return sum;
        }
        let (greater, lesser) = if self.compare_magnitudes(other).is_lt() {
            (other, self)
        } else {
            (self, other)
        };
        let subtract = greater.negative != lesser.negative;
        let top = greater.top() + 1;
        if top + scale > MOST_DIGITS {
            // Go would fill the memory: nobody's request.
            return greater.clone();
        }
        let (mut digits, mut carry) = (Vec::new(), 0_i8);
        for place in -scale..top {
            let (left, right) = (greater.digit(place), lesser.digit(place));
            let (left, right) = (left.cast_signed(), right.cast_signed());
            let sum = if subtract { left - right } else { left + right } + carry;
            carry = sum.div_euclid(10);
            digits.push(sum.rem_euclid(10).cast_unsigned());
        }
        digits.reverse();
        let mut decimal = Self {
            negative: greater.negative,
            digits,
            scale,
        };
        decimal.trim();
        decimal
    }

    /// `scaledValue(unscaled, scale, 3)` of `scale_int.go`.
    pub(super) fn milli(&self, architecture: Architecture) -> i64 {
        let Ok(drop) = usize::try_from(self.scale - MILLI) else {
            // Go takes the power of ten from a float.
            let factor = power_of_ten(i32::try_from(MILLI - self.scale).unwrap_or(i32::MAX));
            return self
                .low_bits(self.digits.len())
                .wrapping_mul(architecture.to_i64(factor));
        };
        let divisor = u32::try_from(drop)
            .ok()
            .and_then(|drop| 10_i64.checked_pow(drop));
        let below_maximum = self.negative || self.fits();
        if let (Some(divisor), true) = (divisor, below_maximum) {
            let unscaled = self.low_bits(self.digits.len());
            return unscaled / divisor + i64::from(unscaled % divisor != 0);
        }
        // Floor, and one more unless it was exact.
        let kept = self.digits.len().saturating_sub(drop);
        let inexact = self.digits[kept..].iter().any(|digit| *digit != 0);
        let quotient = self.low_bits(kept);
        match (self.negative, inexact) {
            (false, true) => quotient.wrapping_add(1),
            _ => quotient,
        }
    }

    /// Whether the digits alone are below the greatest `i64`.
    fn fits(&self) -> bool {
        let greatest = Self::from_small(i64::MAX, 0);
        let digits = Self {
            scale: 0,
            ..self.clone()
        };
        digits.compare_magnitudes(&greatest).is_lt()
    }

    /// What `big.Int.Int64` leaves of the first digits: the lowest 64 bits.
    fn low_bits(&self, count: usize) -> i64 {
        let magnitude = self.digits[..count].iter().fold(0_i64, |sum, digit| {
            sum.wrapping_mul(10).wrapping_add(i64::from(*digit))
        });
        if self.negative {
            magnitude.wrapping_neg()
        } else {
            magnitude
        }
    }

    /// The unscaled number as the nearest float, times a power of ten.
    pub(super) fn approximate(&self) -> f64 {
        let text: String = self
            .digits
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect();
        let base: f64 = text.parse().unwrap_or(0.0);
        let base = if self.signum() < 0 { -base } else { base };
        match i32::try_from(-self.scale).unwrap_or(i32::MIN) {
            0 => base,
            exponent => base * power_of_ten(exponent),
        }
    }

    /// Digits, with the sign and with the exponent that they stand at.
    pub(super) fn written(&self) -> (bool, String, i64) {
        let zeros = self
            .digits
            .iter()
            .rev()
            .take_while(|digit| **digit == 0)
            .count();
        let text = self.digits[..self.digits.len() - zeros]
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect();
        let zeros = i64::try_from(zeros).unwrap_or(i64::MAX);
        (self.negative, text, zeros - self.scale)
    }

    pub(super) const fn negate(&mut self) {
        self.negative = !self.negative;
    }

    /// The digits of an integer; nothing if it is none.
    pub(super) fn to_string_integer(&self) -> Option<String> {
        let (negative, digits, exponent) = self.written();
        let zeros = usize::try_from(exponent).ok()?;
        let sign = if negative { "-" } else { "" };
        (zeros <= MOST_ZEROS).then(|| format!("{sign}{digits}{}", "0".repeat(zeros)))
    }
}
