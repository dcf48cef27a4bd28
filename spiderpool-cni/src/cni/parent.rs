//! The interface that an attachment's traffic leaves through.

use super::CniError;
use super::field::Object;

/// The parent interface as a network configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parent {
    /// `master`: an interface of the host (macvlan, ipvlan, vlan).
    Interface(String),
    /// `deviceID`, also in `runtimeConfig`: the PCI address of a virtual function (SR-IOV), whose parent is its physical
    /// function.
    Device(String),
    /// It names none.
    Unnamed,
}

impl Parent {
    /// A device wins: what is attached is a function of it, whatever `master` says.
    pub(super) fn read(top: Object<'_>) -> Result<Self, CniError> {
        let runtime = top.object("runtimeConfig", "runtimeConfig")?;
        let of_runtime = runtime.map(|runtime| runtime.text("deviceID")).transpose()?.flatten();
        let device = top.text("deviceID")?.or(of_runtime).filter(|text| !text.is_empty());
        let master = top.text("master")?.filter(|text| !text.is_empty());
        Ok(match (device, master) {
            (Some(device), _) => Self::Device(device.to_owned()),
            (None, Some(master)) => Self::Interface(master.to_owned()),
            (None, None) => Self::Unnamed,
        })
    }
}
