//! Everything is given back.

use spiderpool_core::inspect::RecordFilter;

use crate::{
    args::LabArgs,
    failure::Failure,
    lab::{checks, report::Report, world::World},
    session::store_failure,
};

pub(super) async fn show(world: &mut World, args: &LabArgs, report: &mut Report) -> Result<(), Failure> {
    if args.keep {
        return Ok(());
    }
    report.heading("All pods go");
    report.working("deleting all pods");
    let all: Vec<String> = world.cluster.pods().keys().cloned().collect();
    world.cluster.end_all(&all).await?;
    report.rest();
    let records = world.inspect().await?.records(&RecordFilter::default()).await.map_err(store_failure)?;
    let others: Vec<String> = records
        .iter()
        .filter(|(_, record)| {
            record.controller.as_ref().is_none_or(|controller| controller.kind != "StatefulSet")
        })
        .map(|(address, record)| format!("{address} of {}", record.owner))
        .collect();
    let found = match others.is_empty() {
        true => Ok(format!("{} pods; {} addresses stay bound to the StatefulSet", all.len(), records.len())),
        false => Err(others.join("; ")),
    };
    report.check("every other address is free again", found);
    checks::sound(world, report).await?;
    checks::store_is_well(world, report).await
}
