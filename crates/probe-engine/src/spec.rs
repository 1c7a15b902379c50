//! What a pod asks of its probe: the numbers of `v1.Probe`, defaulted and checked as the API server does.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The three probes a container can have.
///
/// Mirrors `probeType` in `pkg/kubelet/prober/prober_manager.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeType {
    /// Failing it restarts the container.
    Liveness,
    /// Failing it takes the pod out of its Services.
    Readiness,
    /// Failing it restarts the container; until it has passed, the other two do not run.
    Startup,
}

/// The numbers of one probe, with every default filled in. All times are whole seconds, as in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProbeSpec {
    /// Budget of one attempt: connection and answer together. At least 1.
    pub timeout_seconds: u32,
    /// Distance between two attempts. At least 1.
    pub period_seconds: u32,
    /// Failures in a row that change the result. At least 1.
    pub failure_threshold: u32,
    /// Successes in a row that change the result. At least 1; exactly 1 for liveness and startup.
    pub success_threshold: u32,
    /// Seconds after the container's start during which nothing is probed.
    pub initial_delay_seconds: u32,
    /// The probe's own grace on a kill, in place of the pod's. Liveness and startup only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<u32>,
}

/// The same numbers as somebody wrote them: any may be missing, zero, negative or absurd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProbeFields {
    /// `timeoutSeconds`
    pub timeout_seconds: Option<i64>,
    /// `periodSeconds`
    pub period_seconds: Option<i64>,
    /// `failureThreshold`
    pub failure_threshold: Option<i64>,
    /// `successThreshold`
    pub success_threshold: Option<i64>,
    /// `initialDelaySeconds`
    pub initial_delay_seconds: Option<i64>,
    /// `terminationGracePeriodSeconds`
    pub termination_grace_period_seconds: Option<i64>,
}

/// A number of a probe, by its name in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// `timeoutSeconds`
    TimeoutSeconds,
    /// `periodSeconds`
    PeriodSeconds,
    /// `failureThreshold`
    FailureThreshold,
    /// `successThreshold`
    SuccessThreshold,
    /// `initialDelaySeconds`
    InitialDelaySeconds,
    /// `terminationGracePeriodSeconds`
    TerminationGracePeriodSeconds,
}

/// A number that the API server would refuse.
///
/// Mirrors `validateProbe`, `validateLivenessProbe`, `validateReadinessProbe` and `validateStartupProbe` in
/// `pkg/apis/core/validation/validation.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecProblem {
    /// Below zero.
    #[error("{field}: {value} is negative; the API server refuses it")]
    Negative {
        /// Which number.
        field: Field,
        /// As written.
        value: i64,
    },
    /// Beyond a 32-bit integer.
    #[error("{field}: {value} does not fit into a 32-bit integer; the API server refuses it")]
    TooLarge {
        /// Which number.
        field: Field,
        /// As written.
        value: i64,
    },
    /// `successThreshold` other than 1 where it has to be 1.
    #[error("successThreshold: must be 1 for {probe_type}, is {value}")]
    SuccessThresholdNotOne {
        /// Liveness or startup.
        probe_type: ProbeType,
        /// As written.
        value: i64,
    },
    /// A grace period of nothing.
    #[error("terminationGracePeriodSeconds: must be greater than 0")]
    GraceIsZero,
    /// A grace period on a probe that never kills.
    #[error("terminationGracePeriodSeconds: must not be set for Readiness, which never kills")]
    GraceOnReadiness,
}

/// A probe type that is none of the kubelet's three.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown probe type {0:?}: expected Liveness, Readiness or Startup")]
pub struct UnknownProbeType(pub String);

// === impl ProbeType ===

impl ProbeType {
    /// All three, in the kubelet's order.
    pub const ALL: [Self; 3] = [Self::Liveness, Self::Readiness, Self::Startup];

    /// The kubelet's own label value (`probeType.String` in `prober_manager.go`), so that series join.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
            Self::Startup => "Startup",
        }
    }

    /// Where the probe stands in a container's specification.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Liveness => "livenessProbe",
            Self::Readiness => "readinessProbe",
            Self::Startup => "startupProbe",
        }
    }

    /// Whether enough failures of it restart the container.
    pub const fn kills(self) -> bool {
        matches!(self, Self::Liveness | Self::Startup)
    }
}

impl fmt::Display for ProbeType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ProbeType {
    type Err = UnknownProbeType;

    /// Takes the kubelet's spelling in any case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|probe_type| probe_type.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownProbeType(text.to_owned()))
    }
}

// === impl ProbeSpec ===

impl ProbeSpec {
    /// The budget of one attempt.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds as u64)
    }

    /// The distance between two attempts.
    pub const fn period(&self) -> Duration {
        Duration::from_secs(self.period_seconds as u64)
    }

    /// The time after the container's start without attempts.
    pub const fn initial_delay(&self) -> Duration {
        Duration::from_secs(self.initial_delay_seconds as u64)
    }
}

impl Default for ProbeSpec {
    /// The API's defaults: `SetDefaults_Probe` in `pkg/apis/core/v1/defaults.go`.
    fn default() -> Self {
        Self {
            timeout_seconds: 1,
            period_seconds: 10,
            failure_threshold: 3,
            success_threshold: 1,
            initial_delay_seconds: 0,
            termination_grace_period_seconds: None,
        }
    }
}

// === impl ProbeFields ===

impl ProbeFields {
    /// What the API server makes of these numbers, and everything it would refuse.
    ///
    /// A missing number and a written zero both become the default (`SetDefaults_Probe`). A refused number is
    /// replaced by the default as well, so that the rest can still be worked with.
    pub fn resolve(&self, probe_type: ProbeType) -> (ProbeSpec, Vec<SpecProblem>) {
        let mut problems = Vec::new();
        let defaults = ProbeSpec::default();
        let mut number = |field, value: Option<i64>, default| match check(field, value) {
            Ok(0) => default,
            Ok(number) => number,
            Err(problem) => {
                problems.push(problem);
                default
            }
        };
        let mut spec = ProbeSpec {
            timeout_seconds: number(
                Field::TimeoutSeconds,
                self.timeout_seconds,
                defaults.timeout_seconds,
            ),
            period_seconds: number(
                Field::PeriodSeconds,
                self.period_seconds,
                defaults.period_seconds,
            ),
            failure_threshold: number(
                Field::FailureThreshold,
                self.failure_threshold,
                defaults.failure_threshold,
            ),
            success_threshold: number(
                Field::SuccessThreshold,
                self.success_threshold,
                defaults.success_threshold,
            ),
            initial_delay_seconds: number(
                Field::InitialDelaySeconds,
                self.initial_delay_seconds,
                defaults.initial_delay_seconds,
            ),
            termination_grace_period_seconds: None,
        };
        if probe_type.kills() && spec.success_threshold != 1 {
            let value = i64::from(spec.success_threshold);
            problems.push(SpecProblem::SuccessThresholdNotOne { probe_type, value });
            spec.success_threshold = 1;
        }
        spec.termination_grace_period_seconds = self.grace(probe_type, &mut problems);
        (spec, problems)
    }

    fn grace(&self, probe_type: ProbeType, problems: &mut Vec<SpecProblem>) -> Option<u32> {
        let written = self.termination_grace_period_seconds?;
        let refused = match check(Field::TerminationGracePeriodSeconds, Some(written)) {
            Err(problem) => problem,
            Ok(0) => SpecProblem::GraceIsZero,
            Ok(_) if !probe_type.kills() => SpecProblem::GraceOnReadiness,
            Ok(seconds) => return Some(seconds),
        };
        problems.push(refused);
        None
    }
}

/// The range of an API integer; a missing one reads as zero.
fn check(field: Field, value: Option<i64>) -> Result<u32, SpecProblem> {
    let value = value.unwrap_or_default();
    if value < 0 {
        return Err(SpecProblem::Negative { field, value });
    }
    i32::try_from(value)
        .map(i32::unsigned_abs)
        .map_err(|_| SpecProblem::TooLarge { field, value })
}

// === impl Field ===

impl Field {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TimeoutSeconds => "timeoutSeconds",
            Self::PeriodSeconds => "periodSeconds",
            Self::FailureThreshold => "failureThreshold",
            Self::SuccessThreshold => "successThreshold",
            Self::InitialDelaySeconds => "initialDelaySeconds",
            Self::TerminationGracePeriodSeconds => "terminationGracePeriodSeconds",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

// === impl SpecProblem ===

impl SpecProblem {
    /// The number that is wrong.
    pub const fn field(&self) -> Field {
        match self {
            Self::Negative { field, .. } | Self::TooLarge { field, .. } => *field,
            Self::SuccessThresholdNotOne { .. } => Field::SuccessThreshold,
            Self::GraceIsZero | Self::GraceOnReadiness => Field::TerminationGracePeriodSeconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_zero_numbers_become_the_api_defaults() {
        let zeroes = ProbeFields {
            timeout_seconds: Some(0),
            period_seconds: Some(0),
            failure_threshold: Some(0),
            success_threshold: Some(0),
            initial_delay_seconds: Some(0),
            termination_grace_period_seconds: None,
        };
        for fields in [ProbeFields::default(), zeroes] {
            for probe_type in ProbeType::ALL {
                assert_eq!(fields.resolve(probe_type), (ProbeSpec::default(), vec![]));
            }
        }
    }

    #[test]
    fn every_refused_number_is_reported_and_the_rest_survives() {
        let fields = ProbeFields {
            timeout_seconds: Some(-1),
            period_seconds: Some(1 << 40),
            failure_threshold: Some(7),
            success_threshold: Some(2),
            initial_delay_seconds: Some(-3),
            termination_grace_period_seconds: Some(0),
        };
        let (spec, problems) = fields.resolve(ProbeType::Liveness);
        assert_eq!(
            spec,
            ProbeSpec {
                failure_threshold: 7,
                ..ProbeSpec::default()
            }
        );
        let named: Vec<_> = problems
            .iter()
            .map(|problem| problem.field().as_str())
            .collect();
        assert_eq!(
            named,
            [
                "timeoutSeconds",
                "periodSeconds",
                "initialDelaySeconds",
                "successThreshold",
                "terminationGracePeriodSeconds"
            ]
        );
    }

    #[test]
    fn readiness_may_ask_for_several_successes_but_not_for_a_grace_period() {
        let fields = ProbeFields {
            success_threshold: Some(2),
            termination_grace_period_seconds: Some(5),
            ..ProbeFields::default()
        };
        let (spec, problems) = fields.resolve(ProbeType::Readiness);
        assert_eq!(spec.success_threshold, 2);
        assert_eq!(spec.termination_grace_period_seconds, None);
        assert_eq!(problems, [SpecProblem::GraceOnReadiness]);
    }

    #[test]
    fn probe_types_read_back_in_any_case() {
        for probe_type in ProbeType::ALL {
            assert_eq!(probe_type.as_str().parse(), Ok(probe_type));
            assert_eq!(probe_type.as_str().to_lowercase().parse(), Ok(probe_type));
        }
        assert!("livenessProbe".parse::<ProbeType>().is_err());
    }
}
