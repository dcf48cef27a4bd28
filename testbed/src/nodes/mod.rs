//! A cluster with real nodes: kubelets with a container runtime, each on a machine of its own, made of namespaces.
//!
//! Everything is in a network namespace, the hub, that a test enters as a process of its own ([`in_hub`]): a bridge, the
//! control plane at its address, and a cable to each machine. When that process is gone, so is all of it, machines
//! with everything that runs on them, mounts and interfaces, however it ended. Nodes that stay are those of a keeper
//! ([`Nodes::start_keeper`]).

mod cgroups;
mod hub;
mod keeper;
mod machine;
mod node;

pub use hub::in_hub;
pub use machine::Machine;
pub use node::Node;

use std::path::Path;

use crate::{ControlPlane, ControlPlaneOptions, Problem, build_image, folder::Folder, wait};
use cgroups::Cgroups;
use hub::GATEWAY;
use node::PATIENCE;

/// What is wanted of the nodes.
#[derive(Clone, Debug)]
pub struct NodesOptions {
    /// How many nodes.
    pub count: u8,
    /// The CNI configuration of every node, a conflist.
    pub network: String,
    /// Images as archives, imported on every node.
    pub images: Vec<std::path::PathBuf>,
}

/// A control plane and its nodes.
#[derive(Debug)]
pub struct Nodes {
    nodes: Vec<Node>,
    plane: ControlPlane,
    // These go after the processes that use them.
    folder: Folder,
    _cgroups: Cgroups,
}

/// What every pod of a test runs: it waits, answers pings, and goes when it is told to.
const POD_IMAGE: &str = "FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT [\"/bin/busybox\", \"sh\", \"-c\", \"trap 'exit 0' TERM; while :; do /bin/busybox sleep 3600 & wait; done\"]
";

/// A network for [`NodesOptions`]: macvlan on each node's interface, with addresses of Spiderpool.
pub const MACVLAN: &str = r#"{"cniVersion": "1.0.0", "name": "macvlan", "plugins": [
  {"type": "macvlan", "master": "eth0", "mode": "bridge", "ipam": {"type": "spiderpool"}}]}"#;

/// The names of the image of pods; the first is also that of sandboxes.
pub const POD_IMAGES: [&str; 2] = ["localhost/pause:1", "localhost/pod:1"];

impl Nodes {
    /// Starts control plane and nodes, and waits until all nodes are ready. Only in the hub.
    ///
    /// # Errors
    /// [`Problem::Missing`] names a tool or a right; else what did not come up.
    pub fn start(options: &NodesOptions) -> Result<Self, Problem> {
        node::tools()?;
        let cgroups = Cgroups::note();
        hub::bridge()?;
        let folder = Folder::temporary()?;
        let plane = ControlPlane::start(&ControlPlaneOptions {
            controllers: true,
            address: Some((GATEWAY, 6443).into()),
            apiserver_args: [
                "--enable-aggregator-routing=true",
                "--kubelet-preferred-address-types=InternalIP",
            ]
            .map(Into::into)
            .into(),
            ..ControlPlaneOptions::default()
        })?;
        let mut images = options.images.clone();
        for name in POD_IMAGES {
            let archive = folder.join(&format!("{}.tar", name.replace(['/', ':'], "-")));
            build_image(POD_IMAGE, Path::new("/bin"), name, &archive)?;
            images.push(archive);
        }
        let mut started = Self { nodes: Vec::new(), plane, folder, _cgroups: cgroups };
        for number in 1..=options.count {
            let kubeconfig = started.plane.kubeconfig();
            started.nodes.push(Node::start(number, &started.folder, kubeconfig, &options.network, &images)?);
        }
        started.all_ready()?;
        Ok(started)
    }

    /// The control plane.
    #[must_use]
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// The same, to restart its parts.
    pub fn plane_mut(&mut self) -> &mut ControlPlane {
        &mut self.plane
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The same, to take one down.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Waits until every node that runs is ready.
    ///
    /// # Errors
    /// One is not, with the last words of its kubelet.
    pub fn all_ready(&mut self) -> Result<(), Problem> {
        for node in &mut self.nodes {
            let name = node.name().to_owned();
            let path = "-o=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
            let ready = wait::until(PATIENCE, node::STEP, &format!("node {name} to be ready"), || {
                node.must_run()?;
                Ok(self.plane.ask(&["get", "node", &name, path], "").ok().filter(|said| said == "True"))
            });
            ready.map_err(|problem| Problem::failed(format!("{problem}\n{}", node.last_words())))?;
        }
        Ok(())
    }
}
