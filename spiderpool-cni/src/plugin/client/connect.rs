//! Connecting before a deadline.
//!
//! The standard library connects without one: an agent that hangs with a full queue of connections would hang
//! the plugin too. On a Unix socket the send timeout bounds `connect` (unix(7), socket(7)).

use super::Deadline;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect as connect_to, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Connects to a Unix stream socket. Nobody listening is an error at once.
pub(super) fn connect(path: &Path, deadline: Deadline) -> io::Result<UnixStream> {
    let left = deadline.remaining().ok_or(io::ErrorKind::TimedOut)?;
    let address = UnixAddr::new(path)?;
    let fd = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Zero would mean "no limit".
    let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(1);
    setsockopt(&fd, sockopt::SendTimeout, &TimeVal::milliseconds(millis))?;
    connect_to(fd.as_raw_fd(), &address)?;
    Ok(UnixStream::from(fd))
}
