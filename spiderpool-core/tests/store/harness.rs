use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use spiderpool_core::{
    env::{BoxFuture, Env},
    store::{
        Store, StoreError,
        conformance::{Harness, Names, on_threads},
    },
};

/// A fresh store for each check, made by a function.
pub(crate) struct Fresh<F> {
    env: Env,
    make: F,
}

impl<F: Fn() -> Arc<dyn Store>> Fresh<F> {
    pub(crate) fn new(make: F) -> Self {
        Self { env: Env::system(), make }
    }
}

impl<F> fmt::Debug for Fresh<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh")
    }
}

#[async_trait]
impl<F: Fn() -> Arc<dyn Store> + Send + Sync> Harness for Fresh<F> {
    fn env(&self) -> Env {
        self.env.clone()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn volume(&self) -> usize {
        10_000
    }

    fn names(&self) -> Names {
        Names::Any
    }

    fn certain(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok((self.make)())
    }

    fn can_crash(&self) -> bool {
        false
    }

    async fn crash(&self, _: Arc<dyn Store>) -> Result<(), StoreError> {
        Err(StoreError::Unsupported { what: "a crash" })
    }

    async fn parallel(&self, work: Vec<BoxFuture<()>>) {
        on_threads(work).await;
    }
}
