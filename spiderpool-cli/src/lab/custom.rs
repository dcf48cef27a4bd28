//! What the lab shows with somebody's own manifests.

use spiderpool_core::api::manifest::{Manifest, Object};

use super::{
    agent::Agent,
    checks,
    demo::{again, restart},
    place::Place,
    report::Report,
    show,
    world::World,
};
use crate::{failure::Failure, session::store_failure};

/// The name of a Node.
pub(super) fn node_name(manifest: &Manifest) -> Option<String> {
    match &manifest.object {
        Object::Resource(resource) if resource.kind == "Node" => Some(resource.metadata.name.clone()),
        _ => None,
    }
}

/// Runs `manifests` and shows what can be shown with any.
pub(super) async fn custom(
    world: &mut World,
    place: &mut Place,
    manifests: Vec<Manifest>,
    report: &mut Report,
) -> Result<(), Failure> {
    let nodes: Vec<String> = manifests.iter().filter_map(node_name).collect();
    if nodes.len() > 1 {
        report.say(format!("note: the lab has one node, {}; the others have no pods", nodes[0]));
    }
    for manifest in &manifests {
        if manifest.object.kind() == "CronJob" {
            let name = &manifest.object.metadata().name;
            report.say(format!("note: CronJob {name} makes no pods here: the lab has no timetable"));
        }
    }
    report.heading("The manifests");
    report.working("applying the manifests and starting their pods");
    // It goes on until the lab ends: pools follow their applications.
    world.keep_pools();
    let warnings = world.apply(manifests).await?;
    warnings.iter().for_each(|warning| report.say(format!("warning: {warning}")));
    world.cluster.settle().await?;
    report.rest();
    world.events().into_iter().for_each(|event| report.say(format!("event: {event}")));
    report.say(show::pods(&show::pod_views(&world.cluster)));
    checks::all_served(world, report);
    checks::sound(world, report).await?;
    checks::pings(world, report, |_| true).await;
    let inspect = world.inspect().await?;
    let pools = show::pools(&inspect).await.map_err(store_failure)?;
    report.say(format!("\n$ spiderpoolctl get sp\n{}\n", show::pool_table(&pools, world.now())));
    report.say(show::maps(&inspect, &pools, report.paint()).await?);

    if let Some(pod) = first_pod_of(world, "StatefulSet") {
        report.heading("A StatefulSet's pod is deleted and created again");
        again(world, report, &pod).await?;
    }
    let deployment = world.cluster.workloads().find(|object| object.kind == "Deployment").cloned();
    if let Some(workload) = deployment {
        report.heading("A Deployment is restarted");
        restart(world, report, &workload).await?;
    }
    report.heading("The agent is killed and started again");
    report.working("killing the agent");
    world.agent.kill().await?;
    world.agent = Agent::start(&world.agent_settings, place, world.runner.stop()).await?;
    report.rest();
    checks::sound(world, report).await?;
    checks::store_is_well(world, report).await?;
    checks::unchanged(world, report).await;
    Ok(())
}

fn first_pod_of(world: &World, kind: &str) -> Option<String> {
    let is_of = |pod: &super::cluster::Pod| {
        pod.sandbox.is_some() && pod.object.metadata.owner_references.iter().any(|owner| owner.kind == kind)
    };
    world.cluster.pods().iter().find(|(_, pod)| is_of(pod)).map(|(name, _)| name.clone())
}
