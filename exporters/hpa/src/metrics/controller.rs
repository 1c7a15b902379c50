//! The series about the controller that is followed, and about the exporter itself.

use std::fmt::Result;

use hpa_engine::{Architecture, Profile};
use prometheus_client::encoding::DescriptorEncoder;

use super::{Series, seconds, table};
use crate::decide::Findings;

pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, findings: &Findings) -> Result {
    let mut series = Series::open(encoder, &table::SETTING)?;
    for setting in &findings.known.settings {
        let labels = [
            ("setting", setting.name.into()),
            ("source", setting.source.as_str().into()),
        ];
        series.gauge(&labels, setting.value)?;
    }
    let profile = &findings.known.controller.profile;
    let labels = [
        ("version", version(profile).into()),
        ("arch", arch(profile).into()),
        ("gates", gates(profile).into()),
    ];
    Series::open(encoder, &table::PROFILE)?.gauge(&labels, 1.0)?;
    Series::open(encoder, &table::RESTARTS)?.count(&[], findings.restarts)?;
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
