//! Keys and what they hold.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::resp::Reply;

/// All keys of one Redis.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<HashMap<Vec<u8>, Entry>>);

#[derive(Debug)]
struct Entry {
    value: Held,
    expires_at: Option<Instant>,
}

#[derive(Debug)]
enum Held {
    Text(Vec<u8>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
}

type Keys = HashMap<Vec<u8>, Entry>;

impl Store {
    /// Executes the command of that name, in capitals.
    pub(crate) fn execute(&self, name: &str, arguments: &[Vec<u8>]) -> Reply {
        let now = Instant::now();
        let mut keys = self.0.lock();
        keys.retain(|_, entry| entry.expires_at.is_none_or(|expires_at| expires_at > now));
        match (name, arguments) {
            ("PING", []) => Reply::Simple("PONG"),
            ("PING" | "ECHO", [text]) => Reply::Bulk(Some(text.clone())),
            ("QUIT", _) => Reply::Simple("OK"),
            ("DBSIZE", []) => integer(keys.len()),
            ("SET", [key, value, options @ ..]) => set(&mut keys, now, key, value, options),
            ("GET", [key]) => get(&keys, key),
            ("DEL", [_, ..]) => integer(
                arguments
                    .iter()
                    .filter(|key| keys.remove(*key).is_some())
                    .count(),
            ),
            ("EXISTS", [_, ..]) => integer(
                arguments
                    .iter()
                    .filter(|key| keys.contains_key(*key))
                    .count(),
            ),
            ("EXPIRE", [key, seconds]) => expire(&mut keys, now, key, seconds),
            ("TTL", [key]) => time_to_live(&keys, now, key),
            ("HSET", [key, pairs @ ..]) if !pairs.is_empty() && pairs.len() % 2 == 0 => {
                hash_set(&mut keys, key, pairs)
            }
            ("HGET", [key, field]) => hash_get(&keys, key, field),
            ("HGETALL", [key]) => hash_get_all(&keys, key),
            (
                "PING" | "ECHO" | "DBSIZE" | "SET" | "GET" | "DEL" | "EXISTS" | "EXPIRE" | "TTL"
                | "HSET" | "HGET" | "HGETALL",
                _,
            ) => Reply::Error(format!(
                "ERR wrong number of arguments for '{}' command",
                name.to_ascii_lowercase()
            )),
            _ => Reply::Error(format!("ERR unknown command '{name}'")),
        }
    }
}

fn set(keys: &mut Keys, now: Instant, key: &[u8], value: &[u8], options: &[Vec<u8>]) -> Reply {
    let expires_at = match options {
        [] => None,
        [unit, number] if unit.eq_ignore_ascii_case(b"EX") || unit.eq_ignore_ascii_case(b"PX") => {
            let Some(number) = parsed(number).filter(|number| *number > 0) else {
                return Reply::Error("ERR invalid expire time in 'set' command".to_owned());
            };
            let milliseconds = if unit.eq_ignore_ascii_case(b"EX") {
                number.saturating_mul(1_000)
            } else {
                number
            };
            match now.checked_add(Duration::from_millis(milliseconds.unsigned_abs())) {
                Some(at) => Some(at),
                None => return Reply::Error("ERR invalid expire time in 'set' command".to_owned()),
            }
        }
        _ => return Reply::Error("ERR syntax error".to_owned()),
    };
    keys.insert(
        key.to_vec(),
        Entry {
            value: Held::Text(value.to_vec()),
            expires_at,
        },
    );
    Reply::Simple("OK")
}

fn get(keys: &Keys, key: &[u8]) -> Reply {
    match keys.get(key).map(|entry| &entry.value) {
        None => Reply::Bulk(None),
        Some(Held::Text(text)) => Reply::Bulk(Some(text.clone())),
        Some(Held::Hash(_)) => wrong_kind(),
    }
}

fn expire(keys: &mut Keys, now: Instant, key: &[u8], seconds: &[u8]) -> Reply {
    let Some(seconds) = parsed(seconds) else {
        return Reply::Error("ERR value is not an integer or out of range".to_owned());
    };
    let Some(entry) = keys.get_mut(key) else {
        return Reply::Integer(0);
    };
    if seconds <= 0 {
        keys.remove(key);
    } else if let Some(at) = now.checked_add(Duration::from_secs(seconds.unsigned_abs())) {
        entry.expires_at = Some(at);
    } else {
        return Reply::Error("ERR invalid expire time in 'expire' command".to_owned());
    }
    Reply::Integer(1)
}

/// Seconds left, rounded to the nearest; -1 for ever, -2 when there is no such key.
fn time_to_live(keys: &Keys, now: Instant, key: &[u8]) -> Reply {
    Reply::Integer(match keys.get(key).map(|entry| entry.expires_at) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            i64::try_from((at - now + Duration::from_millis(500)).as_secs()).unwrap_or(i64::MAX)
        }
    })
}

fn hash_set(keys: &mut Keys, key: &[u8], pairs: &[Vec<u8>]) -> Reply {
    let entry = keys.entry(key.to_vec()).or_insert_with(|| Entry {
        value: Held::Hash(BTreeMap::new()),
        expires_at: None,
    });
    let Held::Hash(fields) = &mut entry.value else {
        return wrong_kind();
    };
    let added = pairs
        .chunks_exact(2)
        .filter(|pair| fields.insert(pair[0].clone(), pair[1].clone()).is_none())
        .count();
    integer(added)
}

fn hash_get(keys: &Keys, key: &[u8], field: &[u8]) -> Reply {
    match keys.get(key).map(|entry| &entry.value) {
        None => Reply::Bulk(None),
        Some(Held::Hash(fields)) => Reply::Bulk(fields.get(field).cloned()),
        Some(Held::Text(_)) => wrong_kind(),
    }
}

fn hash_get_all(keys: &Keys, key: &[u8]) -> Reply {
    match keys.get(key).map(|entry| &entry.value) {
        None => Reply::Array(Vec::new()),
        Some(Held::Hash(fields)) => Reply::Array(
            fields
                .iter()
                .flat_map(|(field, value)| [field.clone(), value.clone()])
                .collect(),
        ),
        Some(Held::Text(_)) => wrong_kind(),
    }
}

fn wrong_kind() -> Reply {
    Reply::Error("WRONGTYPE Operation against a key holding the wrong kind of value".to_owned())
}

fn integer(count: usize) -> Reply {
    Reply::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

fn parsed(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(store: &Store, line: &str) -> Reply {
        let mut words = line.split(' ').map(|word| word.as_bytes().to_vec());
        let name = String::from_utf8(words.next().unwrap()).unwrap();
        store.execute(&name, &words.collect::<Vec<_>>())
    }

    #[test]
    fn a_text_is_no_hash_and_a_key_expires() {
        let store = Store::default();
        assert_eq!(run(&store, "SET k v"), Reply::Simple("OK"));
        assert_eq!(run(&store, "HSET k f v"), wrong_kind());
        assert_eq!(run(&store, "TTL k"), Reply::Integer(-1));
        assert_eq!(run(&store, "EXPIRE k 100"), Reply::Integer(1));
        assert_eq!(run(&store, "TTL k"), Reply::Integer(100));
        assert_eq!(run(&store, "EXPIRE k 0"), Reply::Integer(1));
        assert_eq!(run(&store, "GET k"), Reply::Bulk(None));
        assert_eq!(run(&store, "TTL k"), Reply::Integer(-2));
    }

    #[test]
    fn a_hash_counts_the_fields_it_did_not_have() {
        let store = Store::default();
        assert_eq!(run(&store, "HSET h a 1 b 2"), Reply::Integer(2));
        assert_eq!(run(&store, "HSET h a 3"), Reply::Integer(0));
        assert_eq!(run(&store, "HGET h a"), Reply::Bulk(Some(b"3".to_vec())));
        assert_eq!(run(&store, "HGET h c"), Reply::Bulk(None));
        assert_eq!(run(&store, "DEL h none"), Reply::Integer(1));
    }

    #[test]
    fn a_number_too_large_for_a_clock_is_an_error() {
        let store = Store::default();
        assert!(matches!(
            run(&store, "SET k v EX 9223372036854775807"),
            Reply::Error(_) | Reply::Simple("OK")
        ));
        run(&store, "SET k v");
        assert!(matches!(
            run(&store, "EXPIRE k 9223372036854775807"),
            Reply::Error(_)
        ));
    }
}
