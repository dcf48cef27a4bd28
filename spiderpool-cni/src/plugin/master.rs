//! The parent interface: which addresses it has, for `match_master_subnet`.
//!
//! The plugin runs in the host's network namespace, wherever the agent runs, so it is the plugin that looks.

use crate::cni::{CniError, Code, Parent};
use nix::ifaddrs::getifaddrs;
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// Where the kernel shows PCI devices.
const PCI_DEVICES: &str = "/sys/bus/pci/devices";

fn unknown(what: String, details: &str) -> CniError {
    CniError::new(Code::InvalidConfig, format!("ipam.match_master_subnet is true, but {what}"), details)
}

/// The addresses of the parent interface, each once. None is an answer: no pool matches then, and the agent says so.
pub(super) fn addresses(parent: &Parent) -> Result<Vec<IpAddr>, CniError> {
    let names = match parent {
        Parent::Interface(name) => BTreeSet::from([name.clone()]),
        Parent::Device(device) => physical_function(Path::new(PCI_DEVICES), device)?,
        Parent::Unnamed => {
            return Err(unknown(
                "the network configuration names no parent interface".into(),
                "Name it with \"master\", or with \"deviceID\" for SR-IOV; or leave match_master_subnet out.",
            ));
        }
    };
    of_interfaces(&names)
}

/// The interfaces of the physical function that the virtual function `device` belongs to; of the device itself where it
/// is no virtual function.
fn physical_function(devices: &Path, device: &str) -> Result<BTreeSet<String>, CniError> {
    // A PCI address; anything else could lead somewhere else.
    let plain =
        !device.is_empty() && device.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    let own = devices.join(device);
    if !plain || device.starts_with('.') || !own.exists() {
        let details = "Set deviceID to a PCI address of this node, such as 0000:3b:02.1.";
        return Err(unknown(format!("there is no PCI device {device:?}"), details));
    }
    let function = own.join("physfn");
    let network = if function.exists() { function.join("net") } else { own.join("net") };
    let names = fs::read_dir(&network).into_iter().flatten().flatten();
    let names: BTreeSet<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    if names.is_empty() {
        let details = "Check that the driver of the physical function is loaded on this node.";
        return Err(unknown(format!("the parent of PCI device {device} has no network interface"), details));
    }
    Ok(names)
}

fn of_interfaces(names: &BTreeSet<String>) -> Result<Vec<IpAddr>, CniError> {
    let list: Vec<&str> = names.iter().map(String::as_str).collect();
    let list = list.join(", ");
    let all = getifaddrs().map_err(|error| {
        unknown(format!("the addresses of {list} cannot be read: {error}"), "Try again, or restart the node.")
    })?;
    let (mut found, mut addresses) = (false, Vec::new());
    for entry in all.filter(|entry| names.contains(&entry.interface_name)) {
        found = true;
        let Some(address) = entry.address else { continue };
        let v4 = address.as_sockaddr_in().map(|at| IpAddr::from(at.ip()));
        let address = v4.or_else(|| address.as_sockaddr_in6().map(|at| IpAddr::from(at.ip())));
        addresses.extend(address.filter(|address| !addresses.contains(address)));
    }
    if !found {
        let details = "Name an interface of this node's host namespace in the CNI configuration.";
        return Err(unknown(format!("there is no interface {list} on this node"), details));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::{PCI_DEVICES, Parent, addresses, physical_function};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    #[test]
    fn the_loopback_interface_has_its_addresses_and_others_are_named() {
        let found = addresses(&Parent::Interface("lo".into())).unwrap();
        assert!(found.contains(&"127.0.0.1".parse().unwrap()), "{found:?}");
        let absent = addresses(&Parent::Interface("absent0".into())).unwrap_err();
        assert!(absent.msg.contains("there is no interface absent0 on this node"), "{absent}");
        let unnamed = addresses(&Parent::Unnamed).unwrap_err();
        assert!(unnamed.msg.contains("names no parent interface"), "{unnamed}");
    }

    #[test]
    fn a_virtual_function_leads_to_its_physical_one() {
        let devices = tempfile::tempdir().unwrap();
        let dir = |path: &str| fs::create_dir_all(devices.path().join(path)).unwrap();
        dir("0000:3b:00.0/net/ens1f0");
        dir("0000:3b:02.1/net/ens1f0v1");
        symlink("../0000:3b:00.0", devices.path().join("0000:3b:02.1/physfn")).unwrap();
        dir("0000:3b:02.2");
        let find = |device: &str| physical_function(devices.path(), device);
        for device in ["0000:3b:02.1", "0000:3b:00.0"] {
            assert_eq!(find(device).unwrap().into_iter().collect::<Vec<_>>(), ["ens1f0"]);
        }
        assert!(find("0000:3b:02.2").unwrap_err().msg.contains("has no network interface"));
        for device in ["0000:ff:00.0", "", "..", "../../../etc"] {
            let error = physical_function(Path::new(PCI_DEVICES), device).unwrap_err();
            assert!(error.msg.contains("there is no PCI device"), "{error}");
        }
    }
}
