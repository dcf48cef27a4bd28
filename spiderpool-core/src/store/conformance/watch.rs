//! Watches: every change, in order, once; from where one left off, or a clear word that this is not possible.

use std::{collections::BTreeMap, future::poll_fn, task::Poll};

use super::{
    Context, Failure, Key, Kind, Selector, StoreError, Token, content, ensure, expect_answer,
    parallel::gather,
    samples::{Sample, endpoint, sample},
};
use crate::{
    env::BoxFuture,
    name::NodeName,
    store::{Change, Position, Watch},
};

impl Context<'_> {
    async fn position(&self, selector: &Selector) -> Result<Position, Failure> {
        Ok(self.store.list(selector).await?.position)
    }

    async fn replace_with(&self, token: &Token, sample: &Sample) -> Result<Token, Failure> {
        Ok(self.store.update(&sample.key, token, sample.document.clone()).await?)
    }
}

/// What a change must look like.
enum Wanted<'a> {
    Put(&'a Sample, Token),
    Deleted(&'a Key),
}

async fn next_is(watch: &mut dyn Watch, wanted: &Wanted<'_>) -> Result<Position, Failure> {
    let (change, position) = watch.next().await?;
    match (wanted, &change) {
        (Wanted::Put(sample, token), Change::Put(put)) => {
            let right = put.key == sample.key
                && put.token == *token
                && content(&put.document) == content(&sample.document);
            ensure!(right, "the watch shows {put:?} instead of {} {token:?}", sample.key);
        }
        (Wanted::Deleted(wanted), Change::Deleted(key)) => {
            ensure!(key == *wanted, "the watch shows that {key} was deleted instead of {wanted}");
        }
        (Wanted::Put(sample, token), change) => {
            return Err(Failure::new(format!(
                "the watch shows {change:?} instead of {} {token:?}",
                sample.key
            )));
        }
        (Wanted::Deleted(key), change) => {
            return Err(Failure::new(format!("the watch shows {change:?} instead of the deletion of {key}")));
        }
    }
    Ok(position)
}

pub(super) async fn every_change_in_order_once(context: Context<'_>) -> Result<(), Failure> {
    for (first, second) in context.samples("watched", 100)?.into_iter().zip(context.samples("watched", 200)?)
    {
        let selector = Selector::Kind(first.key.kind());
        let from = context.position(&selector).await?;
        // One watch begins before the changes, the other after them, from the same position.
        let mut live = context.store.watch(&selector, &from).await?;
        let created = context.put(&first).await?;
        let updated = context.replace_with(&created, &second).await?;
        context.store.delete(&first.key, &updated).await?;
        let again = context.put(&second).await?;
        let mut late = context.store.watch(&selector, &from).await?;
        let wanted = [
            Wanted::Put(&first, created),
            Wanted::Put(&second, updated),
            Wanted::Deleted(&first.key),
            Wanted::Put(&second, again.clone()),
        ];
        for watch in [&mut *live, &mut *late] {
            for wanted in &wanted {
                next_is(watch, wanted).await?;
            }
        }
        context.store.delete(&second.key, &again).await?;
    }
    Ok(())
}

pub(super) async fn resumes_from_a_change(context: Context<'_>) -> Result<(), Failure> {
    let selector = Selector::Kind(Kind::Pool);
    let mut position = context.position(&selector).await?;
    let pools: Vec<_> =
        (0..10).map(|n| sample(Kind::Pool, &format!("p{n}"), n)).collect::<Result<_, Failure>>()?;
    let mut wanted = Vec::new();
    for pool in &pools {
        wanted.push(Wanted::Put(pool, context.put(pool).await?));
        // Something that this watch does not select moves the store's history on.
        let other = sample(Kind::Subnet, &pool.key.to_string().replace(' ', "-"), 1)?;
        context.put(&other).await?;
    }
    for wanted in &wanted {
        let mut watch = context.store.watch(&selector, &position).await?;
        position = next_is(&mut *watch, wanted).await?;
    }
    Ok(())
}

/// What enters the selection is put, what leaves it is deleted, what stays outside is not shown.
pub(super) async fn follows_the_selection(context: Context<'_>) -> Result<(), Failure> {
    let here = NodeName::new("here").map_err(|error| Failure::new(error.to_string()))?;
    let selector = Selector::EndpointsOn(here);
    let at = |node, version| endpoint("default", "mover", node, version);
    let (outside, inside, changed, left) = (at("there", 1)?, at("here", 2)?, at("here", 3)?, at("there", 4)?);
    let from = context.position(&selector).await?;
    let mut token = context.put(&outside).await?;
    let mut wanted = Vec::new();
    for step in [&inside, &changed] {
        token = context.replace_with(&token, step).await?;
        wanted.push(Wanted::Put(step, token.clone()));
    }
    token = context.replace_with(&token, &left).await?;
    wanted.push(Wanted::Deleted(&left.key));
    context.store.delete(&left.key, &token).await?;
    let again = endpoint("default", "other", "here", 5)?;
    wanted.push(Wanted::Put(&again, context.put(&again).await?));
    let mut watch = context.store.watch(&selector, &from).await?;
    for wanted in &wanted {
        next_is(&mut *watch, wanted).await?;
    }
    Ok(())
}

/// After more history than anybody keeps, a watch from its beginning says so, or shows all of it.
pub(super) async fn complete_or_expired(context: Context<'_>) -> Result<(), Failure> {
    let selector = Selector::Kind(Kind::Plan);
    let from = context.position(&selector).await?;
    let mut token = context.put(&sample(Kind::Plan, "p", 0)?).await?;
    let writes = context.harness.volume() as u32;
    let mut tokens = vec![token.clone()];
    for version in 1..writes {
        token = context.replace_with(&token, &sample(Kind::Plan, "p", version)?).await?;
        tokens.push(token.clone());
    }
    let mut watch = match context.store.watch(&selector, &from).await {
        Ok(watch) => watch,
        Err(StoreError::Expired) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for (version, wanted) in tokens.iter().enumerate() {
        match watch.next().await {
            Ok((Change::Put(put), _)) => {
                ensure!(put.token == *wanted, "the watch skips or repeats at change {version}");
            }
            Err(StoreError::Expired) => return Ok(()),
            other => {
                return Err(Failure::new(format!("the watch shows {other:?} instead of change {version}")));
            }
        }
    }
    Ok(())
}

/// Whether `watch` has nothing to show at first sight. The future is dropped after one poll.
async fn nothing_yet(watch: &mut dyn Watch) -> Result<(), Failure> {
    let mut next = watch.next();
    let seen = poll_fn(|context| match next.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    });
    match seen.await {
        None => Ok(()),
        Some(answer) => Err(Failure::new(format!("the watch shows {answer:?} where nothing changed"))),
    }
}

pub(super) async fn waits_without_losing(context: Context<'_>) -> Result<(), Failure> {
    let selector = Selector::Kind(Kind::Reservation);
    let from = context.position(&selector).await?;
    let mut watch = context.store.watch(&selector, &from).await?;
    for n in 0..5 {
        nothing_yet(&mut *watch).await?;
        let other = sample(Kind::Scope, &format!("s{n}"), n)?;
        context.put(&other).await?;
        nothing_yet(&mut *watch).await?;
        let put = sample(Kind::Reservation, &format!("r{n}"), n)?;
        let token = context.put(&put).await?;
        next_is(&mut *watch, &Wanted::Put(&put, token)).await?;
    }
    Ok(())
}

/// Several writers, one watch that waits: what it saw, applied, is what a listing shows.
pub(super) async fn ends_where_the_listing_is(context: Context<'_>) -> Result<(), Failure> {
    const WRITERS: usize = 4;
    let selector = Selector::Kind(Kind::Endpoint);
    let from = context.position(&selector).await?;
    let rounds = (context.harness.volume() / 100).clamp(10, 200) as u32;
    let end = sample(Kind::Endpoint, "end", 0)?;
    let mut watch = context.store.watch(&selector, &from).await?;
    let work = |writer: usize| -> BoxFuture<Result<(), Failure>> {
        let store = context.store.clone();
        Box::pin(async move {
            for version in 0..rounds {
                let name = format!("e{writer}-{}", version % 3);
                let next = sample(Kind::Endpoint, &name, version)?;
                match store.get(&next.key).await? {
                    None => drop(store.create(&next.key, next.document).await?),
                    Some(found) if version % 2 == 0 => store.delete(&next.key, &found.token).await?,
                    Some(found) => drop(store.update(&next.key, &found.token, next.document).await?),
                }
            }
            Ok(())
        })
    };
    let writing = async {
        gather(context.harness, WRITERS, work).await?;
        context.put(&end).await.map(drop)
    };
    let watching = async {
        let mut seen = BTreeMap::new();
        loop {
            match watch.next().await {
                Ok((Change::Put(put), _)) if put.key == end.key => return Ok(Some(seen)),
                Ok((Change::Put(put), _)) => drop(seen.insert(put.key.clone(), put.token)),
                Ok((Change::Deleted(key), _)) => {
                    ensure!(
                        seen.remove(&key).is_some(),
                        "the watch shows the deletion of {key}, which it never showed"
                    );
                }
                Err(StoreError::Expired) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let (written, seen) = futures_util::future::join(writing, watching).await;
    written?;
    let Some(seen) = seen? else { return Ok(()) };
    let listed = context.store.list(&selector).await?.items;
    let listed: BTreeMap<_, _> =
        listed.into_iter().filter(|item| item.key != end.key).map(|item| (item.key, item.token)).collect();
    ensure!(listed == seen, "what the watch showed does not add up to what is there");
    Ok(())
}

pub(super) async fn refuses_foreign_positions(context: Context<'_>) -> Result<(), Failure> {
    let selector = Selector::Kind(Kind::Pool);
    for text in ["", "nonsense", "-1", "18446744073709551615", "99999999999999999999999"] {
        let watch = context.store.watch(&selector, &Position(text.into())).await;
        expect_answer!(
            watch.map(drop),
            Err(StoreError::Expired),
            "a watch from a position that this store never gave"
        );
    }
    Ok(())
}

pub(super) async fn is_refused(context: Context<'_>) -> Result<(), Failure> {
    let selector = Selector::Kind(Kind::Pool);
    let from = context.position(&selector).await?;
    let watch = context.store.watch(&selector, &from).await;
    expect_answer!(watch.map(drop), Err(StoreError::Unsupported { .. }), "a watch where none is claimed");
    Ok(())
}
