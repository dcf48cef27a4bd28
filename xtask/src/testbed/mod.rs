//! `cargo xtask testbed`: a control plane that stays, to play with.
//!
//! [`state`] is what is known of it between two commands, [`up`], [`status`] and [`down`] are the commands.

mod down;
mod state;
mod status;
mod up;

use crate::problem::Problem;
use crate::workspace::Workspace;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start it.
    Up(Wanted),
    /// Say what runs.
    Status,
    /// End it.
    Down,
}

/// What to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Members of etcd: 1, 3 or 5.
    pub(crate) etcd_members: usize,
}

/// Does it, and gives what is to be said.
pub(crate) fn run(workspace: &Workspace, action: Action) -> Result<String, Problem> {
    let folder = workspace.target.join("testbed");
    match action {
        Action::Up(wanted) => up::up(&folder, wanted),
        Action::Status => status::status(&folder),
        Action::Down => down::down(&folder),
    }
}
