//! Real servers for tests: etcd, alone or as a cluster whose members can be killed, paused and cut off, and a
//! Kubernetes control plane, on loopback.
//!
//! ```no_run
//! use spiderpool_testbed::{Etcd, EtcdOptions, or_skip};
//!
//! # fn test() {
//! let Some(mut etcd) = or_skip("my test", Etcd::start(&EtcdOptions::members(3))) else { return };
//! println!("{}", etcd.url()); // etcd://127.64.3.7:20000,…
//! let leader = etcd.leader().unwrap();
//! etcd.kill(leader);
//! etcd.restart(leader).unwrap();
//! # }
//! ```
//!
//! The programs are built from the Go module beside this crate, each on its first use, into a cache that is named after
//! their versions ([`Binaries`]). A server ends when its guard is dropped, and dies with the process that started it,
//! however that ends. Each process has a loopback address of its own ([`loopback`]), so tests that run at the same
//! time cannot take each other's ports.

#![expect(clippy::print_stderr, reason = "building takes minutes, and whoever waits is told why")]

mod address;
mod binaries;
mod cert_manager;
mod control_plane;
mod etcd;
mod folder;
mod forward;
mod go;
mod http;
mod image;
mod lasting;
mod line;
mod links;
mod nodes;
mod problem;
mod process;
mod skip;
mod wait;

pub use address::{loopback, unused};
pub use binaries::{Binaries, Binary};
pub use cert_manager::CertManager;
pub use control_plane::{ControlPlane, ControlPlaneOptions};
pub use etcd::{Etcd, EtcdOptions, EtcdTls};
pub use image::build_image;
pub use lasting::Lasting;
pub use line::Line;
pub use nodes::{MACVLAN, Machine, Node, Nodes, NodesOptions, POD_IMAGES, in_hub};
pub use problem::Problem;
pub use process::Process;
pub use skip::or_skip;
