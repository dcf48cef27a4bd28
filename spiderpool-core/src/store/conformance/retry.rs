//! A client that tries again, and finds out what became of a write without an answer.

use async_trait::async_trait;

use crate::store::{
    Capabilities, Change, Document, Key, Listing, Position, Selector, Store, StoreError, Token, Versioned,
    Watch,
    conformance::content,
    local::{Action, Write},
};

/// How often an operation is tried before its error is passed on.
const TRIES: usize = 100;

/// Tries again what failed without effect. After a write without an answer it reads: if its document stands there,
/// the write took effect; if the old one does, it tries again; anything else stays [`StoreError::UnknownOutcome`].
/// For documents that nobody else writes with the same content.
#[derive(Debug)]
pub struct Retrying<S> {
    inner: S,
}

impl<S: Store> Retrying<S> {
    /// A client of `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner }
    }

    async fn read(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        patiently(|| self.inner.get(key)).await
    }

    async fn send(&self, write: &Write) -> Result<Option<Token>, StoreError> {
        let key = &write.key;
        match write.action.clone() {
            Action::Create(document) => self.inner.create(key, document).await.map(Some),
            Action::Update(token, document) => self.inner.update(key, &token, document).await.map(Some),
            Action::Delete(token) => self.inner.delete(key, &token).await.map(|()| None),
        }
    }

    async fn write(&self, key: &Key, action: Action) -> Result<Option<Token>, StoreError> {
        let write = Write { key: key.clone(), action };
        // Refused by what is there already: to be told so later, after an answer was lost, would leave it open
        // whether this very write brought that about.
        write.judge(self.read(key).await?.as_ref().map(|found| &found.token))?;
        for _ in 0..TRIES {
            let unknown = match self.send(&write).await {
                Err(StoreError::Unavailable { .. }) => continue,
                Err(unknown @ StoreError::UnknownOutcome { .. }) => unknown,
                answer => return answer,
            };
            let found = self.read(key).await?;
            match (&write.action, found) {
                (Action::Create(_), None) => {}
                (Action::Create(wanted), Some(found)) => {
                    return if content(&found.document) == content(wanted) {
                        Ok(Some(found.token))
                    } else {
                        Err(StoreError::AlreadyExists { key: key.clone() })
                    };
                }
                (Action::Update(token, _), Some(found)) if found.token == *token => {}
                (Action::Update(_, wanted), Some(found)) if content(&found.document) == content(wanted) => {
                    return Ok(Some(found.token));
                }
                (Action::Delete(token), Some(found)) if found.token == *token => {}
                (Action::Delete(_), None) => return Ok(None),
                _ => return Err(unknown),
            }
        }
        Err(StoreError::unavailable(format!("{key} could not be written in {TRIES} tries")))
    }
}

/// Reads again while the store is not there.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    read: impl Fn() -> F,
) -> Result<T, StoreError> {
    let mut answer = read().await;
    for _ in 1..TRIES {
        if !matches!(answer, Err(StoreError::Unavailable { .. })) {
            break;
        }
        answer = read().await;
    }
    answer
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + Clone> Store for Retrying<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StoreError> {
        self.read(key).await
    }

    async fn list(&self, selector: &Selector) -> Result<Listing, StoreError> {
        patiently(|| self.inner.list(selector)).await
    }

    async fn tokens(&self, selector: &Selector) -> Result<Vec<(Key, Token)>, StoreError> {
        patiently(|| self.inner.tokens(selector)).await
    }

    async fn create(&self, key: &Key, document: Document) -> Result<Token, StoreError> {
        let token = self.write(key, Action::Create(document)).await?;
        token.ok_or_else(|| StoreError::unknown("a creation was answered without a token"))
    }

    async fn update(&self, key: &Key, token: &Token, document: Document) -> Result<Token, StoreError> {
        let token = self.write(key, Action::Update(token.clone(), document)).await?;
        token.ok_or_else(|| StoreError::unknown("an update was answered without a token"))
    }

    async fn delete(&self, key: &Key, token: &Token) -> Result<(), StoreError> {
        self.write(key, Action::Delete(token.clone())).await.map(drop)
    }

    async fn watch(&self, selector: &Selector, from: &Position) -> Result<Box<dyn Watch>, StoreError> {
        let inner = begin(&self.inner, selector, from).await?;
        let (store, selector, at) = (self.inner.clone(), selector.clone(), from.clone());
        Ok(Box::new(RetryingWatch { store, selector, at, inner }))
    }
}

async fn begin<S: Store>(
    store: &S,
    selector: &Selector,
    from: &Position,
) -> Result<Box<dyn Watch>, StoreError> {
    let mut answer = store.watch(selector, from).await;
    for _ in 1..TRIES {
        if !matches!(answer, Err(StoreError::Unavailable { .. })) {
            break;
        }
        answer = store.watch(selector, from).await;
    }
    answer
}

/// A watch that goes on from its last change when it breaks off.
struct RetryingWatch<S> {
    store: S,
    selector: Selector,
    at: Position,
    inner: Box<dyn Watch>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Watch for RetryingWatch<S> {
    async fn next(&mut self) -> Result<(Change, Position), StoreError> {
        loop {
            match self.inner.next().await {
                Err(StoreError::Unavailable { .. }) => {
                    self.inner = begin(&self.store, &self.selector, &self.at).await?;
                }
                Ok((change, position)) => {
                    self.at = position.clone();
                    return Ok((change, position));
                }
                Err(error) => return Err(error),
            }
        }
    }
}
