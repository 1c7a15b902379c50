//! What the exporter's page said of itself, and how it was served.

use super::{Outcome, Story, clock};
use crate::moments::seconds;
use crate::scrape::FORMATS;

/// Beginning a probe later than this would be felt in a budget of 1 s.
const LATE_SECONDS: f64 = 0.2;

impl Story<'_> {
    pub(super) fn punctual(&self) -> Outcome {
        let lag = &self.last()?.lag;
        let within = lag
            .within
            .iter()
            .filter(|(bound, _)| *bound <= LATE_SECONDS)
            .map(|(_, count)| *count)
            .max()
            .unwrap_or_default();
        let count = u32::try_from(lag.probes.max(1)).map_or(f64::INFINITY, f64::from);
        let figures = format!(
            "{within} of {} probes began within {LATE_SECONDS} s of their time, {} late on average",
            lag.probes,
            seconds(lag.seconds / count)
        );
        // One in twenty may be late on a machine that does other things.
        let punctual = lag.probes > 0 && within * 20 >= lag.probes * 19;
        if punctual { Ok(figures) } else { Err(figures) }
    }

    pub(super) fn answered(&self) -> Outcome {
        let count = self.day.looks.len();
        match self.day.failures.first() {
            None if count > 0 => {
                let last = self.last()?.at;
                Ok(format!("{count} of {count} in {} s", clock(last)))
            }
            None => Err("no page was scraped".to_owned()),
            Some((at, why)) => Err(format!(
                "{} of {} failed, the first at {} s: {why}",
                self.day.failures.len(),
                count + self.day.failures.len(),
                clock(*at)
            )),
        }
    }

    pub(super) fn formats(&self) -> Outcome {
        let mut figures = Vec::new();
        for (format, answer) in &self.day.formats {
            let answer = answer
                .as_ref()
                .map_err(|error| format!("{}: {error:#}", format.name))?;
            if !answer.content_type.starts_with(format.content_type) {
                return Err(format!(
                    "{} was answered as {}",
                    format.name, answer.content_type
                ));
            }
            figures.push(format!("{} in {} bytes", format.name, answer.body.len()));
        }
        if figures.len() == FORMATS.len() {
            Ok(figures.join(", "))
        } else {
            Err("not every format was asked for".to_owned())
        }
    }
}
