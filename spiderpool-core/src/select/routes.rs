//! Which route goes through which interface, once addresses are granted.

use crate::{
    addr::{Address, Cidr},
    api::{Warning, keys},
    model::{Pool, Route, Slot},
};

/// An address that a pod holds.
#[derive(Clone, Copy, Debug)]
pub struct GrantedAddress<'a> {
    /// Of which interface.
    pub slot: &'a Slot,
    /// The address.
    pub address: Address,
    /// The pool it is from.
    pub pool: &'a Pool,
    /// Whether the pod gets no default route through this interface.
    pub clean_gateway: bool,
}

/// A route of one interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedRoute {
    /// Through which interface.
    pub slot: Slot,
    /// The route.
    pub route: Route,
}

/// The routes of a pod.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routes {
    /// In the order of the addresses; for each the default route first, then the pool's routes, then the pod's own.
    pub placed: Vec<PlacedRoute>,
    /// One per route of the pod that fits none of its addresses.
    pub warnings: Vec<Warning>,
}

/// Places routes: for each address the default route through its pool's gateway (unless `clean_gateway`) and the
/// pool's own routes; each of the pod's `custom` routes goes to the first address whose network contains its gateway.
/// A default route among `custom` takes the place of the gateway's on that interface.
///
/// `granted` are all addresses of the pod that are known, in the order of the parts; the caller picks the slots it
/// answers for.
#[must_use]
pub fn attach_routes(granted: &[GrantedAddress<'_>], custom: &[Route]) -> Routes {
    let mut result = Routes::default();
    let home = |route: &Route| granted.iter().position(|item| item.pool.subnet.contains(route.gateway));
    for (i, item) in granted.iter().enumerate() {
        let own: Vec<_> = custom.iter().filter(|route| home(route) == Some(i)).collect();
        let default = Cidr::new(Address::lowest(item.address.family()), 0).ok();
        let by_gateway = item.pool.gateway.filter(|_| !item.clean_gateway).zip(default);
        let by_gateway = by_gateway.map(|(gateway, destination)| Route { destination, gateway });
        let by_gateway = by_gateway.filter(|_| !own.iter().any(|route| route.is_default()));
        let mut placed: Vec<Route> = Vec::new();
        for route in by_gateway.iter().chain(&item.pool.routes).chain(own) {
            if !placed.contains(route) {
                placed.push(*route);
            }
        }
        let placed = placed.into_iter().map(|route| PlacedRoute { slot: item.slot.clone(), route });
        result.placed.extend(placed);
    }
    for route in custom.iter().filter(|route| home(route).is_none()) {
        let message = format!(
            "the route to {} is left out: its gateway {} is in the network of none of the pod's addresses",
            route.destination, route.gateway
        );
        result.warnings.push(Warning::new(format!("metadata.annotations[{}]", keys::ROUTES), message));
    }
    result
}
