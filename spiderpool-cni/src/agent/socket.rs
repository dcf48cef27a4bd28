//! The agent's Unix socket: one agent at a time, and nobody but its user.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Why the socket could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another agent serves it.
    #[error("another agent{} serves {}: stop it first, or choose another --socket", holder(.pid), .path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
        /// The other agent's process, where known.
        pid: Option<u32>,
    },
    /// Something that is no socket is in its place.
    #[error("{} exists and is no socket: remove it, or choose another --socket", .path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{what} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError {
    move |source| SocketError::Io { what, path: path.to_owned(), source }
}

/// A listening socket. Dropping it removes the socket file.
#[derive(Debug)]
pub struct AgentSocket {
    path: PathBuf,
    listener: Option<StdListener>,
    /// Held for as long as the agent lives; the kernel lets go of it even after a kill.
    _lock: File,
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Takes the lock file next to the socket. It decides which of two agents that start at once may go on; looking
/// whether somebody answers on the socket would let both find it dead.
fn lock(path: &Path) -> Result<File, SocketError> {
    let lock_path = beside(path, ".lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock_path)
        .map_err(io_error("cannot open", &lock_path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let pid = file.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
            return Err(SocketError::InUse { path: path.to_owned(), pid });
        }
        Err(fs::TryLockError::Error(source)) => return Err(io_error("cannot lock", &lock_path)(source)),
    }
    // Only for the message above.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(file)
}

impl AgentSocket {
    /// Listens at `path`, mode 0600; creates the directory. A socket file that a dead agent left is replaced.
    ///
    /// # Errors
    /// [`SocketError::InUse`] where a live agent serves it.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error("cannot create the directory", parent))?;
        }
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.file_type().is_socket() => {
                return Err(SocketError::NotASocket { path: path.to_owned() });
            }
            // An agent that takes no lock file, such as upstream's.
            Ok(_) if UnixStream::connect(path).is_ok() => {
                return Err(SocketError::InUse { path: path.to_owned(), pid: None });
            }
            Ok(_) => {
                tracing::info!(socket = %path.display(), "replacing the socket of an agent that is gone")
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("cannot look at", path)(error)),
        }
        // Under another name first, so that nobody can connect before the mode is set, and so that the path
        // changes from the dead socket to the live one in one step.
        let temporary = beside(path, ".new");
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("cannot remove", &temporary)(error));
            }
            _ => {}
        }
        let listener = StdListener::bind(&temporary).map_err(io_error("cannot listen at", &temporary))?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o600))
            .and_then(|()| listener.set_nonblocking(true))
            .and_then(|()| fs::rename(&temporary, path))
            .map_err(io_error("cannot set up", path))?;
        Ok(Self { path: path.to_owned(), listener: Some(listener), _lock: lock })
    }

    /// The listener for a tokio runtime; once.
    pub(super) fn listener(&mut self) -> io::Result<UnixListener> {
        let listener = self.listener.take().ok_or_else(|| io::Error::other("the listener is taken"))?;
        UnixListener::from_std(listener)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for AgentSocket {
    fn drop(&mut self) {
        // The lock is still held, so this is our own file. Left behind it does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::{AgentSocket, SocketError};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn one_agent_at_a_time_and_only_its_user() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/agent.sock");
        let first = AgentSocket::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();

        let refused = AgentSocket::bind(&path).unwrap_err();
        let pid = std::process::id();
        assert!(refused.to_string().contains(&format!("another agent (process {pid}) serves")), "{refused}");
        UnixStream::connect(&path).expect("the first one is not disturbed");

        drop(first);
        assert!(!path.exists());
        AgentSocket::bind(&path).unwrap();
    }

    #[test]
    fn a_dead_agents_socket_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.sock");
        drop(UnixListener::bind(&path).unwrap());
        let _socket = AgentSocket::bind(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_live_agent_without_a_lock_is_not_pushed_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.sock");
        let _other = UnixListener::bind(&path).unwrap();
        assert!(matches!(AgentSocket::bind(&path), Err(SocketError::InUse { pid: None, .. })));
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(AgentSocket::bind(&path), Err(SocketError::NotASocket { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        let below = path.join("agent.sock");
        assert!(matches!(AgentSocket::bind(&below), Err(SocketError::Io { .. })));
    }
}
