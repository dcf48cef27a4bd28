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

/// A small log local to the node. It must survive the process, not the machine, and is locked against a second one.
#[async_trait]
pub trait IntentLog: Debug + Send + Sync {
    /// Everything that was put and not removed.
    ///
    /// # Errors
    /// The log cannot be read.
    async fn load(&self) -> Result<Vec<(GrantKey, BlockId, Token)>, StoreError>;

    /// Takes a change in; done when it would survive the death of the process.
    ///
    /// # Errors
    /// The log cannot be written; the grant is then not sent.
    async fn write(&self, write: LogWrite) -> Result<(), StoreError>;
}

/// A log in memory: for tests, where the process does not die but its allocator does. In the order of its keys, so
/// that what follows from it is the same every time.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<BTreeMap<GrantKey, (BlockId, Token)>>);

#[async_trait]
impl IntentLog for MemoryLog {
    async fn load(&self) -> Result<Vec<(GrantKey, BlockId, Token)>, StoreError> {
        let entries = self.0.lock();
        Ok(entries.iter().map(|(key, (block, token))| (key.clone(), block.clone(), token.clone())).collect())
    }

    async fn write(&self, write: LogWrite) -> Result<(), StoreError> {
        let mut entries = self.0.lock();
        for (key, block, token) in write.put {
            entries.insert(key, (block, token));
        }
        for key in write.remove {
            entries.remove(&key);
        }
        Ok(())
    }
}
