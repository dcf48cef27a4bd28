//! Watches: the API server's stream of changes, taken up again where it broke off.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use spiderpool_core::store::{Change, Kind, Position, Selector, StoreError, Versioned, Watch};

use crate::{
    answer::Status,
    api::{Api, Stream},
    labels::{may_select, query},
    object::{parse, read_value},
};

/// How long the API server keeps one stream open. Not for ever, so that agents spread over its replicas again.
const STREAM: Duration = Duration::from_secs(290);
/// After this long without a word the connection is taken for dead: bookmarks come about once a minute.
const PATIENCE: Duration = Duration::from_secs(320);

/// The position that `text` stands for, if it can be one: the API server takes an empty one or 0 for "anything".
pub(crate) fn revision(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    what: String,
    object: Value,
}

pub(crate) struct KubeWatch {
    api: Api,
    selector: Selector,
    plural: &'static str,
    collection: String,
    at: String,
    stream: Option<Stream>,
    /// What came of a line that is not whole yet.
    line: Vec<u8>,
    /// Whether the present stream has brought anything.
    lively: bool,
}

impl KubeWatch {
    pub(crate) async fn begin(
        api: Api,
        selector: Selector,
        plural: &'static str,
        collection: String,
        from: String,
    ) -> Result<Self, StoreError> {
        let mut watch = Self {
            api,
            selector,
            plural,
            collection,
            at: from,
            stream: None,
            line: Vec::new(),
            lively: true,
        };
        watch.open().await?;
        Ok(watch)
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        let (collection, at, seconds) = (&self.collection, &self.at, STREAM.as_secs());
        let mut path = format!(
            "{collection}?watch=true&allowWatchBookmarks=true&resourceVersion={at}&timeoutSeconds={seconds}"
        );
        let wanted = query(&self.selector);
        if !wanted.is_empty() {
            path.push('&');
            path.push_str(&wanted);
        }
        let stream = self.api.stream(&path, self.plural).await?;
        self.line.clear();
        self.lively = false;
        self.stream = Some(stream);
        Ok(())
    }

    /// The next whole line; none at the end of the stream, however it came about. Dropping the future loses nothing:
    /// what has come is kept.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                let rest = self.line.split_off(end + 1);
                return Some(std::mem::replace(&mut self.line, rest));
            }
            let stream = self.stream.as_mut()?;
            match tokio::time::timeout(PATIENCE, stream.next()).await {
                Ok(Some(Ok(bytes))) => self.line.extend_from_slice(&bytes),
                Ok(Some(Err(error))) => {
                    tracing::debug!(%error, plural = self.plural, "a watch broke off");
                    return None;
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// What a line says, if it is a change of what is watched.
    fn change(&mut self, line: &[u8]) -> Result<Option<(Change, Position)>, StoreError> {
        let Event { what, object } = parse("a watch", line)?;
        if what == "ERROR" {
            let status: Status = serde_json::from_value(object.clone()).unwrap_or_default();
            return Err(match status.is_expired() {
                true => StoreError::Expired,
                false => StoreError::unavailable(format!("the API server ended a watch: {object}")),
            });
        }
        let revision = object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
        let Some(revision) = revision else {
            return Err(StoreError::unavailable("the API server sent a change without a resourceVersion"));
        };
        let change = match what.as_str() {
            "ADDED" | "MODIFIED" => {
                read_value(self.selector.kind(), object)?.filter(|found| self.selects(found)).map(Change::Put)
            }
            // With what stood there last.
            "DELETED" => read_value(self.selector.kind(), object)?
                .filter(|found| self.selects(found))
                .map(|found| Change::Deleted(found.key)),
            _ => None,
        };
        self.at = revision.clone();
        self.lively = true;
        Ok(change.map(|change| (change, Position(revision))))
    }

    fn selects(&self, found: &Versioned) -> bool {
        may_select(&self.selector, &found.key) && self.selector.matches(&found.key, &found.document)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Watch for KubeWatch {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        loop {
            if self.stream.is_none() {
                self.open().await?;
            }
            match self.line().await {
                Some(line) => {
                    if let Some(seen) = self.change(&line)? {
                        return Ok(seen);
                    }
                }
                None => {
                    self.stream = None;
                    if !self.lively {
                        // Taking it up at once would only knock again.
                        return Err(StoreError::unavailable(format!(
                            "the API server ends watches of {} at once",
                            self.plural
                        )));
                    }
                }
            }
        }
    }
}

/// Whether watches of this kind are possible.
pub(crate) fn is_watched(kind: Kind) -> bool {
    kind != Kind::Resource
}
