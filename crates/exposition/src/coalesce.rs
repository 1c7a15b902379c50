//! Overlapping requests for the same thing share one answer.
//!
//! A page is a function of a moment, so two scrapes that overlap may have the same one: two Prometheus replicas, or one
//! that gave up and came back, cost one gathering. `client_golang`'s promhttp does the same (`CoalesceGather`).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

/// The answers being made at this moment, by what was asked.
#[derive(Debug)]
pub(crate) struct Flights<K>(Mutex<HashMap<K, Arc<Flight>>>);

#[derive(Debug, Default)]
struct Flight {
    state: Mutex<State>,
    ended: Condvar,
    /// How many wait for it.
    #[cfg(test)]
    waiting: std::sync::atomic::AtomicUsize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Flying,
    Landed(Bytes),
    /// Whoever made it panicked: those who waited make their own.
    Lost,
}

/// Ends a flight whichever way its maker goes.
struct Landing<'f, K: Eq + Hash> {
    flights: &'f Flights<K>,
    flight: Arc<Flight>,
    key: K,
    state: State,
}

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> Flights<K> {
    /// The answer of the flight under way, or `make`'s, which others may then share. Blocks while another makes it.
    pub(crate) fn share(&self, key: K, make: impl Fn() -> Bytes) -> Bytes {
        loop {
            let under_way = {
                let mut flights = self.0.lock();
                let under_way = flights.get(&key).cloned();
                if under_way.is_none() {
                    let flight = Arc::<Flight>::default();
                    flights.insert(key.clone(), Arc::clone(&flight));
                    drop(flights);
                    let mut landing = Landing {
                        flights: self,
                        flight,
                        key,
                        state: State::Lost,
                    };
                    let answer = make();
                    landing.state = State::Landed(answer.clone());
                    return answer;
                }
                under_way
            };
            if let Some(answer) = under_way.and_then(|flight| flight.wait()) {
                return answer;
            }
        }
    }

    /// Returns once so many wait for the flight of this key.
    #[cfg(test)]
    pub(crate) fn until_waiting(&self, key: &K, many: usize) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        loop {
            let flight = self.0.lock().get(key).cloned();
            let waiting = flight.map_or(0, |flight| {
                flight.waiting.load(std::sync::atomic::Ordering::SeqCst)
            });
            if waiting >= many {
                return;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "{waiting} wait, not {many}"
            );
            std::thread::yield_now();
        }
    }
}

impl Flight {
    fn wait(&self) -> Option<Bytes> {
        let mut state = self.state.lock();
        #[cfg(test)]
        self.waiting
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        loop {
            match &*state {
                State::Flying => self.ended.wait(&mut state),
                State::Landed(answer) => return Some(answer.clone()),
                State::Lost => return None,
            }
        }
    }
}

impl<K: Eq + Hash> Drop for Landing<'_, K> {
    fn drop(&mut self) {
        // Off the board first: who comes now begins anew.
        self.flights.0.lock().remove(&self.key);
        *self.flight.state.lock() = std::mem::replace(&mut self.state, State::Lost);
        self.flight.ended.notify_all();
    }
}

#[cfg(test)]
mod tests;
