//! The endpoints that a pass over everything looks at: of each no more than that takes.

use crate::{
    addr::Address,
    alloc::Allocator,
    api::{Claim, SpiderEndpoint},
    endpoint::shown_addresses,
    name::{NamespacedName, ObjectName},
    store::{Key, Kind, Selector, StoreError},
};

/// What a pass wants to know of an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointSeen {
    pub(super) name: NamespacedName,
    /// Of the incarnation that it shows.
    pub(super) uid: Box<str>,
    pub(super) shown: Box<[Address]>,
    pub(super) claims: Box<[Claim]>,
    /// The StatefulSet that it belongs to.
    pub(super) set: Option<ObjectName>,
}

impl EndpointSeen {
    /// The endpoint `name` as it is.
    #[must_use]
    pub fn of(name: NamespacedName, endpoint: &SpiderEndpoint) -> Self {
        let status = &endpoint.status;
        let set = (status.owner_controller_type == "StatefulSet")
            .then(|| ObjectName::new(&status.owner_controller_name).ok());
        Self {
            name,
            uid: status.current.uid.as_str().into(),
            shown: shown_addresses(endpoint).collect(),
            claims: status.claims.as_slice().into(),
            set: set.flatten(),
        }
    }
}

/// All endpoints, as the store lists them.
pub(super) async fn listed(allocator: &Allocator) -> Result<Vec<EndpointSeen>, StoreError> {
    let listing = allocator.store().list(&Selector::Kind(Kind::Endpoint)).await?;
    let seen = listing.items.into_iter().filter_map(|item| match item.key {
        Key::Endpoint(name) => Some(EndpointSeen::of(name, item.document.as_endpoint()?)),
        _ => None,
    });
    Ok(seen.collect())
}
