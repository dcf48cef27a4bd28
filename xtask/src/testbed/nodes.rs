//! Nodes that stay: what their keeper starts, and what a person is told about them.

use std::fmt::Write as _;
use std::path::Path;

use spiderpool_testbed::{Binaries, Binary, Lasting, MACVLAN, Nodes, NodesOptions, POD_IMAGES};

use super::{down, status};
use crate::images::{self, Profile};
use crate::packages::{self, Purpose};
use crate::problem::Problem;
use crate::workspace::Workspace;

/// A keeper has no way out of its network: all of them are there before it starts.
const PROGRAMS: [Binary; 8] = [
    Binary::Etcd,
    Binary::KubeApiserver,
    Binary::KubeControllerManager,
    Binary::KubeScheduler,
    Binary::Kubelet,
    Binary::Kubectl,
    Binary::Helm,
    Binary::ServiceKey,
];

/// Starts nodes with their data in `folder`, and waits until they are ready.
pub(super) fn up(workspace: &Workspace, folder: &Path, count: u8) -> Result<(), Problem> {
    packages::ensure(workspace, Purpose::Lab)?;
    packages::ensure(workspace, Purpose::Nodes)?;
    packages::root("network, mount and process namespaces")?;
    let binaries = Binaries::find()?;
    for program in PROGRAMS {
        binaries.program(program)?;
    }
    images::build(workspace, Profile::Dev)?;
    let program = std::env::current_exe().map_err(|error| Problem::failed(format!("xtask: {error}")))?;
    let args = ["testbed".into(), "keep".into(), folder.into(), count.to_string().into()];
    Nodes::start_keeper(folder, &program, &args)?;
    Ok(())
}

/// What the keeper does.
pub(super) fn keep(workspace: &Workspace, folder: &Path, count: u8) -> Result<(), Problem> {
    let images = workspace.target.join("images");
    let images = images::IMAGES.map(|(name, _)| images.join(format!("{name}.tar")));
    let options = NodesOptions { count, network: MACVLAN.into(), images: images.into() };
    let binaries = Binaries::find()?;
    let programs = [binaries.program(Binary::Kubectl)?, binaries.program(Binary::Helm)?];
    Nodes::keep(folder, &options, |nodes| told(workspace, nodes, &programs))?;
    Ok(())
}

fn told(workspace: &Workspace, nodes: &Nodes, [kubectl, helm]: &[std::path::PathBuf; 2]) -> String {
    let mut text = format!(
        "A shell beside the nodes, where the API server is:
  nsenter --target {} --net bash
  export KUBECONFIG={}
  alias kubectl={} helm={}
  kubectl get nodes
A shell on a node:
",
        std::process::id(),
        nodes.plane().kubeconfig().display(),
        kubectl.display(),
        helm.display(),
    );
    for node in nodes.nodes() {
        let (pid, name) = (node.machine().pid(), node.name());
        let _ = writeln!(text, "  nsenter --target {pid} --net --mount --pid bash   # {name}");
    }
    let _ = writeln!(text, "Images on them:\n  {}", POD_IMAGES.join("\n  "));
    for (_, image) in images::IMAGES {
        let _ = writeln!(text, "  {image}:{}", env!("CARGO_PKG_VERSION"));
    }
    let chart = workspace.root.join("charts/spiderpool");
    let _ = write!(text, "Spiderpool:\n  helm install spiderpool {}", chart.display());
    text.push_str(" --namespace kube-system --wait");
    for part in ["Agent", "Controller"] {
        let image = format!("spiderpool{part}.image");
        let name = part.to_lowercase();
        let _ =
            write!(text, " \\\n    --set {image}.registry=localhost,{image}.repository=spiderpool-{name}");
        let _ = write!(text, ",{image}.pullPolicy=Never");
    }
    text.push_str(
        " \\
    --set feature.enableIPv6=false,clusterDefaultPool.installIPv4IPPool=true \\
    --set clusterDefaultPool.ipv4Subnet=10.200.0.0/16 \\
    --set 'clusterDefaultPool.ipv4IPRanges={10.200.1.1-10.200.1.200}'
  kubectl create deployment web --image localhost/pod:1 --replicas 4
  kubectl get pods -o wide; kubectl get sp,se
",
    );
    text
}

/// One node goes up and down in a folder of its own, for the check of nodes; nothing of it is left.
pub(crate) fn trial(workspace: &Workspace) -> Result<(), Problem> {
    let folder = workspace.target.join("testbed-trial");
    down::down(&folder)?;
    let round = up(workspace, &folder, 1).and_then(|()| status::status(&folder));
    let servers = Lasting::all(&folder)?;
    print!("{}", down::down(&folder)?);
    let said = round?;
    if !said.contains("runs") || !said.contains("nsenter") {
        return Err(Problem::failed(format!("'testbed status' said: {said}")));
    }
    let left = servers.iter().find(|server| server.is_alive());
    if left.is_some() || folder.exists() {
        return Err(Problem::failed(format!("'testbed down' left {left:?} or {}", folder.display())));
    }
    Ok(())
}
