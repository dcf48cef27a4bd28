//! The embedded store, and what to say while an agent holds it.

use std::{path::Path, sync::Arc};

use spiderpool_core::{env::Env, store::Store};
use spiderpool_store_sled::{Holder, OpenError, SledConfig, SledStore};

use crate::{
    failure::{Exit, Failure},
    session::Opening,
};

/// Opens the database at `url`.
pub(crate) fn open(url: &str, env: &Env, opening: Opening) -> Result<Arc<dyn Store>, Failure> {
    let config: SledConfig =
        url.parse().map_err(|error: spiderpool_store_sled::UrlError| Failure::usage(error.to_string()))?;
    if opening == Opening::Existing && !config.path.exists() {
        return Err(Failure::new(Exit::Unreachable, format!("{} does not exist", config.path.display()))
            .remedy("check the path; an agent creates its database when it is first started"));
    }
    match SledStore::open(&config, env) {
        Ok(store) => Ok(Arc::new(store)),
        Err(OpenError::Locked { path, holder }) => Err(locked(&path, &holder)),
        Err(error) => Err(Failure::new(Exit::Unreachable, error.to_string())),
    }
}

fn locked(path: &Path, holder: &Holder) -> Failure {
    let socket = holder.pid.and_then(socket_of).unwrap_or_else(|| "SOCKET".into());
    Failure::new(Exit::Unreachable, format!("{} is locked by {holder}", path.display()))
        .remedy(format!("go through that process: --agent {socket}"))
}

/// The `--socket` of the agent with this process id, as far as its command line tells.
fn socket_of(pid: u32) -> Option<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let args: Vec<String> =
        line.split(|b| *b == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
    socket_in(&args)
}

fn socket_in(args: &[String]) -> Option<String> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--socket" {
            return args.next().cloned();
        }
        if let Some(value) = arg.strip_prefix("--socket=") {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_database_names_its_holder_and_the_way_through_it() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sled://{}", directory.path().display());
        let held = open(&url, &Env::system(), Opening::Existing).unwrap();
        let failure = open(&url, &Env::system(), Opening::Existing).unwrap_err();
        assert_eq!(failure.exit(), Exit::Unreachable);
        let text = failure.to_string();
        assert!(text.contains(&format!("is locked by pid {}", std::process::id())), "{text}");
        assert!(text.ends_with("go through that process: --agent SOCKET"), "{text}");
        drop(held);
    }

    #[test]
    fn a_database_that_is_not_there_is_not_made() {
        let failure = open("sled:///nowhere/at/all", &Env::system(), Opening::Existing).unwrap_err();
        assert_eq!(failure.one_line(), "/nowhere/at/all does not exist");
        assert_eq!(open("sled://", &Env::system(), Opening::Existing).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn the_socket_is_read_from_the_agents_command_line() {
        let args = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(socket_in(&args("agent --socket /a --store x")).as_deref(), Some("/a"));
        assert_eq!(socket_in(&args("agent --socket=/b")).as_deref(), Some("/b"));
        assert_eq!(socket_in(&args("agent")), None);
    }
}
