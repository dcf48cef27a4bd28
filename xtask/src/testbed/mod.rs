//! `cargo xtask testbed`: a control plane, or a cluster with nodes, that stays, to play with.
//!
//! [`state`] is what is known of it between two commands, [`mod@up`], [`status`] and [`down`] are the commands; [`nodes`] is what they do
//! for nodes.

mod down;
mod nodes;
mod state;
mod status;
mod up;

use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::workspace::Workspace;

pub(crate) use nodes::trial;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start it.
    Up(Wanted),
    /// Have so many nodes with their data in a folder until told to end; for [`Action::Up`] itself.
    Keep(PathBuf, u8),
    /// Say what runs.
    Status,
    /// End it.
    Down,
}

/// What to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Servers on loopback.
    Servers {
        /// Members of etcd: 1, 3 or 5.
        etcd_members: usize,
    },
    /// So many nodes, and a control plane for them.
    Nodes(u8),
}

/// Does it, and gives what is to be said.
pub(crate) fn run(workspace: &Workspace, action: Action) -> Result<String, Problem> {
    let folder = workspace.target.join("testbed");
    match action {
        Action::Up(wanted) => up(workspace, &folder, wanted),
        Action::Keep(folder, count) => nodes::keep(workspace, &folder, count).map(|()| String::new()),
        Action::Status => status::status(&folder),
        Action::Down => down::down(&folder),
    }
}

fn up(workspace: &Workspace, folder: &Path, wanted: Wanted) -> Result<String, Problem> {
    up::clear(folder)?;
    match wanted {
        Wanted::Servers { etcd_members } => up::servers(folder, etcd_members)?,
        Wanted::Nodes(count) => nodes::up(workspace, folder, count)?,
    }
    status::status(folder)
}
