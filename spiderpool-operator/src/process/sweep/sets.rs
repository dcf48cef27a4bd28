//! Which pods a StatefulSet wants no more: those beyond its replicas, and all of one that is deleted. The same of kinds that are
//! declared to be like it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use spiderpool_core::{
    api::Resource,
    name::{NamespacedName, ObjectName},
    select::{GroupKind, Ordinals},
};
use spiderpool_store_kube::{Fed, Follow, KubeStore, ServedKind};
use tokio::sync::mpsc;

use crate::feeds::{Feeds, tell_loss};

/// So many pods of one set are looked at; a full pass sees to the others.
const MOST: usize = 4_096;
/// The pause before the API server is asked again for a kind that it does not serve.
const NOT_SERVED: Duration = Duration::from_secs(30);

/// Hears of the sets of one kind.
pub(super) struct SmallerSets {
    plural: String,
    known: BTreeMap<NamespacedName, Ordinals>,
}

impl SmallerSets {
    pub(super) fn new(plural: &str) -> Self {
        Self { plural: plural.into(), known: BTreeMap::new() }
    }

    /// StatefulSets.
    pub(super) fn native() -> Follow {
        Follow::Kind(ServedKind::known("apps/v1", "StatefulSet", "statefulsets"))
    }

    /// Does the same for the sets of another kind, from when the API server serves it.
    pub(super) async fn follow_declared(
        store: KubeStore,
        kind: GroupKind,
        tell: mpsc::Sender<Vec<NamespacedName>>,
    ) {
        let served = loop {
            match store.kind_of_group(&kind.group, &kind.kind).await {
                Ok(Some(served)) => break served,
                Ok(None) => {
                    tracing::debug!(?kind, "the API server does not serve a kind that is declared stateful")
                }
                Err(error) => {
                    tracing::warn!(?kind, %error, "a kind that is declared stateful cannot be asked for now")
                }
            }
            tokio::time::sleep(NOT_SERVED).await;
        };
        let (sets, mut feeds) = (Self::new(served.plural()), Feeds::default());
        let heard = feeds.of(Follow::Kind(served));
        tokio::join!(feeds.run(store), sets.run(heard, tell));
    }

    /// Tells the pods that are wanted no more, until nobody listens any more. What happened before is for the first full pass.
    pub(super) async fn run(
        mut self,
        mut sets: mpsc::Receiver<Arc<Fed>>,
        tell: mpsc::Sender<Vec<NamespacedName>>,
    ) {
        while let Some(fed) = sets.recv().await {
            let unwanted = match fed.as_ref() {
                Fed::Listed(sets) => {
                    let before = std::mem::take(&mut self.known);
                    self.known = sets.iter().filter_map(ordinals).collect();
                    before.iter().flat_map(|(set, had)| self.smaller(set, had)).collect()
                }
                Fed::Put(set) => match ordinals(set) {
                    Some((name, has)) => self.changed(&name, Some(has)),
                    None => Vec::new(),
                },
                Fed::Deleted(set) => match ordinals(set) {
                    Some((name, _)) => self.changed(&name, None),
                    None => Vec::new(),
                },
                Fed::Lost(loss) => {
                    tell_loss(&self.plural, loss);
                    Vec::new()
                }
            };
            if !unwanted.is_empty() && tell.send(unwanted).await.is_err() {
                return;
            }
        }
    }

    /// `set` has these ordinals from now on, or is gone; the pods that it had and has no more.
    fn changed(&mut self, set: &NamespacedName, has: Option<Ordinals>) -> Vec<NamespacedName> {
        let had = match has {
            Some(has) => self.known.insert(set.clone(), has),
            None => self.known.remove(set),
        };
        had.map_or_else(Vec::new, |had| self.smaller(set, &had))
    }

    /// The pods of `set` that it had and has no more.
    fn smaller(&self, set: &NamespacedName, had: &Ordinals) -> Vec<NamespacedName> {
        let name = |ordinal| {
            let name = ObjectName::new(format!("{}-{ordinal}", set.name)).ok()?;
            Some(NamespacedName { namespace: set.namespace.clone(), name })
        };
        let has = self.known.get(set);
        let gone = had.iter().filter(|ordinal| !has.is_some_and(|has| has.contains(*ordinal)));
        gone.take(MOST).filter_map(name).collect()
    }
}

/// A set's name and its ordinals.
fn ordinals(set: &Resource) -> Option<(NamespacedName, Ordinals)> {
    let name = format!("{}/{}", set.metadata.namespace.as_deref()?, set.metadata.name).parse().ok()?;
    Some((name, Ordinals::of(set)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(spec: Value) -> Resource {
        serde_json::from_value(json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": spec}))
            .unwrap()
    }

    fn pods(names: &[&str]) -> Vec<NamespacedName> {
        names.iter().map(|name| format!("shop/{name}").parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn what_it_had_and_has_no_more_is_told() {
        let (feed, heard) = mpsc::channel(9);
        let (tell, mut told) = mpsc::channel(9);
        let listing = tokio::spawn(SmallerSets::new("statefulsets").run(heard, tell));
        let four = set(json!({"replicas": 4}));
        let other = set(json!({"replicas": 3, "reserveOrdinals": [0]}));
        for fed in [
            Fed::Listed(vec![four.clone()]),
            Fed::Put(set(json!({"replicas": 2}))),
            Fed::Put(four.clone()),
            Fed::Put(other),
            Fed::Listed(vec![four.clone()]),
            Fed::Deleted(four),
        ] {
            feed.send(Arc::new(fed)).await.unwrap();
        }
        drop(feed);
        listing.await.unwrap();
        for wanted in [&["db-2", "db-3"][..], &["db-0"], &["db-0", "db-1", "db-2", "db-3"]] {
            assert_eq!(told.recv().await, Some(pods(wanted)));
        }
        assert_eq!(told.recv().await, None);
    }
}
