//! One kind in one namespace, or in all: list, watch, and whatever comes between.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::time::Duration;

use futures_util::{AsyncBufRead, AsyncBufReadExt};
use http::header::{ACCEPT_ENCODING, HeaderValue};
use k8s_openapi::Resource;
use kube::Client;
use kube::core::Status;
use kube::core::params::{ListParams, WatchParams};
use kube::core::request::Request;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep, timeout};
use tracing::Dispatch;
use tracing::instrument::{WithDispatch, WithSubscriber};

use super::Timing;
use super::backoff::Backoff;
use super::failure::Failure;
use super::wire::{EventType, Header, Line, Page, path};
use crate::sink::Sink;
use crate::status::State;
use crate::{Index, ObjectKey, Place, Problem, Reason, Scope};

/// How many malformed objects are named; a changed custom resource can spoil thousands at once.
const MOST_NAMED: usize = 100;

/// One kind in one namespace, or in all.
pub(super) struct Follow<K, T, I> {
    client: Client,
    timing: Timing,
    path: String,
    labels: Option<String>,
    fields: Option<String>,
    sink: Sink<K, T, I>,
    /// Hashes of the keys in the index: only to count them, and smaller than their names.
    held: HashSet<u64>,
    hasher: RandomState,
    malformed: BTreeMap<ObjectKey, String>,
    state: State,
    failure: Option<Problem>,
}

/// The answer to a watch: lines of JSON.
type Lines = Pin<Box<dyn AsyncBufRead + Send>>;

/// A list whose pages are all here.
struct Listed<T> {
    version: String,
    objects: Vec<T>,
    held: HashSet<u64>,
    malformed: BTreeMap<ObjectKey, String>,
}

impl<K, T, I> Follow<K, T, I>
where
    K: Resource + DeserializeOwned + Send,
    T: Send,
    I: Index<T>,
{
    pub(super) fn new(client: Client, timing: Timing, scope: &Scope, sink: Sink<K, T, I>) -> Self {
        Self {
            client,
            timing,
            path: path::<K>(sink.namespace.as_deref()),
            labels: scope.labels.clone(),
            fields: scope.fields.clone(),
            sink,
            held: HashSet::new(),
            hasher: RandomState::new(),
            malformed: BTreeMap::new(),
            state: State::Starting,
            failure: None,
        }
    }

    pub(super) async fn forever(mut self) -> Infallible {
        let mut backoff = Backoff::new(self.timing.first_wait, self.timing.longest_wait);
        let mut version = None;
        loop {
            let began = Instant::now();
            let outcome = self.step(&mut version).await;
            let settled = began.elapsed() >= self.timing.settled;
            if settled {
                backoff.reset();
            }
            let wait = match outcome {
                Ok(()) if settled => Duration::ZERO,
                // The server ends a watch when it was asked to. One that ends sooner again and again
                // must not be asked without a pause.
                Ok(()) => backoff.wait(),
                Err(failure) => {
                    if failure.relist {
                        version = None;
                    }
                    self.failed(failure);
                    if self.state == State::Absent {
                        self.timing.recheck
                    } else {
                        backoff.wait()
                    }
                }
            };
            sleep(wait).await;
        }
    }

    /// Lists if there is no version to watch from, and watches until the server ends it.
    async fn step(&mut self, version: &mut Option<String>) -> Result<(), Failure> {
        if version.is_none() {
            let listed = self.list().await?;
            self.held = listed.held;
            self.malformed = listed.malformed;
            self.sink.reset(listed.objects);
            *version = Some(listed.version);
            self.recovered();
        }
        let from = version.get_or_insert_default();
        let mut lines = self.start(from).await?;
        self.recovered();
        self.follow(&mut lines, from).await
    }

    async fn list(&self) -> Result<Listed<T>, Failure> {
        let mut listed = Listed {
            version: String::new(),
            objects: Vec::new(),
            held: HashSet::new(),
            malformed: BTreeMap::new(),
        };
        let mut parameters = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit: Some(self.timing.page),
            ..ListParams::default()
        };
        loop {
            let request = Request::new(&self.path)
                .list(&parameters)
                .map_err(kube::Error::BuildRequest)?;
            let text = self.in_time(self.client.request_text(request)).await?;
            self.sink.teller.contact();
            let page: Page<'_> = serde_json::from_str(&text).map_err(|error| {
                Failure::new(Reason::Server, format!("the answer is no list: {error}"))
            })?;
            for item in page.items.unwrap_or_default() {
                self.add(item, &mut listed);
            }
            if page.metadata.continue_token.is_empty() {
                listed.version = page.metadata.resource_version;
                break;
            }
            parameters.continue_token = Some(page.metadata.continue_token);
        }
        if listed.version.is_empty() {
            return Err(Failure::new(
                Reason::Server,
                "the list has no resourceVersion to watch from",
            ));
        }
        Ok(listed)
    }

    fn add(&self, item: &RawValue, listed: &mut Listed<T>) {
        let key = match Header::of(item) {
            Ok(header) => header.key(),
            Err(error) => {
                self.sink.teller.error(Reason::Malformed);
                listed
                    .malformed
                    .insert(ObjectKey::new("", ""), error.to_string());
                return;
            }
        };
        match self.decode(item) {
            Ok(object) => {
                listed.held.insert(self.hasher.hash_one(&key));
                listed.objects.push(object);
            }
            Err(message) => {
                self.sink.teller.error(Reason::Malformed);
                listed.malformed.insert(key, message);
            }
        }
    }

    async fn start(&self, version: &str) -> Result<Lines, Failure> {
        let parameters = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: u32::try_from(self.timing.watch.as_secs()).ok(),
            ..WatchParams::default()
        };
        let mut request = Request::new(&self.path)
            .watch(&parameters, version)
            .map_err(kube::Error::BuildRequest)?;
        // A compressed line may wait in a buffer for the next one.
        request
            .headers_mut()
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let lines = self.in_time(self.client.request_stream(request)).await?;
        self.sink.teller.contact();
        Ok(Box::pin(lines))
    }

    /// Takes lines until the server ends them. `version` moves along, so that a watch that breaks is
    /// taken up where it was.
    async fn follow(&mut self, lines: &mut Lines, version: &mut String) -> Result<(), Failure> {
        let longest = self.timing.watch + self.timing.margin;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = timeout(longest, untold(lines.read_until(b'\n', &mut line)))
                .await
                .map_err(|_| {
                    let message = format!("no word for {} s", longest.as_secs());
                    Failure::new(Reason::Unreachable, message)
                })?;
            read.map_err(|error| Failure::new(Reason::Cut, error.to_string()))?;
            if line.is_empty() {
                return Ok(());
            }
            if line.last() != Some(&b'\n') {
                return Err(Failure::new(
                    Reason::Cut,
                    "the answer broke off within a line",
                ));
            }
            self.sink.teller.contact();
            self.take(&line, version)?;
            // One large object does not make every watch large for ever.
            line.shrink_to(64 << 10);
        }
    }

    fn take(&mut self, line: &[u8], version: &mut String) -> Result<(), Failure> {
        let nonsense = |error: serde_json::Error| {
            Failure::new(
                Reason::Server,
                format!("the watch sent what is no event: {error}"),
            )
        };
        let Line { event, object } = serde_json::from_slice(line).map_err(nonsense)?;
        if event == EventType::Error {
            let status: Status = serde_json::from_str(object.get()).map_err(nonsense)?;
            return Err(Failure::from(&status));
        }
        let header = Header::of(object).map_err(nonsense)?;
        let key = header.key();
        if header.metadata.resource_version.is_empty() {
            return Err(Failure::new(
                Reason::Server,
                format!("{key} has no resourceVersion to go on from"),
            ));
        }
        *version = header.metadata.resource_version;
        match event {
            EventType::Added | EventType::Modified => self.apply(key, object),
            EventType::Deleted => {
                self.held.remove(&self.hasher.hash_one(&key));
                self.sink.delete(&key, self.held.len());
                if self.malformed.remove(&key).is_some() {
                    self.tell();
                }
            }
            EventType::Bookmark | EventType::Error => {}
        }
        Ok(())
    }

    /// What was known of an object that is malformed now stays, for it is better than nothing.
    fn apply(&mut self, key: ObjectKey, object: &RawValue) {
        match self.decode(object) {
            Ok(object) => {
                self.held.insert(self.hasher.hash_one(&key));
                self.sink.apply(object, self.held.len());
                if self.malformed.remove(&key).is_some() {
                    self.tell();
                }
            }
            Err(message) => {
                self.sink.teller.error(Reason::Malformed);
                self.malformed.insert(key, message);
                self.tell();
            }
        }
    }

    fn decode(&self, object: &RawValue) -> Result<T, String> {
        let value = serde_json::from_str(object.get()).map_err(|error| error.to_string())?;
        self.sink.decode(value)
    }

    async fn in_time<A>(
        &self,
        answer: impl Future<Output = kube::Result<A>>,
    ) -> Result<A, Failure> {
        timeout(self.timing.answer, untold(answer))
            .await
            .map_err(|_| {
                let message = format!("no answer within {} s", self.timing.answer.as_secs());
                Failure::new(Reason::Unreachable, message)
            })?
            .map_err(Failure::from)
    }

    fn failed(&mut self, failure: Failure) {
        // The core group is always there: without it, this is no API server.
        if failure.reason == Reason::Absent && !K::GROUP.is_empty() {
            if self.state != State::Absent {
                tracing::info!(
                    kind = K::KIND,
                    path = self.path,
                    "not installed: will look again"
                );
                self.held.clear();
                self.malformed.clear();
                self.sink.reset(Vec::new());
                self.state = State::Absent;
            }
            self.sink.teller.contact();
            self.failure = None;
            return self.tell();
        }
        self.sink.teller.error(failure.reason);
        if failure.is_expired() {
            // Part of a watch's life: what is held is as old as before, and a list is on its way.
            tracing::debug!(
                kind = K::KIND,
                path = self.path,
                "expired: {}",
                failure.message
            );
            return;
        }
        let message = match failure.reason {
            Reason::Forbidden => format!(
                "{} (wants the verbs list and watch on {:?} in API group {:?})",
                failure.message,
                K::URL_PATH_SEGMENT,
                K::GROUP
            ),
            _ => failure.message,
        };
        if self.state != State::Starting {
            self.state = State::Stale;
        }
        self.failure = Some(self.problem(None, failure.reason, message));
        self.tell();
    }

    fn recovered(&mut self) {
        self.failure = None;
        self.state = State::Current;
        self.tell();
    }

    fn tell(&self) {
        let mut problems: Vec<Problem> = self.failure.clone().into_iter().collect();
        for (key, message) in self.malformed.iter().take(MOST_NAMED) {
            problems.push(self.problem(Some(key.clone()), Reason::Malformed, message.clone()));
        }
        if let Some(more) = self
            .malformed
            .len()
            .checked_sub(MOST_NAMED)
            .filter(|more| *more > 0)
        {
            problems.push(self.problem(
                None,
                Reason::Malformed,
                format!("and {more} objects more"),
            ));
        }
        self.sink.teller.state(self.state, problems);
    }

    fn problem(&self, object: Option<ObjectKey>, reason: Reason, message: String) -> Problem {
        Problem {
            kind: K::KIND,
            place: Place::Api(self.path.clone()),
            object,
            reason,
            message,
        }
    }
}

/// kube's client logs each failure as well, which is told here: once, and with what to do about it.
fn untold<A>(answer: A) -> WithDispatch<A> {
    answer.with_subscriber(Dispatch::none())
}
