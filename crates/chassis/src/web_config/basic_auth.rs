//! `basic_auth_users`: names and bcrypt hashes.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use serde_saphyr::Spanned;
use tokio::sync::Semaphore;

use crate::web_config::{Access, Problem};

/// Passwords that may wait for their check at once.
const LONGEST_QUEUE: usize = 16;
/// Verdicts that are remembered.
const REMEMBERED: usize = 100;
/// bcrypt's own bounds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;
/// Salt and hash for names that nobody has. Nobody knows a password for it, and a match would not let anybody in.
const NOBODY: &str = "abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232";

/// The users, and what is needed to check them without standing still.
#[derive(Debug)]
pub(crate) struct BasicAuth {
    users: BTreeMap<String, String>,
    /// As costly as the costliest real one: how long the answer takes must not tell whether a name exists.
    nobody: String,
    /// One check at a time, on a thread of its own, as each costs up to seconds of a processor.
    turn: Arc<Semaphore>,
    queue: Semaphore,
    verdicts: Mutex<HashMap<Key, bool>>,
    seeds: [RandomState; 2],
}

/// 128 bits under secret keys instead of the password itself.
type Key = [u64; 2];

// === impl BasicAuth ===

impl BasicAuth {
    /// `None` without users.
    pub(crate) fn new(users: BTreeMap<String, Spanned<String>>) -> Result<Option<Self>, Problem> {
        let mut costliest = None;
        for (name, hash) in &users {
            if name.contains(':') {
                return Err(Problem::at(
                    hash,
                    format!("user `{name}`: no client can send a name with a colon"),
                ));
            }
            let cost = cost(&hash.value).ok_or_else(|| {
                Problem::at(hash, format!("user `{name}`: not a bcrypt hash, which reads like $2y$10$ and 53 characters more"))
            })?;
            costliest = costliest.max(Some(cost));
        }
        Ok(costliest.map(|cost| Self {
            users: users
                .into_iter()
                .map(|(name, hash)| (name, hash.value))
                .collect(),
            nobody: format!("$2b${cost:02}${NOBODY}"),
            turn: Arc::new(Semaphore::new(1)),
            queue: Semaphore::new(LONGEST_QUEUE),
            verdicts: Mutex::default(),
            seeds: [RandomState::new(), RandomState::new()],
        }))
    }

    pub(crate) async fn check(&self, headers: &HeaderMap) -> Access {
        let Some((name, password)) = credentials(headers) else {
            return Access::Denied;
        };
        let key = self.key(&name, &password);
        if let Some(verdict) = self.verdict(key) {
            return verdict;
        }
        let Ok(_place) = self.queue.try_acquire() else {
            return Access::Busy;
        };
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return Access::Busy;
        };
        // Somebody before us may have asked the same.
        if let Some(verdict) = self.verdict(key) {
            return verdict;
        }
        let hash = self.users.get(&name);
        let exists = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).clone();
        let checked = tokio::task::spawn_blocking(move || {
            // The turn ends with the work, also when the client has gone meanwhile.
            let _turn = turn;
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        let granted = checked.await.unwrap_or(false) && exists;
        self.remember(key, granted);
        access(granted)
    }

    fn key(&self, name: &str, password: &[u8]) -> Key {
        [
            self.seeds[0].hash_one((name, password)),
            self.seeds[1].hash_one((name, password)),
        ]
    }

    fn verdict(&self, key: Key) -> Option<Access> {
        self.verdicts.lock().get(&key).copied().map(access)
    }

    fn remember(&self, key: Key, granted: bool) {
        let mut verdicts = self.verdicts.lock();
        if verdicts.len() >= REMEMBERED {
            // Any: an order would let a flood of wrong passwords push out the right ones for certain.
            let victim = verdicts
                .keys()
                .nth(fastrand::usize(..verdicts.len()))
                .copied();
            victim.map(|key| verdicts.remove(&key));
        }
        verdicts.insert(key, granted);
    }
}

fn access(granted: bool) -> Access {
    if granted {
        Access::Granted
    } else {
        Access::Denied
    }
}

/// RFC 7617: `Basic` and base64 of name, colon, password.
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((name, decoded[colon + 1..].to_vec()))
}

/// The cost of a hash, if it is one.
fn cost(hash: &str) -> Option<u32> {
    let parts: bcrypt::HashParts = hash.is_ascii().then(|| hash.parse().ok()).flatten()?;
    COSTS.contains(&parts.get_cost()).then(|| parts.get_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bcrypt_hashes_have_a_cost() {
        let good = bcrypt::hash("x", 4).unwrap();
        assert_eq!(cost(&good), Some(4));
        assert_eq!(cost(&good.replace("$2b$", "$2y$")), Some(4));
        assert_eq!(cost(&format!("$2b$04${NOBODY}")), Some(4));
        for bad in [
            "",
            "secret",
            "$2b$",
            "$2b$04$short",
            "$2b$99$",
            &good.replace("$04$", "$99$"),
            &good.replace("$04$", "$ä$"),
            &good[..59],
            "$1$abc$def",
        ] {
            assert_eq!(cost(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_flood_does_not_make_the_memory_grow() {
        let hash = bcrypt::hash("x", 4).unwrap();
        let place = serde_saphyr::Location::UNKNOWN;
        let users = BTreeMap::from([("a".to_owned(), Spanned::new(hash, place, place))]);
        let users = BasicAuth::new(users).unwrap().unwrap();
        for number in 0..1_000_u64 {
            users.remember([number, number], false);
        }
        assert_eq!(users.verdicts.lock().len(), REMEMBERED);
    }
}
