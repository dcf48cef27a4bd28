//! Objects as they are shown: with the status that the blocks give them.

use super::{Inspect, InspectError};
use crate::{
    api::manifest::Object,
    store::{Key, Kind, Selector, StoreError},
};

impl Inspect {
    /// The object under `key`; a pool or a subnet with its present status ([`Inspect::pool_status`]). None for what
    /// does not exist, or is no object.
    ///
    /// # Errors
    /// The store failed.
    pub async fn object(&self, key: &Key, shown: usize) -> Result<Option<Object>, StoreError> {
        let Some(found) = self.store.get(key).await? else { return Ok(None) };
        let mut object = Object::of_document(&found.document);
        match &mut object {
            Some(Object::Pool(pool)) => match self.pool_status(pool, shown).await {
                Ok(status) => pool.status = status,
                Err(InspectError::Store(error)) => return Err(error),
                Err(_) => {}
            },
            Some(Object::Subnet(subnet)) => {
                if let Ok(status) = self.subnet_status(subnet) {
                    subnet.status = status;
                }
            }
            _ => {}
        }
        Ok(object)
    }

    /// The objects that `selector` selects, ascending by key; pools and subnets with their present status.
    ///
    /// # Errors
    /// The store failed.
    pub async fn objects(&self, selector: &Selector, shown: usize) -> Result<Vec<Object>, StoreError> {
        match selector {
            Selector::Kind(Kind::Pool) => {
                let pools = self.pools_with_status(shown).await?;
                Ok(pools.into_iter().map(|pool| Object::Pool(Box::new(pool))).collect())
            }
            Selector::Kind(Kind::Subnet) => {
                let subnets = self.subnets_with_status().await?;
                Ok(subnets.into_iter().map(|subnet| Object::Subnet(Box::new(subnet))).collect())
            }
            selector => {
                let listing = self.store.list(selector).await?;
                Ok(listing.items.iter().filter_map(|item| Object::of_document(&item.document)).collect())
            }
        }
    }
}
