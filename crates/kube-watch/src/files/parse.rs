//! A file's text as objects of one kind.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use k8s_openapi::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::{self, Document, Item};
use crate::scope::Selection;
use crate::sink::{Sink, is_namespaced};
use crate::{Index, ObjectKey, Reason};

/// The namespace of an object that names none, as for `kubectl apply`.
const DEFAULT_NAMESPACE: &str = "default";

/// What one file holds of one kind.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    /// In the order of the file.
    pub(super) objects: Vec<Found<T>>,
    pub(super) faults: Vec<Fault>,
}

/// One object, trimmed.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) key: ObjectKey,
    /// Of the whole object, so that a change anywhere in it is a change.
    pub(super) hash: u64,
    /// The line on which its document begins.
    pub(super) line: u64,
    pub(super) object: T,
}

/// What is wrong, and which object it costs if that is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) object: Option<ObjectKey>,
    pub(super) reason: Reason,
    pub(super) message: String,
}

struct Parser<'a, K, T, I> {
    selection: &'a Selection,
    sink: &'a Sink<K, T, I>,
    parsed: Parsed<T>,
}

/// What a list says of items that do not say it themselves.
#[derive(Clone, Default)]
struct Inherited {
    kind: Option<String>,
    api_version: Option<String>,
}

pub(super) fn parse<K, T, I>(
    path: &Path,
    text: &str,
    selection: &Selection,
    sink: &Sink<K, T, I>,
) -> Parsed<T>
where
    K: Resource<Scope: 'static> + DeserializeOwned,
    I: Index<T>,
{
    let documents = documents::of(path, text);
    let mut parser = Parser {
        selection,
        sink,
        parsed: Parsed {
            objects: Vec::new(),
            faults: Vec::new(),
        },
    };
    for Document { line, value, items } in documents {
        match value {
            Ok(value) => parser.value(value, items, &Inherited::default(), line, ""),
            Err(broken) => parser.fault(broken.line, None, Reason::Syntax, broken.message),
        }
    }
    parser.parsed
}

pub(super) fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<K, T, I> Parser<'_, K, T, I>
where
    K: Resource<Scope: 'static> + DeserializeOwned,
    I: Index<T>,
{
    /// `items` are those of a list that it does not hold itself; `place` is where in the document: empty, or such as
    /// `items[3]: `.
    fn value(
        &mut self,
        mut value: Value,
        items: Vec<Item<'_>>,
        inherited: &Inherited,
        line: u64,
        place: &str,
    ) {
        if value.is_null() {
            return;
        }
        if !value.is_object() {
            let message = format!("{place}is no object: it has no kind and no apiVersion");
            return self.fault(line, None, Reason::Syntax, message);
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let Some(kind) = text("kind").or_else(|| inherited.kind.clone()) else {
            return self.fault(line, None, Reason::Syntax, format!("{place}has no kind"));
        };
        let api_version = text("apiVersion").or_else(|| inherited.api_version.clone());
        if let Some(of) = kind.strip_suffix("List")
            && let Some(Value::Array(_) | Value::Null) = value.get("items")
        {
            let inherited = Inherited {
                kind: Some(of.to_owned()).filter(|of| !of.is_empty()),
                api_version: api_version.filter(|_| !of.is_empty()),
            };
            let held = match value.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            let held = held.into_iter().map(|item| Some(Ok(item)));
            let items = items
                .into_iter()
                .map(|item| (!item.is_other_than(K::KIND)).then(|| item.read()));
            for (at, item) in held.chain(items).enumerate() {
                let Some(item) = item else { continue };
                let place = format!("{place}items[{at}]: ");
                match item {
                    Ok(item) => self.value(item, Vec::new(), &inherited, line, &place),
                    Err(message) => {
                        self.fault(line, None, Reason::Syntax, format!("{place}{message}"));
                    }
                }
            }
            return;
        }
        if kind == K::KIND {
            self.object(value, api_version.as_deref(), line, place);
        }
    }

    fn object(&mut self, mut value: Value, api_version: Option<&str>, line: u64, place: &str) {
        let Some(api_version) = api_version else {
            return self.fault(
                line,
                None,
                Reason::Syntax,
                format!("{place}{} has no apiVersion", K::KIND),
            );
        };
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        if group != K::GROUP {
            // Another kind that shares the name.
            return;
        }
        let Some(key) = key_of::<K>(&mut value) else {
            let message = format!("{place}{} has no metadata.name", K::KIND);
            return self.fault(line, None, Reason::Syntax, message);
        };
        if !self.selection.contains(&key.namespace, &value) {
            return;
        }
        if api_version != K::API_VERSION {
            let message = format!(
                "{place}apiVersion {api_version} is not read, only {}",
                K::API_VERSION
            );
            return self.fault(line, Some(key), Reason::Malformed, message);
        }
        let hash = hash_of(&value);
        match self.sink.decode(value) {
            Ok(object) => self.parsed.objects.push(Found {
                key,
                hash,
                line,
                object,
            }),
            Err(message) => self.fault(
                line,
                Some(key),
                Reason::Malformed,
                format!("{place}{message}"),
            ),
        }
    }

    fn fault(&mut self, line: u64, object: Option<ObjectKey>, reason: Reason, message: String) {
        self.parsed.faults.push(Fault {
            line,
            object,
            reason,
            message,
        });
    }
}

/// Writes the namespace into an object that names none, so that what is decoded has it too.
fn key_of<K: Resource<Scope: 'static>>(object: &mut Value) -> Option<ObjectKey> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let name = metadata
        .get("name")?
        .as_str()
        .filter(|name| !name.is_empty())?
        .to_owned();
    if !is_namespaced::<K>() {
        return Some(ObjectKey::new("", name));
    }
    let namespace = match metadata.get("namespace").and_then(Value::as_str) {
        Some(namespace) if !namespace.is_empty() => namespace.to_owned(),
        _ => {
            metadata.insert("namespace".to_owned(), DEFAULT_NAMESPACE.into());
            DEFAULT_NAMESPACE.to_owned()
        }
    };
    Some(ObjectKey::new(namespace, name))
}
