//! Pools, one workload of each kind, and what they look like.

use super::{example, run};
use crate::{
    failure::Failure,
    lab::{checks, report::Report, show, world::World},
    session::store_failure,
};

pub(super) async fn show(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    report.heading("Pods of every kind, on the default pools");
    run(world, report, example!("00-pools.yaml")).await?;
    run(world, report, example!("10-workloads.yaml")).await?;
    report.say(show::pods(&show::pod_views(&world.cluster)));
    checks::all_served(world, report);
    checks::sound(world, report).await?;
    checks::pings(world, report, |_| true).await;
    let inspect = world.inspect().await?;
    let pools = show::pools(&inspect).await.map_err(store_failure)?;
    report.say(format!("\n$ spiderpoolctl get sp\n{}\n", show::pool_table(&pools, world.now())));
    report.say(show::maps(&inspect, &pools, report.paint()).await?);
    Ok(())
}
