//! A blocking HTTP/1.1 client for one request over a Unix socket.

mod connect;
mod response;

pub(super) use response::Response;

use super::Deadline;
use response::ReadError;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Why a request got no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// No connection: nobody listens, or may not be reached. The request was not seen by anyone.
    Connect(io::Error),
    /// The deadline passed. The request may have been done.
    TimedOut,
    /// The connection broke in the middle. The request may have been done.
    HungUp(String),
    /// What came is not HTTP, or too large.
    Garbled(String),
}

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A connection whose reads and writes end at a deadline.
struct Timed {
    stream: UnixStream,
    deadline: Deadline,
}

impl Timed {
    fn remaining(&self) -> io::Result<std::time::Duration> {
        self.deadline.remaining().ok_or_else(|| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.remaining()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Whether a socket timeout ended the operation; Linux says `EAGAIN` then.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Sends one request and reads the whole answer, before `deadline`.
pub(super) fn call(
    socket: &Path,
    method: Method,
    path: &str,
    body: &[u8],
    deadline: Deadline,
) -> Result<Response, CallError> {
    let stream = connect::connect(socket, deadline).map_err(|error| match error {
        error if is_timeout(&error) => CallError::TimedOut,
        error => CallError::Connect(error),
    })?;
    let mut timed = Timed { stream, deadline };
    let mut request = format!(
        "{} {path} HTTP/1.1\r\nHost: spiderpool\r\nAccept: application/json\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        method.as_str(),
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    if let Err(error) = timed.write_all(&request)
        && is_timeout(&error)
    {
        return Err(CallError::TimedOut);
    }
    // A write that broke is not the last word: an agent that refuses a request early answers and closes.
    response::read(&mut timed).map_err(|error| match error {
        ReadError::Io(error) if is_timeout(&error) => CallError::TimedOut,
        ReadError::Io(error) => CallError::HungUp(error.to_string()),
        ReadError::Ended(what) => CallError::HungUp(what.into()),
        ReadError::Garbled(what) => CallError::Garbled(what),
    })
}

#[cfg(test)]
mod tests;
