//! `cargo xtask images`: the container images, without a daemon and without a registry. Programs are linked statically and
//! put where the last stages of `images/*/Dockerfile` have them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use spiderpool_testbed::build_image;

use crate::packages::{self, Purpose};
use crate::problem::Problem;
use crate::workspace::Workspace;

/// How the programs are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Soon.
    Dev,
    /// To be used.
    Release,
}

/// What the image in `images/FOLDER` is called on a node.
pub(crate) const IMAGES: [(&str, &str); 3] = [
    ("agent", "localhost/spiderpool-agent"),
    ("controller", "localhost/spiderpool-controller"),
    ("spiderpoolctl", "localhost/spiderpoolctl"),
];

/// Builds all images and says where they are.
pub(crate) fn run(workspace: &Workspace, profile: Profile) -> Result<ExitCode, Problem> {
    let folder = build(workspace, profile)?;
    for (name, image) in IMAGES {
        println!("{image}:{}  {}", env!("CARGO_PKG_VERSION"), folder.join(format!("{name}.tar")).display());
    }
    println!("Take one in with: ctr -n k8s.io images import FILE, or: docker load -i FILE");
    Ok(ExitCode::SUCCESS)
}

/// The folder with an archive of each image.
pub(crate) fn build(workspace: &Workspace, profile: Profile) -> Result<PathBuf, Problem> {
    packages::ensure(workspace, Purpose::Etcd)?;
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace('-', "_"));
    let cargo = |args: &[&str]| {
        let flags = "-C target-feature=+crt-static -C strip=symbols";
        workspace.cargo("build").option("--target", &target).env(&variable, flags).args(args).run()
    };
    let programs = [
        ["-p", "spiderpool-cni", "--bin", "spiderpool-agent"],
        ["-p", "spiderpool-operator", "--bin", "spiderpool-controller"],
        ["-p", "spiderpool-cli", "--bin", "spiderpoolctl"],
    ];
    let features = "spiderpool-cni/kube,spiderpool-cli/kube,spiderpool-cli/etcd";
    let (name, chosen): (_, &[&str]) = match profile {
        Profile::Dev => ("debug", &[]),
        Profile::Release => ("release", &["--release"]),
    };
    cargo(&[&programs.concat()[..], &["--features", features], chosen].concat())?;
    cargo(&["-p", "spiderpool-cni", "--no-default-features", "--profile", "plugin", "--bin", "spiderpool"])?;
    let built = workspace.target.join(&target);
    let folder = workspace.target.join("images");
    let staged = folder.join("programs");
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error| Problem::failed(format!("{path}: {error}"))
    };
    std::fs::create_dir_all(&staged).map_err(failed(&staged))?;
    for (folder, program) in [
        (name, "spiderpool-agent"),
        (name, "spiderpool-controller"),
        (name, "spiderpoolctl"),
        ("plugin", "spiderpool"),
    ] {
        let from = built.join(folder).join(program);
        std::fs::copy(&from, staged.join(program)).map_err(failed(&from))?;
    }
    for (name, image) in IMAGES {
        let dockerfile = workspace.read(&format!("images/{name}/Dockerfile"))?;
        let image = format!("{image}:{}", env!("CARGO_PKG_VERSION"));
        build_image(&dockerfile, &staged, &image, &folder.join(format!("{name}.tar")))?;
    }
    Ok(folder)
}
