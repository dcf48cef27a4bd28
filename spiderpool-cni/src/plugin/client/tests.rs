use super::response::{ReadError, Response, read};
use super::{CallError, Deadline, Method, call};
use proptest::prelude::*;
use rstest::rstest;
use std::io::{self, Read};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// A stream that gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().copied().unwrap_or(1).min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.bytes = later;
        Ok(size)
    }
}

fn whole(text: &str) -> Result<Response, ReadError> {
    read(&mut text.as_bytes())
}

#[rstest]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello")]
#[case("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more", 200, "hello")]
#[case(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n",
    200,
    "hello!"
)]
#[case("HTTP/1.1 503 Busy\r\n\r\nuntil the end", 503, "until the end")]
#[case("HTTP/1.1 204 No Content\r\n\r\n", 204, "")]
#[case("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "")]
#[case("HTTP/1.0 200 OK\r\n\r\nold", 200, "old")]
fn good_responses_in_pieces_of_any_size(#[case] text: &str, #[case] status: u16, #[case] body: &str) {
    for size in 1..=text.len() {
        let sizes = [size, 1];
        let mut pieces = Pieces { bytes: text.as_bytes(), sizes: sizes.iter().cycle() };
        let response = read(&mut pieces).unwrap();
        assert_eq!((response.status, response.body.as_slice()), (status, body.as_bytes()));
    }
}

#[rstest]
#[case("", "before it answered")]
#[case("HTTP/1.1 200 OK\r\nContent-Le", "in the middle of the head")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "in the middle of the body")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "in the middle of the body")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "in the middle of the body")]
fn responses_cut_short(#[case] text: &str, #[case] place: &str) {
    assert!(matches!(whole(text), Err(ReadError::Ended(said)) if said == place));
}

#[rstest]
#[case("SSH-2.0-OpenSSH_9.2\r\n")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n")]
#[case("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")]
#[case("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n")]
#[case("HTTP/1.1 999 What\r\n\r\n")]
fn garbage(#[case] text: &str) {
    assert!(matches!(whole(text), Err(ReadError::Garbled(_))), "{:?}", whole(text));
}

#[test]
fn heads_and_bodies_without_end_are_cut_off() {
    let mut endless = b"HTTP/1.1 200 OK\r\nX: ".chain(io::repeat(b'a'));
    assert!(matches!(read(&mut endless), Err(ReadError::Garbled(_))));
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".chain(io::repeat(b'a'));
    assert!(matches!(read(&mut endless), Err(ReadError::Garbled(_))));
    let mut endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;".chain(io::repeat(b'a'));
    assert!(matches!(read(&mut endless), Err(ReadError::Garbled(_))));
}

#[test]
fn an_agent_that_accepts_nothing_or_says_nothing_ends_at_the_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("agent.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let deadline = || Deadline::after(Duration::from_millis(20));
    // Nobody accepts; the kernel takes connections until its queue is full and then lets `connect` wait.
    let mut held = Vec::new();
    loop {
        held.push(match super::connect::connect(&socket, deadline()) {
            Ok(stream) => stream,
            Err(error) => break assert!(super::is_timeout(&error), "{error}"),
        });
        assert!(held.len() < 100_000, "the queue never filled up");
    }
    assert!(matches!(call(&socket, Method::Get, "/", b"", deadline()), Err(CallError::TimedOut)));
    drop(held);
}

#[test]
fn a_socket_path_that_is_too_long_is_an_error() {
    let path = std::path::PathBuf::from(format!("/{}", "a".repeat(200)));
    assert!(matches!(
        call(&path, Method::Get, "/", b"", Deadline::of_a_request()),
        Err(CallError::Connect(_))
    ));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&mut bytes.as_slice());
        let mut with_head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        with_head.extend_from_slice(&bytes);
        let _ = read(&mut with_head.as_slice());
    }

    #[test]
    fn chunked_is_the_same_as_whole(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 1_usize..50,
        sizes in proptest::collection::vec(1_usize..40, 1..5),
    ) {
        let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(cut) {
            text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            text.extend_from_slice(chunk);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"0\r\n\r\n");
        let mut pieces = Pieces { bytes: &text, sizes: sizes.iter().cycle() };
        prop_assert_eq!(read(&mut pieces).unwrap().body, body);
    }
}
