//! A StatefulSet's pod comes back on its address.

use std::slice;

use spiderpool_core::inspect::Holding;

use crate::{
    command::address_sheet,
    failure::Failure,
    lab::{kubelet::PodAddress, report::Report, show, world::World},
    output::count,
    session::store_failure,
};

const POD: &str = "default/db-0";

pub(super) async fn show(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    report.heading("A StatefulSet's pod is deleted and created again");
    again(world, report, POD).await
}

/// Deletes `pod` and lets its controller create it again.
pub(in crate::lab) async fn again(world: &mut World, report: &mut Report, pod: &str) -> Result<(), Failure> {
    let what = format!("{pod} comes back on its addresses");
    let (before, uid) = state(world, pod);
    if before.is_empty() {
        report.check(what, Err("it had none".into()));
        return Ok(());
    }
    report.working(format!("deleting {pod}"));
    world.cluster.end_all(slice::from_ref(&pod.to_owned())).await?;
    let inspect = world.inspect().await?;
    let mut kept = Vec::new();
    for PodAddress { address, .. } in &before {
        let Ok(address) = address.parse() else { continue };
        let holding = inspect.who(address).await.map_err(store_failure)?;
        report.say(format!("$ spiderpoolctl ip show {address}\n{}\n", address_sheet(&holding)));
        kept.push(matches!(holding, Holding::Held { .. }));
    }
    let held = kept.iter().filter(|kept| **kept).count();
    let bound = if held == before.len() {
        Ok(count(held, "address"))
    } else {
        Err(format!("{held} of {}", before.len()))
    };
    report.check("its addresses stay bound to its name while it is gone", bound);
    if let Some(name) = pool_of(world).await? {
        let pools = [world.pool(&name).await?];
        report.say(show::maps(&inspect, &pools, report.paint()).await?);
    }
    report.working(format!("waiting for {pod}"));
    world.cluster.settle().await?;
    report.rest();
    let (after, new_uid) = state(world, pod);
    let list = |addresses: &[PodAddress]| {
        addresses.iter().map(|own| own.address.as_str()).collect::<Vec<_>>().join(" ")
    };
    let found = match (after == before, new_uid != uid) {
        (true, true) => Ok(format!("{}, under a new uid", list(&after))),
        (true, false) => Err("it is the same pod as before".into()),
        (false, _) => Err(format!("before {}, after {}", list(&before), list(&after))),
    };
    report.check(what, found);
    Ok(())
}

fn state(world: &World, pod: &str) -> (Vec<PodAddress>, Option<String>) {
    let Some(pod) = world.cluster.pods().get(pod) else { return (Vec::new(), None) };
    let addresses = pod.sandbox.as_ref().map(|sandbox| sandbox.addresses()).unwrap_or_default();
    (addresses, pod.object.metadata.uid.clone())
}

/// The first pool with an address that nobody uses at present.
async fn pool_of(world: &World) -> Result<Option<String>, Failure> {
    let inspect = world.inspect().await?;
    for pool in show::pools(&inspect).await.map_err(store_failure)? {
        if inspect.pool_counts(&pool).await.is_ok_and(|counts| counts.bound > 0) {
            return Ok(Some(pool.metadata.name));
        }
    }
    Ok(None)
}
