//! Claims about the network, each set against what the pages said.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Scene;
use super::act::{CALLS, CUT, INSIDE, Part};
use super::look::Look;
use crate::evidence::{Outcome, Row};

/// Who forbids a call on the day.
const DENIER: &str = "default-deny-ingress";

/// All rows, in the order of the story.
pub(super) fn rows(scenes: &[Scene], failures: &[String]) -> Vec<Row> {
    let story = Told(scenes);
    [
        (
            "without policies each of the shop's 17 calls is open, and agents in the pods' place see it",
            story.calls_ok(Part::Open),
        ),
        (
            "the day's two policies cut 15 of the 16 calls inside the shop, and the policy to blame is named",
            story.day_one(),
        ),
        ("agents see the same 15 cut, and no other", story.agents_agree()),
        (
            "a network that does not enforce the policies is found out: the same 15 are enforcement gaps",
            story.gap(),
        ),
        ("with the right policies all 17 are open again", story.calls_ok(Part::Right)),
        (
            "emailservice's policy with the Service's port cuts one call alone, and the hint names the right port",
            story.wrong_port(),
        ),
        (
            "cartservice's process stops: both calls to it are app_down, and no policy is blamed",
            story.stopped(),
        ),
        ("how long the network took to follow is measured", story.followed()),
        (
            "every scrape of netpol-exporter was answered",
            match failures.first() {
                None => story.answered(),
                Some(first) => Err(format!("{} failed: {first}", failures.len())),
            },
        ),
    ]
    .map(|(claim, outcome)| Row::new("netpol-exporter", claim, outcome))
    .into()
}

struct Told<'a>(&'a [Scene]);

impl<'a> Told<'a> {
    fn scene(&self, part: Part) -> Result<&'a Scene, String> {
        let scene = self.0.iter().find(|scene| scene.act.part == part);
        scene.ok_or_else(|| format!("{part:?} was not played"))
    }

    fn last(&self, part: Part) -> Result<&'a Look, String> {
        let scene = self.scene(part)?;
        scene
            .looks
            .last()
            .ok_or_else(|| format!("no page was scraped in {part:?}"))
    }

    fn calls_ok(&self, part: Part) -> Outcome {
        let look = self.last(part)?;
        held(
            look.in_state("ok") == CALLS && look.seen(true) == INSIDE,
            look.summary(),
        )
    }

    fn day_one(&self) -> Outcome {
        let scene = self.scene(Part::DayOne)?;
        let turned = scene
            .looks
            .iter()
            .find(|look| look.in_state("blocked_by_policy") == CUT);
        let Some(look) = turned else {
            return Err(self.last(Part::DayOne)?.summary());
        };
        let blamed = look
            .blame
            .values()
            .filter(|policies| policies.contains(DENIER))
            .count();
        let evidence = format!(
            "{}; {blamed} blamed on {DENIER}, {} after they were written",
            look.summary(),
            seconds(look.at.saturating_sub(scene.begun))
        );
        held(blamed == CUT, evidence)
    }

    fn agents_agree(&self) -> Outcome {
        let look = self.last(Part::DayOne)?;
        let agree = look.in_state("blocked_by_policy") == CUT && look.seen(false) == CUT;
        held(agree, look.summary())
    }

    fn gap(&self) -> Outcome {
        let cut: BTreeSet<_> = self
            .last(Part::DayOne)?
            .calls_in("blocked_by_policy")
            .collect();
        let look = self.last(Part::SwitchedOff)?;
        let gaps: BTreeSet<_> = look.calls_in("enforcement_gap").collect();
        held(gaps.len() == CUT && gaps == cut, look.summary())
    }

    fn wrong_port(&self) -> Outcome {
        let scene = self.scene(Part::WrongPort)?;
        let look = self.last(Part::WrongPort)?;
        let blocked: Vec<_> = look.calls_in("blocked_by_policy").collect();
        let mut hints = scene
            .hints
            .iter()
            .filter(|hint| hint.state == "blocked_by_policy");
        let hint = hints.next().map_or("no hint", |hint| hint.why.as_str());
        let named = ["emailservice", "5000", "8080"]
            .iter()
            .all(|part| hint.contains(part));
        let one = matches!(blocked[..], [(from, to, 5000)] if from == "checkoutservice" && to == "emailservice");
        held(one && named, format!("{}; {hint}", look.summary()))
    }

    fn stopped(&self) -> Outcome {
        let look = self.last(Part::Stopped)?;
        let down: Vec<_> = look.calls_in("app_down").collect();
        let both = down.len() == 2 && down.iter().all(|(_, to, _)| to == "cartservice");
        held(both && look.in_state("ok") == CALLS - 2, look.summary())
    }

    fn followed(&self) -> Outcome {
        let look = self.last(Part::Stopped)?;
        let (count, sum) = look.followed;
        let evidence = format!(
            "{count} times, {:.2} s on average, dials included",
            sum / count.max(1.0)
        );
        held(count > 0.0, evidence)
    }

    fn answered(&self) -> Outcome {
        let looks: usize = self.0.iter().map(|scene| scene.looks.len()).sum();
        held(looks > 0, format!("{looks} scrapes"))
    }
}

fn held(holds: bool, evidence: String) -> Outcome {
    if holds { Ok(evidence) } else { Err(evidence) }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Status;

    #[test]
    fn nothing_is_claimed_of_a_story_that_was_not_told() {
        let rows = rows(&[], &[]);
        assert!(
            rows.iter().all(|row| row.status == Status::Failed),
            "{rows:?}"
        );
    }
}
