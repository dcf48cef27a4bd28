//! Listings: complete, ordered, and as the selector defines them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    Context, Document, Failure, Key, Kind, Names, Selector, Token, content, ensure,
    parallel::gather,
    same_items,
    samples::{BLOCK_BITS, Sample, block, cluster_resource, endpoint, filled_block, plan, resource, sample},
};
use crate::{
    addr::Family,
    env::BoxFuture,
    model::PlanId,
    name::{Namespace, NodeName, ScopeName},
    store::Room,
};

fn bad(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("a sample could not be made: {error}"))
}

/// The index of the last block of a family.
fn last_index(family: Family) -> u128 {
    family.max() >> BLOCK_BITS.get()
}

fn blocks(scope: &str, family: Family, first: u128, last: u128, room: Room) -> Result<Selector, Failure> {
    Ok(Selector::Blocks { scope: ScopeName::new(scope).map_err(bad)?, family, first, last, room })
}

/// Selectors of every form, over the names that the samples use.
fn selectors(kinds: &[Kind]) -> Result<Vec<Selector>, Failure> {
    let mut all: Vec<_> = kinds.iter().copied().map(Selector::Kind).collect();
    for namespace in ["default", "a", "a-b", "nobody"] {
        let namespace = Namespace::new(namespace).map_err(bad)?;
        all.extend(kinds.iter().map(|kind| Selector::InNamespace(*kind, namespace.clone())));
    }
    for node in ["node-1", "node-10", "nobody"] {
        all.push(Selector::EndpointsOn(NodeName::new(node).map_err(bad)?));
    }
    for scope in ["default", "a", "a-b", "nobody"] {
        for family in [Family::V4, Family::V6] {
            let end = last_index(family);
            for (first, last) in [(0, end), (0, 0), (end, end), (1, end - 1), (2, 9), (9, 2), (0, u128::MAX)]
            {
                all.push(blocks(scope, family, first, last, Room::Any)?);
                all.push(blocks(scope, family, first, last, Room::Some)?);
            }
        }
    }
    Ok(all)
}

/// Writes `samples` and compares every selector's listing with its definition.
async fn all_selectors(context: &Context<'_>, samples: Vec<Sample>) -> Result<(), Failure> {
    let mut written: Vec<(Key, Token, Document)> = Vec::new();
    let kinds = context.kinds();
    for sample in samples.into_iter().filter(|sample| kinds.contains(&sample.key.kind())) {
        let token = context.put(&sample).await?;
        written.push((sample.key, token, sample.document));
    }
    written.sort_by(|a, b| a.0.cmp(&b.0));
    for selector in selectors(&context.kinds())? {
        let listing = context.store.list(&selector).await?;
        let matching = written.iter().filter(|(key, _, document)| selector.matches(key, document));
        let expected: Vec<_> = matching.cloned().collect();
        same_items(&listing, &expected)
            .map_err(|failure| Failure::new(format!("{selector:?}: {failure}")))?;
        let tokens = context.store.tokens(&selector).await?;
        let expected: Vec<_> = expected.into_iter().map(|(key, token, _)| (key, token)).collect();
        ensure!(tokens == expected, "{selector:?}: the tokens are {tokens:?}, and should be {expected:?}");
    }
    Ok(())
}

pub(super) async fn every_selector(context: Context<'_>) -> Result<(), Failure> {
    let mut samples = Vec::new();
    for name in ["b", "a", "c"] {
        for kind in Kind::ALL {
            if kind != Kind::Block {
                samples.push(sample(kind, name, 1)?);
            }
        }
        for namespace in ["a", "a-b", "b"] {
            samples.push(endpoint(namespace, name, "node-1", 1)?);
            samples.push(endpoint(namespace, &format!("{name}-10"), "node-10", 2)?);
            samples.push(resource(namespace, name, 1)?);
        }
        samples.push(cluster_resource("Node", None, name)?);
        samples.push(cluster_resource("ClusterRole", Some("rbac.authorization.k8s.io"), name)?);
    }
    for scope in ["default", "a", "a-b"] {
        for family in [Family::V4, Family::V6] {
            for index in [3, 1, 2, 10, 9] {
                let held = if index % 2 == 0 { BLOCK_BITS.size() } else { index as u8 };
                samples.push(filled_block(scope, family, index, held, 1)?);
            }
        }
    }
    for family in [Family::V4, Family::V6] {
        samples.push(plan(PlanId::Reservations(ScopeName::default_scope(), family), 1)?);
    }
    all_selectors(&context, samples).await
}

pub(super) async fn keys_that_stress_order(context: Context<'_>) -> Result<(), Failure> {
    let mut names = vec!["a", "a-", "a-b", "a.b", "a0", "ab", "aa", "b", "0", "9", "10"];
    match context.harness.names() {
        Names::Kubernetes => names.retain(|name| !name.ends_with('-')),
        Names::Any => {
            names.extend(["a:", "a:b", ":", ".", "..", "-", "A", "~", "!", "a%2fb", "%", "a\\", "a\"b", "#1"])
        }
    }
    let long = "x".repeat(253);
    names.push(&long);
    let mut samples = Vec::new();
    for name in &names {
        for kind in Kind::ALL {
            if kind != Kind::Block {
                samples.push(sample(kind, name, 1)?);
            }
        }
    }
    // Where one part of a key ends and the next begins.
    for (namespace, name) in
        [("a", "b-c"), ("a-b", "c"), ("a-b", "b"), ("a", "b"), ("b", "a"), ("ab", "c"), ("a", "bc")]
    {
        samples.push(endpoint(namespace, name, "node-1", 1)?);
        samples.push(resource(namespace, name, 1)?);
    }
    for (kind, group) in [("Pod", None), ("Pod", Some("a")), ("Po", Some("d")), ("PodA", None)] {
        samples.push(cluster_resource(kind, group, "a")?);
    }
    all_selectors(&context, samples).await
}

pub(super) async fn ends_of_the_address_space(context: Context<'_>) -> Result<(), Failure> {
    let mut samples = Vec::new();
    for family in [Family::V4, Family::V6] {
        let end = last_index(family);
        for index in [0, 1, 255, 256, end / 2, end - 1, end] {
            samples.push(block("default", family, index, 1)?);
        }
    }
    all_selectors(&context, samples).await
}

type Stop = Arc<Mutex<bool>>;

/// While others come and go, those that stay are always listed, in order.
pub(super) async fn during_writes(context: Context<'_>) -> Result<(), Failure> {
    let rounds = (context.harness.volume() / 100).max(10);
    let mut staying = Vec::new();
    for index in (0..40).step_by(2) {
        let sample = block("default", Family::V4, index, 1)?;
        context.put(&sample).await?;
        staying.push(sample.key);
    }
    let stop: Stop = Arc::default();
    let all = blocks("default", Family::V4, 0, 100, Room::Any)?;
    let work = |n: usize| -> BoxFuture<Result<usize, Failure>> {
        let (store, stop, staying, all) = (context.store.clone(), stop.clone(), staying.clone(), all.clone());
        Box::pin(async move {
            if n > 0 {
                // Comes and goes between those that stay.
                while !*stop.lock() {
                    for index in (1..40).skip(2 * (n - 1)).step_by(4) {
                        let passing = block("default", Family::V4, index, 1)?;
                        let token = store.create(&passing.key, passing.document).await?;
                        store.delete(&passing.key, &token).await?;
                    }
                }
                return Ok(0);
            }
            let outcome = async {
                let mut seen = 0;
                for _ in 0..rounds {
                    let items = store.list(&all).await?.items;
                    ensure!(items.is_sorted_by(|a, b| a.key < b.key), "a listing is not ascending by key");
                    let kept = staying.iter().all(|key| items.iter().any(|item| item.key == *key));
                    ensure!(kept, "a listing misses a document that was there all the time");
                    seen += items.len();
                }
                Ok(seen)
            };
            let outcome = outcome.await;
            *stop.lock() = true;
            outcome
        })
    };
    gather(context.harness, 3, work).await.map(drop)
}

/// The same of tokens: whatever pair of them is shown stood side by side.
pub(super) async fn tokens_of_one_instant(context: Context<'_>) -> Result<(), Failure> {
    let rounds = (context.harness.volume() / 20).max(50) as u32;
    let [a, b] = ["a", "b"].map(|name| sample(Kind::Reservation, name, 0));
    let (a, b) = (a?, b?);
    let first = (context.put(&a).await?, context.put(&b).await?);
    // All pairs that ever stood side by side, and those that were shown.
    let stood: Arc<Mutex<Vec<(Token, Token)>>> = Arc::new(Mutex::new(vec![first.clone()]));
    let shown: Arc<Mutex<Vec<(Token, Token)>>> = Arc::default();
    let done: Stop = Arc::default();
    let work = |n: usize| -> BoxFuture<Result<(), Failure>> {
        let (store, done, mut now) = (context.store.clone(), done.clone(), first.clone());
        let (stood, shown) = (stood.clone(), shown.clone());
        Box::pin(async move {
            if n > 0 {
                while !*done.lock() {
                    let found = store.tokens(&Selector::Kind(Kind::Reservation)).await?;
                    let [(_, a), (_, b)] = &found[..] else {
                        return Err(Failure::new("tokens of one of two documents are missing"));
                    };
                    shown.lock().push((a.clone(), b.clone()));
                }
                return Ok(());
            }
            let outcome = async {
                for version in 1..=rounds {
                    let next = sample(Kind::Reservation, "a", version)?;
                    now.0 = store.update(&next.key, &now.0, next.document).await?;
                    stood.lock().push(now.clone());
                    let next = sample(Kind::Reservation, "b", version)?;
                    now.1 = store.update(&next.key, &now.1, next.document).await?;
                    stood.lock().push(now.clone());
                }
                Ok(())
            };
            let outcome = outcome.await;
            *done.lock() = true;
            outcome
        })
    };
    gather(context.harness, 2, work).await?;
    let stood: std::collections::BTreeSet<_> = stood.lock().iter().cloned().collect();
    let torn = shown.lock().iter().find(|pair| !stood.contains(pair)).cloned();
    ensure!(torn.is_none(), "tokens {torn:?} are shown, which never stood side by side");
    Ok(())
}

/// A writer counts up in two documents by turns, so that at each instant the first is at most one ahead.
pub(super) async fn one_instant(context: Context<'_>) -> Result<(), Failure> {
    let rounds = (context.harness.volume() / 20).max(50) as u32;
    let pool = |name: &str, version| sample(Kind::Reservation, name, version);
    let reserved = |document: &Document| {
        document
            .as_reservation()
            .and_then(|body| body.spec.ips.first()?.rsplit('.').next()?.parse::<u32>().ok())
    };
    let tokens = [context.put(&pool("a", 0)?).await?, context.put(&pool("b", 0)?).await?];
    let done: Stop = Arc::default();
    let work = |n: usize| -> BoxFuture<Result<(), Failure>> {
        let (store, done) = (context.store.clone(), done.clone());
        let mut tokens = tokens.clone();
        Box::pin(async move {
            if n == 0 {
                let outcome = async {
                    for version in 1..=rounds {
                        for (token, name) in tokens.iter_mut().zip(["a", "b"]) {
                            let next = pool(name, version)?;
                            *token = store.update(&next.key, token, next.document).await?;
                        }
                    }
                    Ok(())
                };
                let outcome = outcome.await;
                *done.lock() = true;
                return outcome;
            }
            while !*done.lock() {
                let items = store.list(&Selector::Kind(Kind::Reservation)).await?.items;
                let values: Vec<_> =
                    items.iter().filter_map(|item| reserved(&content(&item.document))).collect();
                let [a, b] = values[..] else {
                    return Err(Failure::new("a listing misses one of two documents"));
                };
                // The samples count modulo 200.
                let ahead = (a + 200 - b) % 200;
                ensure!(ahead <= 1, "a listing shows {a} and {b}, which never stood side by side");
            }
            Ok(())
        })
    };
    gather(context.harness, 2, work).await.map(drop)
}
