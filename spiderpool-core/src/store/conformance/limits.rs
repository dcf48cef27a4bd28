//! The size of a document.

use super::{
    Context, Document, Failure, StoreError, content, ensure, expect_answer,
    samples::{Sample, sample},
};
use crate::{
    addr::{Family, IpSet},
    model::Pending,
    store::Kind,
    time::Timestamp,
};

/// A plan with about `bytes` of content.
fn sized(name: &str, bytes: usize) -> Result<Sample, Failure> {
    let Sample { key, document } = sample(Kind::Plan, name, 1)?;
    let Document::Plan(body) = &document else { return Ok(Sample { key, document }) };
    let mut body = (**body).clone();
    body.pending.push(Pending {
        edit: "x".repeat(bytes),
        object: key.clone(),
        base: None,
        creates: None,
        removed: IpSet::new(Family::V4),
        since: Timestamp::from_millis(0),
    });
    Ok(Sample { key, document: body.into() })
}

pub(super) async fn too_large_is_refused(context: Context<'_>) -> Result<(), Failure> {
    let Some(limit) = context.capabilities.max_document_bytes else { return Ok(()) };
    let large = sized("large", limit + 1)?;
    let refused = context.store.create(&large.key, large.document.clone()).await;
    expect_answer!(refused, Err(StoreError::TooLarge { limit: stated, .. }) if stated == limit, "a creation beyond the limit");
    expect_answer!(context.store.get(&large.key).await, Ok(None), "a read after a refused creation");
    // What is clearly below the limit is taken, and survives an update beyond it.
    let fitting = sized("large", limit / 2)?;
    let token = context.put(&fitting).await?;
    let refused = context.store.update(&large.key, &token, large.document).await;
    expect_answer!(refused, Err(StoreError::TooLarge { .. }), "an update beyond the limit");
    let found = context.get(&fitting.key).await?;
    let kept = found.token == token && content(&found.document) == content(&fitting.document);
    ensure!(kept, "a refused update changed {}", fitting.key);
    Ok(())
}

pub(super) async fn large_is_taken(context: Context<'_>) -> Result<(), Failure> {
    let large = sized("large", 4 << 20)?;
    context.put(&large).await?;
    let found = context.get(&large.key).await?;
    ensure!(content(&found.document) == content(&large.document), "a large document came back changed");
    Ok(())
}
