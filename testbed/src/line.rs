//! A line to a server whose connections can be cut one by one.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use crate::{
    Problem,
    forward::{both_ways, close, forward},
    wait::Guarded,
};

/// A connection's number, and both its ends.
type Connection = (u64, TcpStream, TcpStream);

#[derive(Debug, Default)]
struct Open {
    connections: Vec<Connection>,
    next: u64,
}

/// Carries whatever arrives at its own address to a server, for as long as this process lives. It looks into nothing, so
/// TLS goes through.
#[derive(Clone, Debug)]
pub struct Line {
    address: SocketAddr,
    open: Arc<Guarded<Open>>,
}

impl Line {
    /// A line to the server at `back`, which listens on the same IP address.
    ///
    /// # Errors
    /// No port is free.
    pub fn to(back: SocketAddr) -> Result<Self, Problem> {
        let open = Arc::<Guarded<Open>>::default();
        let carried = Arc::clone(&open);
        let front = SocketAddr::new(back.ip(), 0);
        let address = forward(front, back, move |near, far| carry(&carried, &near, &far))?;
        Ok(Self { address, open })
    }

    /// Where it begins.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts one of the connections that are open, the `which`-th of them counted around; false: none is.
    #[must_use]
    pub fn cut(&self, which: usize) -> bool {
        let mut open = self.open.lock();
        let Some(at) = which.checked_rem(open.connections.len()) else { return false };
        let (_, near, far) = open.connections.swap_remove(at);
        close(&near, &far);
        true
    }
}

fn carry(open: &Guarded<Open>, near: &TcpStream, far: &TcpStream) {
    let (Ok(one), Ok(other)) = (near.try_clone(), far.try_clone()) else { return };
    let number = {
        let mut open = open.lock();
        open.next += 1;
        let number = open.next;
        open.connections.push((number, one, other));
        number
    };
    both_ways(near, far, |mut near, mut far| io::copy(&mut near, &mut far).map(drop));
    open.lock().connections.retain(|(open, ..)| *open != number);
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn one_connection_is_cut_and_the_other_goes_on() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Line::to(server.local_addr().unwrap()).unwrap();
        assert!(!line.cut(0));
        let connect = || (TcpStream::connect(line.address()).unwrap(), server.accept().unwrap().0);
        let (mut first, mut first_far) = connect();
        first.write_all(b"a").unwrap();
        first_far.read_exact(&mut [0]).unwrap();
        let (mut second, mut second_far) = connect();
        second.write_all(b"a").unwrap();
        second_far.read_exact(&mut [0]).unwrap();
        assert!(line.cut(2), "the first of two");
        assert_eq!(first.read(&mut [0]).unwrap(), 0);
        assert_eq!(first_far.read(&mut [0]).unwrap(), 0);
        second_far.write_all(b"b").unwrap();
        let mut told = [0];
        second.read_exact(&mut told).unwrap();
        assert_eq!(&told, b"b");
    }
}
