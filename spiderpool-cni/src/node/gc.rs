//! GC (CNI 1.1.0): free what the runtime forgot.

use super::held::{HeldPart, Holding};
use super::world::is_incarnation;
use super::{Node, failure};
use crate::agent::Budget;
use crate::api::{ErrorBody, Freed, GcRequest, GcResponse, Kept};
use crate::cni::{ContainerId as CniContainerId, IfName};
use spiderpool_core::model::Attachment;
use spiderpool_core::select::is_alive;
use std::collections::HashSet;
use std::net::IpAddr;

/// What an interface that has no name yet is called.
const UNCLAIMED: &str = "unclaimed";

impl Node {
    /// Frees the records of this node and network that no listed attachment holds and whose pod is not alive.
    pub(super) async fn collect(&self, request: GcRequest, budget: Budget) -> Result<GcResponse, ErrorBody> {
        let listed: HashSet<(&str, &str)> =
            request.valid_attachments.iter().map(|a| (a.container_id.as_str(), a.ifname.as_str())).collect();
        let containers: HashSet<&str> = listed.iter().map(|(container, _)| *container).collect();
        let pools =
            self.pools.now().await.map_err(|error| failure::store("the pools cannot be read", &error))?;
        let mut response = GcResponse::default();
        for holding in self.held.all() {
            let unlisted: Vec<&HeldPart> = holding
                .parts
                .iter()
                .filter(|part| {
                    part.record.network.as_ref().is_some_and(|n| n.as_str() == request.network_name.as_str())
                })
                .filter(|part| match (part.container(), part.interface()) {
                    (Some(container), Some(interface)) => {
                        !listed.contains(&(container.as_str(), interface.as_str()))
                    }
                    // Not claimed yet: it goes with its container.
                    (Some(container), None) => !containers.contains(container.as_str()),
                    (None, _) => true,
                })
                .collect();
            if unlisted.is_empty() {
                continue;
            }
            let keep = self.reason_to_keep(&holding).await?;
            for part in unlisted {
                let pool = pools.pool(&part.record.pool).map_or("(deleted)", |pool| pool.name.as_str());
                let Some(record) = record_of(part, pool) else { continue };
                let keep = keep.clone().or_else(|| match part.record.attachment {
                    Attachment::Container(_) => None,
                    _ => Some("its container is not known".into()),
                });
                match (keep, part.container(), part.interface()) {
                    (None, Some(container), Some(interface)) => {
                        self.release_of(holding.owner.uid.clone(), container, interface, budget).await?;
                        response.freed.push(record);
                    }
                    // Freed together with the first interface of its container.
                    (None, ..) => response.freed.push(record),
                    (Some(reason), ..) => response.kept.push(Kept { record, reason }),
                }
            }
        }
        Ok(response)
    }

    /// Why nothing of this owner is freed: a fresh read shows its pod alive.
    async fn reason_to_keep(&self, holding: &Holding) -> Result<Option<String>, ErrorBody> {
        let Some(name) = &holding.owner.pod else { return Ok(None) };
        let pod =
            self.pods.pod(name).await.map_err(|error| failure::store("the pod cannot be read", &error))?;
        let alive = pod.is_some_and(|pod| is_incarnation(&pod, &holding.owner.uid) && is_alive(&pod));
        Ok(alive.then(|| format!("its pod {name} is alive")))
    }
}

fn record_of(part: &HeldPart, pool: &str) -> Option<Freed> {
    let interface = part.interface().map_or(UNCLAIMED, |interface| interface.as_str());
    Some(Freed {
        address: IpAddr::from(part.address),
        ip_pool: pool.to_owned(),
        container_id: part.container().and_then(|c| CniContainerId::new(c.as_str()).ok()),
        if_name: IfName::new(interface).ok()?,
    })
}
