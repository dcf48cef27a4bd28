//! Addresses that no other process takes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use crate::Problem;

/// The first port given out. Below it are the ports that programs choose for themselves.
const FIRST_PORT: u16 = 20_000;

static NEXT_PORT: AtomicU16 = AtomicU16::new(FIRST_PORT);

/// This process' own address: 127.64.0.0/10 and the process ID, which has at most 22 bits on Linux. Nothing has to be
/// configured for it, and nobody else listens there.
#[must_use]
pub fn loopback() -> IpAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(127, 64 | (high & 0x3f), middle, low))
}

/// An address to listen on that was not given out before in this process and that no other process uses.
#[must_use]
pub fn unused() -> SocketAddr {
    SocketAddr::new(loopback(), NEXT_PORT.fetch_add(1, Ordering::Relaxed))
}

/// An address on 127.0.0.1 that is free now; somebody else may take it at any time.
pub(crate) fn free() -> Result<SocketAddr, Problem> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener.and_then(|listener| listener.local_addr()).map_err(Problem::system("127.0.0.1"))
}
