//! ADD.

use super::ask::Ask;
use super::held::Details;
use super::pools::Changes;
use super::views::Expected;
use super::world::{Wanted, World, is_incarnation};
use super::{Node, Sight, Undeclared, failure};
use crate::agent::Budget;
use crate::api::{AddRequest, AddResponse, Cidr, ErrorBody, ErrorCode, GrantedIp, GrantedRoute, IpFamily};
use crate::cni::{Dns, IfName};
use spiderpool_core::addr::Address;
use spiderpool_core::alloc::{self, AddPart, Allocation};
use spiderpool_core::model::{Binding, Owner, Pool, Route};
use spiderpool_core::name::OwnerUid;
use spiderpool_core::protocol::How;
use spiderpool_core::select::{
    AutoPoolProblem, GrantedAddress, PartChoice, Refusal, SelectError, Source, attach_routes, death, select,
};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// So much of a request's time is left for the answer when it has waited for its pool.
const SPARE: Duration = Duration::from_secs(1);

/// What may come without anybody asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// Nothing: the refusal stands.
    Nothing,
    /// The pool of the pod's application, which is being made.
    ItsPool,
    /// More addresses in it: the application has just been given more replicas.
    MoreOfIt,
}

impl Awaited {
    fn after(error: &SelectError) -> Self {
        match error {
            SelectError::AutoPool { problem, .. } if matches!(**problem, AutoPoolProblem::Missing { .. }) => {
                Self::ItsPool
            }
            // That of an earlier application of the same name is going, and its own is on its way.
            SelectError::NothingLeft { chosen_by: Source::PodSubnet | Source::PodSubnets, .. }
                if error
                    .refused()
                    .any(|refused| matches!(refused.reason, Refusal::EarlierApplication(_))) =>
            {
                Self::ItsPool
            }
            _ => Self::Nothing,
        }
    }
}

/// A granted address with the pool it is from.
struct Granted {
    allocation: Allocation,
    pool: Arc<Pool>,
    clean_gateway: bool,
    /// Whether it is for the interface that asked.
    asked: bool,
}

impl Node {
    pub(super) async fn grant(&self, request: AddRequest, budget: Budget) -> Result<AddResponse, ErrorBody> {
        let ask = Ask::read(&request.attachment)?;
        let mut wanted = Wanted::read(&request.ipv4_pools, &request.ipv6_pools, &request.requested_ips)?;
        wanted.config.clean_gateway = request.clean_gateway;
        wanted.config.match_master_subnet = request.match_master_subnet;
        wanted.master = request.master_addresses.iter().map(|address| (*address).into()).collect();
        let begun = Instant::now();
        let mut changes = None;
        loop {
            let mut answer = self.grant_by(&request, &ask, &wanted, budget, Sight::AtHand).await;
            if let Err((refused, _)) = &answer
                && may_be_hasty(refused)
                && self.pools.may_lag()
            {
                answer = self.grant_by(&request, &ask, &wanted, budget, Sight::Fresh).await;
            }
            let (refused, awaited) = match answer {
                Ok(answer) => return Ok(answer),
                Err(refused) => refused,
            };
            let patience = match awaited {
                Awaited::Nothing => Duration::ZERO,
                Awaited::ItsPool => self.config.auto_pool_patience,
                Awaited::MoreOfIt => self.config.auto_pool_patience / 10,
            };
            let left = patience.saturating_sub(begun.elapsed()).min(budget.remaining().saturating_sub(SPARE));
            let woken = !left.is_zero()
                && match &mut changes {
                    Some(changes) => tokio::time::timeout(left, Changes::next(changes)).await.is_ok(),
                    // A change between the look and this wakes nobody: it looks once more.
                    none => {
                        *none = Some(self.pools.changes());
                        true
                    }
                };
            if !woken {
                self.warn(&ask, &refused);
                return Err(refused);
            }
            tracing::debug!(request = %ask, ?awaited, "pools have changed while it waited for its own");
        }
    }

    async fn grant_by(
        &self,
        request: &AddRequest,
        ask: &Ask,
        wanted: &Wanted,
        budget: Budget,
        sight: Sight,
    ) -> Result<AddResponse, (ErrorBody, Awaited)> {
        let for_good = |refused| (refused, Awaited::Nothing);
        let world = self.world(ask.pod.clone(), ask.pod_uid.as_ref(), sight).await.map_err(for_good)?;
        let uid = self.incarnation(ask, &world).map_err(for_good)?;

        let mut warnings = Vec::new();
        let custom = world.custom_routes(ask, &mut warnings).map_err(for_good)?;
        let facts = world.facts(&self.config, &ask.interface, wanted);
        let selection =
            select(&facts).map_err(|error| (failure::select(ask, &error), Awaited::after(&error)))?;
        for warning in warnings.iter().chain(&selection.warnings) {
            tracing::warn!(request = %ask, %warning, "pools");
        }
        let timeout = budget.remaining();
        if timeout.is_zero() {
            let message = format!("{ask}: the deadline passed before the request was begun");
            return Err(for_good(ErrorBody::new(ErrorCode::Deadline, message, "Repeating is safe.")));
        }
        // Before anything is granted: nobody is to take the sandbox for one that was there before.
        let noting = request.attachment.net_namespace.as_deref().and_then(|namespace| {
            self.sandboxes.is_at(&ask.container, namespace.as_ref(), request.net_namespace_id)
        });
        let noted = noting.map(|note| tokio::task::spawn_blocking(|| note.write()));
        let allocations = self
            .allocator
            .add(&alloc::AddRequest {
                owner: Owner { uid, pod: ask.pod.clone() },
                container: ask.container.clone(),
                network: Some(ask.network.clone()),
                controller: world.controller.clone().map(Arc::new),
                binding: world.binding,
                parts: selection.parts.iter().map(|part| wanted_part(&world, part)).collect(),
                timeout,
            })
            .await;
        if let Some(noted) = noted {
            // What fails there says so itself.
            let _ = noted.await;
        }
        let allocations = allocations.map_err(|error| {
            if self.held.owner_of(&ask.container).is_none() {
                self.forget(&ask.container);
            }
            let refused = failure::add(ask, &error);
            let awaited = match (&selection.source, &refused.code) {
                (Source::PodSubnet | Source::PodSubnets, ErrorCode::Exhausted) => Awaited::MoreOfIt,
                _ => Awaited::Nothing,
            };
            (refused, awaited)
        })?;
        let granted = granted(ask, &world, &selection.parts, allocations);
        self.answer(ask, &request.attachment.if_name, &custom, granted).map_err(for_good)
    }

    /// Which incarnation of its pod the container belongs to; the container itself where no pod is known.
    fn incarnation(&self, ask: &Ask, world: &World) -> Result<OwnerUid, ErrorBody> {
        let gone = |why: String| {
            let details = "Nothing is to be done: the runtime makes a sandbox for the pod that is there now.";
            Err(ErrorBody::new(ErrorCode::Gone, format!("{ask}: {why}"), details))
        };
        if world.pod.is_none() && ask.pod.is_some() && self.pods.undeclared() == Undeclared::Refused {
            // Of a static pod the kubelet may tell the cluster a moment after it made the sandbox.
            return Err(ErrorBody::new(
                ErrorCode::Unavailable,
                format!("{ask}: the cluster has no pod of this name"),
                "If it was deleted, nothing is to be done. Otherwise the runtime's next try finds it.",
            ));
        }
        if let Some(pod) = &world.pod {
            if let Some(uid) = ask.pod_uid.as_ref().filter(|uid| !is_incarnation(pod, uid)) {
                let now = pod.metadata.uid.as_deref().unwrap_or_default();
                return gone(format!("the pod of this name has uid {now}, the runtime asks for uid {uid}"));
            }
            if let Some(death) = death(pod) {
                return gone(format!("the pod {death}"));
            }
            if world.binding == Binding::Stateful && world.declared_uid().is_none() {
                // Its address is fenced by the uid of the pod that is there now.
                return Err(ErrorBody::new(
                    ErrorCode::WrongInput,
                    format!("{ask}: its addresses outlive it, and it is declared without metadata.uid"),
                    "Declare the pod with a uid, another one for each incarnation.",
                ));
            }
        }
        let container = || OwnerUid::new(ask.container.as_str()).map_err(failure::bad_name);
        ask.pod_uid.clone().or_else(|| world.declared_uid()).map_or_else(container, Ok)
    }

    /// Remembers what was granted, and puts the answer together.
    fn answer(
        &self,
        ask: &Ask,
        interface: &IfName,
        custom: &[Route],
        granted: Vec<Result<Granted, Allocation>>,
    ) -> Result<AddResponse, ErrorBody> {
        let mut known = Vec::new();
        let mut orphan = None;
        for item in granted {
            match item {
                Ok(item) => known.push(item),
                Err(allocation) => {
                    self.held.saw(allocation.address, &allocation.record, None);
                    orphan = Some(allocation.address);
                }
            }
        }
        let addresses: Vec<_> = known
            .iter()
            .map(|item| GrantedAddress {
                slot: &item.allocation.slot,
                address: item.allocation.address,
                pool: &item.pool,
                clean_gateway: item.clean_gateway,
            })
            .collect();
        let routes = attach_routes(&addresses, custom);
        for warning in &routes.warnings {
            tracing::warn!(request = %ask, %warning, "routes");
        }
        let mut response = AddResponse { ips: Vec::new(), routes: Vec::new(), dns: Dns::default() };
        for item in &known {
            let Granted { allocation, pool, clean_gateway, asked } = item;
            let own = routes.placed.iter().filter(|placed| {
                placed.slot == allocation.slot
                    && placed.route.destination.family() == allocation.address.family()
            });
            let own: Vec<Route> = own.map(|placed| placed.route).collect();
            if *asked {
                tracing::info!(request = %ask, address = %allocation.address, pool = %pool.name, how = ?allocation.how, "granted");
                response.ips.push(granted_ip(allocation.address, pool, *clean_gateway, interface));
                response.routes.extend(own.iter().map(|route| GrantedRoute {
                    if_name: interface.clone(),
                    dst: route.destination.to_string(),
                    gw: route.gateway.to_string(),
                }));
            }
            let details = Details { clean_gateway: *clean_gateway, routes: own };
            self.held.saw(allocation.address, &allocation.record, Some(details));
        }
        if let Some(record) = known.first().map(|item| &item.allocation.record)
            && let Some(pod) = &record.owner.pod
        {
            let is_first = record.binding == Binding::Stateless
                && known.iter().all(|item| item.allocation.how == How::New);
            let expected = if is_first { Expected::Nothing } else { Expected::Anything };
            self.views.changed(pod.clone(), record.owner.uid.clone(), expected);
        }
        match orphan {
            None => Ok(response),
            Some(address) => Err(ErrorBody::new(
                ErrorCode::Internal,
                format!("{ask}: it holds {address}, whose pool exists no more"),
                "Delete the pod: its address is released, and the next one gets another.",
            )),
        }
    }
}

/// Whether what was refused may be to be had by what is true now: pools, pods and namespaces change.
fn may_be_hasty(refused: &ErrorBody) -> bool {
    !matches!(refused.code, ErrorCode::Deadline | ErrorCode::Unavailable)
}

fn wanted_part(world: &World, part: &PartChoice) -> AddPart {
    AddPart {
        slot: part.slot.clone(),
        interface: part.interface.clone(),
        family: part.family,
        candidates: part.candidates.iter().filter_map(|c| world.pools.reference(&c.pool)).collect(),
        address: part.requested,
    }
}

/// Each allocation with its pool; alone where the pool of an address that was held before is gone.
fn granted(
    ask: &Ask,
    world: &World,
    parts: &[PartChoice],
    allocations: Vec<Allocation>,
) -> Vec<Result<Granted, Allocation>> {
    let with_pool =
        |(allocation, part): (Allocation, &PartChoice)| match world.pools.pool(&allocation.record.pool) {
            Some(pool) => Ok(Granted {
                pool: Arc::clone(pool),
                clean_gateway: part.clean_gateway,
                asked: part.interface.as_ref() == Some(&ask.interface),
                allocation,
            }),
            None => Err(allocation),
        };
    allocations.into_iter().zip(parts).map(with_pool).collect()
}

fn granted_ip(address: Address, pool: &Pool, clean_gateway: bool, interface: &IfName) -> GrantedIp {
    let address = IpAddr::from(address);
    GrantedIp {
        version: IpFamily::of(address),
        address: Cidr { address, prefix: pool.subnet.prefix_len() },
        nic: interface.clone(),
        ip_pool: pool.name.to_string(),
        gateway: pool.gateway.map(IpAddr::from),
        vlan: pool.vlan,
        mac: None,
        clean_gateway,
    }
}
