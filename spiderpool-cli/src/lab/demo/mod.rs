//! What the lab shows with its own manifests, part by part.

mod burst;
mod collect;
mod end;
mod exact;
mod interfaces;
mod rollout;
mod stateful;
mod workloads;

pub(super) use rollout::restart;
pub(super) use stateful::again;

use super::{place::Place, report::Report, world::World};
use crate::{args::LabArgs, failure::Failure, manifest};

/// Shows everything. A part that finds something wrong says so and the next one goes on; only what makes going on
/// senseless ends it.
pub(super) async fn demo(
    world: &mut World,
    place: &mut Place,
    args: &LabArgs,
    report: &mut Report,
) -> Result<(), Failure> {
    workloads::show(world, report).await?;
    stateful::show(world, report).await?;
    exact::show(world, report).await?;
    interfaces::show(world, report).await?;
    rollout::show(world, report).await?;
    burst::show(world, place, args, report).await?;
    collect::show(world, report).await?;
    end::show(world, args, report).await
}

/// A built-in manifest.
macro_rules! example {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../lab/", $name)))
    };
}
use example;

/// Applies a built-in manifest and starts what it declares.
async fn run(world: &mut World, report: &Report, (name, text): (&str, &str)) -> Result<(), Failure> {
    report.working(format!("applying {name} and starting its pods"));
    let warnings = world.apply(manifest::read_text(name, text)?).await?;
    warnings.iter().for_each(|warning| report.say(format!("warning: {warning}")));
    world.cluster.settle().await?;
    report.rest();
    Ok(())
}
