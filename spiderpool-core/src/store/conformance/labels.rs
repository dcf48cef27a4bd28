//! Filtered listings follow every write.

use super::{
    Context, Failure, Selector, ensure,
    samples::{BLOCK_BITS, Sample, endpoint, filled_block, resource},
};
use crate::{
    addr::Family,
    name::{Namespace, NodeName, ScopeName},
    store::{Kind, Room, Token},
};

fn bad(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("a sample could not be made: {error}"))
}

impl Context<'_> {
    /// Whether `selector` selects exactly `expected`.
    async fn selects(&self, selector: &Selector, expected: &[&Sample]) -> Result<(), Failure> {
        let found = self.store.list(selector).await?.items;
        let right = found.len() == expected.len()
            && found.iter().zip(expected).all(|(item, sample)| item.key == sample.key);
        let keys: Vec<_> = found.iter().map(|item| item.key.to_string()).collect();
        ensure!(right, "{selector:?} lists {keys:?} instead of {} documents", expected.len());
        Ok(())
    }

    async fn replace(&self, token: &Token, sample: &Sample) -> Result<Token, Failure> {
        Ok(self.store.update(&sample.key, token, sample.document.clone()).await?)
    }
}

pub(super) async fn namespace_is_exact(context: Context<'_>) -> Result<(), Failure> {
    let within =
        |kind, text: &str| Ok::<_, Failure>(Selector::InNamespace(kind, Namespace::new(text).map_err(bad)?));
    let (near, far) = (endpoint("team", "x", "n", 1)?, endpoint("team-b", "x", "n", 1)?);
    let token = context.put(&near).await?;
    context.put(&far).await?;
    context.selects(&within(Kind::Endpoint, "team")?, &[&near]).await?;
    context.selects(&within(Kind::Endpoint, "team-b")?, &[&far]).await?;
    context.selects(&within(Kind::Endpoint, "tea")?, &[]).await?;
    context.store.delete(&near.key, &token).await?;
    context.selects(&within(Kind::Endpoint, "team")?, &[]).await?;
    if !context.capabilities.own_resources {
        return Ok(());
    }
    let (pod, other) = (resource("team", "y", 1)?, resource("tea", "y", 1)?);
    let token = context.put(&pod).await?;
    context.put(&other).await?;
    context.selects(&within(Kind::Resource, "team")?, &[&pod]).await?;
    context.selects(&within(Kind::Resource, "tea")?, &[&other]).await?;
    context.selects(&within(Kind::Resource, "te")?, &[]).await?;
    context.store.delete(&pod.key, &token).await?;
    context.selects(&within(Kind::Resource, "team")?, &[]).await
}

pub(super) async fn node_follows_the_endpoint(context: Context<'_>) -> Result<(), Failure> {
    let on = |node: &str| Ok::<_, Failure>(Selector::EndpointsOn(NodeName::new(node).map_err(bad)?));
    let at = |node, version| endpoint("default", "mover", node, version);
    let stays = endpoint("default", "stays", "node-1", 1)?;
    context.put(&stays).await?;
    let here = at("node-1", 1)?;
    let token = context.put(&here).await?;
    context.selects(&on("node-1")?, &[&here, &stays]).await?;
    let token = context.replace(&token, &at("node-2", 2)?).await?;
    context.selects(&on("node-1")?, &[&stays]).await?;
    context.selects(&on("node-2")?, &[&here]).await?;
    // An endpoint without a node: no sandbox at present.
    let token = context.replace(&token, &at("", 3)?).await?;
    context.selects(&on("node-2")?, &[]).await?;
    let token = context.replace(&token, &at("node-1", 4)?).await?;
    context.selects(&on("node-1")?, &[&here, &stays]).await?;
    context.store.delete(&here.key, &token).await?;
    context.selects(&on("node-1")?, &[&stays]).await
}

pub(super) async fn room_follows_the_block(context: Context<'_>) -> Result<(), Failure> {
    let scope = ScopeName::default_scope();
    let with =
        |room| Selector::Blocks { scope: scope.clone(), family: Family::V6, first: 0, last: u128::MAX, room };
    let full = BLOCK_BITS.size();
    let holding = |held, version| filled_block("default", Family::V6, 7, held, version);
    let first = holding(0, 1)?;
    let mut token = context.put(&first).await?;
    for (version, held) in [(2, full), (3, full - 1), (4, full), (5, 0), (6, full), (7, full)] {
        token = context.replace(&token, &holding(held, version)?).await?;
        let expected: &[&Sample] = if held < full { &[&first] } else { &[] };
        context.selects(&with(Room::Some), expected).await?;
        context.selects(&with(Room::Any), &[&first]).await?;
    }
    context.store.delete(&first.key, &token).await?;
    context.selects(&with(Room::Any), &[]).await?;
    // Created full: the label is there from the first write on.
    let token = context.put(&holding(full, 8)?).await?;
    context.selects(&with(Room::Some), &[]).await?;
    context.replace(&token, &holding(1, 9)?).await?;
    context.selects(&with(Room::Some), &[&first]).await
}
