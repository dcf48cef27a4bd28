//! Starting labs, and looking for what they left behind.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use crate::programs::{CTL, programs};

/// Whether these tests run as root, by the owner of their own entry in /proc.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// What `mode` a lab has to have here with this plugin.
pub(crate) fn expected_mode(plugin: &'static str) -> &'static str {
    if is_root() { plugin } else { "none" }
}

/// A place for one lab, which must be as empty afterwards as it was before.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("spiderpool-lab-test-").tempdir().unwrap() }
    }

    /// Where the lab keeps its files.
    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    /// Where a test keeps its own.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// `spiderpoolctl lab` in this place.
    pub(crate) fn lab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(CTL);
        command.args(["lab", "--dir"]).arg(self.dir()).arg("--bin-dir").arg(programs()).args(args);
        command.env_remove("SPIDERPOOL_STORE").env_remove("SPIDERPOOL_AGENT_SOCKET");
        command.stdin(Stdio::null());
        command
    }

    /// What lab.json says, once it is there.
    pub(crate) fn state(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.dir().join("lab.json")).ok()?).ok()
    }

    /// Nothing of a lab is there: no directory, no namespace with its prefix, no agent of its socket.
    pub(crate) fn assert_clean(&self, prefix: Option<&str>) {
        assert!(!self.dir().exists(), "the lab's directory is left: {:?}", self.dir());
        let namespaces = names_in(Path::new("/run/netns"));
        let begin = prefix.map(|prefix| format!("{prefix}."));
        let left: Vec<_> = namespaces
            .iter()
            .filter(|name| begin.as_ref().is_some_and(|begin| name.starts_with(begin)))
            .collect();
        assert!(left.is_empty(), "network namespaces are left: {left:?}");
        let agents = processes_with(&self.dir().join("agent.sock"));
        assert!(agents.is_empty(), "agents are left: {agents:?}");
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// The processes whose command line has `argument`.
pub(crate) fn processes_with(argument: &Path) -> Vec<String> {
    let wanted = argument.as_os_str().as_encoded_bytes();
    let has = |pid: &String| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|own| own == wanted)
    };
    names_in(Path::new("/proc")).into_iter().filter(|name| name.parse::<u32>().is_ok()).filter(has).collect()
}

/// What a lab with `-o json` said.
pub(crate) struct Told {
    pub(crate) json: Value,
    pub(crate) code: i32,
}

impl Told {
    pub(crate) fn of(output: &Output) -> Self {
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("{error} in {:?}; {stderr}", String::from_utf8_lossy(&output.stdout))
        });
        Self { json, code: output.status.code().unwrap() }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }

    /// The checks of this outcome, as `name: detail`.
    pub(crate) fn checks(&self, outcome: &str) -> Vec<String> {
        let all = self.json["checks"].as_array().unwrap().iter();
        let text = |check: &Value| {
            format!("{}: {}", check["name"].as_str().unwrap(), check["detail"].as_str().unwrap())
        };
        all.filter(|check| check["outcome"] == outcome).map(text).collect()
    }

    /// Everything passed; pings were skipped if and only if there is no network.
    pub(crate) fn assert_passed(&self, mode: &str) {
        assert_eq!(self.checks("failed"), Vec::<String>::new());
        assert_eq!((self.text("mode"), self.code), (mode, 0));
        assert!(!self.checks("passed").is_empty());
        assert_eq!(self.checks("skipped").is_empty(), mode != "none", "{:?}", self.checks("skipped"));
    }
}
