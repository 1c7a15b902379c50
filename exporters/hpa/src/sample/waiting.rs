//! Writes that wait for what is asked for because of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use hpa_engine::{Samples, Scale, ScaleFailure};
use kube_watch::ObjectKey;

use crate::model::Write;

/// So many autoscalers' metrics are asked for at the same time: more than that a metrics API is not to be asked. Whoever comes while one
/// hangs is not kept waiting, but read back from its status.
const AT_ONCE: usize = 32;

/// What was asked for because of a write.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// The target's scale, if its kind is not watched.
    pub(crate) scale: Option<Result<Scale, ScaleFailure>>,
    /// The metrics, if they are asked for.
    pub(crate) samples: Option<Samples>,
}

/// Writes whose answers are being asked for. One for each autoscaler: they are followed in the order in which they were written.
#[derive(Default)]
pub(crate) struct Waiting {
    writes: HashMap<ObjectKey, (u64, Write)>,
    answers: FuturesUnordered<BoxFuture<'static, (ObjectKey, u64, Answered)>>,
    asked: u64,
}

impl Waiting {
    /// Lets a write wait for its answer. What comes back is to be followed at once and without one: an earlier write of the same
    /// autoscaler, whose answer came too late, and the write itself where too many wait.
    pub(crate) fn push(
        &mut self,
        write: Write,
        answer: impl Future<Output = Answered> + Send + 'static,
    ) -> Vec<Write> {
        let overtaken = self.writes.remove(&write.key).map(|(_, write)| write);
        let mut unanswered: Vec<Write> = overtaken.into_iter().collect();
        if self.answers.len() >= AT_ONCE {
            unanswered.push(write);
            return unanswered;
        }
        self.asked += 1;
        let (key, number) = (write.key.clone(), self.asked);
        self.writes.insert(key.clone(), (number, write));
        let answer = answer.map(move |answered| (key, number, answered));
        self.answers.push(answer.boxed());
        unanswered
    }

    /// Whether a write of this autoscaler waits.
    pub(crate) fn holds(&self, key: &ObjectKey) -> bool {
        self.writes.contains_key(key)
    }

    /// The next write that has its answer; nothing when none is awaited.
    pub(crate) async fn next(&mut self) -> Option<(Write, Answered)> {
        loop {
            let (key, number, answered) = self.answers.next().await?;
            // An answer for a write that was overtaken is of no more use.
            if let Entry::Occupied(waiting) = self.writes.entry(key)
                && waiting.get().0 == number
            {
                return Some((waiting.remove().1, answered));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hpa_engine::Status;
    use serde_json::json;
    use tokio::sync::oneshot;

    use super::*;
    use crate::model::Surroundings;
    use crate::watch;

    /// The autoscaler's so-manieth write: `at` tells them apart.
    fn write(name: &str, number: i64) -> Write {
        let object = json!({"metadata": {"name": name, "namespace": "shop"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "maxReplicas": 5}});
        let (autoscaler, _) = watch::read_autoscaler(&object).unwrap();
        Write {
            key: ObjectKey::new("shop", name),
            at: hpa_engine::Moment::from_seconds(number),
            before: Arc::new(Status::default()),
            after: Arc::new(Status::default()),
            surroundings: Surroundings {
                autoscaler: Arc::new(autoscaler),
                scale: Err(ScaleFailure::Get(String::new())),
                stale: false,
                formerly: Vec::new(),
                pods: Vec::new(),
            },
        }
    }

    fn told(writes: &[Write]) -> Vec<(&str, i64)> {
        let told = writes.iter();
        told.map(|it| (&*it.key.name, it.at.nanoseconds() / 1_000_000_000))
            .collect()
    }

    /// An answer that comes when it is told to, if ever.
    fn answer() -> (
        oneshot::Sender<()>,
        impl Future<Output = Answered> + Send + 'static,
    ) {
        let (sender, told) = oneshot::channel();
        let answer = async {
            match told.await {
                Ok(()) => Answered::default(),
                Err(_) => std::future::pending().await,
            }
        };
        (sender, answer)
    }

    #[tokio::test]
    async fn whoever_has_its_answer_goes_on_while_another_waits() {
        let mut waiting = Waiting::default();
        let ((_slow, slow), (quick, answered)) = (answer(), answer());
        assert!(waiting.push(write("slow", 1), slow).is_empty());
        assert!(waiting.push(write("quick", 2), answered).is_empty());
        quick.send(()).unwrap();
        let (first, _) = waiting.next().await.unwrap();
        assert_eq!(told(&[first]), [("quick", 2)]);
    }

    #[tokio::test]
    async fn a_write_that_is_overtaken_is_followed_before_the_one_that_overtakes_it() {
        let mut waiting = Waiting::default();
        let ((late, first), (soon, second)) = (answer(), answer());
        assert!(waiting.push(write("web", 1), first).is_empty());
        assert_eq!(told(&waiting.push(write("web", 2), second)), [("web", 1)]);
        // What comes for the first one now is not what was measured for the second.
        late.send(()).unwrap();
        assert!(waiting.next().now_or_never().is_none());
        soon.send(()).unwrap();
        let (next, _) = waiting.next().await.unwrap();
        assert_eq!(told(&[next]), [("web", 2)]);
        assert!(waiting.next().await.is_none());
    }

    #[tokio::test]
    async fn when_too_many_wait_nobody_else_is_kept_waiting() {
        let mut waiting = Waiting::default();
        let mut hanging = Vec::new();
        for number in 0..5000 {
            let (sender, never) = answer();
            hanging.push(sender);
            let name = format!("web-{number}");
            let at_once = waiting.push(write(&name, number), never);
            let waits = usize::try_from(number).unwrap() < AT_ONCE;
            let followed = if waits {
                vec![]
            } else {
                vec![(&*name, number)]
            };
            assert_eq!(told(&at_once), followed);
        }
        // The next write of one that waits: both are followed at once, in their order.
        let (_sender, never) = answer();
        let both = waiting.push(write("web-0", 6000), never);
        assert_eq!(told(&both), [("web-0", 0), ("web-0", 6000)]);
    }
}
