//! A pod with several interfaces.

use super::{example, run};
use crate::{
    failure::Failure,
    lab::{checks, report::Report, show, world::World},
};

const POD: &str = "default/router";

pub(super) async fn show(world: &mut World, report: &mut Report) -> Result<(), Failure> {
    report.heading("A pod with two interfaces, each with pools of its own");
    run(world, report, example!("30-interfaces.yaml")).await?;
    let views = show::pod_views(&world.cluster);
    let own: Vec<_> = views.into_iter().filter(|view| view.pod == POD).collect();
    report.say(show::pods(&own));
    let expected =
        usize::from(world.agent_settings.families.ipv4()) + usize::from(world.agent_settings.families.ipv6());
    let on = |interface: &str| {
        own.iter().flat_map(|view| &view.addresses).filter(|own| own.interface == interface).count()
    };
    let (first, second) = (on("eth0"), on("net1"));
    let found = match (first, second) == (expected, expected) {
        true => Ok(format!("{first} on eth0, {second} on net1")),
        false => {
            let why = own.first().and_then(|view| view.refusal.clone()).unwrap_or_default();
            Err(format!("{first} on eth0, {second} on net1, {expected} on each expected {why}"))
        }
    };
    report.check("both interfaces have their addresses", found);
    checks::sound(world, report).await
}
