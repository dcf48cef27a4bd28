//! A Deployment's rolling restart: new pods, new addresses, the old ones cooling.

use std::collections::BTreeSet;

use spiderpool_core::api::Resource;

use crate::{
    failure::Failure,
    lab::{checks, report::Report, show, workload::restarted, world::World},
    output::count,
    session::store_failure,
};

pub(super) async fn show(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    report.heading("A Deployment is restarted");
    let Some(workload) = world.cluster.workload("Deployment", "web").cloned() else { return Ok(()) };
    restart(world, report, &workload).await?;
    let inspect = world.inspect().await?;
    let mut cooling = 0;
    let mut pools = Vec::new();
    for pool in show::pools(&inspect).await.map_err(store_failure)? {
        if let Ok(counts) = inspect.pool_counts(&pool).await
            && counts.cooling > 0
        {
            cooling += counts.cooling;
            pools.push(pool);
        }
    }
    report.say(show::maps(&inspect, &pools, report.paint()).await?);
    let found = if cooling > 0 { Ok(format!("{cooling} addresses")) } else { Err("none does".into()) };
    report.check("the addresses of the old pods cool down", found);
    checks::sound(world, report).await
}

/// Restarts `workload` as `kubectl rollout restart` does.
pub(in crate::lab) async fn restart(
    world: &mut World,
    report: &mut Report,
    workload: &Resource,
) -> Result<(), Failure> {
    let name = workload.metadata.name.clone();
    let prefix = format!("{}/{name}-", workload.metadata.namespace.as_deref().unwrap_or("default"));
    let before = addresses(world, &prefix);
    report.working(format!("restarting {name}, pod by pod"));
    let next = restarted(workload, &world.now().to_string());
    world.cluster.put(&next).await?;
    world.cluster.take_in(&next)?;
    world.cluster.settle().await?;
    report.rest();
    let after = addresses(world, &prefix);
    let pods =
        |all: &BTreeSet<(String, String)>| all.iter().map(|(pod, _)| pod.clone()).collect::<BTreeSet<_>>();
    let stayed: Vec<String> = pods(&before).intersection(&pods(&after)).cloned().collect();
    let found = match stayed.is_empty() && pods(&before).len() == pods(&after).len() {
        true => Ok(format!("{} on {}", count(pods(&after).len(), "pod"), count(after.len(), "address"))),
        false => Err(format!(
            "{} pods before, {} after; still there: {}",
            pods(&before).len(),
            pods(&after).len(),
            stayed.join(" ")
        )),
    };
    report.check(format!("all pods of {name} are new and have addresses"), found);
    Ok(())
}

fn addresses(world: &World, prefix: &str) -> BTreeSet<(String, String)> {
    let views = show::pod_views(&world.cluster).into_iter().filter(|view| view.pod.starts_with(prefix));
    views
        .flat_map(|view| view.addresses.into_iter().map(move |own| (view.pod.clone(), own.address)))
        .collect()
}
