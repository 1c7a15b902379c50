//! All files together: what each holds, which of two wins, and what changed since the last look.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use k8s_openapi::Resource;
use serde::de::DeserializeOwned;

use super::key::{Key, filled};
use super::parse::{Fault, Found, hash_of, parse};
use super::read::{Fingerprint, Reading, read};
use super::walk::{Walk, rest_not_read, walk};
use crate::scope::Selection;
use crate::sink::Sink;
use crate::status::State;
use crate::{Index, ObjectKey, Place, Problem, Reason};

/// All files of one source, as one kind sees them.
pub(super) struct Files<K, T, I> {
    root: PathBuf,
    selection: Selection,
    sink: Sink<K, T, I>,
    known: BTreeMap<PathBuf, Known>,
    /// What the index holds: a hash of each object.
    held: BTreeMap<Key, u64>,
    /// Whether the index was told anything yet.
    begun: bool,
    /// Whether the index may hold something else than the files do: one was read or is gone since it was told, or moved
    /// while it was read.
    unsettled: bool,
    /// What is wrong with the files' contents, as long as they are settled.
    faults: Vec<Problem>,
    problems: Vec<Problem>,
}

/// One file, as it was read last.
#[derive(Debug, Default)]
struct Known {
    /// `None` if it has to be read again, whatever its times say.
    fingerprint: Option<Fingerprint>,
    text_hash: Option<u64>,
    objects: BTreeMap<Key, Listed>,
    /// What it held before it broke. Loses against any file that does hold the object.
    kept: BTreeSet<Key>,
    /// Some of it could not be read, and nobody knows which objects that costs.
    broken: bool,
    /// It was found empty once. Whoever writes in place empties it first, so once is not enough.
    emptied: bool,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Listed {
    hash: u64,
    line: u64,
}

/// Objects that were just read, and are not in the index yet.
type Fresh<T> = BTreeMap<PathBuf, BTreeMap<Key, T>>;

impl<K, T, I> Files<K, T, I>
where
    K: Resource<Scope: 'static> + DeserializeOwned,
    I: Index<T>,
{
    pub(super) fn new(root: PathBuf, selection: Selection, sink: Sink<K, T, I>) -> Self {
        Self {
            root,
            selection,
            sink,
            known: BTreeMap::new(),
            held: BTreeMap::new(),
            begun: false,
            unsettled: true,
            faults: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Looks at all files once, and tells the index what changed.
    pub(super) fn look(&mut self) {
        let walk = match walk(&self.root) {
            Ok(walk) => walk,
            Err(error) => return self.lost(&error),
        };
        self.forget(&walk);
        let mut fresh = Fresh::new();
        for (path, fingerprint) in &walk.files {
            if self
                .known
                .get(path)
                .and_then(|known| known.fingerprint.as_ref())
                != Some(fingerprint)
            {
                self.read(path, fingerprint, &mut fresh, false);
            }
        }
        self.sink.teller.contact();
        if self.unsettled {
            // A file that did not change may win because the winner is gone. Its objects are not in
            // memory, so it is read once more.
            for path in self.unread_winners(&fresh) {
                if let Some(fingerprint) = walk.files.get(&path) {
                    self.read(&path, fingerprint, &mut fresh, true);
                }
            }
            self.tell(fresh);
            self.take_stock();
        }
        self.report(&walk);
    }

    /// The root itself cannot be read: all is kept.
    fn lost(&mut self, error: &io::Error) {
        let state = if self.begun {
            State::Stale
        } else {
            State::Starting
        };
        let problem = problem::<K>(
            &self.root,
            None,
            None,
            Reason::Unreadable,
            error.to_string(),
        );
        self.state(state, vec![problem]);
    }

    /// Drops files that are gone, but none that only cannot be seen.
    fn forget(&mut self, walk: &Walk) {
        let before = self.known.len();
        self.known.retain(|path, _| {
            walk.files.contains_key(path)
                || walk.too_many
                || walk
                    .unreadable
                    .iter()
                    .any(|(hidden, _)| path.starts_with(hidden))
        });
        self.unsettled |= self.known.len() != before;
    }

    fn read(&mut self, path: &Path, seen: &Fingerprint, fresh: &mut Fresh<T>, again: bool) {
        let now = SystemTime::now();
        match read(path, seen) {
            Reading::Moving => {}
            Reading::Gone => {
                self.unsettled |= self.known.remove(path).is_some();
            }
            Reading::Unreadable(message, fingerprint) => {
                self.unsettled = true;
                let known = self.known.entry(path.to_owned()).or_default();
                known.keep(BTreeMap::new(), |_| true);
                known.fingerprint = Some(fingerprint).filter(|found| found.is_settled(now));
                known.text_hash = None;
                known.broken = true;
                known.problems = vec![problem::<K>(path, None, None, Reason::Unreadable, message)];
            }
            Reading::Text(text, fingerprint) => {
                let known = self.known.entry(path.to_owned()).or_default();
                if fingerprint.is_empty() && !known.emptied && !known.objects.is_empty() {
                    known.emptied = true;
                    known.fingerprint = None;
                    return;
                }
                known.emptied = fingerprint.is_empty();
                known.fingerprint = Some(fingerprint).filter(|found| found.is_settled(now));
                let text_hash = Some(hash_of(&text));
                if known.text_hash == text_hash && !again {
                    return;
                }
                known.text_hash = text_hash;
                self.unsettled = true;
                let parsed = parse(path, &text, &self.selection, &self.sink);
                let objects = known.replace::<K, T>(path, parsed.objects, parsed.faults);
                fresh.insert(path.to_owned(), objects);
            }
        }
    }

    /// Files that hold an object as the index should hold it, but were not read just now.
    fn unread_winners(&self, fresh: &Fresh<T>) -> BTreeSet<PathBuf> {
        winners(&self.known)
            .into_iter()
            .filter(|(key, (path, listed))| {
                self.held.get(*key) != Some(&listed.hash) && !fresh.contains_key(*path)
            })
            .map(|(_, (path, _))| path.to_owned())
            .collect()
    }

    fn tell(&mut self, mut fresh: Fresh<T>) {
        let winners = winners(&self.known);
        let kept = self.known.values().flat_map(|known| &known.kept);
        let kept: BTreeSet<&Key> = kept.collect();
        let gone = self.held.extract_if(.., |key, _| {
            !winners.contains_key(key) && !kept.contains(key)
        });
        let gone: Vec<Key> = gone.map(|(key, _)| key).collect();
        for (told, key) in gone.iter().enumerate() {
            let left = self.held.len() + gone.len() - told - 1;
            self.sink.delete(&key.object(), left);
        }

        self.unsettled = false;
        let mut first = Vec::new();
        for (key, (path, listed)) in winners {
            if self.held.get(key) == Some(&listed.hash) {
                continue;
            }
            // Not there if the file moved while it was read once more: the next look has it.
            let Some(object) = fresh.get_mut(path).and_then(|objects| objects.remove(key)) else {
                self.unsettled = true;
                continue;
            };
            self.held.insert(key.clone(), listed.hash);
            if self.begun {
                self.sink.apply(object, self.held.len());
            } else {
                first.push(object);
            }
        }
        if !self.begun {
            self.begun = true;
            self.held = filled(std::mem::take(&mut self.held));
            self.sink.reset(first);
        }
    }

    /// What is wrong with what the files hold.
    fn take_stock(&mut self) {
        let faults = self.known.values().flat_map(|known| &known.problems);
        let faults = faults.cloned().chain(self.duplicates()).collect();
        self.faults = faults;
    }

    fn report(&mut self, walk: &Walk) {
        let mut problems = Vec::new();
        for (path, error) in &walk.unreadable {
            problems.push(problem::<K>(
                path,
                None,
                None,
                Reason::Unreadable,
                error.to_string(),
            ));
        }
        if walk.too_many {
            let message = rest_not_read();
            problems.push(problem::<K>(
                &self.root,
                None,
                None,
                Reason::Unreadable,
                message,
            ));
        }
        let stale = !problems.is_empty() || self.known.values().any(|known| known.broken);
        problems.extend(self.faults.iter().cloned());
        self.state(if stale { State::Stale } else { State::Current }, problems);
    }

    fn duplicates(&self) -> Vec<Problem> {
        let winners = winners(&self.known);
        let mut problems = Vec::new();
        for (path, known) in &self.known {
            for (key, listed) in &known.objects {
                if let Some((winner, won)) = winners.get(key).filter(|(winner, _)| *winner != path)
                {
                    let message =
                        format!("is also in {}:{}, which wins", winner.display(), won.line);
                    let (line, key) = (Some(listed.line), Some(key.object()));
                    problems.push(problem::<K>(path, line, key, Reason::Duplicate, message));
                }
            }
        }
        problems
    }

    fn state(&mut self, state: State, problems: Vec<Problem>) {
        for problem in &problems {
            if !self.problems.contains(problem) {
                self.sink.teller.error(problem.reason);
            }
        }
        self.problems.clone_from(&problems);
        self.sink.teller.state(state, problems);
    }
}

/// Of two files that hold the same object the later one in the order of paths wins, as it would
/// if `kubectl apply` were given the folder.
fn winners(known: &BTreeMap<PathBuf, Known>) -> BTreeMap<&Key, (&Path, &Listed)> {
    let mut winners = BTreeMap::new();
    for (path, known) in known {
        for (key, listed) in &known.objects {
            winners.insert(key, (path.as_path(), listed));
        }
    }
    winners
}

impl Known {
    /// Takes what was just read, and hands back the objects.
    fn replace<K: Resource, T>(
        &mut self,
        path: &Path,
        found: Vec<Found<T>>,
        faults: Vec<Fault>,
    ) -> BTreeMap<Key, T> {
        self.broken = faults.iter().any(|fault| fault.object.is_none());
        self.problems.clear();
        let mut listed = BTreeMap::new();
        let mut objects = BTreeMap::new();
        for Found {
            key,
            hash,
            line,
            object,
        } in found
        {
            let key = Key::from(&key);
            let known = self.objects.get_key_value(&key);
            let key = known.map_or(key, |(known, _)| known.clone());
            let entry = Listed { hash, line };
            match listed.entry(key.clone()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(entry);
                }
                Entry::Occupied(mut occupied) => {
                    let loser: Listed = occupied.insert(entry);
                    let message = format!("is in this file again, on line {line}, which wins");
                    let key = Some(key.object());
                    self.problems.push(problem::<K>(
                        path,
                        Some(loser.line),
                        key,
                        Reason::Duplicate,
                        message,
                    ));
                }
            }
            objects.insert(key, object);
        }
        let spoilt = faults.iter().filter_map(|fault| fault.object.as_ref());
        let spoilt: BTreeSet<_> = spoilt.map(Key::from).collect();
        let broken = self.broken;
        self.keep(filled(listed), |key| broken || spoilt.contains(key));
        self.problems.extend(faults.into_iter().map(|fault| {
            problem::<K>(
                path,
                Some(fault.line),
                fault.object,
                fault.reason,
                fault.message,
            )
        }));
        objects
    }

    /// Exchanges the objects, and keeps those of before that are missing and `wanted`.
    fn keep(&mut self, objects: BTreeMap<Key, Listed>, wanted: impl Fn(&Key) -> bool) {
        let before = std::mem::replace(&mut self.objects, objects);
        self.kept.extend(before.into_keys());
        self.kept
            .retain(|key| !self.objects.contains_key(key) && wanted(key));
    }
}

fn problem<K: Resource>(
    path: &Path,
    line: Option<u64>,
    object: Option<ObjectKey>,
    reason: Reason,
    message: String,
) -> Problem {
    Problem {
        kind: K::KIND,
        place: Place::File {
            path: path.to_owned(),
            line,
        },
        object,
        reason,
        message,
    }
}
