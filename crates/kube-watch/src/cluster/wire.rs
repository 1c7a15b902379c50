//! The API server's JSON, only as far as it has to be understood: objects stay text until they are
//! decoded one by one.

use k8s_openapi::Resource;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ObjectKey;

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(default)]
    pub(super) metadata: PageMetadata,
    /// A list in Go that was never filled is written as null.
    #[serde(borrow)]
    pub(super) items: Option<Vec<&'a RawValue>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    #[serde(default)]
    pub(super) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(super) continue_token: String,
}

/// One line of a watch.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(rename = "type")]
    pub(super) event: EventType,
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EventType {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// What every object has, whatever else is wrong with it.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    /// Bookmarks have none.
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    pub(super) resource_version: String,
}

impl Header {
    pub(super) fn of(object: &RawValue) -> serde_json::Result<Self> {
        serde_json::from_str(object.get())
    }

    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.metadata.namespace, &self.metadata.name)
    }
}

/// Where a kind's objects are listed and watched.
pub(super) fn path<K: Resource>(namespace: Option<&str>) -> String {
    let root = if K::GROUP.is_empty() { "/api" } else { "/apis" };
    let within = namespace.map_or_else(String::new, |name| format!("/namespaces/{name}"));
    format!("{root}/{}{within}/{}", K::API_VERSION, K::URL_PATH_SEGMENT)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    use k8s_openapi::api::core::v1::{Node, Pod};

    use super::*;

    #[test]
    fn paths_are_those_of_the_api_server() {
        assert_eq!(path::<Pod>(None), "/api/v1/pods");
        assert_eq!(path::<Pod>(Some("shop")), "/api/v1/namespaces/shop/pods");
        assert_eq!(path::<Node>(None), "/api/v1/nodes");
        assert_eq!(
            path::<HorizontalPodAutoscaler>(Some("shop")),
            "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
        );
    }

    #[test]
    fn the_order_of_a_line_does_not_matter() {
        for text in [
            r#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"7"}}}"#,
            r#"{"object":{"metadata":{"name":"a","resourceVersion":"7"}},"type":"ADDED"}"#,
        ] {
            let line: Line<'_> = serde_json::from_str(text).unwrap();
            assert_eq!(line.event, EventType::Added);
            let header = Header::of(line.object).unwrap();
            assert_eq!(header.key(), ObjectKey::new("", "a"));
            assert_eq!(header.metadata.resource_version, "7");
        }
    }

    #[test]
    fn a_list_that_was_never_filled_is_empty() {
        let page: Page<'_> =
            serde_json::from_str(r#"{"metadata":{"resourceVersion":"1"},"items":null}"#).unwrap();
        assert!(page.items.is_none());
    }
}
