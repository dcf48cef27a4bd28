//! I6: the sweep frees nothing whose owner is live in any liveness source.

use super::Broken;
use crate::{
    addr::Address,
    model::{Attachment, Binding, Record},
    protocol::SandboxState,
    simulation::{
        executor::ProcessId,
        ledger::{Change, Ledger},
    },
};

/// What a controller frees belonged to nobody who lives.
pub(super) fn changed(ledger: &Ledger, actor: ProcessId, change: &Change<'_>) -> Result<(), Broken> {
    let Change::Freed { address, old, .. } = change else { return Ok(()) };
    if old.binding == Binding::Stateful && !ledger.agents.contains(&actor) {
        binding(ledger, actor, *address, old)?;
    }
    if !ledger.sweepers.contains(&actor) {
        return Ok(());
    }
    let cluster = &ledger.cluster;
    if let Attachment::Container(container) = &old.attachment
        && cluster.sandbox(container) == SandboxState::Alive
    {
        return Err((
            "I6",
            format!("the sweep freed {address} of {}, whose container {container} lives", old.owner),
        ));
    }
    // A record left over where a log was lost, beside another of the same key, may go while its pod lives.
    let own = cluster.containers.values().filter(|container| container.owner == old.owner.uid);
    let forgotten = own.into_iter().any(|container| container.forgotten);
    if cluster.exists(&old.owner) && !forgotten {
        return Err(("I6", format!("the sweep freed {address} of {}, which exists", old.owner)));
    }
    Ok(())
}

/// A binding that somebody wants all the time is not released (rule 9d).
fn binding(ledger: &Ledger, actor: ProcessId, address: Address, old: &Record) -> Result<(), Broken> {
    let (Some(pod), Some(began)) = (&old.owner.pod, ledger.began.get(&actor)) else { return Ok(()) };
    // A write of an earlier verdict may arrive only now.
    if ledger.terms.late {
        return Ok(());
    }
    let cluster = &ledger.cluster;
    let since = |since: Option<&u64>| since.is_some_and(|since| since < began);
    // Longer than it takes from the question about the pod to the end of the write.
    let long = 3 * ledger.terms.delay + 60_000;
    let asked = ledger.now.saturating_sub(long);
    if cluster.present_since.get(pod).is_some_and(|since| *since < asked) {
        return Err((
            "I6",
            format!("{address} was taken from {pod}, and there was a pod of that name for {long} µs"),
        ));
    }
    if since(cluster.present_since.get(pod)) {
        return Err((
            "I6",
            format!("{address} was taken from {pod}, and there was a pod of that name all the time"),
        ));
    }
    let same = cluster
        .controllers
        .values()
        .any(|(own, _)| old.controller.as_ref().is_some_and(|controller| controller.uid == own.uid));
    if same && since(cluster.wanted_since.get(pod)) {
        return Err((
            "I6",
            format!("{address} was taken from {pod}, and its controller wanted it all the time"),
        ));
    }
    Ok(())
}
