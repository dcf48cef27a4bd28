//! The intent log (rule 7): grants are written here before they are sent, so that a restarted process knows which
//! blocks to look at.

use std::{collections::BTreeMap, fmt::Debug};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{
    model::{BlockId, GrantKey},
    protocol::LogWrite,
    store::{StoreError, Token},
};

/// An entry of the log: the key, its block, and the token of the write that was sent; none for what was held already.
pub type Logged = (GrantKey, BlockId, Option<Token>);

/// A small log local to the node. It must survive the process, not the machine, and is locked against a second one.
#[async_trait]
pub trait IntentLog: Debug + Send + Sync {
    /// Everything that was put and not removed, with the tokens of grants; none where the log was never begun: then it is
    /// asked of the blocks.
    ///
    /// # Errors
    /// The log cannot be read.
    async fn load(&self) -> Result<Option<Vec<Logged>>, StoreError>;

    /// Begins the log: `held` is all that this node holds, and from now on the log says so.
    ///
    /// # Errors
    /// The log cannot be written.
    async fn begin(&self, held: Vec<(GrantKey, BlockId)>) -> Result<(), StoreError>;

    /// Takes a change in; done when it would survive the death of the process.
    ///
    /// # Errors
    /// The log cannot be written; the grant is then not sent.
    async fn write(&self, write: LogWrite) -> Result<(), StoreError>;
}

/// A log in memory: for tests, where the process does not die but its allocator does. It counts as begun. In the order of
/// its keys, so that what follows from it is the same every time.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<BTreeMap<GrantKey, (BlockId, Option<Token>)>>);

#[async_trait]
impl IntentLog for MemoryLog {
    async fn load(&self) -> Result<Option<Vec<Logged>>, StoreError> {
        let entries = self.0.lock();
        let entries = entries.iter().map(|(key, (block, token))| (key.clone(), block.clone(), token.clone()));
        Ok(Some(entries.collect()))
    }

    async fn begin(&self, held: Vec<(GrantKey, BlockId)>) -> Result<(), StoreError> {
        *self.0.lock() = held.into_iter().map(|(key, block)| (key, (block, None))).collect();
        Ok(())
    }

    async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        let mut entries = self.0.lock();
        for (key, block, token) in write.put {
            entries.insert(key, (block, Some(token)));
        }
        for key in write.remove {
            entries.remove(&key);
        }
        Ok(())
    }
}
