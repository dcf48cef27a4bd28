//! Several openings of one store.

use super::{Context, Failure, Kind, StoreError, ensure, samples::sample};

pub(super) async fn second_handle_sees_the_first(context: Context<'_>) -> Result<(), Failure> {
    let second = context.harness.open().await?;
    let (old, new) = (sample(Kind::Pool, "shared", 100)?, sample(Kind::Pool, "shared", 200)?);
    let token = context.put(&old).await?;
    let seen = second.get(&old.key).await?;
    ensure!(
        seen.is_some_and(|seen| seen.token == token),
        "a second handle does not see a write of the first"
    );
    let token = second.update(&old.key, &token, new.document).await?;
    ensure!(
        context.get(&old.key).await?.token == token,
        "the first handle does not see a write of the second"
    );
    Ok(())
}

/// A store for one process at a time says so instead of letting two write.
pub(super) async fn second_opening_is_refused(context: Context<'_>) -> Result<(), Failure> {
    let held = sample(Kind::Pool, "held", 1)?;
    let token = context.put(&held).await?;
    match context.harness.open().await {
        Ok(_) => return Err(Failure::new("a second opening was allowed while the store was open")),
        Err(StoreError::Unavailable { message, .. }) => {
            ensure!(!message.is_empty(), "the refusal of a second opening does not say why");
        }
        Err(error) => {
            return Err(Failure::new(format!(
                "a second opening fails with {error:?} instead of Unavailable"
            )));
        }
    }
    ensure!(context.get(&held.key).await?.token == token, "a refused second opening disturbed the first");
    Ok(())
}
