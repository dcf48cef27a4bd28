//! Reading an HTTP/1.1 response (RFC 9112) with bounds on everything.

use std::io::{self, Read};

/// The longest head in bytes.
const MAX_HEAD: usize = 16 << 10;
/// The most header fields.
const MAX_HEADERS: usize = 64;
/// The largest body in bytes.
const MAX_BODY: usize = 16 << 20;
/// The longest line that opens a chunk.
const MAX_CHUNK_LINE: usize = 256;

/// A response, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Response {
    /// The status, 200–599.
    pub(in crate::plugin) status: u16,
    /// The body; empty where there is none.
    pub(in crate::plugin) body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug)]
pub(super) enum ReadError {
    /// Reading failed.
    Io(io::Error),
    /// The stream ended in the middle of it.
    Ended(&'static str),
    /// It is not HTTP, or too large.
    Garbled(String),
}

fn garbled<T>(what: impl Into<String>) -> Result<T, ReadError> {
    Err(ReadError::Garbled(what.into()))
}

/// How the end of the body is known.
enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// Bytes read ahead of what was asked for.
struct Source<'a, R> {
    stream: &'a mut R,
    ahead: Vec<u8>,
}

impl<R: Read> Source<'_, R> {
    /// Reads some more; `false` at the end of the stream.
    fn more(&mut self) -> Result<bool, ReadError> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.ahead.extend_from_slice(&buffer[..count]);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::Io(error)),
            }
        }
    }

    fn more_or(&mut self, ended: &'static str) -> Result<(), ReadError> {
        if self.more()? { Ok(()) } else { Err(ReadError::Ended(ended)) }
    }

    /// Takes exactly `count` bytes onto the end of `into`.
    fn take(&mut self, mut count: usize, into: &mut Vec<u8>) -> Result<(), ReadError> {
        loop {
            let here = count.min(self.ahead.len());
            into.extend(self.ahead.drain(..here));
            count -= here;
            if count == 0 {
                return Ok(());
            }
            self.more_or("in the middle of the body")?;
        }
    }

    fn head(&mut self) -> Result<(u16, Framing), ReadError> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut head = httparse::Response::new(&mut headers);
            match head.parse(&self.ahead) {
                Ok(httparse::Status::Complete(length)) => {
                    if length > MAX_HEAD {
                        return garbled("the head is longer than 16 KiB");
                    }
                    let status = head.code.unwrap_or_default();
                    let framing = framing(status, head.headers)?;
                    self.ahead.drain(..length);
                    return Ok((status, framing));
                }
                Ok(httparse::Status::Partial) if self.ahead.len() > MAX_HEAD => {
                    return garbled("the head is longer than 16 KiB");
                }
                Ok(httparse::Status::Partial) => {
                    let nothing = self.ahead.is_empty();
                    self.more_or(if nothing { "before it answered" } else { "in the middle of the head" })?;
                }
                Err(error) => return garbled(format!("the head: {error}")),
            }
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), ReadError> {
        loop {
            let size = loop {
                match httparse::parse_chunk_size(&self.ahead) {
                    Ok(httparse::Status::Complete((length, size))) => {
                        self.ahead.drain(..length);
                        break size;
                    }
                    Ok(httparse::Status::Partial) if self.ahead.len() <= MAX_CHUNK_LINE => {
                        self.more_or("in the middle of the body")?;
                    }
                    _ => return garbled("a chunk of the body has no size"),
                }
            };
            if size == 0 {
                // What may follow are trailers, which are of no interest.
                return Ok(());
            }
            let size = usize::try_from(size).ok().filter(|size| *size <= MAX_BODY - body.len());
            let Some(size) = size else { return garbled("the body is larger than 16 MiB") };
            self.take(size, body)?;
            let mut end = Vec::with_capacity(2);
            self.take(2, &mut end)?;
            if end != b"\r\n" {
                return garbled("a chunk of the body is longer than it says");
            }
        }
    }
}

fn framing(status: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, ReadError> {
    if matches!(status, 100..200 | 204 | 304) {
        return Ok(Framing::None);
    }
    let mut length = None;
    let mut chunked = false;
    for header in headers {
        let value = String::from_utf8_lossy(header.value);
        let value = value.trim();
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return garbled("the transfer encoding is not chunked");
            }
            chunked = true;
        } else if header.name.eq_ignore_ascii_case("content-length") {
            let number = Some(value).filter(|value| value.bytes().all(|b| b.is_ascii_digit()));
            let Some(number) = number.and_then(|value| value.parse::<usize>().ok()) else {
                return garbled("Content-Length is not a number");
            };
            if length.replace(number).is_some_and(|before| before != number) {
                return garbled("Content-Length is given twice");
            }
        }
    }
    match length {
        _ if chunked => Ok(Framing::Chunked),
        Some(length) if length > MAX_BODY => garbled("the body is larger than 16 MiB"),
        Some(length) => Ok(Framing::Length(length)),
        None => Ok(Framing::UntilClose),
    }
}

/// Reads one response; interim ones (1xx) are passed over.
pub(super) fn read(stream: &mut impl Read) -> Result<Response, ReadError> {
    let mut source = Source { stream, ahead: Vec::new() };
    let mut interim = 0;
    let (status, framing) = loop {
        let (status, framing) = source.head()?;
        match status {
            100..200 if interim < 8 => interim += 1,
            200..600 => break (status, framing),
            other => return garbled(format!("status {other}")),
        }
    };
    let mut body = Vec::new();
    match framing {
        Framing::None => {}
        Framing::Length(length) => source.take(length, &mut body)?,
        Framing::Chunked => source.chunks(&mut body)?,
        Framing::UntilClose => {
            while source.more()? {
                if source.ahead.len() > MAX_BODY {
                    return garbled("the body is larger than 16 MiB");
                }
            }
            body = source.ahead;
        }
    }
    Ok(Response { status, body })
}
