//! Which nodes are gone: deleted, declared to be out of service, or silent for too long.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;
use spiderpool_core::{
    api::Resource,
    name::NodeName,
    sweep::{Service, Sources, SweepPolicy, node_gone},
};
use spiderpool_store_kube::{Fed, Follow, KubeStore, ServedKind};
use tokio::{sync::mpsc, time::Instant};

/// The pause between two looks at the nodes that are under suspicion; and for each of them so much, where there are many.
const LOOK: Duration = Duration::from_secs(1);
const EACH: Duration = Duration::from_millis(20);

/// Watches nodes.
pub(super) struct GoneNodes {
    store: KubeStore,
    sources: Arc<dyn Sources>,
    policy: SweepPolicy,
    known: BTreeSet<NodeName>,
    /// Not well, and not known to be gone.
    suspects: BTreeSet<NodeName>,
}

/// Whether its Ready condition is True, and nobody says that it is out of service.
fn is_well(node: &Resource) -> bool {
    let conditions = node.rest.get("status").and_then(|status| status.get("conditions")?.as_array());
    let ready =
        conditions.into_iter().flatten().find(|one| one.get("type").and_then(Value::as_str) == Some("Ready"));
    let ready = ready.and_then(|ready| ready.get("status")?.as_str());
    ready == Some("True") && Service::of(node) == Service::In
}

fn name(node: &Resource) -> Option<NodeName> {
    NodeName::new(&node.metadata.name).ok()
}

impl GoneNodes {
    pub(super) fn new(store: &KubeStore, sources: Arc<dyn Sources>, policy: SweepPolicy) -> Self {
        let (known, suspects) = (BTreeSet::new(), BTreeSet::new());
        Self { store: store.clone(), sources, policy, known, suspects }
    }

    /// Tells each node that is gone, once, until nobody listens any more.
    pub(super) async fn run(mut self, tell: mpsc::Sender<NodeName>) {
        let mut feed = self.store.feed(&Follow::Kind(ServedKind::known("v1", "Node", "nodes")));
        let mut look = Instant::now();
        loop {
            let wait = async {
                match self.suspects.is_empty() {
                    true => std::future::pending().await,
                    false => tokio::time::sleep_until(look).await,
                }
            };
            tokio::select! {
                news = feed.next() => self.hear(news),
                () = wait => {
                    for gone in self.look().await {
                        if tell.send(gone).await.is_err() {
                            return;
                        }
                    }
                    look = Instant::now() + LOOK.max(EACH * u32::try_from(self.suspects.len()).unwrap_or(u32::MAX));
                }
            }
        }
    }

    fn hear(&mut self, news: Fed) {
        match news {
            Fed::Listed(nodes) => {
                let before = std::mem::take(&mut self.known);
                nodes.iter().for_each(|node| self.put(node));
                self.suspects.extend(before.difference(&self.known).cloned());
            }
            Fed::Put(node) => self.put(&node),
            Fed::Deleted(node) => {
                if let Some(name) = name(&node) {
                    self.known.remove(&name);
                    self.suspects.insert(name);
                }
            }
            Fed::Lost(loss) => tracing::debug!(?loss, "the watch on nodes begins anew"),
        }
    }

    fn put(&mut self, node: &Resource) {
        let Some(name) = name(node) else { return };
        self.known.insert(name.clone());
        if is_well(node) {
            self.suspects.remove(&name);
        } else {
            self.suspects.insert(name);
        }
    }

    /// Asks about those under suspicion; those that are gone are so no more.
    async fn look(&mut self) -> Vec<NodeName> {
        let mut gone = Vec::new();
        for node in self.suspects.clone() {
            if let Some(why) = node_gone(self.sources.node(&node).await, &self.policy) {
                tracing::info!(%node, ?why, "the node is gone: what it holds is swept");
                self.suspects.remove(&node);
                gone.push(node);
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_node_that_says_so_is_well() {
        let node = |conditions: Value, taints: Value| {
            let object = json!({"status": {"conditions": conditions}, "spec": {"taints": taints}});
            is_well(&serde_json::from_value(object).unwrap())
        };
        let ready = |status: &str| json!([{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": status}]);
        assert!(node(ready("True"), json!([])));
        assert!(!node(ready("Unknown"), json!([])));
        assert!(!node(json!([]), json!([])));
        assert!(!node(ready("True"), json!([{"key": "node.kubernetes.io/out-of-service"}])));
    }
}
