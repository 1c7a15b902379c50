//! What is known of the controller, and where from: a flag of ours, its pod, what it says itself, or what is so by default.

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
    /// Arguments of its pod that could not be read, and what `/configz` was not to be had for.
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
    /// What it says of itself at `/configz`.
    Configz,
    /// Nothing: it is what it is by default.
    Default,
}

impl Origin {
    /// As a label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Pod => "pod",
            Self::Configz => "configz",
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

/// What there is to see of the controller from outside, each where it can be seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// Its pod.
    pub manager: Option<&'a Manager>,
    /// The API server's version.
    pub version: Option<Version>,
    /// What `/configz` came to.
    pub configz: Option<&'a Asked>,
}

/// What asking for `/configz` came to so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The last answer.
    pub settings: Option<Settings>,
    /// Why there was none the last time.
    pub problem: Option<String>,
}

impl Asked {
    /// Enters an answer, or why there is none: then the one before it stands.
    pub fn enter(&mut self, answer: Result<Settings, String>) {
        match answer {
            Ok(settings) => *self = Self::from(settings),
            Err(problem) => self.problem = Some(problem),
        }
    }
}

impl From<Settings> for Asked {
    fn from(settings: Settings) -> Self {
        Self {
            settings: Some(settings),
            problem: None,
        }
    }
}

/// What all of the controller's flags begin with.
const PREFIX: &str = "--horizontal-pod-autoscaler-";

impl ControllerArgs {
    /// Puts together what flags say and what is seen of the controller.
    pub fn known(&self, seen: Seen<'_>) -> Result<Known, ControllerError> {
        let Seen {
            manager,
            version,
            configz,
        } = seen;
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
        problems.extend(configz.and_then(|asked| asked.problem.clone()));
        let said = configz.and_then(|asked| asked.settings);
        let rest = if said.is_some() {
            Origin::Configz
        } else {
            Origin::Default
        };
        let settings = self.origins(&told, rest);
        let all = self.clone().over(told);
        let all = all.over(said.map(Self::from).unwrap_or_default());
        let controller = all.controller()?;
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

    /// These, and the others where these say nothing.
    fn over(self, others: Self) -> Self {
        Self {
            controller_version: self.controller_version.or(others.controller_version),
            architecture: self.architecture.or(others.architecture),
            // The last one counts.
            gates: others.gates.into_iter().chain(self.gates).collect(),
            sync_period: self.sync_period.or(others.sync_period),
            downscale_stabilization: self
                .downscale_stabilization
                .or(others.downscale_stabilization),
            tolerance: self.tolerance.or(others.tolerance),
            cpu_initialization: self.cpu_initialization.or(others.cpu_initialization),
            initial_readiness: self.initial_readiness.or(others.initial_readiness),
        }
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
        let duration = || duration(value).map(Some);
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

    /// Where each setting is known from, if the rest is from there.
    fn origins(&self, told: &Self, rest: Origin) -> [(&'static str, Origin); 5] {
        let origin = |flag: bool, pod: bool| match (flag, pod) {
            (true, _) => Origin::Flag,
            (false, true) => Origin::Pod,
            (false, false) => rest,
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

impl From<Settings> for ControllerArgs {
    /// Flags that say all of this.
    fn from(settings: Settings) -> Self {
        let Settings {
            sync_period,
            downscale_stabilization,
            tolerance,
            cpu_initialization,
            initial_readiness,
        } = settings;
        Self {
            sync_period: Some(sync_period),
            downscale_stabilization: Some(downscale_stabilization),
            tolerance: Some(tolerance),
            cpu_initialization: Some(cpu_initialization),
            initial_readiness: Some(initial_readiness),
            ..Self::default()
        }
    }
}

/// A duration as Go writes it; an error goes on a sentence that begins with the field.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "is not a duration as Go writes it".to_owned())?;
    Duration::try_from(signed).map_err(|_| "is negative".to_owned())
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
        let known = args
            .known(Seen {
                manager: Some(&manager()),
                version: "1.36".parse().ok(),
                configz: None,
            })
            .unwrap();
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
    fn what_the_controller_says_itself_comes_before_the_default_and_stands_until_it_says_otherwise()
    {
        let args = ControllerArgs {
            tolerance: Some(0.05),
            ..ControllerArgs::default()
        };
        let mut asked = Asked::default();
        let known = |asked: &Asked| {
            let manager = manager();
            let seen = Seen {
                manager: Some(&manager),
                version: None,
                configz: Some(asked),
            };
            args.known(seen).unwrap()
        };
        asked.enter(Err("403".to_owned()));
        let before = known(&asked);
        assert_eq!(before.problems, ["403"]);
        assert_eq!(before.settings[3].source, Origin::Default);

        asked.enter(Ok(Settings {
            sync_period: Duration::from_secs(99),
            tolerance: 0.9,
            cpu_initialization: Duration::from_mins(1),
            ..Settings::default()
        }));
        let said = known(&asked).settings;
        let settings: Vec<_> = said
            .iter()
            .map(|it| (it.name, it.value, it.source.as_str()))
            .collect();
        let expected = [
            ("sync_period", 10.0, "pod"),
            ("downscale_stabilization", 90.0, "pod"),
            ("tolerance", 0.05, "flag"),
            ("cpu_initialization_period", 60.0, "configz"),
            ("initial_readiness_delay", 30.0, "configz"),
        ];
        assert_eq!(settings, expected);

        asked.enter(Err("503".to_owned()));
        let after = known(&asked);
        assert_eq!(after.problems, ["503"]);
        assert_eq!(after.settings, said);
    }

    #[test]
    fn what_cannot_be_read_of_the_pod_is_told_and_the_rest_counts() {
        let mut manager = manager();
        manager.arguments[2] = "--horizontal-pod-autoscaler-sync-period=soon".to_owned();
        manager.tag = "stable".to_owned();
        let args = ControllerArgs::default();
        let seen = Seen {
            manager: Some(&manager),
            version: "v1.35.4".parse().ok(),
            configz: None,
        };
        let known = args.known(seen).unwrap();
        assert_eq!(known.problems.len(), 1);
        assert!(known.problems[0].contains("sync-period=soon"));
        assert_eq!(u32::from(known.controller.profile.minor), 35);
        assert_eq!(known.settings[0].source, Origin::Default);
    }
}
