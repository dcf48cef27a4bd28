//! A machine: processes, mounts and network of its own, and nothing on a disk.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    Problem, Process,
    process::{Life, said},
    wait,
};

/// What the first process does. What a node writes goes to memory; what it finds there is this machine's.
const BOOT: &str = "set -e
mount --make-rprivate /
plugins=$(mktemp -d)
for folder in /usr/lib/cni /opt/cni/bin; do [ -d $folder ] && cp $folder/* $plugins/ || true; done
for folder in /run /opt /var/lib /var/log; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mkdir -p /run/netns /opt/cni/bin /opt/cni/net.d /var/lib/kubelet
cp $plugins/* /opt/cni/bin/
rm -r $plugins
mount --make-rshared /
ip link set lo up
touch \"$1\"
exec sleep infinity
";

/// How long booting may take.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);

/// What becomes of a server that ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AtItsEnd {
    Leave,
    /// As an init system does it.
    StartAgain,
}

/// A machine that runs until it is switched off.
#[derive(Debug)]
pub struct Machine {
    name: String,
    process: Process,
    pid: u32,
    folder: PathBuf,
}

impl Machine {
    /// Boots one; its logs go into `folder`.
    pub(super) fn boot(name: &str, folder: PathBuf) -> Result<Self, Problem> {
        fs::create_dir_all(&folder).map_err(Problem::system(folder.display()))?;
        let booted = folder.join("booted");
        if booted.exists() {
            fs::remove_file(&booted).map_err(Problem::system(booted.display()))?;
        }
        let namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
        let mut args: Vec<OsString> = namespaces.iter().map(Into::into).collect();
        args.extend(["sh", "-c", BOOT, "boot"].map(Into::into));
        args.push(booted.clone().into());
        let log = folder.join("boot.log");
        let mut process = Process::start("unshare", Path::new("unshare"), &args, &log, Life::Guarded)?;
        wait::until(PATIENCE, STEP, &format!("machine {name} to boot"), || {
            process.must_run()?;
            Ok(booted.exists().then_some(()))
        })?;
        let parent = process.pid();
        let file = format!("/proc/{parent}/task/{parent}/children");
        let children = fs::read_to_string(&file).map_err(Problem::system(&file))?;
        let pid =
            children.trim().parse().map_err(|_| Problem::failed(format!("{file} says {children:?}")))?;
        Ok(Self { name: name.to_owned(), process, pid, folder })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its first process, as it is known outside.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A folder that it shares with this process, for configuration and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn enter(&self) -> Vec<OsString> {
        let target = format!("--target={}", self.pid);
        [target.as_str(), "--net", "--mount", "--pid", "--"].map(Into::into).into()
    }

    /// What `words` say, run on it.
    ///
    /// # Errors
    /// They do not succeed.
    pub fn run(&self, words: &[&str]) -> Result<String, Problem> {
        said(Command::new("nsenter").args(self.enter()).args(words))
    }

    /// Starts a server on it, under `name`.
    pub(super) fn start(
        &self,
        name: &'static str,
        program: &Path,
        args: &[OsString],
        at_its_end: AtItsEnd,
    ) -> Result<Process, Problem> {
        let mut all = self.enter();
        let run = match at_its_end {
            AtItsEnd::Leave => "exec \"$@\"",
            AtItsEnd::StartAgain => "while :; do \"$@\" & echo $! > /run/$0.child; wait; sleep 1; done",
        };
        all.extend(["sh", "-c", &format!("echo $$ > /run/$0.pid; {run}"), name].map(Into::into));
        all.push(program.into());
        all.extend(args.iter().cloned());
        let log = self.folder.join(format!("{name}.log"));
        Process::start(name, Path::new("nsenter"), &all, &log, Life::Guarded)
    }

    /// Kills a server as `kill -9` does, for good.
    pub(super) fn kill(&self, name: &str) -> Result<(), Problem> {
        let script = format!(
            "cd /run; kill -9 $(cat {name}.pid); [ ! -e {name}.child ] || kill -9 $(cat {name}.child)"
        );
        self.run(&["sh", "-c", &script]).map(drop)
    }

    /// Switches it off: everything on it ends at once, and nothing that it wrote is left.
    pub fn switch_off(&mut self) {
        self.process.kill();
    }
}
