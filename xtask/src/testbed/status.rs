//! What runs, and how to use it.

use std::fmt::Write as _;
use std::path::Path;

use spiderpool_testbed::{Lasting, Nodes};

use super::state::{self, Addresses};
use crate::problem::Problem;

/// A table of the servers and the commands to reach them.
pub(super) fn status(folder: &Path) -> Result<String, Problem> {
    let servers = Lasting::all(folder)?;
    if servers.is_empty() {
        return Ok("Nothing is up. 'cargo xtask testbed up' starts it.\n".to_owned());
    }
    let mut text = String::new();
    for server in &servers {
        let word = if server.is_alive() { "runs" } else { "has ended" };
        let _ =
            writeln!(text, "{:<24} pid {:<8} {word:<10} {}", server.name, server.pid, server.log.display());
    }
    if let Some(told) = Nodes::told(folder) {
        let _ = write!(text, "\n{told}\n'cargo xtask testbed down' ends all of it and leaves nothing.\n");
        return Ok(text);
    }
    let Some(Addresses { etcd_endpoints, etcd_url, kubernetes, kubectl }) = Addresses::read(folder) else {
        text.push_str(
            "\nNot all of it came up; the logs say why. 'cargo xtask testbed down' clears it away.\n",
        );
        return Ok(text);
    };
    let _ = write!(
        text,
        "
Kubernetes  {kubernetes}
  export KUBECONFIG={}
  {} get namespaces
etcd        {etcd_url}
  export ETCDCTL_ENDPOINTS={etcd_endpoints}

'cargo xtask testbed down' ends it and removes its data.
",
        state::kubeconfig(folder).display(),
        kubectl.display(),
    );
    Ok(text)
}
