//! The network between the members of a cluster, which can be cut without rights of any kind.
//!
//! Members reach each other through a forwarder in front of each. Which member a connection comes from stands in the
//! requests themselves: etcd sends its own ID in a header with all that it has to say to another member.

use std::{
    collections::HashSet,
    io::{self, Read, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use crate::{
    Problem,
    forward::{both_ways, close, forward},
    wait::Guarded,
};

/// The header that names the sender, in hexadecimal.
const SENDER: &[u8] = b"\r\nX-Server-From: ";

/// An ID has at most 16 digits.
const SENDER_REACH: usize = SENDER.len() + 18;

/// Who a connection comes from and goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Link {
    /// The member's ID; none as long as it has not said it.
    from: Option<String>,
    to: usize,
}

#[derive(Debug, Default)]
struct State {
    /// The IDs of members cut off from all others, with their numbers.
    alone: HashSet<(String, usize)>,
    /// Open connections, both ends.
    open: Vec<(u64, Link, TcpStream, TcpStream)>,
    next: u64,
}

impl State {
    fn is_cut(&self, link: &Link) -> bool {
        self.alone.iter().any(|(id, number)| link.to == *number || link.from.as_ref() == Some(id))
    }
}

/// All connections between members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    state: Arc<Guarded<State>>,
}

impl Links {
    /// Forwards what arrives at `front` to the member `to`, which listens at `back`, for as long as this process lives.
    pub(crate) fn forward(&self, to: usize, front: SocketAddr, back: SocketAddr) -> Result<(), Problem> {
        let links = self.clone();
        forward(front, back, move |near, far| links.carry(to, &near, &far)).map(drop)
    }

    /// Cuts a member off from all others, in both directions.
    pub(crate) fn cut(&self, id: &str, number: usize) {
        let mut state = self.state.lock();
        state.alone.insert((id.to_owned(), number));
        for (_, link, near, far) in &state.open {
            if state.is_cut(link) {
                close(near, far);
            }
        }
    }

    /// Everybody reaches everybody again.
    pub(crate) fn heal(&self) {
        self.state.lock().alone.clear();
    }

    fn carry(&self, to: usize, near: &TcpStream, far: &TcpStream) {
        let Some(number) = self.enter(Link { from: None, to }, near, far) else { return };
        both_ways(near, far, |near, far| self.requests(number, near, far));
        self.state.lock().open.retain(|(open, ..)| *open != number);
    }

    /// Notes a connection down; none if it may not be.
    fn enter(&self, link: Link, near: &TcpStream, far: &TcpStream) -> Option<u64> {
        let (near, far) = (near.try_clone().ok()?, far.try_clone().ok()?);
        let mut state = self.state.lock();
        if state.is_cut(&link) {
            return None;
        }
        state.next += 1;
        let number = state.next;
        state.open.push((number, link, near, far));
        Some(number)
    }

    /// Carries requests, and looks for their sender until it is known.
    fn requests(&self, number: u64, mut near: &TcpStream, mut far: &TcpStream) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let (mut seen, mut is_known) = (Vec::new(), false);
        loop {
            let length = near.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            if !is_known {
                seen.extend_from_slice(&buffer[..length]);
                if let Some(sender) = sender_of(&seen) {
                    is_known = true;
                    self.knows(number, sender)?;
                }
                // The header may be cut in two by a read.
                seen.drain(..seen.len().saturating_sub(SENDER_REACH));
            }
            far.write_all(&buffer[..length])?;
        }
    }

    /// A connection has said whose it is; an error if that member is cut off.
    fn knows(&self, number: u64, sender: String) -> io::Result<()> {
        let mut state = self.state.lock();
        let link = state.open.iter_mut().find(|(open, ..)| *open == number).map(|(_, link, ..)| {
            link.from = Some(sender);
            link.clone()
        });
        match link {
            Some(link) if !state.is_cut(&link) => Ok(()),
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

fn sender_of(bytes: &[u8]) -> Option<String> {
    let start = bytes.windows(SENDER.len()).position(|window| window == SENDER)? + SENDER.len();
    let length = bytes[start..].iter().position(|byte| *byte == b'\r')?;
    std::str::from_utf8(&bytes[start..start + length]).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_found_once_it_is_there_as_a_whole() {
        let request = b"POST /raft HTTP/1.1\r\nX-Server-From: 8e9e05c5\r\nHost: a\r\n\r\n";
        assert_eq!(sender_of(request).as_deref(), Some("8e9e05c5"));
        assert_eq!(sender_of(&request[..request.len() - 13]), None);
        assert_eq!(sender_of(b"GET /raft/probing HTTP/1.1\r\n\r\n"), None);
    }
}
