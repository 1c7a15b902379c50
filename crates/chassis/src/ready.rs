//! Readiness: a list of what is still awaited.

use std::sync::Arc;

use parking_lot::RwLock;

/// One thing that has to be so before the process is ready. Setting it twice is harmless; dropping it unset leaves the process unready.
#[derive(Clone, Debug)]
pub struct Ready {
    readiness: Readiness,
    index: usize,
}

/// All of them together, and whether the process is stopping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readiness(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    awaited: Vec<(&'static str, bool)>,
    stopping: bool,
}

// === impl Ready ===

impl Ready {
    /// Says that it is so.
    pub fn set(&self) {
        if let Some((_, set)) = self.readiness.0.write().awaited.get_mut(self.index) {
            *set = true;
        }
    }
}

// === impl Readiness ===

impl Readiness {
    pub(crate) fn awaiting(&self, what: &'static str) -> Ready {
        let mut state = self.0.write();
        state.awaited.push((what, false));
        Ready {
            readiness: self.clone(),
            index: state.awaited.len() - 1,
        }
    }

    /// From here on the process is not ready, whatever is set.
    pub(crate) fn stop(&self) {
        self.0.write().stopping = true;
    }

    /// `Err` says, in one line, why not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let state = self.0.read();
        if state.stopping {
            return Err("stopping".into());
        }
        let missing: Vec<_> = state
            .awaited
            .iter()
            .filter(|(_, set)| !set)
            .map(|(what, _)| *what)
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("waiting for {}", missing.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_all_is_set_and_never_again_once_stopping() {
        let readiness = Readiness::default();
        assert_eq!(readiness.check(), Ok(()));
        let pods = readiness.awaiting("pods");
        let nodes = readiness.awaiting("nodes");
        assert_eq!(readiness.check(), Err("waiting for pods, nodes".into()));
        pods.set();
        pods.set();
        assert_eq!(readiness.check(), Err("waiting for nodes".into()));
        nodes.set();
        assert_eq!(readiness.check(), Ok(()));
        readiness.stop();
        assert_eq!(readiness.check(), Err("stopping".into()));
    }
}
