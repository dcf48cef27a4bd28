//! Texts that neighbouring records have in common, kept once: a block that was read has each in every record that names it, and
//! who keeps many blocks keeps twice as much.

use std::sync::Arc;

use crate::{
    model::{Attachment, Controller, Record, Slot},
    name::{ContainerId, InterfaceName, Namespace, NetworkName, NodeName, ObjectName, OwnerUid, Uid},
};

/// The texts of the last few records.
#[derive(Default)]
pub(super) struct Texts {
    pools: Last<Uid, 2>,
    owners: Last<OwnerUid, 1>,
    namespaces: Last<Namespace, 2>,
    pods: Last<ObjectName, 1>,
    interfaces: Last<InterfaceName, 4>,
    networks: Last<NetworkName, 2>,
    containers: Last<ContainerId, 1>,
    nodes: Last<NodeName, 2>,
    controllers: Last<Arc<Controller>, 2>,
}

/// The last `N` different ones.
struct Last<T, const N: usize>(Vec<T>);

impl<T, const N: usize> Default for Last<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq, const N: usize> Last<T, N> {
    fn share(&mut self, own: &mut T) {
        if let Some(known) = self.0.iter().find(|known| *known == own) {
            own.clone_from(known);
            return;
        }
        if self.0.len() == N {
            self.0.remove(0);
        }
        self.0.push(own.clone());
    }
}

impl Texts {
    /// Has `record` use the texts that records before it have.
    pub(super) fn share(&mut self, record: &mut Record) {
        self.pools.share(&mut record.pool);
        self.owners.share(&mut record.owner.uid);
        if let Some(pod) = &mut record.owner.pod {
            self.namespaces.share(&mut pod.namespace);
            self.pods.share(&mut pod.name);
        }
        if let Slot::Named(name) = &mut record.slot {
            self.interfaces.share(name);
        }
        if let Some(name) = &mut record.interface {
            self.interfaces.share(name);
        }
        if let Some(network) = &mut record.network {
            self.networks.share(network);
        }
        if let Attachment::Container(container) = &mut record.attachment {
            self.containers.share(container);
        }
        self.nodes.share(&mut record.node);
        if let Some(controller) = &mut record.controller {
            self.controllers.share(controller);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use crate::model::{Attachment, Block, Slot};

    /// Eight records of two pods, each with four interfaces.
    #[test]
    fn a_block_that_was_read_has_each_text_once() {
        let record = |offset: u8| {
            let pod = format!("pod-{}", offset / 4);
            json!([offset, {
                "pool": "uid-pool", "owner": {"uid": format!("uid-{pod}"), "pod": {"namespace": "default", "name": pod}},
                "controller": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "pod", "uid": "uid-set"},
                "slot": format!("eth{}", offset % 4), "interface": format!("eth{}", offset % 4), "network": "net",
                "attachment": {"container": format!("container-{pod}")}, "node": "n1", "since": 0,
            }])
        };
        let stored = json!({
            "id": {"scope": "default", "family": 4, "index": "1"}, "bits": 3,
            "records": (0..8).map(record).collect::<Vec<_>>(),
        });
        let block: Block = from_value(stored).unwrap();
        let mut texts = Vec::new();
        for (_, record) in block.records() {
            let pod = record.owner.pod.as_ref().unwrap();
            let (Slot::Named(slot), Attachment::Container(container)) = (&record.slot, &record.attachment)
            else {
                panic!("{record:?}")
            };
            texts.extend([record.pool.as_str(), record.owner.uid.as_str(), container.as_str()]);
            texts.extend([pod.namespace.as_str(), pod.name.as_str(), record.node.as_str(), slot.as_str()]);
            texts.extend([
                record.interface.as_ref().unwrap().as_str(),
                record.network.as_ref().unwrap().as_str(),
            ]);
            texts.push(record.controller.as_ref().unwrap().name.as_str());
        }
        let places = |mut texts: Vec<&str>| {
            texts.sort_by_key(|text| text.as_ptr());
            texts.dedup_by_key(|text| text.as_ptr());
            texts.len()
        };
        // Of the pool, the network, the node, the namespace and the controller one; of each pod three; four interfaces.
        assert_eq!(places(texts), 5 + 2 * 3 + 4);
    }
}
