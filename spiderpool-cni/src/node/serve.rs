//! [`Node`] behind the agent's API.

use super::ask::pod_name;
use super::{Node, failure};
use crate::agent::{Budget, Ipam};
use crate::api::{
    AddRequest, AddResponse, Attachment, CheckRequest, Cidr, Endpoint, EndpointInterface, EndpointQuery,
    EndpointRoute, ErrorBody, ErrorCode, ExplainRequest, Explanation, GcRequest, GcResponse, SandboxRequest,
    SandboxResponse, SandboxState, StatusResponse,
};
use crate::spool::EntryName;
use async_trait::async_trait;
use spiderpool_core::alloc::Conflicts;
use spiderpool_core::api::EndpointIP;
use spiderpool_core::name::{ContainerId, NodeName};
use spiderpool_core::store::StoreExt;
use spiderpool_core::sweep::{SandboxSeen, Sandboxes};

#[async_trait]
impl Ipam for Node {
    async fn add(&self, request: AddRequest, budget: Budget) -> Result<AddResponse, ErrorBody> {
        self.grant(request, budget).await
    }

    async fn del(&self, attachment: &Attachment, budget: Budget) -> Result<(), ErrorBody> {
        self.release(attachment, budget).await
    }

    async fn del_by_name(&self, name: &EntryName, budget: Budget) -> Result<(), ErrorBody> {
        self.release_by_name(name, budget).await
    }

    async fn check(&self, request: CheckRequest) -> Result<(), ErrorBody> {
        self.compare(request).await
    }

    async fn gc(&self, request: GcRequest) -> Result<GcResponse, ErrorBody> {
        self.collect(request, Budget::from_now(None)).await
    }

    async fn sandbox(&self, request: SandboxRequest) -> Result<SandboxResponse, ErrorBody> {
        let node = NodeName::new(&request.node).map_err(failure::bad_name)?;
        let container = ContainerId::new(request.container_id.as_str()).map_err(failure::bad_name)?;
        let sandbox = match self.ended.sandbox(&node, &container).await {
            SandboxSeen::Gone => SandboxState::Gone,
            SandboxSeen::NodeSilent => SandboxState::OtherNode,
            SandboxSeen::Alive | SandboxSeen::NotAsked => SandboxState::Alive,
        };
        Ok(SandboxResponse { sandbox })
    }

    async fn alive(&self) -> Result<(), ErrorBody> {
        self.goes_on().await
    }

    async fn status(&self) -> Result<StatusResponse, ErrorBody> {
        self.state().await
    }

    fn conflicts(&self) -> Conflicts {
        self.allocator.conflicts()
    }

    async fn endpoint(&self, query: EndpointQuery) -> Result<Endpoint, ErrorBody> {
        let name = pod_name(&query.pod_namespace, &query.pod_name)?;
        self.views.settled(Some(&name)).await;
        let found = self.allocator.store().endpoint(&name).await;
        let found = found.map_err(|error| failure::store("the endpoint cannot be read", &error))?;
        let Some((endpoint, _)) = found else {
            let details = "It may not have been granted anything yet, or is released already.";
            return Err(ErrorBody::new(ErrorCode::NotFound, format!("pod {name} holds nothing"), details));
        };
        let current = &endpoint.status.current;
        Ok(Endpoint {
            pod_namespace: query.pod_namespace,
            pod_name: query.pod_name,
            pod_uid: current.uid.clone(),
            node: current.node.clone(),
            interfaces: current.ips.iter().map(interface).collect(),
        })
    }

    async fn explain(&self, request: ExplainRequest) -> Result<Explanation, ErrorBody> {
        self.explanation(request).await
    }
}

/// One interface as the API shows it. What does not parse was written by somebody else and is left out.
fn interface(ip: &EndpointIP) -> EndpointInterface {
    let cidr = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Cidr>().ok());
    let address = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    EndpointInterface {
        interface: ip.interface.clone(),
        ipv4: cidr(&ip.ipv4),
        ipv6: cidr(&ip.ipv6),
        ipv4_pool: ip.ipv4_pool.clone(),
        ipv6_pool: ip.ipv6_pool.clone(),
        ipv4_gateway: address(&ip.ipv4_gateway),
        ipv6_gateway: address(&ip.ipv6_gateway),
        mac: ip.mac.clone(),
        vlan: ip.vlan.and_then(|vlan| u16::try_from(vlan).ok()),
        routes: ip.routes.iter().map(|r| EndpointRoute { dst: r.dst.clone(), gw: r.gw.clone() }).collect(),
    }
}
