//! Upstream's walk-throughs, each with its manifests.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;
use spiderpool_core::{api::manifest::Manifest, model::Pool};

use super::{custom, place::Place, report::Report, show, world::World};
use crate::{failure::Failure, manifest, output::count, session::store_failure};

/// How long pools may take to follow their application.
const FOLLOW_WITHIN: Duration = Duration::from_secs(20);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A walk-through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Scenario {
    /// A CloneSet with a pool made by hand.
    ClonesetManual,
    /// A CloneSet with pools of its own, five addresses of both families.
    ClonesetAuto,
    /// CloneSets with a second interface, from a pool made by hand and from one of its own.
    ClonesetMultus,
    /// A Deployment whose pool grows with its replicas, from 2 to 3.
    DeploymentAuto,
    /// A Deployment with a pool made by hand inside a Subnet.
    DeploymentManual,
}

macro_rules! scenario {
    ($name:literal) => {
        ($name, include_str!(concat!("../../lab/scenarios/", $name)))
    };
}

impl Scenario {
    /// Its manifests.
    pub(crate) fn manifests(self) -> Result<Vec<Manifest>, Failure> {
        let (name, text) = match self {
            Self::ClonesetManual => scenario!("cloneset-manual.yaml"),
            Self::ClonesetAuto => scenario!("cloneset-auto.yaml"),
            Self::ClonesetMultus => scenario!("cloneset-multus.yaml"),
            Self::DeploymentAuto => scenario!("deployment-auto.yaml"),
            Self::DeploymentManual => scenario!("deployment-manual.yaml"),
        };
        manifest::read_text(name, text)
    }

    /// How many addresses each pool has, as the walk-through says.
    fn sizes(self) -> &'static [(&'static str, u128)] {
        match self {
            Self::ClonesetManual => &[("custom-ipv4-ippool", 11)],
            Self::ClonesetAuto => {
                &[("auto4-custom-kruise-cloneset-eth0-", 5), ("auto6-custom-kruise-cloneset-eth0-", 5)]
            }
            Self::ClonesetMultus => &[("ippool01", 10), ("auto4-custom-kruise-cloneset03-net1-", 4)],
            Self::DeploymentAuto => &[("auto4-nginx-eth0-", 5)],
            Self::DeploymentManual => &[("nginx-v4-ippool", 11)],
        }
    }
}

/// Runs a walk-through.
pub(super) async fn scenario(
    world: &mut World,
    place: &mut Place,
    scenario: Scenario,
    report: &mut Report,
) -> Result<(), Failure> {
    custom::custom(world, place, scenario.manifests()?, report).await?;
    for (pool, addresses) in scenario.sizes() {
        sized(world, report, pool, *addresses).await?;
    }
    if scenario == Scenario::DeploymentAuto {
        report.heading("The Deployment gets a third replica");
        scale(world, report, "nginx", 3).await?;
        sized(world, report, "auto4-nginx-eth0-", 6).await?;
        super::checks::all_served(world, report);
        super::checks::sound(world, report).await?;
        super::checks::store_is_well(world, report).await?;
    }
    Ok(())
}

/// Gives the Deployment `name` so many replicas, as `kubectl scale` does.
async fn scale(world: &mut World, report: &mut Report, name: &str, replicas: u64) -> Result<(), Failure> {
    let Some(workload) = world.cluster.workload("Deployment", name).cloned() else { return Ok(()) };
    report.working(format!("scaling {name} to {replicas}"));
    let mut next = workload;
    if let Some(spec) = next.rest.get_mut("spec").and_then(serde_json::Value::as_object_mut) {
        spec.insert("replicas".into(), json!(replicas));
    }
    world.cluster.put(&next).await?;
    world.cluster.take_in(&next)?;
    world.cluster.settle().await?;
    report.rest();
    Ok(())
}

/// The one pool whose name begins so has so many addresses.
async fn sized(world: &World, report: &mut Report, prefix: &str, addresses: u128) -> Result<(), Failure> {
    report.working(format!("waiting for pool {prefix}"));
    let clock = world.session().env().clock.clone();
    let deadline = clock.monotonic().after(FOLLOW_WITHIN);
    let inspect = world.inspect().await?;
    let found = loop {
        let pools = show::pools(&inspect).await.map_err(store_failure)?;
        let own = pools.iter().filter(|pool| pool.metadata.name.starts_with(prefix));
        let own = own.filter_map(|pool| Pool::try_from(pool).ok());
        let sizes: Vec<_> =
            own.map(|pool| (pool.name.to_string(), pool.allocatable().len_saturating())).collect();
        match &sizes[..] {
            [(name, size)] if *size == addresses => break Ok(name.clone()),
            _ if clock.monotonic() >= deadline || world.runner.stop().is_set() => {
                let sizes: Vec<_> = sizes.iter().map(|(name, size)| format!("{name} has {size}")).collect();
                break Err(match sizes.is_empty() {
                    true => "there is no such pool".into(),
                    false => sizes.join(", "),
                });
            }
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    report.rest();
    let addresses = usize::try_from(addresses).unwrap_or(usize::MAX);
    report.check(format!("pool {prefix} has {}", count(addresses, "address")), found);
    Ok(())
}
