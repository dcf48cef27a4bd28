//! What belongs to another system: resources that are read one by one and nothing else, uids that it draws.

use super::{
    Context, Document, Failure, Kind, Selector, StoreError, Token, ensure, expect_answer,
    samples::{Sample, resource, sample},
};
use crate::store::Position;

pub(super) async fn resources_are_read_only(context: Context<'_>) -> Result<(), Failure> {
    let store = &*context.store;
    let Sample { key, document } = resource("default", "foreign", 1)?;
    let token = Token::new("1");
    let refused = store.create(&key, document.clone()).await;
    expect_answer!(refused, Err(StoreError::Unsupported { .. }), "a creation of somebody else's object");
    // A client in between may see for itself that there is nothing.
    let refused = store.update(&key, &token, document).await;
    expect_answer!(
        refused,
        Err(StoreError::Unsupported { .. } | StoreError::NotFound { .. }),
        "an update of somebody else's object"
    );
    let refused = store.delete(&key, &token).await;
    expect_answer!(
        refused,
        Err(StoreError::Unsupported { .. } | StoreError::NotFound { .. }),
        "a deletion of somebody else's object"
    );
    expect_answer!(store.get(&key).await, Ok(None), "a read of an object that does not exist");
    let selector = Selector::Kind(Kind::Resource);
    let refused = store.list(&selector).await;
    expect_answer!(refused, Err(StoreError::Unsupported { .. }), "a listing of somebody else's objects");
    let refused = store.watch(&selector, &Position("1".into())).await.map(drop);
    expect_answer!(refused, Err(StoreError::Unsupported { .. }), "a watch of somebody else's objects");
    Ok(())
}

/// The uid of a pool that was created with the uid `brought`.
async fn uid(context: &Context<'_>, brought: &str) -> Result<Option<String>, Failure> {
    let Sample { key, document } = sample(Kind::Pool, "uid", 1)?;
    let Document::Pool(pool) = document else { return Err(Failure::new("the sample is no pool")) };
    let mut pool = (*pool).clone();
    pool.metadata.uid = Some(brought.into());
    let token = context.store.create(&key, pool.into()).await?;
    let found = context.get(&key).await?;
    context.store.delete(&key, &token).await?;
    Ok(found.document.as_pool().and_then(|pool| pool.metadata.uid.clone()))
}

pub(super) async fn uids_are_kept(context: Context<'_>) -> Result<(), Failure> {
    let found = uid(&context, "mine").await?;
    ensure!(found.as_deref() == Some("mine"), "a pool came back with the uid {found:?} instead of its own");
    Ok(())
}

/// A uid that is given a second time would let a new object inherit from an old one.
pub(super) async fn uids_are_drawn(context: Context<'_>) -> Result<(), Failure> {
    let (first, second) = (uid(&context, "mine").await?, uid(&context, "mine").await?);
    let drawn = first.is_some() && first.as_deref() != Some("mine");
    ensure!(drawn && first != second, "two pools in a row were given the uids {first:?} and {second:?}");
    Ok(())
}
