//! What is known of the controller by flags: its settings, its version, and where it runs.

use std::time::Duration;

use chassis::parse_duration;
use clap::{Args, ValueEnum};
use hpa_engine::{Architecture, Controller, Gates, Minor, Profile, Settings, UnknownMinor};

/// The controller manager's own flags, by shorter names behind `controller.`.
#[derive(Clone, Debug, Default, Args)]
pub struct ControllerArgs {
    /// The controller's version, such as `1.36` or `v1.36.3` [default: 1.36].
    #[arg(
        long = "controller.version",
        env = "CONTROLLER_VERSION",
        value_name = "VERSION"
    )]
    pub controller_version: Option<Version>,
    /// The processor that it runs on: Go leaves what comes of an out-of-range float to it [default: amd64].
    #[arg(long = "controller.arch", env = "CONTROLLER_ARCH", value_name = "ARCH")]
    pub architecture: Option<Arch>,
    /// Feature gates that are set, as in `HPAScaleToZero=true`, separated by commas.
    #[arg(
        long = "controller.feature-gates",
        env = "CONTROLLER_FEATURE_GATES",
        value_delimiter = ',',
        value_name = "GATE=BOOL"
    )]
    pub gates: Vec<Gate>,
    /// `--horizontal-pod-autoscaler-sync-period` [default: 15s].
    #[arg(long = "controller.sync-period", env = "CONTROLLER_SYNC_PERIOD", value_name = "DURATION", value_parser = parse_duration)]
    pub sync_period: Option<Duration>,
    /// `--horizontal-pod-autoscaler-downscale-stabilization` [default: 5m].
    #[arg(long = "controller.downscale-stabilization", env = "CONTROLLER_DOWNSCALE_STABILIZATION", value_name = "DURATION", value_parser = parse_duration)]
    pub downscale_stabilization: Option<Duration>,
    /// `--horizontal-pod-autoscaler-tolerance` [default: 0.1].
    #[arg(
        long = "controller.tolerance",
        env = "CONTROLLER_TOLERANCE",
        value_name = "RATIO"
    )]
    pub tolerance: Option<f64>,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period` [default: 5m].
    #[arg(long = "controller.cpu-initialization-period", env = "CONTROLLER_CPU_INITIALIZATION_PERIOD", value_name = "DURATION", value_parser = parse_duration)]
    pub cpu_initialization: Option<Duration>,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay` [default: 30s].
    #[arg(long = "controller.initial-readiness-delay", env = "CONTROLLER_INITIAL_READINESS_DELAY", value_name = "DURATION", value_parser = parse_duration)]
    pub initial_readiness: Option<Duration>,
}

/// A version of Kubernetes 1, of which the minor decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub Minor);

/// A processor, by Kubernetes' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Arch {
    /// Out of range becomes the smallest integer.
    Amd64,
    /// Out of range stops at the nearest end.
    Arm64,
    /// As arm64.
    Ppc64le,
    /// As arm64.
    S390x,
}

/// A feature gate and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate(pub String, pub bool);

/// What is wrong with flags about the controller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ControllerError {
    /// A gate that changes no decision is most likely a typing error.
    #[error(
        "--controller.feature-gates: {0} changes no decision of the autoscaler; HPAScaleToZero, HPAConfigurableTolerance, PodLevelResources and HPAGeneration do"
    )]
    Gate(String),
    /// A band wider than the target itself, or none.
    #[error("--controller.tolerance must be a number from 0 to 1")]
    Tolerance,
    /// Syncs have to be some time apart.
    #[error("--controller.sync-period must be longer than 0")]
    Period,
    /// Nobody would be answered.
    #[error(
        "--controller.configz goes with --source=cluster: it is asked with a cluster's token, and files hold none"
    )]
    NoToken,
}

impl ControllerArgs {
    /// The controller as far as flags tell, and with the defaults for the rest.
    pub fn controller(&self) -> Result<Controller, ControllerError> {
        Ok(Controller {
            settings: self.settings()?,
            profile: self.profile()?,
        })
    }

    /// The settings that count, with the defaults for those that no flag gives.
    pub fn settings(&self) -> Result<Settings, ControllerError> {
        let tolerance = self.tolerance.unwrap_or(Settings::default().tolerance);
        if !(0.0..=1.0).contains(&tolerance) {
            return Err(ControllerError::Tolerance);
        }
        if self.sync_period == Some(Duration::ZERO) {
            return Err(ControllerError::Period);
        }
        let default = Settings::default();
        Ok(Settings {
            sync_period: self.sync_period.unwrap_or(default.sync_period),
            downscale_stabilization: self
                .downscale_stabilization
                .unwrap_or(default.downscale_stabilization),
            tolerance,
            cpu_initialization: self
                .cpu_initialization
                .unwrap_or(default.cpu_initialization),
            initial_readiness: self.initial_readiness.unwrap_or(default.initial_readiness),
        })
    }

    /// The rules that count.
    pub fn profile(&self) -> Result<Profile, ControllerError> {
        let minor = self
            .controller_version
            .map_or(Minor::V36, |version| version.0);
        let architecture = match self.architecture {
            None | Some(Arch::Amd64) => Architecture::Amd64,
            Some(Arch::Arm64 | Arch::Ppc64le | Arch::S390x) => Architecture::Arm64,
        };
        Ok(Profile::new(minor, architecture, self.gates()?))
    }

    fn gates(&self) -> Result<Gates, ControllerError> {
        let mut gates = Gates::default();
        for Gate(name, on) in &self.gates {
            let gate = match name.as_str() {
                "HPAScaleToZero" => &mut gates.scale_to_zero,
                "HPAConfigurableTolerance" => &mut gates.configurable_tolerance,
                "PodLevelResources" => &mut gates.pod_level_resources,
                "HPAGeneration" => &mut gates.generation,
                _ => return Err(ControllerError::Gate(name.clone())),
            };
            *gate = Some(*on);
        }
        Ok(gates)
    }
}

impl Gate {
    /// Whether it is one that the autoscaler's controller asks.
    pub(super) fn changes_a_decision(&self) -> bool {
        GATES.contains(&&*self.0)
    }
}

/// The gates that change a decision.
const GATES: [&str; 4] = [
    "HPAConfigurableTolerance",
    "HPAGeneration",
    "HPAScaleToZero",
    "PodLevelResources",
];

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a version of Kubernetes: write 1.36 or v1.36.3");
        let numbers = text.strip_prefix('v').unwrap_or(text);
        let mut parts = numbers.splitn(3, ['.', '+', '-']);
        let (Some("1"), Some(minor)) = (parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let minor: u32 = minor.parse().map_err(|_| wrong())?;
        Minor::try_from(minor)
            .map(Self)
            .map_err(|error: UnknownMinor| error.to_string())
    }
}

impl std::str::FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a gate and its state: write HPAScaleToZero=true");
        let (name, on) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self(name.to_owned(), on.parse().map_err(|_| wrong())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_minor() {
        for text in ["1.36", "v1.36.3", "v1.36.3+k3s1", "1.36-gke.1"] {
            assert_eq!(text.parse(), Ok(Version(Minor::V36)), "{text}");
        }
        for text in ["", "36", "2.0", "1.x", "v1"] {
            assert!(text.parse::<Version>().unwrap_err().contains("1.36"));
        }
        assert!("1.29".parse::<Version>().unwrap_err().contains("1.30"));
    }

    #[test]
    fn a_gate_that_changes_nothing_is_named() {
        let mut args = ControllerArgs {
            gates: vec![Gate("HPAScaleToZero".to_owned(), true)],
            ..ControllerArgs::default()
        };
        assert!(args.profile().unwrap().scale_to_zero);
        args.gates.push("AllAlpha=true".parse().unwrap());
        let error = args.profile().unwrap_err();
        assert_eq!(error, ControllerError::Gate("AllAlpha".to_owned()));
        assert!("AllAlpha".parse::<Gate>().is_err());
    }

    #[test]
    fn settings_that_no_controller_starts_with_are_refused() {
        let mut args = ControllerArgs {
            tolerance: Some(f64::NAN),
            ..ControllerArgs::default()
        };
        assert_eq!(args.settings(), Err(ControllerError::Tolerance));
        args.tolerance = Some(0.2);
        assert_eq!(args.settings().map(|it| it.tolerance), Ok(0.2));
        args.sync_period = Some(Duration::ZERO);
        assert_eq!(args.settings(), Err(ControllerError::Period));
    }
}
