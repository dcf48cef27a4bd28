//! Compare-and-swap is compare-and-swap.

use std::collections::HashSet;

use super::{Context, Failure, Kind, StoreError, Token, content, ensure, expect_answer, samples::sample};

pub(super) async fn create_and_read_back(context: Context<'_>) -> Result<(), Failure> {
    for wanted in context.samples("sample", 1)? {
        let token = context.put(&wanted).await?;
        let found = context.get(&wanted.key).await?;
        ensure!(found.key == wanted.key, "{} came back as {}", wanted.key, found.key);
        ensure!(found.token == token, "{} has token {:?}, not {token:?}", wanted.key, found.token);
        let (came, went) = (content(&found.document), content(&wanted.document));
        ensure!(came == went, "{came:?} came back for {went:?}");
    }
    Ok(())
}

pub(super) async fn read_what_is_missing(context: Context<'_>) -> Result<(), Failure> {
    for missing in context.samples("missing", 1)? {
        expect_answer!(context.store.get(&missing.key).await, Ok(None), "a read of what is missing");
    }
    Ok(())
}

pub(super) async fn create_twice(context: Context<'_>) -> Result<(), Failure> {
    for kind in context.kinds() {
        // The block's key depends on the version, so the second document is an update of the first.
        let first = sample(kind, "twice", 100)?;
        let second = sample(kind, "twice", 200)?;
        ensure!(first.key == second.key && first.document != second.document, "the samples are wrong");
        let token = context.put(&first).await?;
        let again = context.store.create(&first.key, second.document).await;
        expect_answer!(again, Err(StoreError::AlreadyExists { .. }), "a second creation");
        let found = context.get(&first.key).await?;
        let kept = found.token == token && content(&found.document) == content(&first.document);
        ensure!(kept, "a refused creation changed {}", first.key);
    }
    Ok(())
}

pub(super) async fn update_with_token(context: Context<'_>) -> Result<(), Failure> {
    for kind in context.kinds() {
        let (old, new) = (sample(kind, "update", 100)?, sample(kind, "update", 200)?);
        let first = context.put(&old).await?;
        let second = context.store.update(&old.key, &first, new.document.clone()).await?;
        ensure!(first != second, "an update of {} gave the old token {first:?}", old.key);
        let found = context.get(&old.key).await?;
        let whole = found.token == second && content(&found.document) == content(&new.document);
        ensure!(whole, "{} does not read as it was written", old.key);
    }
    Ok(())
}

pub(super) async fn update_with_stale_token(context: Context<'_>) -> Result<(), Failure> {
    for kind in context.kinds() {
        let (old, new) = (sample(kind, "stale", 100)?, sample(kind, "stale", 200)?);
        let first = context.put(&old).await?;
        let second = context.store.update(&old.key, &first, new.document.clone()).await?;
        let stale = context.store.update(&old.key, &first, old.document).await;
        expect_answer!(stale, Err(StoreError::Conflict { .. }), "an update with a stale token");
        let found = context.get(&new.key).await?;
        let kept = found.token == second && content(&found.document) == content(&new.document);
        ensure!(kept, "a refused update changed {}", new.key);
    }
    Ok(())
}

pub(super) async fn change_what_is_missing(context: Context<'_>) -> Result<(), Failure> {
    for missing in context.samples("missing", 1)? {
        // A token that this store gave, for a document that is no more.
        let token = context.put(&missing).await?;
        context.store.delete(&missing.key, &token).await?;
        let update = context.store.update(&missing.key, &token, missing.document).await;
        expect_answer!(update, Err(StoreError::NotFound { .. }), "an update of what is missing");
        let delete = context.store.delete(&missing.key, &token).await;
        expect_answer!(delete, Err(StoreError::NotFound { .. }), "a deletion of what is missing");
        expect_answer!(context.store.get(&missing.key).await, Ok(None), "a read after a refused update");
    }
    Ok(())
}

pub(super) async fn delete_with_token(context: Context<'_>) -> Result<(), Failure> {
    for sample in context.samples("deleted", 1)? {
        let token = context.put(&sample).await?;
        context.store.delete(&sample.key, &token).await?;
        expect_answer!(context.store.get(&sample.key).await, Ok(None), "a read of what was deleted");
    }
    Ok(())
}

pub(super) async fn delete_with_stale_token(context: Context<'_>) -> Result<(), Failure> {
    for kind in context.kinds() {
        let (old, new) = (sample(kind, "kept", 100)?, sample(kind, "kept", 200)?);
        let first = context.put(&old).await?;
        let second = context.store.update(&old.key, &first, new.document).await?;
        let stale = context.store.delete(&old.key, &first).await;
        expect_answer!(stale, Err(StoreError::Conflict { .. }), "a deletion with a stale token");
        ensure!(context.get(&old.key).await?.token == second, "a refused deletion changed {}", old.key);
    }
    Ok(())
}

/// No ABA: whatever happens to a document, a token that it once had is never valid again.
pub(super) async fn no_token_comes_back(context: Context<'_>) -> Result<(), Failure> {
    let store = &context.store;
    for kind in context.kinds() {
        let (old, new) = (sample(kind, "again", 100)?, sample(kind, "again", 200)?);
        let mut tokens: HashSet<Token> = HashSet::new();
        for _ in 0..5 {
            let created = context.put(&old).await?;
            let updated = store.update(&old.key, &created, new.document.clone()).await?;
            let stale = store.update(&old.key, &created, old.document.clone()).await;
            expect_answer!(stale, Err(StoreError::Conflict { .. }), "an update with an old token");
            for token in tokens.iter().chain([&created]) {
                let stale = store.delete(&old.key, token).await;
                expect_answer!(
                    stale,
                    Err(StoreError::Conflict { .. }),
                    "a deletion with the token of an earlier life"
                );
            }
            store.delete(&old.key, &updated).await?;
            for token in [created, updated] {
                ensure!(!tokens.contains(&token), "{} got the token {token:?} a second time", old.key);
                tokens.insert(token);
            }
        }
    }
    Ok(())
}

/// Either the write counts and has a new token, or the backend drops it and nothing changes. The answer says which.
pub(super) async fn write_without_change(context: Context<'_>) -> Result<(), Failure> {
    for sample in context.samples("same", 1)? {
        let first = context.put(&sample).await?;
        let second = context.store.update(&sample.key, &first, sample.document.clone()).await?;
        let found = context.get(&sample.key).await?;
        ensure!(found.token == second, "{} has token {:?}, not {second:?}", sample.key, found.token);
        if first != second {
            let stale = context.store.update(&sample.key, &first, sample.document).await;
            expect_answer!(
                stale,
                Err(StoreError::Conflict { .. }),
                "an update with the token before a write without change"
            );
        }
    }
    Ok(())
}

pub(super) async fn read_your_write(context: Context<'_>) -> Result<(), Failure> {
    let first = sample(Kind::Pool, "read", 0)?;
    let mut token = context.put(&first).await?;
    for version in 1..=(context.harness.volume() / 20).max(20) as u32 {
        let next = sample(Kind::Pool, "read", version)?;
        token = context.store.update(&next.key, &token, next.document.clone()).await?;
        let found = context.get(&next.key).await?;
        let mine = found.token == token && content(&found.document) == content(&next.document);
        ensure!(mine, "version {version} was acknowledged, and a read after that does not see it");
        let listed = context.store.list(&super::Selector::Kind(Kind::Pool)).await?;
        ensure!(listed.items.len() == 1, "{} pools are listed instead of 1", listed.items.len());
        ensure!(listed.items[0].token == token, "a listing after write {version} does not show it");
    }
    Ok(())
}
