//! The store.

use std::{
    fmt,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use spiderpool_core::{
    env::Env,
    model::BlockBits,
    store::{
        Capabilities, Document, Key, Kind, Listing, Position, Selector, Store, StoreError, Token, Versioned,
        Watch, encode,
        local::{Action, Committed, Write},
    },
};

use crate::{
    OpenError, SledConfig,
    flush::{Answer, Desk, Patience, Request, Writer},
    keys,
    layout::Layout,
    lock::Lock,
    open::{Opened, open},
    reply::channel,
    sidecar::Sidecar,
    value::Unsealed,
};

/// The largest encoded document. Far above what Spiderpool writes, far below what would hold up everybody else.
const MAX_DOCUMENT_BYTES: usize = 4 << 20;

/// A store on sled. Dropping it waits until everything is written, and closes the database.
pub struct SledStore {
    desk: Arc<Desk>,
    block_bits: BlockBits,
    losses: Vec<String>,
    layout: Layout,
    database: String,
    writer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    lock: Option<Lock>,
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.layout.directory;
        f.debug_struct("SledStore").field("path", path).field("documents", &self.desk.committed).finish()
    }
}

impl SledStore {
    /// Opens the database of `config`, or makes it. Blocks for as long as it takes to read all of it, some
    /// 3 µs for each held address. Each of them takes about 1 KiB of memory while the store is open.
    ///
    /// # Errors
    /// [`OpenError`], each of which says what to do.
    pub fn open(config: &SledConfig, env: &Env) -> Result<Self, OpenError> {
        Self::start(open(config, env)?, config, Patience::default())
    }

    pub(crate) fn start(opened: Opened, config: &SledConfig, patience: Patience) -> Result<Self, OpenError> {
        let Opened { engine, contents, meta, layout, lock, losses } = opened;
        let committed = Committed::new(contents.table, meta.last);
        let desk = Arc::new(Desk::new(committed, patience));
        let database = meta.id.clone();
        let writer = Writer { desk: desk.clone(), engine, meta, checksums: contents.checksums };
        let failed =
            |source| OpenError::Io { action: "start a thread for", path: config.path.clone(), source };
        let writer =
            thread::Builder::new().name("sled-writer".into()).spawn(|| writer.run()).map_err(failed)?;
        let (kept, place, id) = (desk.clone(), layout.clone(), database.clone());
        let save = move |revision: spiderpool_core::store::local::Revision| {
            let sidecar = Sidecar { database: id.clone(), acknowledged: revision.0 };
            if let Err(error) = sidecar.write(&place) {
                tracing::warn!("{error}: until this works again, a loss of the last writes may go unnoticed");
            }
        };
        let keeper = thread::Builder::new().name("sled-keeper".into()).spawn(move || kept.keep(save));
        // Without a keeper the writer must end as well; dropping the store sees to it.
        let (keeper, failure) = match keeper {
            Ok(keeper) => (Some(keeper), None),
            Err(error) => (None, Some(failed(error))),
        };
        let block_bits = config.block_bits;
        let (writer, lock) = (Some(writer), Some(lock));
        let store = Self { desk, block_bits, losses, layout, database, writer, keeper, lock };
        failure.map_or(Ok(store), Err)
    }

    /// The directory of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.layout.directory
    }

    /// What was found missing at opening and accepted as lost ([`crate::Loss::Accept`]), in words; empty otherwise.
    #[must_use]
    pub fn losses(&self) -> &[String] {
        &self.losses
    }

    async fn write(&self, key: &Key, action: Action) -> Answer {
        let write = Write { key: key.clone(), action };
        // What is committed decides already; what is under way is judged by the writer.
        write.judge(self.desk.committed.get(key)?.as_ref().map(|found| &found.token))?;
        let bytes = keys::encode(key);
        let value = match &write.action {
            Action::Delete(_) => None,
            // Bounded by its 64 records; only the difference is written, which only the writer knows.
            Action::Create(Document::Block(_)) | Action::Update(_, Document::Block(_))
                if key.kind() == Kind::Block =>
            {
                None
            }
            Action::Create(document) | Action::Update(_, document) => {
                let body = encode(key, document)?;
                if body.len() > MAX_DOCUMENT_BYTES {
                    let (key, limit) = (key.clone(), MAX_DOCUMENT_BYTES);
                    return Err(StoreError::TooLarge { key, bytes: body.len(), limit });
                }
                Some(Unsealed::new(&bytes, &body))
            }
        };
        let (reply, answer) = channel();
        self.desk.submit(Request { write, bytes, value, reply })?;
        answer.await.unwrap_or_else(|| Err(StoreError::unknown("the thread that writes has ended")))
    }
}

fn join(thread: Option<JoinHandle<()>>, layout: &Layout) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a thread of the store on {} died", layout.directory.display());
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.desk.close();
        // The keeper ends once the writer has, or once it has given the writer up.
        join(self.keeper.take(), &self.layout);
        if self.desk.is_stuck() {
            // It may still write: whoever opens the database next must not be let in before this process ends.
            std::mem::forget(self.lock.take());
            return;
        }
        join(self.writer.take(), &self.layout);
        if !self.desk.has_failed() {
            let acknowledged = self.desk.committed.revision().0;
            let sidecar = Sidecar { database: self.database.clone(), acknowledged };
            if let Err(error) = sidecar.write(&self.layout) {
                tracing::warn!("{error}: a loss of the last writes may go unnoticed");
            }
        }
        self.desk.committed.close("the store was closed");
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for SledStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "sled".into(),
            snapshot_list: true,
            durable: true,
            watch: true,
            shared: false,
            own_resources: true,
            draws_uids: false,
            max_document_bytes: Some(MAX_DOCUMENT_BYTES),
            default_block_bits: self.block_bits,
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.desk.committed.get(key)
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        self.desk.committed.list(selector)
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        self.desk.committed.tokens(selector)
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        self.write(key, Action::Create(document)).await
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        self.write(key, Action::Update(token.clone(), document)).await
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.write(key, Action::Delete(token.clone())).await.map(drop)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        self.desk.committed.watch(selector, from)
    }
}
