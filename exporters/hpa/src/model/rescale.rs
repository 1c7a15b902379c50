//! What the controller told of its changes of a scale, in events.

use hpa_engine::{Direction, Moment};
use kube_watch::{Index, ObjectKey};

use super::Model;

/// An event `SuccessfulRescale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// The event's name.
    pub key: ObjectKey,
    /// The autoscaler's name.
    pub autoscaler: ObjectKey,
    /// Which autoscaler of that name.
    pub uid: Box<str>,
    /// When it happened, or happened last, to the second.
    pub at: Moment,
    /// The replicas that there were to be from then on.
    pub size: i32,
    /// Where the reason says that it went.
    pub direction: Option<Direction>,
    /// What else the event stands for.
    pub others: Others,
}

/// Other changes of the scale that are told by the same event: the API client counts one up that says the same words again, and puts
/// many of different words together (`EventCorrelator`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// None.
    None,
    /// One earlier one of the same words, then.
    One(Moment),
    /// Several earlier ones of the same words, of which only the first has a time.
    Several,
    /// Others of any words, just before it or long before.
    Combined,
}

impl Rescale {
    /// All changes of the scale whose time the event tells, the last one first.
    pub fn told(&self) -> Vec<Self> {
        let Others::One(at) = self.others else {
            return vec![self.clone()];
        };
        let others = Others::None;
        let last = Self {
            others,
            ..self.clone()
        };
        let earlier = Self { at, ..last.clone() };
        vec![last, earlier]
    }

    /// By how many replicas, if the one before it is really the one before.
    pub fn change_since(&self, before: &Self) -> Option<(Direction, i32)> {
        let direction = if self.size > before.size {
            Direction::Up
        } else {
            Direction::Down
        };
        let change = i32::try_from(self.size.abs_diff(before.size)).ok()?;
        // Between two of the same words there was one of others, which would be the one before. And somebody else scaled in between
        // where the words say otherwise, or nothing would have changed.
        let believable = self.others != Others::Combined
            && change != 0
            && self.direction.is_none_or(|told| told == direction);
        believable.then_some((direction, change))
    }
}

/// An event that tells nothing is none.
impl Index<Option<Rescale>> for Model {
    fn apply(&mut self, rescale: Option<Rescale>) {
        if let Some(rescale) = rescale {
            self.rescales.insert(rescale.key.clone(), rescale);
        }
    }

    fn delete(&mut self, key: &ObjectKey) {
        self.rescales.remove(key);
    }

    fn reset(&mut self, namespace: Option<&str>, objects: Vec<Option<Rescale>>) {
        self.rescales
            .retain(|key, _| namespace.is_some_and(|it| key.namespace != it));
        for rescale in objects {
            self.apply(rescale);
        }
    }
}
