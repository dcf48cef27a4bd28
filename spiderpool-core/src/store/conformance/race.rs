//! Many writers at once.

use super::{
    Context, Document, Failure, Kind, StoreError, content, ensure,
    parallel::gather,
    samples::{Sample, sample},
};
use crate::env::BoxFuture;

const WORKERS: usize = 8;

/// `sample` with one more mark in it.
fn marked(document: &Document, mark: &str) -> Result<Document, Failure> {
    let Document::Endpoint(body) = document else {
        return Err(Failure::new("the marked document is of another kind"));
    };
    let mut body = (**body).clone();
    body.metadata.annotations.insert(format!("marks.example.org/{mark}"), "1".into());
    Ok(body.into())
}

fn has_mark(document: &Document, mark: &str) -> bool {
    let key = format!("marks.example.org/{mark}");
    document.as_endpoint().is_some_and(|body| body.metadata.annotations.contains_key(&key))
}

/// Each worker puts its marks into one document, by reading, adding, and compare-and-swap. None may be missing.
pub(super) async fn no_update_is_lost(context: Context<'_>) -> Result<(), Failure> {
    let marks = (context.harness.volume() / 200).clamp(5, 50);
    let shared = sample(Kind::Endpoint, "shared", 0)?;
    context.put(&shared).await?;
    let work = |worker: usize| -> BoxFuture<Result<usize, Failure>> {
        let (store, key) = (context.store.clone(), shared.key.clone());
        Box::pin(async move {
            let mut conflicts = 0;
            for n in 0..marks {
                let mark = format!("{worker}-{n}");
                loop {
                    let found = store.get(&key).await?.ok_or_else(|| Failure::new("the document is gone"))?;
                    // After a write without an answer: it took effect.
                    if has_mark(&found.document, &mark) {
                        break;
                    }
                    let next = marked(&found.document, &mark)?;
                    match store.update(&key, &found.token, next).await {
                        Ok(_) => break,
                        Err(StoreError::Conflict { .. }) => conflicts += 1,
                        Err(StoreError::UnknownOutcome { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Ok(conflicts)
        })
    };
    gather(context.harness, WORKERS, work).await?;
    let found = context.get(&shared.key).await?;
    for worker in 0..WORKERS {
        for n in 0..marks {
            ensure!(
                has_mark(&found.document, &format!("{worker}-{n}")),
                "update {n} of worker {worker} was lost"
            );
        }
    }
    Ok(())
}

fn by(worker: usize, kind: Kind) -> Result<Sample, Failure> {
    // Blocks of another version are other blocks, but for full hundreds.
    sample(kind, "raced", 100 * (worker as u32 + 1))
}

pub(super) async fn one_creation_wins(context: Context<'_>) -> Result<(), Failure> {
    for kind in [Kind::Block, Kind::Subnet, Kind::Endpoint] {
        for _ in 0..(context.harness.volume() / 500).clamp(3, 20) {
            let work = |worker: usize| -> BoxFuture<Result<bool, Failure>> {
                let store = context.store.clone();
                Box::pin(async move {
                    let mine = by(worker, kind)?;
                    match store.create(&mine.key, mine.document).await {
                        Ok(_) => Ok(true),
                        Err(StoreError::AlreadyExists { .. }) => Ok(false),
                        Err(error) => Err(error.into()),
                    }
                })
            };
            let won = gather(context.harness, WORKERS, work).await?;
            let winners = won.iter().filter(|won| **won).count();
            ensure!(winners == 1, "{winners} of {WORKERS} racing creations of a {} won", kind.name());
            let found = context.get(&by(0, kind)?.key).await?;
            let mut one_of_them = false;
            for worker in 0..WORKERS {
                one_of_them |= content(&by(worker, kind)?.document) == content(&found.document);
            }
            ensure!(one_of_them, "after the race stands a document that nobody wrote");
            context.store.delete(&found.key, &found.token).await?;
        }
    }
    Ok(())
}

/// Deletions and updates with the same token: exactly one write of all takes effect.
pub(super) async fn one_deletion_wins(context: Context<'_>) -> Result<(), Failure> {
    for _ in 0..(context.harness.volume() / 500).clamp(3, 20) {
        let first = by(WORKERS, Kind::Block)?;
        let token = context.put(&first).await?;
        let work = |worker: usize| -> BoxFuture<Result<Option<bool>, Failure>> {
            let (store, token) = (context.store.clone(), token.clone());
            Box::pin(async move {
                let mine = by(worker, Kind::Block)?;
                let deletes = worker.is_multiple_of(2);
                let answer = match deletes {
                    true => store.delete(&mine.key, &token).await,
                    false => store.update(&mine.key, &token, mine.document).await.map(drop),
                };
                match answer {
                    Ok(()) => Ok(Some(deletes)),
                    Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            })
        };
        let won: Vec<_> = gather(context.harness, WORKERS, work).await?.into_iter().flatten().collect();
        let [deleted] = won[..] else {
            return Err(Failure::new(format!("{} of {WORKERS} racing writes with one token won", won.len())));
        };
        let found = context.store.get(&first.key).await?;
        ensure!(found.is_none() == deleted, "the winner of the race is not what stands there");
        if let Some(found) = found {
            context.store.delete(&found.key, &found.token).await?;
        }
    }
    Ok(())
}
