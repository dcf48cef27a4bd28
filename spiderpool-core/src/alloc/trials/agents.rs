//! The agents of a trial and their pool.

use std::{fmt::Display, net::Ipv4Addr, sync::Arc};

use crate::{
    admin::Mode,
    alloc::{Allocator, AllocatorConfig, MemoryLog, Sharing},
    api::{IPPoolSpec, ObjectMeta, SpiderIPPool},
    name::NodeName,
    protocol::PoolRef,
    store::{
        Store,
        conformance::{Failure, Harness},
    },
};

pub(super) fn named<T, E: Display>(result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|error| Failure::new(error.to_string()))
}

/// `count` addresses from `first`, in a pool called `name`.
pub(super) fn pool(name: &str, first: u32, count: u32) -> SpiderIPPool {
    SpiderIPPool {
        metadata: ObjectMeta { name: name.into(), ..ObjectMeta::default() },
        spec: IPPoolSpec {
            subnet: "10.0.0.0/16".into(),
            ips: vec![range(first, count)],
            ..IPPoolSpec::default()
        },
        ..SpiderIPPool::default()
    }
}

/// `count` addresses from `first`, in upstream's spelling.
pub(super) fn range(first: u32, count: u32) -> String {
    format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(first + count - 1))
}

/// Opens `count` agents on the store of `harness`, and applies `pool` there.
pub(super) async fn open(
    harness: &dyn Harness,
    count: usize,
    pool: &SpiderIPPool,
) -> Result<(Vec<Allocator>, Arc<PoolRef>), Failure> {
    let first = harness.open().await?;
    let mut agents = Vec::new();
    for number in 0..count {
        let mut config = AllocatorConfig::new(named(NodeName::new(format!("node-{number}")))?);
        if count > 1 {
            config.sharing = Sharing::Shared;
            config.log = Some(Arc::new(MemoryLog::default()));
        }
        // A client of its own where there can be more than one.
        let store: Arc<dyn Store> = match first.capabilities().shared {
            true => harness.open().await?,
            false => first.clone(),
        };
        agents.push(named(Allocator::open(store, harness.env(), config).await)?);
    }
    let [agent, ..] = &agents[..] else { return Err(Failure::new("a trial without agents")) };
    named(agent.apply_pool(pool, Mode::Real).await)?;
    let pool = named(agent.pool(&named(pool.metadata.name.parse())?).await)?;
    Ok((agents, pool))
}
