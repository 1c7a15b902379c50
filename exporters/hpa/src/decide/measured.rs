//! What the metric APIs answered of one autoscaler, and how far it can be believed.

use std::sync::Arc;

use hpa_engine::{Memory, Rivals, Samples, Status};

use super::findings::Sampled;
use super::trial::Trial;
use crate::sample;

/// What was measured when somebody asked last.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// What came to the numbers of the last write. As long as nothing else is written, the controller measured nothing else.
    samples: Option<Box<Samples>>,
    /// What was wrong with the answers.
    pub(super) complaints: Arc<[String]>,
}

impl Measured {
    /// Takes what was measured for a write, and keeps what fits it; says for each metric that was asked for what came of it.
    pub(super) fn renew(
        &mut self,
        measured: Option<Samples>,
        trial: &Trial<'_>,
        told: &Samples,
        theirs: &Status,
        memory: &Memory,
        rivals: &mut Rivals,
    ) -> Vec<Option<Sampled>> {
        self.samples = None;
        let Some(mut measured) = measured else {
            return Vec::new();
        };
        self.complaints = sample::complaints(&measured).into();
        let fits = trial.fitting(&mut measured, told.clone(), theirs, memory, rivals);
        self.samples = Some(Box::new(measured));
        fits
    }

    /// It came to the same numbers, and yet it is not what the controller saw.
    pub(super) fn distrust(&mut self, fits: &mut [Option<Sampled>]) {
        self.samples = None;
        let matches = fits.iter_mut().flatten();
        for fits in matches.filter(|it| **it == Sampled::Match) {
            *fits = Sampled::Differs;
        }
    }

    /// What a status tells, and over it what was measured.
    pub(super) fn over(&self, told: Samples) -> Samples {
        match &self.samples {
            Some(measured) => sample::over(told, measured),
            None => told,
        }
    }
}
