//! A future may be dropped at any point. What stands there afterwards is the old document or the new one, and the
//! store goes on working.

use std::{future::poll_fn, pin::pin};

use super::{
    Context, Document, Failure, Key, Kind, Store, StoreError, Token, content, ensure, samples::sample,
};

/// More polls than any write should need.
const MOST_POLLS: usize = 10_000;

/// The answer of `future`, unless it asks for more than `polls` polls: then it is dropped.
async fn cut_off<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(|context| {
        if polled == polls {
            return std::task::Poll::Ready(None);
        }
        polled += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Brings the document under `key` to `wanted`, whatever is still on its way.
async fn bring(store: &dyn Store, key: &Key, wanted: Option<&Document>) -> Result<Option<Token>, Failure> {
    for _ in 0..100 {
        let found = store.get(key).await?;
        let answer = match (&found, wanted) {
            (None, None) => return Ok(None),
            (None, Some(document)) => store.create(key, document.clone()).await.map(Some),
            (Some(found), Some(document)) => {
                store.update(key, &found.token, document.clone()).await.map(Some)
            }
            (Some(found), None) => store.delete(key, &found.token).await.map(|()| None),
        };
        match answer {
            Ok(token) => return Ok(token),
            // A write that was cut off landed in between.
            Err(
                StoreError::Conflict { .. } | StoreError::AlreadyExists { .. } | StoreError::NotFound { .. },
            ) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new("the store does not go on working after a write was cut off"))
}

pub(super) async fn update_is_old_or_new(context: Context<'_>) -> Result<(), Failure> {
    let store = &*context.store;
    let old = sample(Kind::Plan, "cut", 0)?;
    context.put(&old).await?;
    for polls in 0..MOST_POLLS {
        let Some(token) = bring(store, &old.key, Some(&old.document)).await? else { continue };
        let new = sample(Kind::Plan, "cut", polls as u32 + 1)?;
        let answer = cut_off(store.update(&old.key, &token, new.document.clone()), polls).await;
        let found = context.get(&old.key).await?;
        let (is_old, is_new) = (
            content(&found.document) == content(&old.document),
            content(&found.document) == content(&new.document),
        );
        ensure!(is_old || is_new, "after an update was cut off at poll {polls} stands {:?}", found.document);
        ensure!(is_new != (found.token == token), "a token does not belong to its document");
        if let Some(answer) = answer {
            let acknowledged = answer?;
            ensure!(is_new && found.token == acknowledged, "an acknowledged update is not there");
            return Ok(());
        }
    }
    Err(Failure::new(format!("an update is not done after {MOST_POLLS} polls")))
}

pub(super) async fn create_is_absent_or_whole(context: Context<'_>) -> Result<(), Failure> {
    let store = &*context.store;
    for polls in 0..MOST_POLLS {
        // A name of its own each time: a creation that was cut off may land later.
        let new = sample(Kind::Endpoint, &format!("cut-{polls}"), polls as u32)?;
        let answer = cut_off(store.create(&new.key, new.document.clone()), polls).await;
        let found = store.get(&new.key).await?;
        if let Some(found) = &found {
            ensure!(
                content(&found.document) == content(&new.document),
                "a creation that was cut off is torn"
            );
        }
        if let Some(answer) = answer {
            let acknowledged = answer?;
            ensure!(
                found.is_some_and(|found| found.token == acknowledged),
                "an acknowledged creation is not there"
            );
            return Ok(());
        }
        bring(store, &new.key, Some(&new.document)).await?;
    }
    Err(Failure::new(format!("a creation is not done after {MOST_POLLS} polls")))
}

pub(super) async fn delete_is_there_or_gone(context: Context<'_>) -> Result<(), Failure> {
    let store = &*context.store;
    let old = sample(Kind::Reservation, "cut", 0)?;
    for polls in 0..MOST_POLLS {
        let Some(token) = bring(store, &old.key, Some(&old.document)).await? else { continue };
        let answer = cut_off(store.delete(&old.key, &token), polls).await;
        let found = store.get(&old.key).await?;
        if let Some(found) = &found {
            let whole = found.token == token && content(&found.document) == content(&old.document);
            ensure!(whole, "after a deletion was cut off stands {:?}", found.document);
        }
        if let Some(answer) = answer {
            answer?;
            ensure!(found.is_none(), "what was deleted is there");
            return Ok(());
        }
    }
    Err(Failure::new(format!("a deletion is not done after {MOST_POLLS} polls")))
}
