//! What is looked at again and again.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, stream};
use spiderpool_core::inspect::Severity;

use super::{
    cluster::Pod,
    network::{Ping, ping},
    report::Report,
    world::World,
};
use crate::{failure::Failure, output::count, session::store_failure};

/// How many pings run at once.
const AT_ONCE: usize = 8;
/// How long the agent may take to bring endpoints in line with what is held.
const VIEWS_WITHIN: Duration = Duration::from_secs(20);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The most pods in a round of pings.
const RING: usize = 12;

/// Every pod has its addresses.
pub(crate) fn all_served(world: &World, report: &mut Report) {
    let pods = world.cluster.pods();
    let without: Vec<String> = pods
        .iter()
        .filter(|(_, pod)| pod.sandbox.is_none())
        .map(|(name, pod)| format!("{name}: {}", pod.refusal.as_deref().unwrap_or("not started")))
        .collect();
    let found = match without.is_empty() {
        true => Ok(count(pods.len(), "pod")),
        false => Err(without.join("; ")),
    };
    report.check("every pod has its addresses", found);
}

/// Nothing lost, nothing twice.
pub(crate) async fn sound(world: &World, report: &mut Report) -> Result<(), Failure> {
    let found = world.audit().await?;
    report.check("pods and store agree: no address lost, none twice", found);
    Ok(())
}

/// `spiderpoolctl fsck` finds nothing to put right. The agent writes endpoints after it has answered, so what is wrong
/// with them right now is given a while to go away.
pub(crate) async fn store_is_well(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.working("checking the store");
    let clock = world.session().env().clock.clone();
    let deadline = clock.monotonic().after(VIEWS_WITHIN);
    let inspect = world.inspect().await?;
    let findings = loop {
        let findings = inspect.fsck().await.map_err(store_failure)?;
        let well = findings.iter().all(|finding| finding.severity == Severity::Info);
        if well || clock.monotonic() >= deadline || world.runner.stop().is_set() {
            break findings;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    report.rest();
    let wrong: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .map(ToString::to_string)
        .collect();
    let found = match wrong.is_empty() {
        true if findings.is_empty() => Ok(String::new()),
        true => Ok(format!("but for {} of no consequence", count(findings.len(), "remark"))),
        false => Err(wrong.join("; ")),
    };
    report.check("fsck finds nothing that contradicts itself", found);
    Ok(())
}

/// CNI CHECK says of every pod that all is as its ADD left it.
pub(crate) async fn unchanged(world: &World, report: &mut Report) {
    let kubelet = world.cluster.kubelet();
    let pods: Vec<&Pod> = world.cluster.pods().values().collect();
    let checks = stream::iter(pods).map(|pod| async move {
        let sandbox = pod.sandbox.as_ref()?;
        let failure = kubelet.check(&pod.object, sandbox).await.err();
        Some(failure.map(|failure| format!("{}: {failure}", pod.object.metadata.name)))
    });
    let results: Vec<Option<String>> =
        checks.buffer_unordered(AT_ONCE).filter_map(|result| async { result }).collect().await;
    let checked = results.len();
    let wrong: Vec<String> = results.into_iter().flatten().collect();
    let found = if wrong.is_empty() { Ok(count(checked, "pod")) } else { Err(wrong.join("; ")) };
    report.check("CNI CHECK finds every interface as it was made", found);
}

/// Pods answer each other in a ring, on every address of their first interfaces, and the switch reaches the first.
pub(crate) async fn pings(world: &World, report: &mut Report, of: impl Fn(&str) -> bool) {
    let name = "pods answer pings";
    let Some(fabric) = &world.fabric else {
        report.skip(name, "there is no network");
        return;
    };
    let pods = world.cluster.pods().iter().filter(|(name, _)| of(name));
    let running: Vec<(&String, _)> =
        pods.filter_map(|(name, pod)| Some((name, pod.sandbox.as_ref()?))).collect();
    let ring = &running[..running.len().min(RING)];
    let mut pairs = Vec::new();
    let mut subnets = BTreeSet::new();
    for (i, (from, sandbox)) in ring.iter().enumerate() {
        let (to, target) = &ring[(i + 1) % ring.len()];
        let Some(namespace) = &sandbox.namespace else { continue };
        for own in target.interfaces.first().into_iter().flat_map(|interface| &interface.attached.given) {
            pairs.push((namespace, own.ip().to_owned(), format!("{from} -> {to}")));
            // From outside, once for each gateway.
            if let Some(gateway) = &own.gateway
                && subnets.insert(gateway.clone())
            {
                pairs.push((&fabric.switch, own.ip().to_owned(), format!("switch -> {to}")));
            }
        }
    }
    let total = pairs.len();
    let asked = stream::iter(pairs).map(|(from, address, what)| async move {
        match ping(&world.runner, from, &address).await {
            Ok(Ping::Answered(milliseconds)) => Ok(milliseconds),
            Ok(Ping::Silent(words)) => Err(format!("{what} ({address}): {words}")),
            Err(error) => Err(format!("{what} ({address}): {error}")),
        }
    });
    let results: Vec<Result<f64, String>> = asked.buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<String> = results.iter().filter_map(|result| result.clone().err()).collect();
    let times: Vec<f64> = results.into_iter().flatten().collect();
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let found = match wrong.is_empty() && total > 0 {
        true => Ok(format!(
            "{total} pings among {} pods and from the switch, slowest {slowest:.2} ms",
            ring.len()
        )),
        false if total == 0 => Err("there was nobody to ask".into()),
        false => Err(wrong.join("; ")),
    };
    report.check(name, found);
}
