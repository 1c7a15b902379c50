//! What is known of the controller, and where from: a flag of ours, its pod, or what is so by default.

use std::time::Duration;

use hpa_engine::{Controller, Settings};

use super::controller::{ControllerArgs, ControllerError, Gate, Version};
use crate::model::leader::Manager;

/// The controller as it is taken to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Its settings and its rules.
    pub controller: Controller,
    /// Its settings by name, and where each is known from.
    pub settings: Vec<Setting>,
    /// Arguments of its pod that could not be read.
    pub problems: Vec<String>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name, without what all have in common.
    pub name: &'static str,
    /// In seconds, or a ratio.
    pub value: f64,
    /// Where it is known from.
    pub source: Origin,
}

/// Where something is known from; the first that has it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of ours.
    Flag,
    /// The controller's own command line.
    Pod,
    /// Nothing: it is what it is by default.
    Default,
}

impl Origin {
    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Pod => "pod",
            Self::Default => "default",
        }
    }
}

impl From<Controller> for Known {
    /// A controller whose settings are given, as those of a recording are.
    fn from(controller: Controller) -> Self {
        Self {
            controller,
            ..Self::default()
        }
    }
}

/// What all of the controller's flags begin with.
const PREFIX: &str = "--horizontal-pod-autoscaler-";

impl ControllerArgs {
    /// Puts together what flags say, what the controller's pod says, and what `/version` said.
    pub fn known(
        &self,
        manager: Option<&Manager>,
        version: Option<Version>,
    ) -> Result<Known, ControllerError> {
        let mut problems = Vec::new();
        let mut told = ControllerArgs {
            controller_version: version,
            ..ControllerArgs::default()
        };
        if let Some(manager) = manager {
            // A vendor's image may be called anything; then what the API server says stands.
            told.controller_version = manager.tag.parse().ok().or(version);
            for (flag, value) in flags(&manager.arguments) {
                if let Err(problem) = told.take(flag, value) {
                    problems.push(format!("{}: {flag}={value}: {problem}", manager.key));
                }
            }
        }
        let settings = self.origins(&told);
        let gates = told.gates.into_iter().chain(self.gates.clone());
        let both = Self {
            controller_version: self.controller_version.or(told.controller_version),
            architecture: self.architecture,
            gates: gates.collect(),
            sync_period: self.sync_period.or(told.sync_period),
            downscale_stabilization: self
                .downscale_stabilization
                .or(told.downscale_stabilization),
            tolerance: self.tolerance.or(told.tolerance),
            cpu_initialization: self.cpu_initialization.or(told.cpu_initialization),
            initial_readiness: self.initial_readiness.or(told.initial_readiness),
        };
        let controller = both.controller()?;
        Ok(Known {
            settings: settings
                .into_iter()
                .map(|(name, source)| Setting {
                    name,
                    value: value(&controller.settings, name),
                    source,
                })
                .collect(),
            controller,
            problems,
        })
    }

    /// One flag of the controller's own. Those that change no decision are not ours to judge.
    fn take(&mut self, flag: &str, value: &str) -> Result<(), String> {
        if flag == "--feature-gates" {
            let gates = value
                .split(',')
                .filter_map(|gate| gate.parse::<Gate>().ok());
            self.gates.extend(gates.filter(Gate::changes_a_decision));
            return Ok(());
        }
        let Some(name) = flag.strip_prefix(PREFIX) else {
            return Ok(());
        };
        let duration = || -> Result<Option<Duration>, String> {
            let signed: jiff::SignedDuration = value
                .parse()
                .map_err(|_| "is not a duration as Go writes it".to_owned())?;
            Duration::try_from(signed)
                .map(Some)
                .map_err(|_| "is negative".to_owned())
        };
        match name {
            "sync-period" => self.sync_period = duration()?,
            "downscale-stabilization" => self.downscale_stabilization = duration()?,
            "cpu-initialization-period" => self.cpu_initialization = duration()?,
            "initial-readiness-delay" => self.initial_readiness = duration()?,
            "tolerance" => {
                let tolerance: f64 = value.parse().map_err(|_| "is not a number".to_owned())?;
                self.tolerance = Some(tolerance);
            }
            _ => {}
        }
        Ok(())
    }

    /// Where each setting is known from.
    fn origins(&self, told: &Self) -> [(&'static str, Origin); 5] {
        let origin = |flag: bool, pod: bool| match (flag, pod) {
            (true, _) => Origin::Flag,
            (false, true) => Origin::Pod,
            (false, false) => Origin::Default,
        };
        [
            (
                "sync_period",
                origin(self.sync_period.is_some(), told.sync_period.is_some()),
            ),
            (
                "downscale_stabilization",
                origin(
                    self.downscale_stabilization.is_some(),
                    told.downscale_stabilization.is_some(),
                ),
            ),
            (
                "tolerance",
                origin(self.tolerance.is_some(), told.tolerance.is_some()),
            ),
            (
                "cpu_initialization_period",
                origin(
                    self.cpu_initialization.is_some(),
                    told.cpu_initialization.is_some(),
                ),
            ),
            (
                "initial_readiness_delay",
                origin(
                    self.initial_readiness.is_some(),
                    told.initial_readiness.is_some(),
                ),
            ),
        ]
    }
}

fn value(settings: &Settings, name: &str) -> f64 {
    match name {
        "sync_period" => settings.sync_period.as_secs_f64(),
        "downscale_stabilization" => settings.downscale_stabilization.as_secs_f64(),
        "cpu_initialization_period" => settings.cpu_initialization.as_secs_f64(),
        "initial_readiness_delay" => settings.initial_readiness.as_secs_f64(),
        _ => settings.tolerance,
    }
}

/// Flags and their values, whether written in one word or in two.
fn flags(arguments: &[String]) -> impl Iterator<Item = (&str, &str)> {
    arguments.iter().enumerate().filter_map(|(place, word)| {
        if !word.starts_with("--") {
            return None;
        }
        let next = || arguments.get(place + 1).map_or("", String::as_str);
        Some(word.split_once('=').unwrap_or_else(|| (word, next())))
    })
}

#[cfg(test)]
mod tests {
    use kube_watch::ObjectKey;

    use super::*;

    /// As kubeadm writes the static pod.
    fn manager() -> Manager {
        let words = [
            "kube-controller-manager",
            "--allocate-node-cidrs=true",
            "--horizontal-pod-autoscaler-sync-period=10s",
            "--horizontal-pod-autoscaler-downscale-stabilization",
            "1m30s",
            "--horizontal-pod-autoscaler-tolerance=0.2",
            "--feature-gates=AllAlpha=false,HPAScaleToZero=true",
        ];
        Manager {
            key: ObjectKey::new("kube-system", "kube-controller-manager-node"),
            arguments: words.map(str::to_owned).to_vec(),
            tag: "v1.34.4".to_owned(),
        }
    }

    #[test]
    fn a_flag_comes_before_the_pod_and_the_pod_before_the_default() {
        let args = ControllerArgs {
            sync_period: Some(Duration::from_secs(20)),
            ..ControllerArgs::default()
        };
        let known = args.known(Some(&manager()), "1.36".parse().ok()).unwrap();
        assert_eq!(known.problems, [""; 0]);
        let profile = known.controller.profile;
        assert_eq!(
            (u32::from(profile.minor), profile.scale_to_zero),
            (34, true)
        );
        let settings: Vec<_> = known
            .settings
            .iter()
            .map(|it| (it.name, it.value, it.source.as_str()))
            .collect();
        assert_eq!(
            settings,
            [
                ("sync_period", 20.0, "flag"),
                ("downscale_stabilization", 90.0, "pod"),
                ("tolerance", 0.2, "pod"),
                ("cpu_initialization_period", 300.0, "default"),
                ("initial_readiness_delay", 30.0, "default"),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_of_the_pod_is_told_and_the_rest_counts() {
        let mut manager = manager();
        manager.arguments[2] = "--horizontal-pod-autoscaler-sync-period=soon".to_owned();
        manager.tag = "stable".to_owned();
        let args = ControllerArgs::default();
        let known = args.known(Some(&manager), "v1.35.4".parse().ok()).unwrap();
        assert_eq!(known.problems.len(), 1);
        assert!(known.problems[0].contains("sync-period=soon"));
        assert_eq!(u32::from(known.controller.profile.minor), 35);
        assert_eq!(known.settings[0].source, Origin::Default);
    }
}
