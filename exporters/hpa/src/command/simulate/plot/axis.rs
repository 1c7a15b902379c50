//! Numbers to places on a picture, and ticks that people would choose.

use std::fmt::Write;

/// A straight axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// Distances between the ticks of a clock, in seconds.
const CLOCK: [f64; 14] = [
    15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0,
    43200.0, 86400.0,
];

// === impl Axis ===

impl Axis {
    /// From `low` at `from` to `high` at `to`.
    pub(super) fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            from,
            to,
        }
    }

    /// Where a number lies; one outside of the axis, at its end.
    pub(super) fn place(&self, number: f64) -> f64 {
        let share = (number - self.low) / (self.high - self.low);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Some ticks, at 1, 2 or 5 times a power of ten.
    pub(super) fn ticks(&self, about: u32) -> Vec<f64> {
        let rough = (self.high - self.low) / f64::from(about);
        let power = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 5.0, 10.0].map(|it| it * power);
        let step = nice.into_iter().find(|it| *it >= rough).unwrap_or(rough);
        // Half a replica is none.
        self.every(step.max(1.0))
    }

    /// Some ticks as a clock has them.
    pub(super) fn clock_ticks(&self, about: u32) -> Vec<f64> {
        let rough = (self.high - self.low) / f64::from(about);
        let days = (rough / 86400.0).ceil() * 86400.0;
        let step = CLOCK.into_iter().find(|it| *it >= rough).unwrap_or(days);
        self.every(step)
    }

    fn every(&self, step: f64) -> Vec<f64> {
        let mut ticks = Vec::new();
        let mut tick = (self.low / step).ceil() * step;
        while tick <= self.high {
            ticks.push(tick);
            tick += step;
        }
        ticks
    }
}

/// A path that holds each number until the next, and has a gap where there is none.
pub(super) fn steps(
    points: impl Iterator<Item = (f64, Option<f64>)>,
    time: &Axis,
    axis: &Axis,
) -> String {
    let mut path = String::new();
    let mut held: Option<f64> = None;
    for (at, number) in points {
        if number == held {
            continue;
        }
        let x = time.place(at);
        // Writing into a String does not fail.
        let _ = match (held, number.map(|it| axis.place(it))) {
            (Some(_), Some(y)) => write!(path, "H{x:.1}V{y:.1}"),
            (Some(_), None) => write!(path, "H{x:.1}"),
            (None, Some(y)) => write!(path, "M{x:.1} {y:.1}"),
            (None, None) => Ok(()),
        };
        held = number;
    }
    if held.is_some() {
        let _ = write!(path, "H{:.1}", time.to);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_holds_until_the_next_and_nothing_is_a_gap() {
        let (time, axis) = (
            Axis::new(0.0, 10.0, 0.0, 100.0),
            Axis::new(0.0, 10.0, 100.0, 0.0),
        );
        let points = [
            (0.0, Some(1.0)),
            (1.0, Some(1.0)),
            (2.0, Some(3.0)),
            (4.0, None),
            (6.0, Some(2.0)),
        ];
        let path = steps(points.into_iter(), &time, &axis);
        assert_eq!(path, "M0.0 90.0H20.0V70.0H40.0M60.0 80.0H100.0");
    }

    #[test]
    fn ticks_are_round() {
        let ticks = |high| Axis::new(0.0, high, 0.0, 1.0).ticks(5);
        assert_eq!(ticks(5.4), [0.0, 2.0, 4.0]);
        assert_eq!(ticks(230.0), [0.0, 50.0, 100.0, 150.0, 200.0]);
        let clock = Axis::new(0.0, 7200.0, 0.0, 1.0).clock_ticks(8);
        assert_eq!(clock.len(), 9);
        assert_eq!(Axis::new(0.0, 0.0, 0.0, 1.0).ticks(5), [0.0, 1.0]);
    }
}
