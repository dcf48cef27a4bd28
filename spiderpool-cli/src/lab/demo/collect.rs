//! A pod lost without a DEL, and CNI GC.

use spiderpool_core::inspect::Holding;

use crate::{
    failure::Failure,
    lab::{checks, networks::DEFAULT_NETWORK, report::Report, world::World},
    session::store_failure,
};

pub(super) async fn show(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    report.heading("A pod is lost without a DEL; CNI GC finds what it held");
    let lost = world
        .cluster
        .pods()
        .iter()
        .find(|(name, pod)| name.starts_with("default/report-") && pod.sandbox.is_some());
    let Some((name, addresses)) =
        lost.map(|(name, pod)| (name.clone(), pod.sandbox.as_ref().map(|sandbox| sandbox.addresses())))
    else {
        report.skip("GC frees the addresses of a lost pod", "there is no such pod");
        return Ok(());
    };
    world.cluster.lose(&name).await?;
    let network = world.cluster.kubelet().networks.network(DEFAULT_NETWORK)?;
    let mut valid = Vec::new();
    for sandbox in world.cluster.pods().values().filter_map(|pod| pod.sandbox.as_ref()) {
        let own = sandbox.interfaces.iter().filter(|interface| interface.network.name == network.name);
        valid.extend(own.map(|interface| (sandbox.container.clone(), interface.name.clone())));
    }
    let chain = &world.cluster.kubelet().chain;
    if let Err(failure) = chain.ask("GC", &network, Some(valid)).await {
        report.check("GC frees the addresses of a lost pod", Err(failure.to_string()));
        return Ok(());
    }
    let inspect = world.inspect().await?;
    let mut held = Vec::new();
    let addresses = addresses.unwrap_or_default();
    for own in &addresses {
        let Ok(address) = own.address.parse() else { continue };
        let holding = inspect.who(address).await.map_err(store_failure)?;
        if matches!(holding, Holding::Held { .. }) {
            held.push(holding.to_string());
        }
    }
    let found = match held.is_empty() && !addresses.is_empty() {
        true => Ok(format!(
            "{} of {name}",
            addresses.iter().map(|own| own.address.as_str()).collect::<Vec<_>>().join(" ")
        )),
        false => Err(held.join("; ")),
    };
    report.check("GC frees the addresses of a lost pod", found);
    let status = chain.ask("STATUS", &network, None).await;
    report.check(
        "CNI STATUS says that an ADD would work",
        status.map(|_| String::new()).map_err(|failure| failure.to_string()),
    );
    // Its controller makes another one.
    world.cluster.settle().await?;
    checks::sound(world, report).await
}
