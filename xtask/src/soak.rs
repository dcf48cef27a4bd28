//! `cargo xtask soak`: the real agent killed, starved and damaged many times under load, and the servers of its store too;
//! and what takes minutes to build or to run besides.

use std::fs;
use std::path::Path;

use crate::images;
use crate::packages::{self, Purpose};
use crate::problem::Problem;
use crate::test::{SKIPS_VARIABLE, etcd_packages, fresh_file};
use crate::workspace::Workspace;

/// How often each thing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Soak {
    /// Agents killed with SIGKILL.
    pub(crate) crashes: u64,
    /// Disks that fill up.
    pub(crate) full_disks: u64,
    /// Databases that are truncated or changed.
    pub(crate) damages: u64,
    /// Servers of etcd and of Kubernetes that are killed, in each of three clusters.
    pub(crate) server_deaths: u64,
    /// Controllers that are killed while applications scale.
    pub(crate) controller_deaths: u64,
    /// Renewals of the webhook's certificate by cert-manager; none: without it.
    pub(crate) renewals: u64,
    /// Pods on real kubelets, beside host-local; none: without them.
    pub(crate) pods: u64,
    /// What chooses the moments and the places.
    pub(crate) seed: u64,
}

impl Default for Soak {
    fn default() -> Self {
        Self {
            crashes: 500,
            full_disks: 50,
            damages: 300,
            server_deaths: 40,
            controller_deaths: 120,
            renewals: 5,
            pods: 1000,
            seed: 1,
        }
    }
}

/// Reads the arguments after `soak`; none: help is asked for.
pub(crate) fn parse(args: &[String]) -> Result<Option<Soak>, String> {
    let mut soak = Soak::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let (flag, inline) = match arg.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (arg.as_str(), None),
        };
        let number = match flag {
            "--help" | "-h" => return Ok(None),
            "--crashes" => &mut soak.crashes,
            "--full-disks" => &mut soak.full_disks,
            "--damages" => &mut soak.damages,
            "--server-deaths" => &mut soak.server_deaths,
            "--controller-deaths" => &mut soak.controller_deaths,
            "--renewals" => &mut soak.renewals,
            "--pods" => &mut soak.pods,
            "--seed" => &mut soak.seed,
            _ => return Err(format!("'soak' does not know '{arg}'")),
        };
        let value = inline.or_else(|| args.next().cloned());
        let read = value.as_deref().and_then(|value| value.parse().ok());
        *number = read.ok_or_else(|| format!("{flag} needs a number, as in '{flag} 500'"))?;
    }
    Ok(Some(soak))
}

/// Runs the tests that the ordinary run does a few times, one after the other, with their progress shown.
pub(crate) fn run(workspace: &Workspace, soak: Soak) -> Result<(), Problem> {
    etcd_packages(workspace)?;
    let skips = fresh_file(workspace, "soak-skips")?;
    let ran = tests(workspace, soak, &skips);
    // Whoever asks for a soak is not served by a test that passed because it could not run.
    match fs::read_to_string(&skips).unwrap_or_default() {
        skipped if skipped.is_empty() => ran,
        skipped => {
            ran.and(Err(Problem::failed(format!("not everything could run:\n{}", skipped.trim_end()))))
        }
    }
}

fn tests(workspace: &Workspace, soak: Soak, skips: &Path) -> Result<(), Problem> {
    let Soak { crashes, full_disks, damages, server_deaths, controller_deaths, renewals, pods, seed } = soak;
    let test = |args: &[&str]| workspace.cargo("test").args(args).env(SKIPS_VARIABLE, skips);
    let cluster = ["-p", "spiderpool-operator", "--test", "cluster"];
    test(&["-p", "spiderpool-cni", "--features", "etcd,kube", "--test", "soak"])
        .args(["--", "--nocapture", "--test-threads", "1"])
        .env("SPIDERPOOL_SOAK_CRASHES", crashes.to_string())
        .env("SPIDERPOOL_SOAK_FULL_DISKS", full_disks.to_string())
        .env("SPIDERPOOL_SOAK_DAMAGES", damages.to_string())
        .env("SPIDERPOOL_SOAK_SERVER_DEATHS", server_deaths.to_string())
        .env("SPIDERPOOL_SOAK_SEED", seed.to_string())
        .run()?;
    test(&cluster)
        .args(["--", "--nocapture", "chaos"])
        .env("SPIDERPOOL_SOAK_CONTROLLER_DEATHS", controller_deaths.to_string())
        .run()?;
    if renewals > 0 {
        test(&cluster)
            .args(["--", "--nocapture", "--ignored", "cert_manager"])
            .env("SPIDERPOOL_SOAK_RENEWALS", renewals.to_string())
            .run()?;
    }
    if pods == 0 {
        return Ok(());
    }
    packages::root("network, mount and process namespaces")?;
    packages::ensure(workspace, Purpose::Lab)?;
    packages::ensure(workspace, Purpose::Nodes)?;
    let images = images::build(workspace, images::Profile::Release)?;
    test(&["-p", "spiderpool-operator", "--test", "nodes", "pace", "--", "--ignored", "--nocapture"])
        .env("SPIDERPOOL_IMAGES", &images)
        .env("SPIDERPOOL_DEPLOYMENTS", pods.div_ceil(10).to_string())
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Soak>, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn numbers_are_read_and_everything_else_is_named() {
        assert_eq!(parsed(""), Ok(Some(Soak::default())));
        let asked = Soak { crashes: 7, damages: 0, ..Soak::default() };
        assert_eq!(parsed("--crashes 7 --damages=0"), Ok(Some(asked)));
        assert_eq!(parsed("--crashes 7 --help"), Ok(None));
        for (line, named) in [("--crashs 7", "--crashs"), ("--crashes", "--crashes"), ("--seed x", "--seed")]
        {
            assert!(parsed(line).is_err_and(|message| message.contains(named)), "{line}");
        }
    }
}
