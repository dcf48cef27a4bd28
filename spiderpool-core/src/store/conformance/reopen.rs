//! What was acknowledged is there after the store was closed, or killed, and opened again.

use std::collections::HashSet;

use super::{
    Context, Document, Failure, Key, Kind, Selector, StoreError, Token, ensure, expect_answer, same_items,
    samples::sample,
};

/// Documents of all kinds, some changed, some deleted; what must be there afterwards.
async fn fill(context: &Context<'_>) -> Result<Vec<(Key, Token, Document)>, Failure> {
    let mut expected = Vec::new();
    for name in ["kept", "changed", "deleted"] {
        let version = match name {
            "kept" => 1,
            "changed" => 2,
            _ => 3,
        };
        for first in context.samples(name, version)? {
            let mut token = context.put(&first).await?;
            let mut document = first.document.clone();
            match name {
                "kept" => {}
                "changed" => {
                    let next = sample(first.key.kind(), name, version + 100)?;
                    token = context.store.update(&first.key, &token, next.document.clone()).await?;
                    document = next.document;
                }
                _ => {
                    context.store.delete(&first.key, &token).await?;
                    continue;
                }
            }
            expected.push((first.key, token, document));
        }
    }
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(expected)
}

async fn verify(context: &Context<'_>, expected: &[(Key, Token, Document)]) -> Result<(), Failure> {
    for kind in context.kinds() {
        let listing = context.store.list(&Selector::Kind(kind)).await?;
        let of_kind: Vec<_> = expected.iter().filter(|(key, ..)| key.kind() == kind).cloned().collect();
        same_items(&listing, &of_kind)?;
    }
    // Reads agree with listings, and the tokens are those that writes are compared with.
    for (key, token, document) in expected {
        ensure!(context.get(key).await?.token == *token, "{key} came back with another token");
        context.store.update(key, token, document.clone()).await?;
    }
    Ok(())
}

pub(super) async fn after_drop(context: Context<'_>) -> Result<(), Failure> {
    let expected = fill(&context).await?;
    let context = context.reopen().await?;
    verify(&context, &expected).await
}

pub(super) async fn after_crash(context: Context<'_>) -> Result<(), Failure> {
    let expected = fill(&context).await?;
    let context = context.crash().await?;
    verify(&context, &expected).await
}

/// One life of a document whose last act is its deletion, so that nothing of it is left. Gives its tokens.
async fn life(context: &Context<'_>) -> Result<[Token; 2], Failure> {
    let first = sample(Kind::Endpoint, "again", 1)?;
    let created = context.put(&first).await?;
    let next = sample(Kind::Endpoint, "again", 2)?.document;
    let updated = context.store.update(&first.key, &created, next).await?;
    context.store.delete(&first.key, &updated).await?;
    Ok([created, updated])
}

async fn lives_on(context: &Context<'_>, seen: &mut HashSet<Token>) -> Result<(), Failure> {
    for token in life(context).await? {
        ensure!(
            seen.insert(token.clone()),
            "token {token:?} was given a second time after the store was reopened"
        );
    }
    let now = sample(Kind::Endpoint, "again", 3)?;
    let token = context.put(&now).await?;
    for old in seen.iter() {
        let stale = context.store.delete(&now.key, old).await;
        expect_answer!(
            stale,
            Err(StoreError::Conflict { .. }),
            "a deletion with a token from before the store was reopened"
        );
    }
    context.store.delete(&now.key, &token).await?;
    seen.insert(token);
    Ok(())
}

pub(super) async fn tokens_go_on_after_drop(mut context: Context<'_>) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        lives_on(&context, &mut seen).await?;
        context = context.reopen().await?;
    }
    lives_on(&context, &mut seen).await
}

pub(super) async fn tokens_go_on_after_crash(mut context: Context<'_>) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        lives_on(&context, &mut seen).await?;
        context = context.crash().await?;
    }
    lives_on(&context, &mut seen).await
}
