//! The series about the controller that is followed, and about the exporter itself.

use std::fmt::Result;

use hpa_engine::{Architecture, Profile};
use prometheus_client::encoding::DescriptorEncoder;

use super::{Series, seconds, table};
use crate::decide::Findings;

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, findings: &Findings) -> Result {
    let settings = &findings.controller.settings;
    let mut series = Series::open(encoder, &table::SETTING)?;
    for (setting, value) in [
        ("sync_period", settings.sync_period.as_secs_f64()),
        (
            "downscale_stabilization",
            settings.downscale_stabilization.as_secs_f64(),
        ),
        ("tolerance", settings.tolerance),
        (
            "cpu_initialization_period",
            settings.cpu_initialization.as_secs_f64(),
        ),
        (
            "initial_readiness_delay",
            settings.initial_readiness.as_secs_f64(),
        ),
    ] {
        let labels = [("setting", setting.into()), ("source", "default".into())];
        series.gauge(&labels, value)?;
    }
    let profile = &findings.controller.profile;
    let labels = [
        ("version", version(profile).into()),
        ("arch", arch(profile).into()),
        ("gates", gates(profile).into()),
    ];
    Series::open(encoder, &table::PROFILE)?.gauge(&labels, 1.0)?;
    let autoscalers = u32::try_from(findings.autoscalers.len()).unwrap_or(u32::MAX);
    Series::open(encoder, &table::AUTOSCALERS)?.gauge(&[], autoscalers.into())?;
    Series::open(encoder, &table::EVALUATION)?.gauge(&[], findings.took)?;
    Series::open(encoder, &table::FINDINGS_TIMESTAMP)?.gauge(&[], seconds(findings.at))
}

fn version(profile: &Profile) -> String {
    format!("1.{}", u32::from(profile.minor))
}

const fn arch(profile: &Profile) -> &'static str {
    match profile.architecture {
        Architecture::Amd64 => "amd64",
        Architecture::Arm64 => "arm64",
    }
}

/// The gates that are on, by name.
fn gates(profile: &Profile) -> String {
    let gates = [
        ("HPAConfigurableTolerance", profile.configurable_tolerance),
        ("HPAGeneration", profile.observed_generation),
        ("HPAScaleToZero", profile.scale_to_zero),
        ("PodLevelResources", profile.pod_level_requests),
    ];
    let on = gates.iter().filter(|(_, on)| *on).map(|(name, _)| *name);
    on.collect::<Vec<_>>().join(",")
}
