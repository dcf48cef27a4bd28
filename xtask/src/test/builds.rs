//! Checks that compile and run the project itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use spiderpool_testbed::Binary;

use super::{Passed, Verdict};
use crate::images;
use crate::lab;
use crate::packages::{self, Purpose};
use crate::problem::Problem;
use crate::process::Program;
use crate::testbed;
use crate::tools;
use crate::workspace::{PUBLISHED, Workspace};

/// The plugin must stay below this many bytes, stripped: it is copied to every node and started for every interface.
const PLUGIN_LIMIT: u64 = 3 * 1024 * 1024 / 2;

/// Where a test that cannot run for want of a tool or a right says so: one line per test, "NAME: WHY and HOW". A
/// passing test's output is not shown, so a line printed would be lost.
pub(crate) const SKIPS_VARIABLE: &str = "SPIDERPOOL_TEST_SKIPS";

pub(super) fn formatting(workspace: &Workspace) -> Verdict {
    // cargo fmt knows no --locked and would not need it.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    workspace.program(&cargo).args(["fmt", "--all", "--check"]).run()?;
    workspace.program(cargo).args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]).run()?;
    Ok(Passed::default())
}

pub(super) fn lints(workspace: &Workspace) -> Verdict {
    etcd_packages(workspace)?;
    let everything = ["--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    workspace.cargo("clippy").args(everything).run()?;
    fuzz(workspace, "clippy").args(["--all-targets", "--all-features", "--", "-D", "warnings"]).run()?;
    Ok(Passed::default())
}

pub(super) fn tests(workspace: &Workspace) -> Verdict {
    etcd_packages(workspace)?;
    let file = fresh_file(workspace, "test-skips")?;
    let mut skips = Vec::new();
    if let Err(problem) = packages::ensure(workspace, Purpose::Lab) {
        println!("{problem}");
        skips.push(format!("tests with network interfaces: {problem}"));
    }
    servers()?;
    // The programs with the stores that they have on request alone. Of the whole workspace, so that what they depend on has
    // the features that it was built with before.
    const STORES: &str = "spiderpool-cni/etcd,spiderpool-cni/kube,spiderpool-cli/etcd,spiderpool-cli/kube";
    let with_stores = ["--workspace", "--features", STORES, "--test"];
    let runs: [&[&str]; 3] = [
        &["--workspace", "--no-fail-fast"],
        &[&with_stores[..], &["daemon", "--", "etcd", "kube"]].concat(),
        &[&with_stores[..], &["soak", "--", "servers"]].concat(),
    ];
    for run in runs {
        workspace.cargo("test").args(run).env(SKIPS_VARIABLE, &file).run()?;
    }
    // These run the agent that was built for the ones before, with all stores.
    workspace
        .cargo("test")
        .args(with_stores)
        .args(["stores"])
        .env(SKIPS_VARIABLE, &file)
        .env("SPIDERPOOL_LAB_BIN_DIR", workspace.target.join("debug"))
        .run()?;
    skips.extend(fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned));
    Ok(Passed { note: String::new(), skips })
}

/// Installs the chart on nodes with kubelets, which takes root and the images.
pub(super) fn nodes(workspace: &Workspace) -> Verdict {
    let binaries = spiderpool_testbed::Binaries::find()?;
    let needed = packages::ensure(workspace, Purpose::Lab)
        .and_then(|()| packages::ensure(workspace, Purpose::Nodes))
        .and_then(|()| packages::root("network, mount and process namespaces"))
        .and_then(|()| binaries.program(Binary::Kubelet).map(drop).map_err(Problem::from));
    if let Err(problem @ Problem::Missing { .. }) = needed {
        println!("{problem}");
        return Ok(Passed {
            note: String::new(),
            skips: vec![format!("the chart on real kubelets: {problem}")],
        });
    }
    needed?;
    let images = images::build(workspace, images::Profile::Dev)?;
    // The same features as the tests of the whole workspace, or everything would be compiled again.
    workspace.cargo("build").args(["--workspace", "--example", "networks"]).run()?;
    let test = [
        "--workspace",
        "--test",
        "nodes",
        "--",
        "--ignored",
        "--skip",
        "pace",
        "--test-threads=1",
        "--nocapture",
    ];
    workspace.cargo("test").args(test).env("SPIDERPOOL_IMAGES", &images).run()?;
    testbed::trial(workspace)?;
    Ok(Passed::default())
}

pub(super) fn documentation(workspace: &Workspace) -> Verdict {
    etcd_packages(workspace)?;
    let doc = workspace.cargo("doc").args(["--workspace", "--no-deps", "--all-features"]);
    doc.env("RUSTDOCFLAGS", "-D warnings").run()?;
    Ok(Passed::default())
}

/// Every crate that is published is packed, and compiled from what was packed alone.
pub(super) fn publication(workspace: &Workspace) -> Verdict {
    etcd_packages(workspace)?;
    if forget_packed(&tools::cargo_home()?.join("registry/src"))? {
        workspace.cargo("clean").args(PUBLISHED.iter().flat_map(|name| ["-p", name])).run()?;
    }
    let dry_run = ["--dry-run", "--workspace", "--all-features", "--allow-dirty"];
    workspace.cargo("publish").args(dry_run).run()?;
    Ok(Passed::default())
}

/// Cargo unpacks what it is about to publish as it unpacks what was published, which never changes under its version: it would
/// compile what an earlier run packed. Whether there was anything to forget in `sources`, where it unpacks.
fn forget_packed(sources: &Path) -> Result<bool, Problem> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let begins = |path: &Path, with: &[&str]| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| with.iter().any(|begin| name.starts_with(begin)))
    };
    let mut forgotten = false;
    // Registries that are folders have no name, and a hash behind it.
    for registry in folders(sources).iter().filter(|registry| begins(registry, &["-"])) {
        for package in folders(registry).iter().filter(|package| begins(package, &PUBLISHED)) {
            fs::remove_dir_all(package)
                .map_err(|error| Problem::failed(format!("cannot remove {}: {error}", package.display())))?;
            forgotten = true;
        }
    }
    Ok(forgotten)
}

pub(super) fn plugin_size(workspace: &Workspace) -> Verdict {
    let plugin = lab::build_plugin(workspace)?;
    let size = fs::metadata(&plugin)
        .map_err(|error| Problem::failed(format!("cannot look at {}: {error}", plugin.display())))?
        .len();
    let note = format!("{} KiB of {}", size.div_ceil(1024), PLUGIN_LIMIT / 1024);
    if size < PLUGIN_LIMIT {
        Ok(Passed::with(note))
    } else {
        Err(Problem::failed(format!("the plugin has {note}")))
    }
}

pub(super) fn fuzz_bodies(workspace: &Workspace) -> Verdict {
    fuzz(workspace, "test").run()?;
    Ok(Passed::default())
}

/// In the profile that they are measured in, which is also that of the instruction counts. Without a single benchmark
/// this fails.
pub(super) fn benchmarks(workspace: &Workspace) -> Verdict {
    let file = fresh_file(workspace, "bench-skips")?;
    // One of them runs the programs themselves, beside those of a Debian package.
    lab::build_plugin(workspace)?;
    let agent = ["-p", "spiderpool-cni", "--profile", "bench", "--bin", "spiderpool-agent"];
    workspace.cargo("build").args(agent).run()?;
    let mut skips = Vec::new();
    if let Err(problem) = packages::ensure(workspace, Purpose::Lab) {
        println!("{problem}");
        skips.push(format!("the plugin beside host-local: {problem}"));
    }
    etcd_packages(workspace)?;
    let bench = ["-p", "spiderpool-benches", "--features", "etcd,kube", "--bench", "*", "--", "--test"];
    workspace.cargo("bench").args(bench).env(SKIPS_VARIABLE, &file).run()?;
    skips.extend(fs::read_to_string(&file).unwrap_or_default().lines().map(str::to_owned));
    Ok(Passed { note: String::new(), skips })
}

/// A cargo command in the workspace of the fuzz bodies, which shares this one's target directory.
fn fuzz(workspace: &Workspace, subcommand: &str) -> Program {
    let program = workspace.cargo(subcommand).args(["--manifest-path", "fuzz/Cargo.toml"]);
    program.env("CARGO_TARGET_DIR", &workspace.target)
}

/// What compiling the etcd client takes, once the lock file says that it is part of the project.
pub(crate) fn etcd_packages(workspace: &Workspace) -> Result<(), Problem> {
    if workspace.read("Cargo.lock")?.contains("name = \"etcd-client\"\n") {
        packages::ensure(workspace, Purpose::Etcd)?;
    }
    Ok(())
}

/// Builds the servers that tests start, here where the wait is seen. The tests say themselves what they cannot have.
fn servers() -> Result<(), Problem> {
    let binaries = spiderpool_testbed::Binaries::find()?;
    for program in [Binary::Etcd, Binary::KubeApiserver, Binary::Kubectl, Binary::ServiceKey] {
        match binaries.program(program).map_err(Problem::from) {
            Ok(_) => {}
            Err(problem @ Problem::Missing { .. }) => println!("{problem}"),
            Err(problem) => return Err(problem),
        }
    }
    Ok(())
}

/// An empty file of this name in the target directory.
pub(crate) fn fresh_file(workspace: &Workspace, name: &str) -> Result<PathBuf, Problem> {
    let file = workspace.target.join(name);
    fs::create_dir_all(&workspace.target)
        .and_then(|()| fs::write(&file, ""))
        .map_err(|error| Problem::failed(format!("cannot write {}: {error}", file.display())))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_before_is_forgotten_and_what_was_published_stays() {
        let sources = tempfile::tempdir().unwrap();
        let at = |path: &str| sources.path().join(path);
        for package in
            ["-12ab/spiderpool-core-0.1.0", "-12ab/other-1.0.0", "named-12ab/spiderpool-core-0.1.0"]
        {
            fs::create_dir_all(at(package).join("src")).unwrap();
        }
        assert!(forget_packed(sources.path()).unwrap());
        assert!(!at("-12ab/spiderpool-core-0.1.0").exists());
        assert!(at("-12ab/other-1.0.0").exists() && at("named-12ab/spiderpool-core-0.1.0").exists());
        assert!(!forget_packed(sources.path()).unwrap(), "nothing is left to forget");
        assert!(!forget_packed(&at("none")).unwrap());
    }
}
