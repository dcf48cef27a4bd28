//! A repair through an agent asks that agent which sandboxes are gone.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::support::{CTL, programs};

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An agent that does not sweep by itself, in a folder of its own.
struct Place {
    folder: TempDir,
    _agent: Process,
}

impl Place {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(programs().join("spiderpool-agent"));
        command.env_clear().stderr(Stdio::piped()).arg("--store");
        command.arg(format!("sled://{}", folder.path().join("db").display()));
        command.arg("--socket").arg(folder.path().join("agent.sock"));
        command.args([
            "--node-name",
            "n1",
            "--health-addr",
            "off",
            "--metrics-addr",
            "off",
            "--diagnostics-addr",
            "off",
        ]);
        let mut agent = Process(command.args(["--sweep-interval", "off"]).spawn().unwrap());
        let mut log = BufReader::new(agent.0.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("\"serving\"") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the agent does not serve");
        }
        Self { folder, _agent: agent }
    }

    fn ctl(&self, args: &[&str]) -> Output {
        Command::new(CTL)
            .arg("--agent")
            .arg(self.folder.path().join("agent.sock"))
            .args(args)
            .output()
            .unwrap()
    }

    fn apply(&self, text: &str) {
        let path = self.folder.path().join("manifest.yaml");
        std::fs::write(&path, text).unwrap();
        let applied = self.ctl(&["apply", "-f", path.to_str().unwrap()]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }

    fn add(&self, container: &str, args: &str, namespace: &Path) {
        let socket = self.folder.path().join("agent.sock");
        let mut plugin = Command::new(programs().join("spiderpool"))
            .env_clear()
            .envs([
                ("CNI_COMMAND", "ADD"),
                ("CNI_CONTAINERID", container),
                ("CNI_IFNAME", "eth0"),
                ("CNI_ARGS", args),
            ])
            .env("CNI_NETNS", namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ipam = format!(
            r#"{{"type":"spiderpool","ipam_unix_socket_path":{socket:?},"log_file_path":{:?}}}"#,
            self.folder.path().join("plugin.log")
        );
        let conf = format!(r#"{{"cniVersion":"1.0.0","name":"net","ipam":{ipam}}}"#);
        plugin.stdin.take().unwrap().write_all(conf.as_bytes()).unwrap();
        let ran = plugin.wait_with_output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    }

    fn repair(&self, more: &[&str]) -> String {
        let output = self.ctl(&[&["fsck", "--repair"], more].concat());
        String::from_utf8(output.stdout).unwrap()
    }
}

fn sandbox() -> (Process, std::path::PathBuf) {
    let process = Process(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    let namespace = format!("/proc/{}/ns/net", process.0.id()).into();
    (process, namespace)
}

#[test]
fn a_repair_through_an_agent_frees_what_its_node_says_is_gone() {
    let place = Place::start();
    place.apply(
        "{apiVersion: spiderpool.spidernet.io/v2beta1, kind: SpiderIPPool, metadata: {name: p}, \
         spec: {subnet: 10.6.0.0/24, ips: [10.6.0.10-10.6.0.19], default: true}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: lives, namespace: default, uid: u2}}\n",
    );
    let pod = |name: &str, uid: &str| {
        format!("IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={name};K8S_POD_UID={uid}")
    };
    let [(gone, first), (ended, second), (stays, third), (bare, fourth)] = std::array::from_fn(|_| sandbox());
    place.add("c1", &pod("gone", "u1"), &first);
    place.add("c2", &pod("lives", "u2"), &second);
    place.add("c3", &pod("stays", "u3"), &third);
    place.add("c4", "", &fourth);
    let nothing = "0 repairs to make; nothing contradicts itself afterwards\n";
    assert_eq!(place.repair(&[]), nothing, "every sandbox is there");
    drop((gone, ended, bare));
    let told = place.repair(&["--yes"]);
    let freed: Vec<_> = told.lines().filter(|line| line.contains("taken from")).collect();
    assert_eq!(freed.len(), 2, "{told}");
    for (address, why) in [
        (
            "10.6.0.10",
            "taken from pod default/gone: no pod of that name exists, and the sandbox of its container is gone",
        ),
        (
            "10.6.0.13",
            "taken from sandbox c4: no pod stands for its sandbox, and the sandbox of its container is gone",
        ),
    ] {
        assert!(freed.iter().any(|line| line.contains(address) && line.contains(why)), "{told}");
    }
    drop(stays);
    assert_eq!(place.repair(&["-o", "name"]), "10.6.0.12\n");
}
