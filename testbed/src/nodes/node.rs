//! A node: kubelet and containerd on a machine.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    hub::{address, connect, set_cable},
    machine::{AtItsEnd, Machine},
};
use crate::{Binaries, Binary, Problem, Process, folder::Folder, wait};

/// How long a node may take to be ready.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
pub(super) const STEP: Duration = Duration::from_millis(200);

const CONTAINERD: &str = r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
# Lowering it takes a right that not every machine gives.
restrict_oom_score_adj = true
sandbox_image = "localhost/pause:1"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/opt/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#;

const KUBELET: &str = r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
maxPods: 600
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
nodeStatusUpdateFrequency: 4s
"#;

/// A problem that names the first tool or right that is missing.
pub(super) fn tools() -> Result<(), Problem> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root {
        return Err(Problem::Missing { what: "root, for namespaces,".into(), remedy: "sudo".into() });
    }
    let packages = [
        ("containerd", "containerd"),
        ("runc", "runc"),
        ("busybox", "busybox-static"),
        ("iptables", "iptables"),
        ("ip", "iproute2"),
        ("nsenter", "util-linux"),
    ];
    for (program, package) in packages {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
        if !folders.iter().any(|folder| folder.join(program).is_file()) {
            let remedy = format!("sudo apt-get install {package}");
            return Err(Problem::Missing { what: program.into(), remedy });
        }
    }
    Ok(())
}

/// A node of the cluster.
#[derive(Debug)]
pub struct Node {
    number: u8,
    machine: Machine,
    kubelet: Option<Process>,
    containerd: Option<Process>,
    kubeconfig: PathBuf,
    network: String,
    images: Vec<PathBuf>,
}

impl Node {
    pub(super) fn start(
        number: u8,
        folder: &Folder,
        kubeconfig: &Path,
        network: &str,
        images: &[PathBuf],
    ) -> Result<Self, Problem> {
        let name = format!("node{number}");
        let machine = Machine::boot(&name, folder.join(&name))?;
        let mut node = Self {
            number,
            machine,
            kubelet: None,
            containerd: None,
            kubeconfig: kubeconfig.to_owned(),
            network: network.to_owned(),
            images: images.to_owned(),
        };
        node.come_up()?;
        Ok(node)
    }

    fn come_up(&mut self) -> Result<(), Problem> {
        connect(&self.machine, self.number)?;
        for (file, text) in [("containerd.toml", CONTAINERD), ("kubelet.yaml", KUBELET)] {
            let file = self.machine.folder().join(file);
            fs::write(&file, text).map_err(Problem::system(file.display()))?;
        }
        let network = self.network.clone();
        self.set_network(&network)?;
        self.start_containerd()?;
        for image in &self.images {
            self.machine.run(&["ctr", "-n", "k8s.io", "images", "import", &image.to_string_lossy()])?;
        }
        self.start_kubelet()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.machine.name()
    }

    /// The machine that it runs on.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Gives it another CNI configuration, for pods that are made from now on.
    ///
    /// # Errors
    /// It is switched off.
    pub fn set_network(&mut self, network: &str) -> Result<(), Problem> {
        network.clone_into(&mut self.network);
        let file = self.machine.folder().join("network.conflist");
        fs::write(&file, network).map_err(Problem::system(file.display()))?;
        // Whole or not at all.
        let script = format!(
            "cp {} /opt/cni/net.d/.new && mv /opt/cni/net.d/.new /opt/cni/net.d/10-network.conflist",
            file.display()
        );
        self.machine.run(&["sh", "-c", &script]).map(drop)
    }

    /// Starts containerd, and waits until it answers.
    ///
    /// # Errors
    /// It does not.
    pub fn start_containerd(&mut self) -> Result<(), Problem> {
        let config = self.machine.folder().join("containerd.toml");
        let args = ["--config".into(), config.into()];
        let mut process =
            self.machine.start("containerd", Path::new("containerd"), &args, AtItsEnd::Leave)?;
        let answers = wait::until(PATIENCE, STEP, "containerd to answer", || {
            process.must_run()?;
            Ok(self.machine.run(&["ctr", "version"]).ok())
        });
        answers.map_err(|problem| Problem::failed(format!("{problem}\n{}", process.last_words())))?;
        self.containerd = Some(process);
        Ok(())
    }

    /// Starts the kubelet; it is started again where it ends by itself, as while containerd is not ready yet.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_kubelet(&mut self) -> Result<(), Problem> {
        let program = Binaries::find()?.program(Binary::Kubelet)?;
        let config = self.machine.folder().join("kubelet.yaml");
        let args = [
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            "--root-dir=/var/lib/kubelet".to_owned(),
            format!("--hostname-override={}", self.name()),
            format!("--node-ip={}", address(self.number)),
            format!("--node-labels=topology.kubernetes.io/zone=zone{}", self.number),
        ];
        self.kubelet =
            Some(self.machine.start("kubelet", &program, &args.map(Into::into), AtItsEnd::StartAgain)?);
        Ok(())
    }

    /// Kills the kubelet as `kill -9` does.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill_kubelet(&mut self) -> Result<(), Problem> {
        self.kubelet = None;
        self.machine.kill("kubelet")
    }

    /// Kills containerd as `kill -9` does. Containers go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn kill_containerd(&mut self) -> Result<(), Problem> {
        self.containerd = None;
        self.machine.kill("containerd")
    }

    /// The machine loses its power: everything on it is gone at once.
    pub fn lose_power(&mut self) {
        self.kubelet = None;
        self.containerd = None;
        self.machine.switch_off();
    }

    /// Boots it again, with nothing of what was on it, and starts it.
    ///
    /// # Errors
    /// It does not come up.
    pub fn boot(&mut self) -> Result<(), Problem> {
        let (name, folder) = (self.name().to_owned(), self.machine.folder().to_owned());
        self.machine = Machine::boot(&name, folder)?;
        self.come_up()
    }

    /// Pulls its cable; nothing on it ends.
    ///
    /// # Errors
    /// There is none.
    pub fn pull_cable(&self) -> Result<(), Problem> {
        set_cable(self.number, "down")
    }

    /// Puts its cable back.
    ///
    /// # Errors
    /// There is none.
    pub fn put_cable_back(&self) -> Result<(), Problem> {
        set_cable(self.number, "up")
    }

    pub(super) fn must_run(&mut self) -> Result<(), Problem> {
        [&mut self.kubelet, &mut self.containerd].into_iter().flatten().try_for_each(Process::must_run)
    }

    pub(super) fn last_words(&self) -> String {
        self.kubelet.as_ref().map(Process::last_words).unwrap_or_default()
    }
}
