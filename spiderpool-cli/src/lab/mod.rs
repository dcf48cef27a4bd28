//! The lab: real addresses for real network namespaces, on one machine, removed afterwards.
//!
//! Everything it makes carries its prefix or lies in its directory, so that removing it needs no memory of what was
//! done: the namespaces (with all links in them), the agent, the directory.

mod agent;
mod audit;
mod checks;
mod cluster;
mod cni;
mod custom;
mod demo;
mod kubelet;
mod map;
mod network;
mod networks;
mod operator;
mod place;
mod process;
mod programs;
mod report;
mod scenario;
mod show;
mod stop;
mod summary;
mod workload;
mod world;

pub(crate) use cni::PluginType;
pub(crate) use scenario::Scenario;

use spiderpool_core::env::Env;

use self::{
    network::Namespaces,
    place::Place,
    process::Runner,
    programs::Programs,
    report::{Outcome, Report},
    stop::Stop,
    world::{World, make_ground},
};
use crate::{
    answer::Answer,
    args::{Format, LabArgs},
    failure::{Exit, Failure},
    manifest,
};

/// The failure of a lab that was told to stop.
fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
}

/// Runs the lab, or removes one that was left up.
pub(crate) async fn lab(args: &LabArgs, format: Format) -> Result<Answer, Failure> {
    if let Some(dir) = &args.down {
        let place = Place::find(dir)?;
        take_down(&place).await?;
        return Ok(Answer::text(format!("the lab in {} is removed", dir.display())));
    }
    let programs = Programs::find(args)?;
    // Read before anything is made: a mistake in a file costs nothing then.
    let manifests = match args.manifests.is_empty() {
        true => None,
        false => Some(manifest::read(&args.manifests)?),
    };
    let stop =
        Stop::on_signal().map_err(|error| Failure::refused("signals cannot be handled").because(error))?;
    let mut place = Place::make(args.dir.as_deref(), Env::system().entropy.next_u64())?;
    let mut report = Report::new(format);
    let result = run(args, &mut place, &programs, manifests, &stop, &mut report).await;
    report.rest();
    // Whatever broke on the way broke because of that.
    let result = if stop.is_set() { Err(interrupted()) } else { result };
    let answer = match result {
        Ok(shown) if args.keep => return summary::kept(&shown, &report, &place, format),
        Ok(shown) => summary::summary(&shown, &report, &place, args, format),
        Err(failure) => Err(failure),
    };
    let removed = take_down(&place).await;
    let mut answer = answer?;
    removed?;
    if report.count(Outcome::Failed) > 0 {
        answer.exit = Some(Exit::Refused);
    }
    Ok(answer)
}

async fn run(
    args: &LabArgs,
    place: &mut Place,
    programs: &Programs,
    manifests: Option<Vec<spiderpool_core::api::manifest::Manifest>>,
    stop: &Stop,
    report: &mut Report,
) -> Result<summary::Shown, Failure> {
    report.working("making the network");
    let runner = Runner::new(stop.clone());
    let ground = make_ground(args, place, programs, &runner).await?;
    let ground_words = ground.words(args);
    let node = manifests.iter().flatten().find_map(custom::node_name);
    report.working("starting the agent");
    let mut world = World::start(args, place, programs, ground.fabric(), stop, node).await?;
    report.say(format!("Spiderpool lab in {}: {ground_words}.", place.dir().display()));
    let shown = match (args.scenario, manifests) {
        (Some(scenario), _) => scenario::scenario(&mut world, place, scenario, report).await,
        (None, None) => demo::demo(&mut world, place, args, report).await,
        (None, Some(manifests)) => custom::custom(&mut world, place, manifests, report).await,
    };
    let shown = match shown {
        Ok(()) => summary::Shown::of(&world, ground.mode(args)).await,
        Err(failure) => Err(failure),
    };
    if !(args.keep && shown.is_ok()) {
        report.working("stopping the agent");
        world.agent.end().await?;
        place.note_agent(None)?;
    }
    shown
}

/// Removes everything that belongs to the lab in `place`. Goes on after a failure, so that one thing that does not go
/// leaves nothing else behind.
async fn take_down(place: &Place) -> Result<(), Failure> {
    let runner = Runner::new(Stop::never());
    let namespaces = Namespaces::new(&place.state().prefix);
    let mut left = Vec::new();
    if let Some(pid) = place.state().agent {
        agent::end_left_up(pid, &place.socket()).await?;
    }
    for namespace in namespaces.existing() {
        if let Err(error) = namespaces.remove(&runner, &namespace).await {
            left.push(format!("network namespace {namespace}: {error}"));
        }
    }
    if let Err(error) = place.remove() {
        left.push(format!("directory {}: {error}", place.dir().display()));
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!("not everything of the lab could be removed: {}", left.join("; "))))
}
