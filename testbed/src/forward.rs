//! Carrying connections from one address to another, as lines and links do.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
};

use crate::Problem;

/// Hands every connection that arrives at `front`, with one to `back`, to `carry`, each in a thread of its own, for as long as
/// this process lives. Where it listens: `front`, with a port in place of 0.
pub(crate) fn forward(
    front: SocketAddr,
    back: SocketAddr,
    carry: impl Fn(TcpStream, TcpStream) + Send + Sync + 'static,
) -> Result<SocketAddr, Problem> {
    let listener = TcpListener::bind(front).map_err(Problem::system(front))?;
    let address = listener.local_addr().map_err(Problem::system(front))?;
    let carry = Arc::new(carry);
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let carry = Arc::clone(&carry);
            // A server that is down refuses, and so does its forwarder.
            std::thread::spawn(move || TcpStream::connect(back).map(|far| carry(near, far)));
        }
    });
    Ok(address)
}

/// Carries both ways until either side ends: `there` what `near` says, in this thread. Both are closed then.
pub(crate) fn both_ways(
    near: &TcpStream,
    far: &TcpStream,
    there: impl FnOnce(&TcpStream, &TcpStream) -> io::Result<()>,
) {
    if let (Ok(mut from), Ok(mut into)) = (far.try_clone(), near.try_clone()) {
        std::thread::spawn(move || {
            // Ends with either side.
            let _ = io::copy(&mut from, &mut into);
            close(&from, &into);
        });
        // Ends with either side, or when somebody closes them.
        let _ = there(near, far);
    }
    close(near, far);
}

/// Ends a connection that is carried.
pub(crate) fn close(near: &TcpStream, far: &TcpStream) {
    // Closed by the other side already is as good.
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
}
