//! What a process that begins knows of what its node holds.

use super::{Inner, driver::Driver};
use crate::{
    mutation::Mutation,
    store::{Document, Kind, Selector, StoreError},
};

impl Inner {
    /// Takes in what is held: the blocks where this process owns the store, else the intent log, or the blocks where it was
    /// never begun. On a shared store without a log the first request reads the blocks: whoever only looks does not pay
    /// for it.
    pub(super) async fn recall(&self) -> Result<(), StoreError> {
        if Mutation::LogNotRead.active() {
            return Ok(());
        }
        let Driver { index, log, shared, .. } = &self.driver;
        match (shared, log) {
            (false, _) => self.remember().await,
            (true, None) => Ok(()),
            (true, Some(log)) => {
                let Some(logged) = log.load().await? else {
                    self.read_blocks().await?;
                    return log.begin(index.held_in(&self.scope, self.driver.setting.bits)).await;
                };
                for (key, block, token) in logged {
                    index.open(&key, block, token);
                }
                Ok(())
            }
        }
    }

    /// Reads from the blocks, once, what this node's owners hold; nothing to do where the log says it.
    pub(super) async fn remember(&self) -> Result<(), StoreError> {
        let Driver { log, shared, .. } = &self.driver;
        if (*shared && log.is_some()) || Mutation::LogNotRead.active() {
            return Ok(());
        }
        self.remembered.get_or_try_init(async || self.read_blocks().await).await.copied()
    }

    async fn read_blocks(&self) -> Result<(), StoreError> {
        let Driver { store, index, shared, .. } = &self.driver;
        for item in store.list(&Selector::Kind(Kind::Block)).await?.items {
            let Document::Block(block) = &item.document else { continue };
            if block.id().scope != self.scope {
                continue;
            }
            for (offset, record) in block.records() {
                if !*shared || record.node == self.node {
                    let address = block.address(offset);
                    index.saw(&record.key(address.family()), address, record);
                }
            }
        }
        Ok(())
    }
}
