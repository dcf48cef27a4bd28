//! Conveniences for callers, written once over the contract.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Key, Store, StoreError, Token};
use crate::{
    api::{Resource, SpiderEndpoint, SpiderIPPool, SpiderReservedIP, SpiderSubnet},
    model::{Block, BlockId, Plan, PlanId},
    name::{NamespacedName, ObjectName},
};

/// Typed reads over any [`Store`].
#[async_trait]
pub trait StoreExt: Store {
    /// The pool `name` with its token.
    async fn pool(&self, name: &ObjectName) -> Result<Option<(Arc<SpiderIPPool>, Token)>, StoreError> {
        Ok(self
            .get(&Key::Pool(name.clone()))
            .await?
            .and_then(|v| Some((v.document.as_pool()?.clone(), v.token))))
    }

    /// The subnet `name` with its token.
    async fn subnet(&self, name: &ObjectName) -> Result<Option<(Arc<SpiderSubnet>, Token)>, StoreError> {
        let found = self.get(&Key::Subnet(name.clone())).await?;
        Ok(found.and_then(|v| Some((v.document.as_subnet()?.clone(), v.token))))
    }

    /// The reservation `name` with its token.
    async fn reservation(
        &self,
        name: &ObjectName,
    ) -> Result<Option<(Arc<SpiderReservedIP>, Token)>, StoreError> {
        let found = self.get(&Key::Reservation(name.clone())).await?;
        Ok(found.and_then(|v| Some((v.document.as_reservation()?.clone(), v.token))))
    }

    /// The plan `id` with its token.
    async fn plan(&self, id: &PlanId) -> Result<Option<(Arc<Plan>, Token)>, StoreError> {
        Ok(self
            .get(&Key::Plan(id.clone()))
            .await?
            .and_then(|v| Some((v.document.as_plan()?.clone(), v.token))))
    }

    /// The block `id` with its token.
    async fn block(&self, id: &BlockId) -> Result<Option<(Arc<Block>, Token)>, StoreError> {
        Ok(self
            .get(&Key::Block(id.clone()))
            .await?
            .and_then(|v| Some((v.document.as_block()?.clone(), v.token))))
    }

    /// The endpoint `name` with its token.
    async fn endpoint(
        &self,
        name: &NamespacedName,
    ) -> Result<Option<(Arc<SpiderEndpoint>, Token)>, StoreError> {
        let found = self.get(&Key::Endpoint(name.clone())).await?;
        Ok(found.and_then(|v| Some((v.document.as_endpoint()?.clone(), v.token))))
    }

    /// The pod `name` with its token.
    async fn pod(&self, name: &NamespacedName) -> Result<Option<(Arc<Resource>, Token)>, StoreError> {
        Ok(self.get(&Key::pod(name)).await?.and_then(|v| Some((v.document.as_resource()?.clone(), v.token))))
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
