//! The API server's stream of changes of a collection, taken up again where it broke off.

use std::{borrow::Cow, time::Duration};

use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use spiderpool_core::store::StoreError;

use crate::{
    answer::Status,
    api::{Api, Form, Stream},
    object::parse,
};

/// How long the API server keeps one stream open. Not for ever, so that agents spread over its replicas again.
const STREAM: Duration = Duration::from_secs(290);
/// After this long without a word the connection is taken for dead: bookmarks come about once a minute.
const PATIENCE: Duration = Duration::from_secs(320);

/// What is watched.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    /// `/api/v1/pods`.
    pub(crate) path: String,
    /// `fieldSelector=…`; empty for everything.
    pub(crate) query: String,
    pub(crate) plural: Cow<'static, str>,
    pub(crate) form: Form,
}

/// What became of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// It is there, as it is given.
    Put,
    /// It is gone; given as it was last.
    Deleted,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    what: String,
    object: Value,
}

pub(crate) struct Events {
    api: Api,
    collection: Collection,
    at: String,
    stream: Option<Stream>,
    /// What came of a line that is not whole yet.
    line: Vec<u8>,
    /// Whether the present stream has brought anything.
    lively: bool,
}

impl Events {
    /// The changes after the revision `from`. The watch has begun when this is done.
    pub(crate) async fn begin(api: Api, collection: Collection, from: String) -> Result<Self, StoreError> {
        let mut events = Self { api, collection, at: from, stream: None, line: Vec::new(), lively: true };
        events.open().await?;
        Ok(events)
    }

    async fn open(&mut self) -> Result<(), StoreError> {
        let Collection { path, query, plural, form } = &self.collection;
        let (at, seconds) = (&self.at, STREAM.as_secs());
        let mut path = format!(
            "{path}?watch=true&allowWatchBookmarks=true&resourceVersion={at}&timeoutSeconds={seconds}"
        );
        if !query.is_empty() {
            path.push('&');
            path.push_str(query);
        }
        let stream = self.api.stream(&path, plural, *form).await?;
        self.line.clear();
        self.lively = false;
        self.stream = Some(stream);
        Ok(())
    }

    /// The next change, and the revision that it came about with. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`StoreError::Expired`]: the API server does not know this far back; or it cannot be reached.
    pub(crate) async fn next(&mut self) -> Result<(What, Value, String), StoreError> {
        loop {
            if self.stream.is_none() {
                self.open().await?;
            }
            match self.line().await {
                Some(line) => {
                    if let Some(change) = self.change(&line)? {
                        return Ok(change);
                    }
                }
                None => {
                    self.stream = None;
                    if !self.lively {
                        // Taking it up at once would only knock again.
                        let plural = &self.collection.plural;
                        return Err(StoreError::unavailable(format!(
                            "the API server ends watches of {plural} at once"
                        )));
                    }
                }
            }
        }
    }

    /// The next whole line; none at the end of the stream, however it came about. What has come is kept.
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
                    tracing::debug!(%error, plural = %self.collection.plural, "a watch broke off");
                    return None;
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }

    fn change(&mut self, line: &[u8]) -> Result<Option<(What, Value, String)>, StoreError> {
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
        self.at.clone_from(&revision);
        self.lively = true;
        Ok(match what.as_str() {
            "ADDED" | "MODIFIED" => Some((What::Put, object, revision)),
            "DELETED" => Some((What::Deleted, object, revision)),
            // A bookmark.
            _ => None,
        })
    }
}
