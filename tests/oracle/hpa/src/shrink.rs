//! From a scenario that differs to a small one that still does: pieces are taken out as long as the difference stays.

use anyhow::Result;
use serde_json::Value;

use crate::compare::differences;
use crate::play::{Build, play};
use crate::scenario::{Outcome, Scenario, Step};

/// The smallest that was found. The oracle is whatever plays scenarios.
pub fn shrink(
    scenario: &Scenario,
    field: &str,
    oracle: &impl Fn(&[Scenario]) -> Result<Vec<Outcome>>,
    build: Build,
) -> Result<Scenario> {
    let mut smallest = scenario.clone();
    loop {
        let candidates = candidates(&smallest);
        // Some at once, as the oracle takes longer to start than to play; one by one where one of them ends it.
        let mut found = None;
        for some in candidates.chunks(100) {
            found = match first_different(some, field, oracle, build) {
                Ok(found) => found,
                Err(_) => some.iter().find_map(|one| {
                    let one = std::slice::from_ref(one);
                    first_different(one, field, oracle, build).ok().flatten()
                }),
            };
            if found.is_some() {
                break;
            }
        }
        match found {
            Some(candidate) => smallest = candidate,
            None => return Ok(smallest),
        }
    }
}

/// The first that still differs in this field.
fn first_different(
    candidates: &[Scenario],
    field: &str,
    oracle: &impl Fn(&[Scenario]) -> Result<Vec<Outcome>>,
    build: Build,
) -> Result<Option<Scenario>> {
    let outcomes = oracle(candidates)?;
    let differs = |(candidate, outcome): (&Scenario, &Outcome)| {
        let ours = play(candidate, build, Some(outcome));
        let differs = ours.is_ok_and(|ours| {
            let found = differences(&outcome.records, &ours);
            found.iter().any(|difference| difference.field == field)
        });
        differs.then(|| candidate.clone())
    };
    Ok(candidates.iter().zip(&outcomes).find_map(differs))
}

/// The scenario with one piece less, greater pieces first.
fn candidates(scenario: &Scenario) -> Vec<Scenario> {
    let mut candidates = Vec::new();
    for index in (0..scenario.steps.len()).rev() {
        let mut candidate = scenario.clone();
        let gone = candidate.steps.remove(index);
        // What the step set up is still there, and its time passes.
        if let Some(next) = candidate.steps.get_mut(index) {
            next.after += gone.after;
            if next.key == gone.key {
                next.hpa = next.hpa.take().or(gone.hpa);
            }
            next.scale = next.scale.take().or(gone.scale);
            next.pods = next.pods.take().or(gone.pods);
            next.metrics = next.metrics.take().or(gone.metrics);
        }
        candidates.push(candidate);
    }
    let value = serde_json::to_value(scenario).unwrap_or_default();
    for smaller in without_one(&value) {
        // A pod without a name, say, is no pod: what cannot be read is no candidate.
        if let Ok(candidate) = serde_json::from_value::<Scenario>(smaller)
            && !candidate.steps.is_empty()
            && candidate.steps.iter().all(asks_something)
        {
            candidates.push(candidate);
        }
    }
    candidates
}

/// An autoscaler without metrics is given one by the API server.
fn asks_something(step: &Step) -> bool {
    let metrics = |hpa: &Value| hpa["spec"]["metrics"].as_array().map_or(0, Vec::len);
    step.hpa.as_ref().is_none_or(|hpa| metrics(hpa) > 0)
}

/// Keys whose absence makes an object that the API server would never serve, and that the controller stumbles over.
const NEEDED: [&str; 19] = [
    "name",
    "type",
    "target",
    "behavior",
    "selectPolicy",
    "scaleUp",
    "scaleDown",
    "key",
    "settings",
    "steps",
    "after",
    "stabilizationWindowSeconds",
    "window",
    "metadata",
    "kind",
    "scaleTargetRef",
    "metric",
    "metrics",
    "averageValue",
];

fn without_one(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Array(list) => {
            for index in 0..list.len() {
                let mut smaller = list.clone();
                smaller.remove(index);
                found.push(Value::Array(smaller));
            }
            for (index, item) in list.iter().enumerate() {
                for smaller in without_one(item) {
                    let mut with = list.clone();
                    with[index] = smaller;
                    found.push(Value::Array(with));
                }
            }
        }
        Value::Object(map) => {
            for key in map.keys().filter(|key| !NEEDED.contains(&&***key)) {
                let mut smaller = map.clone();
                smaller.remove(key);
                found.push(Value::Object(smaller));
            }
            for (key, item) in map {
                for smaller in without_one(item) {
                    let mut with = map.clone();
                    with.insert(key.clone(), smaller);
                    found.push(Value::Object(with));
                }
            }
        }
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;
    use hpa_engine::Minor;

    use super::*;
    use crate::generate::{self, Kind};

    /// Until 1.32 a ratio of exactly 1.1 was outside of the tolerance.
    const OLD: u32 = 32;

    fn build(minor: u32) -> Build {
        Minor::try_from(minor).unwrap().into()
    }

    /// The older rules, in the oracle's place.
    fn older(scenarios: &[Scenario]) -> Result<Vec<Outcome>> {
        let outcome = |scenario: &Scenario| {
            Ok(Outcome {
                name: scenario.name.clone(),
                version: format!("1.{OLD}"),
                records: play(scenario, build(OLD), None)?,
            })
        };
        scenarios.iter().map(outcome).collect()
    }

    fn differs(scenario: &Scenario) -> bool {
        let scenario = std::slice::from_ref(scenario);
        let found = first_different(scenario, "wish", &older, build(33));
        found.is_ok_and(|found| found.is_some())
    }

    /// The first of some seeds whose wish another version would not have.
    fn different() -> Scenario {
        let mut scenarios = (0..2000).map(|seed| generate::scenario(Kind::Boundary, seed));
        scenarios.find(differs).unwrap()
    }

    fn size(scenario: &Scenario) -> usize {
        serde_json::to_string(scenario).unwrap().len()
    }

    #[test]
    fn a_difference_is_shrunk_to_one_sync_and_stays() {
        let whole = different();
        let small = shrink(&whole, "wish", &older, build(33)).unwrap();
        assert!(differs(&small));
        assert_eq!(small.steps.len(), 1, "{small:?}");
        assert!(size(&small) * 4 < size(&whole), "{small:?}");
        // Not one piece more could go.
        assert!(!candidates(&small).iter().any(differs), "{small:?}");
    }

    /// The oracle ends on what no API server would serve: that one is passed over, and those beside it are not.
    #[test]
    fn what_ends_the_oracle_is_no_smaller_scenario() {
        let whole = different();
        let fragile = |scenarios: &[Scenario]| {
            let few = scenarios.iter().any(|it| it.gates.is_empty());
            ensure!(!few, "nobody said which gates are open");
            older(scenarios)
        };
        let small = shrink(&whole, "wish", &fragile, build(33)).unwrap();
        assert!(differs(&small));
        assert_eq!(small.steps.len(), 1, "{small:?}");
        assert_eq!(small.gates.len(), 1, "{small:?}");
    }
}
