//! A burst of pods on exactly as many addresses, and the agent killed in the middle.

use std::{cell::Cell, time::Duration};

use serde_json::json;
use spiderpool_core::api::manifest::{Manifest, Object};

use super::example;
use crate::{
    args::LabArgs,
    failure::Failure,
    lab::{agent::Agent, checks, place::Place, report::Report, stop::Stop, world::World},
    manifest,
};

/// How often the burst is looked at while it runs.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) async fn show(
    world: &mut World,
    place: &mut Place,
    args: &LabArgs,
    report: &mut Report,
) -> Result<(), Failure> {
    let pods = usize::from(args.pods);
    report.heading(&format!(
        "{pods} pods at once on exactly {pods} addresses; the agent is killed in the middle"
    ));
    let (name, text) = example!("40-burst.yaml");
    let manifests = manifest::read_text(name, text)?.into_iter().map(|manifest| sized(manifest, args.pods));
    world.apply(manifests.collect()).await?;

    let World { agent, cluster, agent_settings, runner, .. } = &mut *world;
    let started = cluster.started();
    let begin = started.get();
    let clock = cluster.allocator().env().clock.clone();
    let burst_began = clock.monotonic();
    let progress = report.progress();
    report.working("starting the burst");
    let assassin = async {
        wait_for(&started, begin + pods.div_ceil(3), runner.stop(), |n| {
            progress.set_message(format!("{} of {pods} pods have their addresses", n - begin));
        })
        .await;
        let served = started.get() - begin;
        let killed = clock.monotonic();
        agent.kill().await?;
        *agent = Agent::start(agent_settings, place, runner.stop()).await?;
        let away = clock.monotonic().as_millis().saturating_sub(killed.as_millis());
        wait_for(&started, begin + pods, runner.stop(), |n| {
            progress.set_message(format!("{} of {pods} pods have their addresses", n - begin));
        })
        .await;
        Ok::<_, Failure>((served, away))
    };
    let burst = async {
        let settled = cluster.settle().await;
        // Whatever came of it, the other half stops waiting.
        started.set(started.get().max(begin + pods));
        settled
    };
    let (killed, settled) = tokio::join!(assassin, burst);
    report.rest();
    let (served, away) = killed?;
    settled?;
    let took = clock.monotonic().as_millis().saturating_sub(burst_began.as_millis());
    report.check(
        "the agent is killed with SIGKILL in the middle and started again",
        Ok(format!("after {served} of {pods} pods; away for {away} ms")),
    );
    let own = |name: &str| name.starts_with("default/burst-");
    let have = world.cluster.pods().iter().filter(|(name, pod)| own(name) && pod.sandbox.is_some()).count();
    let found = match have == pods {
        true => Ok(format!("{pods} pods in {took} ms")),
        false => Err(format!("{have} of {pods}")),
    };
    report.check(format!("all {pods} pods of the burst are served, on exactly {pods} addresses"), found);
    checks::sound(world, report).await?;
    checks::store_is_well(world, report).await?;
    checks::unchanged(world, report).await;
    checks::pings(world, report, own).await;
    Ok(())
}

/// Waits until `started` says at least `wanted`.
async fn wait_for(started: &Cell<usize>, wanted: usize, stop: &Stop, look: impl Fn(usize)) {
    while started.get() < wanted && !stop.is_set() {
        look(started.get());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The burst's manifests for `pods` pods.
fn sized(mut manifest: Manifest, pods: u16) -> Manifest {
    match &mut manifest.object {
        Object::Pool(pool) => {
            let last = 1 + u32::from(pods);
            let ips = match pool.spec.subnet.contains(':') {
                true => format!("fc00:f853:ccd:e793::2-fc00:f853:ccd:e793::{last:x}"),
                false => format!("172.18.44.2-172.18.44.{last}"),
            };
            pool.spec.ips = vec![ips];
        }
        Object::Resource(workload) => {
            if let Some(spec) = workload.rest.get_mut("spec").and_then(|spec| spec.as_object_mut()) {
                spec.insert("replicas".into(), json!(pods));
            }
        }
        _ => {}
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_as_it_is_is_the_burst_of_24() {
        let (name, text) = example!("40-burst.yaml");
        for manifest in manifest::read_text(name, text).unwrap() {
            assert_eq!(sized(manifest.clone(), 24), manifest);
        }
    }
}
