//! Watches of documents.

use async_trait::async_trait;
use serde_json::Value;
use spiderpool_core::store::{Change, Kind, Position, Selector, StoreError, Versioned, Watch};

use crate::{
    api::{Api, Form},
    events::{Collection, Events, What},
    labels::{may_select, query},
    object::read_value,
};

/// The position that `text` stands for, if it can be one: the API server takes an empty one or 0 for "anything".
pub(crate) fn revision(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

pub(crate) struct KubeWatch {
    events: Events,
    selector: Selector,
}

impl KubeWatch {
    pub(crate) async fn begin(
        api: Api,
        selector: Selector,
        plural: &'static str,
        path: String,
        from: String,
    ) -> Result<Self, StoreError> {
        let collection =
            Collection { path, query: query(&selector), plural: plural.into(), form: Form::Whole };
        Ok(Self { events: Events::begin(api, collection, from).await?, selector })
    }

    /// What an event says, if it is a change of what is watched.
    fn change(&self, what: What, object: Value) -> Result<Option<Change>, StoreError> {
        let found = read_value(self.selector.kind(), object)?.filter(|found| self.selects(found));
        Ok(found.map(|found| match what {
            What::Put => Change::Put(found),
            What::Deleted => Change::Deleted(found.key),
        }))
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
            let (what, object, revision) = self.events.next().await?;
            if let Some(change) = self.change(what, object)? {
                return Ok((change, Position(revision)));
            }
        }
    }
}

/// Whether watches of this kind are possible.
pub(crate) fn is_watched(kind: Kind) -> bool {
    kind != Kind::Resource
}
