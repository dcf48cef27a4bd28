//! N addresses serve exactly N pods; pod N+1 is refused, and served as soon as one goes.

use serde_json::json;
use spiderpool_core::api::Resource;

use super::{example, run};
use crate::{
    failure::Failure,
    lab::{checks, report::Report, show, world::World},
};

const POOLS: [&str; 2] = ["exact-v4", "exact-v6"];
const ONE_MORE: &str = "default/one-more";

pub(super) async fn show(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    report.heading("Four addresses for exactly four pods, then a fifth");
    run(world, report, example!("20-exact.yaml")).await?;
    let own = |name: &str| name.starts_with("default/exact-");
    let served = world.cluster.pods().iter().filter(|(name, pod)| own(name) && pod.sandbox.is_some()).count();
    let found = if served == 4 { Ok("4 of 4".into()) } else { Err(format!("{served} of 4")) };
    report.check("a pool of exactly 4 addresses serves 4 pods", found);
    checks::pings(world, report, own).await;

    run(world, report, example!("21-one-more.yaml")).await?;
    let refusal = world.cluster.pods().get(ONE_MORE).and_then(|pod| pod.refusal.clone());
    let refused = refusal.clone().filter(|why| POOLS.iter().any(|pool| why.contains(pool)));
    report.check(
        "the fifth pod is refused, and told why",
        refused.ok_or_else(|| refusal.unwrap_or_else(|| "it was not refused".into())),
    );
    explain(world, report).await?;

    let Some(workload) = world.cluster.workload("CloneSet", "exact").cloned() else { return Ok(()) };
    report.working("scaling the CloneSet down to 3");
    scale(world, workload, 3).await?;
    world.cluster.settle().await?;
    world.cluster.retry().await?;
    report.rest();
    let addresses = world.cluster.pods().get(ONE_MORE).and_then(|pod| pod.sandbox.as_ref());
    let addresses = addresses.map(|sandbox| sandbox.addresses()).unwrap_or_default();
    let found = match addresses.is_empty() {
        false => Ok(addresses.iter().map(|own| own.address.clone()).collect::<Vec<_>>().join(" ")),
        true => Err("it still has no address".into()),
    };
    report.check("as soon as one pod goes, the fifth is served", found);
    let mut pools = Vec::new();
    for name in POOLS {
        pools.push(world.pool(name).await?);
    }
    report.say(show::maps(&world.inspect().await?, &pools, report.paint()).await?);
    checks::sound(world, report).await
}

/// What `spiderpoolctl explain` says of the refused pod.
async fn explain(world: &World, report: &Report) -> Result<(), Failure> {
    let text = crate::command::explain_pod(world.session(), ONE_MORE).await?;
    report.say(format!("$ spiderpoolctl explain {ONE_MORE}\n{text}"));
    Ok(())
}

/// Changes `spec.replicas` as `kubectl scale` does.
async fn scale(world: &mut World, mut workload: Resource, replicas: u32) -> Result<(), Failure> {
    if let Some(spec) = workload.rest.get_mut("spec").and_then(|spec| spec.as_object_mut()) {
        spec.insert("replicas".into(), json!(replicas));
    }
    world.cluster.put(&workload).await?;
    world.cluster.take_in(&workload)
}
