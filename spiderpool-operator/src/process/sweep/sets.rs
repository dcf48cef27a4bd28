//! Which pods a StatefulSet wants no more: those beyond its replicas, and all of one that is deleted.

use std::collections::BTreeMap;

use serde_json::Value;
use spiderpool_core::{
    api::Resource,
    name::{NamespacedName, ObjectName},
};
use spiderpool_store_kube::{Fed, Follow, KubeStore, ServedKind};
use tokio::sync::mpsc;

/// Of one set: the first ordinal, and the one after its last.
type Ordinals = (u64, u64);

/// So many pods of one set are looked at; a full pass sees to the others.
const MOST: usize = 4_096;

/// Watches StatefulSets.
pub(super) struct SmallerSets {
    store: KubeStore,
    known: BTreeMap<NamespacedName, Ordinals>,
}

impl SmallerSets {
    pub(super) fn new(store: &KubeStore) -> Self {
        Self { store: store.clone(), known: BTreeMap::new() }
    }

    /// Tells the pods that are wanted no more, until nobody listens any more. What happened before is for the first full pass.
    pub(super) async fn run(mut self, tell: mpsc::Sender<Vec<NamespacedName>>) {
        let sets = ServedKind::known("apps/v1", "StatefulSet", "statefulsets");
        let mut feed = self.store.feed(&Follow::Kind(sets));
        loop {
            let unwanted = match feed.next().await {
                Fed::Listed(sets) => {
                    let before = std::mem::take(&mut self.known);
                    self.known = sets.iter().filter_map(ordinals).collect();
                    let smaller = before.iter().map(|(set, had)| self.smaller(set, *had));
                    smaller.flatten().collect()
                }
                Fed::Put(set) => match ordinals(&set) {
                    Some((name, has)) => self.changed(&name, Some(has)),
                    None => Vec::new(),
                },
                Fed::Deleted(set) => match ordinals(&set) {
                    Some((name, _)) => self.changed(&name, None),
                    None => Vec::new(),
                },
                Fed::Lost(loss) => {
                    tracing::debug!(?loss, "the watch on StatefulSets begins anew");
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
        had.map_or_else(Vec::new, |had| self.smaller(set, had))
    }

    /// The pods of `set` that it had and has no more.
    fn smaller(&self, set: &NamespacedName, had: Ordinals) -> Vec<NamespacedName> {
        let has = self.known.get(set).copied().unwrap_or_default();
        let name = |ordinal| {
            let name = ObjectName::new(format!("{}-{ordinal}", set.name)).ok()?;
            Some(NamespacedName { namespace: set.namespace.clone(), name })
        };
        gone(had, has).take(MOST).filter_map(name).collect()
    }
}

/// The ordinals that were and are no more.
fn gone((first, after): Ordinals, (start, end): Ordinals) -> impl Iterator<Item = u64> {
    (first..after.min(start)).chain(first.max(end)..after)
}

/// A set's name and its ordinals.
fn ordinals(set: &Resource) -> Option<(NamespacedName, Ordinals)> {
    let name = format!("{}/{}", set.metadata.namespace.as_deref()?, set.metadata.name).parse().ok()?;
    let spec = set.rest.get("spec");
    let number = |value: Option<&Value>, default| value.and_then(Value::as_u64).unwrap_or(default);
    let start = number(spec.and_then(|spec| spec.get("ordinals")?.get("start")), 0);
    let replicas = number(spec.and_then(|spec| spec.get("replicas")), 1);
    Some((name, (start, start.saturating_add(replicas))))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn set(spec: Value) -> Resource {
        serde_json::from_value(json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": spec}))
            .unwrap()
    }

    #[test]
    fn what_is_gone_was_there_and_is_not() {
        let all = || (0..5u64).flat_map(|start| (start..5).map(move |end| (start, end)));
        for (had, has) in all().flat_map(|had| all().map(move |has| (had, has))) {
            let expected: Vec<u64> = (had.0..had.1).filter(|n| !(has.0..has.1).contains(n)).collect();
            assert_eq!(gone(had, has).collect::<Vec<_>>(), expected, "{had:?} {has:?}");
        }
    }

    #[rstest]
    #[case::one_by_default(json!({}), (0, 1))]
    #[case::none(json!({"replicas": 0}), (0, 0))]
    #[case::from_elsewhere(json!({"replicas": 3, "ordinals": {"start": 5}}), (5, 8))]
    fn its_ordinals_are_read(#[case] spec: Value, #[case] wanted: Ordinals) {
        assert_eq!(ordinals(&set(spec)), Some(("shop/db".parse().unwrap(), wanted)));
    }
}
