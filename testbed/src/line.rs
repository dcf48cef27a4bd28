//! A line to a server whose connections can be cut one by one.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use crate::{Problem, wait::Guarded};

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
        let listener = TcpListener::bind((back.ip(), 0)).map_err(Problem::system(back))?;
        let address = listener.local_addr().map_err(Problem::system(back))?;
        let line = Self { address, open: Arc::default() };
        let carrier = line.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let carrier = carrier.clone();
                // A server that is down refuses, and so does its line.
                std::thread::spawn(move || {
                    TcpStream::connect(back).and_then(|far| carrier.carry(&near, &far))
                });
            }
        });
        Ok(line)
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

    fn carry(&self, near: &TcpStream, far: &TcpStream) -> io::Result<()> {
        let (mut up, mut down) =
            ((near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?));
        let number = self.enter(near.try_clone()?, far.try_clone()?);
        std::thread::spawn(move || {
            // Either side ends both.
            let _ = io::copy(&mut down.0, &mut down.1);
            close(&down.0, &down.1);
        });
        let _ = io::copy(&mut up.0, &mut up.1);
        close(near, far);
        self.open.lock().connections.retain(|(open, ..)| *open != number);
        Ok(())
    }

    fn enter(&self, near: TcpStream, far: TcpStream) -> u64 {
        let mut open = self.open.lock();
        open.next += 1;
        let number = open.next;
        open.connections.push((number, near, far));
        number
    }
}

/// Ends a connection that is carried.
pub(crate) fn close(near: &TcpStream, far: &TcpStream) {
    // Closed by the other side already is as good.
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

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
