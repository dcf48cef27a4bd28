//! What an agent remembers: the log that outlives it, and what it forgets when it crashes.

use std::{collections::BTreeMap, sync::Arc};

use spiderpool_core::{
    addr::Address,
    model::{Block, BlockId, GrantKey},
    protocol::{Action, Belief, Intent, LogWrite, OpenAttempt, Outcome},
    store::Token,
};

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Memory {
    log: BTreeMap<GrantKey, (BlockId, Token)>,
    held: BTreeMap<GrantKey, Address>,
    attempts: BTreeMap<GrantKey, OpenAttempt>,
    /// Blocks as last seen; none: this agent has no cache.
    cache: Option<BTreeMap<BlockId, (Token, Arc<Block>)>>,
}

impl Memory {
    pub(crate) fn cache(&mut self) {
        self.cache.get_or_insert_default();
    }

    /// An agent with a cache takes a block that it has never seen for one that nobody has made.
    pub(crate) fn belief(&self, id: &BlockId) -> Belief {
        let Some(cache) = &self.cache else { return Belief::Nothing };
        cache.get(id).map_or(Belief::Absent, |(token, block)| Belief::Block(token.clone(), block.clone()))
    }

    pub(crate) fn caches(&self) -> bool {
        self.cache.is_some()
    }

    /// The token at which this agent saw a block last, and what was held there.
    pub(crate) fn seen(&self, id: &BlockId) -> Option<(Token, u64)> {
        let (token, block) = self.cache.as_ref()?.get(id)?;
        Some((token.clone(), block.held()))
    }

    pub(crate) fn saw(&mut self, id: &BlockId, block: Option<(Token, Arc<Block>)>) {
        let Some(cache) = &mut self.cache else { return };
        match block {
            Some(block) => drop(cache.insert(id.clone(), block)),
            None => drop(cache.remove(id)),
        }
    }

    pub(crate) fn write_log(&mut self, write: LogWrite) {
        self.log.extend(write.put.into_iter().map(|(key, block, token)| (key, (block, token))));
        write.remove.iter().for_each(|key| drop(self.log.remove(key)));
    }

    /// As the allocator's own index takes in what became of an intent.
    pub(crate) fn note(&mut self, block: &BlockId, intent: &Intent, outcome: &Outcome) {
        let Some(key) = intent.key() else { return };
        match outcome {
            Outcome::Granted(address, ..) => {
                self.attempts.remove(key);
                self.held.insert(key.clone(), *address);
            }
            Outcome::Released(_) | Outcome::Detached(_) | Outcome::Nothing => {
                self.attempts.remove(key);
                self.held.remove(key);
            }
            Outcome::Superseded(_) if matches!(intent.action, Action::Release(_)) => {}
            Outcome::Unresolved(token) => {
                let attempt = OpenAttempt { block: block.clone(), token: Some(token.clone()) };
                self.attempts.insert(key.clone(), attempt);
            }
            _ => {}
        }
    }

    pub(crate) fn of(&self, key: &GrantKey) -> (Option<Address>, Option<OpenAttempt>) {
        (self.held.get(key).copied(), self.attempts.get(key).cloned())
    }

    /// The keys of `owner` that hold something, or may.
    pub(crate) fn keys_of(&self, owner: &str) -> Vec<GrantKey> {
        let mut keys: Vec<GrantKey> = self.held.keys().chain(self.attempts.keys()).cloned().collect();
        keys.retain(|key| key.owner.as_str() == owner);
        keys.sort();
        keys.dedup();
        keys
    }

    /// The process dies and the next one reads the log.
    pub(crate) fn restart(&mut self) {
        self.held.clear();
        let attempt = |(block, token): &(BlockId, Token)| OpenAttempt {
            block: block.clone(),
            token: Some(token.clone()),
        };
        self.attempts = self.log.iter().map(|(key, entry)| (key.clone(), attempt(entry))).collect();
        if let Some(cache) = &mut self.cache {
            cache.clear();
        }
    }

    /// The machine dies and its log with it: what the node holds is read from the blocks.
    pub(crate) fn lose(&mut self, records: impl Iterator<Item = (GrantKey, Address)>) {
        self.log.clear();
        self.restart();
        self.held = records.collect();
    }
}
