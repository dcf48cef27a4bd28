//! The network that joins control plane and machines.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::Command,
};

use super::machine::Machine;
use crate::{Problem, process::said};

/// The bridge's address, where the API server is.
pub(super) const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 200, 0, 1));
/// Its network, and the one of IPv6 beside it.
const NETWORKS: [&str; 2] = ["10.200.0.1/16", "fd00:200::1/64"];
const BRIDGE: &str = "br0";

/// Set in the process that is in the hub.
const HUB_VARIABLE: &str = "SPIDERPOOL_TESTBED_HUB";

/// Runs `body` in the hub: this test once more, as a process of its own in a network namespace of its own.
///
/// # Panics
/// The test failed there, or there is no way to get there.
#[expect(clippy::panic, reason = "for tests only, and a failure of theirs")]
pub fn in_hub(test: &str, body: impl FnOnce()) {
    if std::env::var_os(HUB_VARIABLE).is_some() {
        return body();
    }
    let program = std::env::current_exe().unwrap_or_default();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "unshare", "--net", "--"]).arg(program);
    command.args(["--exact", test, "--include-ignored", "--nocapture"]).env(HUB_VARIABLE, "1");
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{test} in the hub: {status}"),
        Err(error) => panic!("{test}: setpriv cannot be run: {error}; it takes root, setpriv and unshare"),
    }
}

fn ip(args: &[&str]) -> Result<(), Problem> {
    said(Command::new("ip").args(args)).map(drop)
}

/// Makes the bridge.
pub(super) fn bridge() -> Result<(), Problem> {
    ip(&["link", "set", "lo", "up"])?;
    ip(&["link", "add", BRIDGE, "type", "bridge"])?;
    for network in NETWORKS {
        let family = if network.contains(':') { "-6" } else { "-4" };
        let flags: &[&str] = if family == "-6" { &["nodad"] } else { &[] };
        ip(&[&[family, "address", "add", network, "dev", BRIDGE], flags].concat())?;
    }
    ip(&["link", "set", BRIDGE, "up"])
}

/// Lays a cable from the bridge to `machine`, which gets these addresses at its `eth0`.
pub(super) fn connect(machine: &Machine, number: u8) -> Result<(), Problem> {
    let port = format!("node{number}");
    let pid = machine.pid().to_string();
    ip(&["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &pid])?;
    ip(&["link", "set", &port, "master", BRIDGE, "up"])?;
    for (family, address) in
        [("-4", format!("{}/16", address(number))), ("-6", format!("fd00:200::1{number}/64"))]
    {
        machine.run(&["ip", family, "address", "add", &address, "dev", "eth0"])?;
    }
    machine.run(&["ip", "link", "set", "eth0", "up"])?;
    machine.run(&["ip", "route", "add", "default", "via", &GATEWAY.to_string()])?;
    // In kube-proxy's place: the service "kubernetes".
    let rule = "iptables -t nat -A OUTPUT -d 10.96.0.1 -p tcp --dport 443 -j DNAT --to-destination";
    machine.run(&["sh", "-c", &format!("{rule} {GATEWAY}:6443")]).map(drop)
}

/// The address of a machine.
pub(super) fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 200, 0, 10 + number)
}

/// Pulls the cable of a machine, or puts it back.
pub(super) fn set_cable(number: u8, state: &str) -> Result<(), Problem> {
    ip(&["link", "set", &format!("node{number}"), state])
}
