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
    /// It stands for no other: neither for an earlier one of the same words, nor for several that were put together.
    pub single: bool,
}

impl Rescale {
    /// By how many replicas, if the one before it is really the one before.
    pub fn change_since(&self, before: &Self) -> Option<(Direction, i32)> {
        let direction = if self.size > before.size {
            Direction::Up
        } else {
            Direction::Down
        };
        let change = i32::try_from(self.size.abs_diff(before.size)).ok()?;
        // Somebody else scaled in between where the words say otherwise, or nothing would have changed.
        let believable =
            self.single && change != 0 && self.direction.is_none_or(|told| told == direction);
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
