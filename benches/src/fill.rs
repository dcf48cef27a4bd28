//! One pool that is filled to its last address on a real server: what an ADD and a DEL cost on the way.

use std::{
    io::{self, Write},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use futures_util::{TryStreamExt as _, stream};
use spiderpool_core::{
    admin::Mode,
    alloc::{AddError, Allocator},
    protocol::PoolRef,
    store::Store,
};

use crate::{
    Counted, CountingStore, Sizes, add_request,
    crowd::{Outcome, Server, allocator, milliseconds},
    del_request, pool, stopwatch,
};

/// How many requests of the node that fills the pool are under way at once.
const AT_ONCE: usize = 64;
/// How many pods are given addresses one after the other, and measured.
const MEASURED: u64 = 200;
/// The pods that are measured have numbers from here on.
const OTHERS: u64 = 1 << 20;

/// How large the pool is, and at which numbers of addresses held it is measured.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// A /16, as somebody who plans generously gives a cluster.
    Whole,
    /// A /22, to see that it runs.
    Short,
}

impl Size {
    fn addresses(self) -> u64 {
        match self {
            Self::Whole => 1 << 16,
            Self::Short => 1 << 10,
        }
    }

    fn marks(self) -> &'static [u64] {
        match self {
            Self::Whole => &[0, 1_000, 8_000, 15_500, 40_000, 65_000],
            Self::Short => &[0, 200, 800],
        }
    }
}

/// What one round of ADDs and DELs took: the medians and 99th percentiles in milliseconds.
struct Measured {
    add: [f64; 2],
    del: [f64; 2],
    cost: Counted,
}

/// Fills a pool of `size` on `server`, and prints a row for each mark.
///
/// # Errors
/// The server does not answer, or an address was refused although the pool had one.
pub async fn run(server: &dyn Server, size: Size) -> Outcome<()> {
    let place = "fill";
    let counting = CountingStore::new(server.store(place).await?, Sizes::Counted);
    let measured = allocator(Arc::new(counting.clone()), "node-1", place).await?;
    let filling = allocator(server.store(place).await?, "node-2", place).await?;
    let addresses = size.addresses();
    let last = format!("10.250.{}.{}", (addresses - 1) / 256, (addresses - 1) % 256);
    measured.apply_pool(&pool(place, "10.250.0.0/16", &format!("10.250.0.0-{last}")), Mode::Real).await?;
    let pool = measured.pool(&place.parse()?).await?;
    writeln!(
        io::stdout(),
        "\n| held, of {addresses} | ADD, ms: 50 % | 99 % | DEL, ms: 50 % | 99 % | writes | bytes | reads | lists |\n\
         |---|---|---|---|---|---|---|---|---|"
    )?;
    let mut held = 0;
    // Each round has pods of its own: a container that has ended does not come back.
    for (mark, first) in size.marks().iter().zip((OTHERS..).step_by(MEASURED as usize)) {
        fill(&filling, &pool, held..*mark).await?;
        held = *mark;
        let round = round(&measured, &counting, &pool, first..first + MEASURED).await?;
        let per = |count: u64| count as f64 / MEASURED as f64;
        writeln!(
            io::stdout(),
            "| {held} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:.0} | {:.2} | {:.2} |",
            round.add[0],
            round.add[1],
            round.del[0],
            round.del[1],
            per(round.cost.writes),
            per(round.cost.bytes),
            per(round.cost.reads),
            per(round.cost.lists),
        )?;
    }
    let watch = stopwatch();
    fill(&filling, &pool, held..addresses).await?;
    let filled = watch();
    writeln!(
        io::stdout(),
        "\nAll {addresses} addresses are held; the last {} took {:.1} s, {AT_ONCE} at once. Then:\n\n\
         | a request to | is | ms | reads | lists | writes |\n|---|---|---|---|---|---|",
        addresses - held,
        filled.as_secs_f64(),
    )?;
    full(server, place, &filling, &pool).await
}

/// What a full pool costs a node that has just started: refusals, and grants once an address is free.
async fn full(server: &dyn Server, place: &str, filling: &Allocator, pool: &Arc<PoolRef>) -> Outcome<()> {
    /// So long a refusal is repeated without asking the store, and a little more.
    const BELIEVED: Duration = Duration::from_millis(1_100);
    let start = async |node: &str| -> Outcome<_> {
        let counting = CountingStore::new(server.store(place).await?, Sizes::Ignored);
        let agent = allocator(Arc::new(counting.clone()), node, place).await?;
        let _ = counting.take();
        Ok((agent, counting))
    };
    let (agent, counting) = start("node-3").await?;
    for what in ["a node that starts", "it, a second later", "it, another second later"] {
        let watch = stopwatch();
        let answer = agent.add(&add_request(pool, OTHERS - 1)).await;
        if !matches!(answer, Err(AddError::Refused { .. })) {
            return Err(format!("a full pool answers {answer:?}").into());
        }
        tell(what, "refused", watch(), counting.take())?;
        tokio::time::sleep(BELIEVED).await;
    }
    filling.del(&del_request(0)).await?;
    let other = start("node-4").await?;
    let served =
        [(&agent, &counting, "it, once an address is free"), (&other.0, &other.1, "a node that starts then")];
    for ((agent, counting, what), pod) in served.into_iter().zip(OTHERS - 3..) {
        let watch = stopwatch();
        agent.add(&add_request(pool, pod)).await?;
        tell(what, "served", watch(), counting.take())?;
        agent.del(&del_request(pod)).await?;
    }
    Ok(())
}

fn tell(what: &str, answer: &str, took: Duration, cost: Counted) -> io::Result<()> {
    let Counted { reads, lists, writes, .. } = cost;
    let ms = took.as_secs_f64() * 1_000.0;
    writeln!(io::stdout(), "| {what} | {answer} | {ms:.0} | {reads} | {lists} | {writes} |")
}

async fn fill(agent: &Allocator, pool: &Arc<PoolRef>, pods: Range<u64>) -> Outcome<()> {
    let grant = async |pod| agent.add(&add_request(pool, pod)).await.map(drop);
    Ok(stream::iter(pods.map(Ok)).try_for_each_concurrent(AT_ONCE, grant).await?)
}

async fn round(
    agent: &Allocator,
    counting: &CountingStore<Arc<dyn Store>>,
    pool: &Arc<PoolRef>,
    pods: Range<u64>,
) -> Outcome<Measured> {
    let _ = counting.take();
    let (mut adds, mut dels) = (Vec::new(), Vec::new());
    for pod in pods.clone() {
        let watch = stopwatch();
        agent.add(&add_request(pool, pod)).await?;
        adds.push(watch());
    }
    let cost = counting.take();
    for pod in pods {
        let watch = stopwatch();
        agent.del(&del_request(pod)).await?;
        dels.push(watch());
    }
    let percentiles = |mut times: Vec<_>| [50, 99].map(|percent| milliseconds(&mut times, percent));
    Ok(Measured { add: percentiles(adds), del: percentiles(dels), cost })
}
