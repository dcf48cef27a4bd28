//! Which store, and by which way.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// Where an agent listens unless told otherwise.
const DEFAULT_SOCKET: &str = "/var/run/spidernet/spiderpool.sock";
/// Where an agent keeps its database unless told otherwise.
const DEFAULT_STORE: &str = "sled:///var/lib/spiderpool";

/// Which store, and by which way.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TargetArgs {
    /// The store: sled://PATH, etcd://HOST,… or kube (programs built with them), or memory:// (empty, for trying things out) [env: SPIDERPOOL_STORE]
    #[arg(
        long,
        global = true,
        value_name = "URL",
        conflicts_with_all = ["agent", "controller"],
        help_heading = "Global options"
    )]
    pub(crate) store: Option<String>,

    /// The socket of an agent, which holds the store [env: SPIDERPOOL_AGENT_SOCKET]. Default: the agent of this
    /// machine where one listens, else its database
    #[arg(
        long,
        global = true,
        value_name = "SOCKET",
        conflicts_with = "controller",
        help_heading = "Global options"
    )]
    pub(crate) agent: Option<PathBuf>,

    /// A controller that is forwarded to here (kubectl port-forward deploy/spiderpool-controller 5723), for commands that look
    #[arg(long, global = true, value_name = "HOST:PORT", help_heading = "Global options")]
    pub(crate) controller: Option<String>,
}

/// A store, and the way to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Held by this process.
    Store(String),
    /// Held by an agent.
    Agent(PathBuf),
    /// Read by a controller.
    Controller(String),
}

impl TargetArgs {
    /// What flags say, else the environment, else what there is on this machine. `env` reads a variable, `exists` says
    /// whether a file is there.
    pub(crate) fn resolve(
        &self,
        env: impl Fn(&str) -> Option<String>,
        exists: impl Fn(&str) -> bool,
    ) -> Result<Target, Failure> {
        if let Some(controller) = &self.controller {
            return Ok(Target::Controller(controller.clone()));
        }
        match (&self.store, &self.agent) {
            (Some(store), _) => return Ok(Target::Store(store.clone())),
            (None, Some(agent)) => return Ok(Target::Agent(agent.clone())),
            (None, None) => {}
        }
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        match (set("SPIDERPOOL_STORE"), set("SPIDERPOOL_AGENT_SOCKET")) {
            (Some(_), Some(_)) => {
                Err(Failure::usage("both SPIDERPOOL_STORE and SPIDERPOOL_AGENT_SOCKET are set")
                    .remedy("unset one of them, or give --store or --agent"))
            }
            (Some(store), None) => Ok(Target::Store(store)),
            (None, Some(agent)) => Ok(Target::Agent(agent.into())),
            (None, None) if exists(DEFAULT_SOCKET) => Ok(Target::Agent(DEFAULT_SOCKET.into())),
            (None, None) if exists(DEFAULT_STORE.trim_start_matches("sled://")) => {
                Ok(Target::Store(DEFAULT_STORE.into()))
            }
            (None, None) => Err(Failure::usage(format!(
                "no store is named, and on this machine there is neither an agent ({DEFAULT_SOCKET}) nor its \
                 database ({DEFAULT_STORE})"
            ))
            .remedy("name one: --agent SOCKET or --store sled://PATH")),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::flag_beats_environment(Some("memory://"), None, &["SPIDERPOOL_AGENT_SOCKET"], &[], "memory://")]
    #[case::agent_flag(None, Some("/a.sock"), &["SPIDERPOOL_STORE"], &[], "agent /a.sock")]
    #[case::store_variable(None, None, &["SPIDERPOOL_STORE"], &[DEFAULT_SOCKET], "SPIDERPOOL_STORE's")]
    #[case::agent_variable(None, None, &["SPIDERPOOL_AGENT_SOCKET"], &[], "agent SPIDERPOOL_AGENT_SOCKET's")]
    #[case::agent_of_this_machine(None, None, &[], &[DEFAULT_SOCKET, "/var/lib/spiderpool"], "agent /var/run/spidernet/spiderpool.sock")]
    #[case::database_of_this_machine(None, None, &[], &["/var/lib/spiderpool"], "sled:///var/lib/spiderpool")]
    #[case::both_variables(None, None, &["SPIDERPOOL_STORE", "SPIDERPOOL_AGENT_SOCKET"], &[], "both SPIDERPOOL_STORE and SPIDERPOOL_AGENT_SOCKET are set")]
    #[case::nothing(None, None, &[], &[], "no store is named, and on this machine there is neither an agent (/var/run/spidernet/spiderpool.sock) nor its database (sled:///var/lib/spiderpool)")]
    fn the_nearest_word_wins(
        #[case] store: Option<&str>,
        #[case] agent: Option<&str>,
        #[case] set: &[&str],
        #[case] files: &[&str],
        #[case] expected: &str,
    ) {
        let args =
            TargetArgs { store: store.map(Into::into), agent: agent.map(Into::into), controller: None };
        let env = |name: &str| set.contains(&name).then(|| format!("{name}'s"));
        let told = match args.resolve(env, |path| files.contains(&path)) {
            Ok(Target::Store(url)) => url,
            Ok(Target::Agent(socket)) => format!("agent {}", socket.display()),
            Ok(Target::Controller(address)) => address,
            Err(failure) => failure.one_line(),
        };
        assert_eq!(told, expected);
    }
}
