//! Many targets for benchmarks: one listener answers on as many loopback addresses as are asked for.
//!
//! It shares the machine with what is measured, so it does next to nothing: no HTTP/2 library, no header decoding. Every stream that ends is
//! taken for a health check and gets the same bytes, with its own number in them.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The first target where none is given.
pub(crate) const FIRST: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 2, 1), 0));

/// The preface every HTTP/2 client begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
/// The longest frame without a setting that allows more (RFC 9113, section 4.2).
const LONGEST_FRAME: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` by its index, `content-type: application/grpc` with the name by its index and the value in letters (RFC 7541).
const ANSWER_HEADERS: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// A gRPC message of two bytes: field 1 is 1, SERVING.
const ANSWER_MESSAGE: &[u8] = b"\x00\x00\x00\x00\x02\x08\x01";
/// `grpc-status: 0` in letters, kept out of the peer's table.
const ANSWER_TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";

/// Many targets, bound.
#[derive(Debug)]
pub struct Many {
    listener: TcpListener,
    first: SocketAddrV4,
    count: u32,
    silent: u32,
}

/// What was asked for cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ManyError {
    /// The first address is not IPv4 loopback, or the last one would not be.
    #[error("{count} addresses from {first} on do not lie within 127.0.0.0/8")]
    NotLoopback {
        /// The first.
        first: SocketAddr,
        /// How many.
        count: u32,
    },
    /// Not a share.
    #[error("the silent share is {0}; it has to be from 0 to 1")]
    Share(f64),
    /// No socket.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
}

impl Many {
    /// Listens on `count` addresses from `first` on, all with the same port (0 for any). The last ones, by their share, are silent.
    pub fn bind(first: SocketAddr, count: u32, silent_share: f64) -> Result<Self, ManyError> {
        if !(0.0..=1.0).contains(&silent_share) {
            return Err(ManyError::Share(silent_share));
        }
        let SocketAddr::V4(wanted) = first else {
            return Err(ManyError::NotLoopback { first, count });
        };
        let last = u32::from(*wanted.ip())
            .checked_add(count.saturating_sub(1))
            .map(Ipv4Addr::from);
        if !wanted.ip().is_loopback()
            || !last.is_some_and(|last| last.is_loopback() && !last.octets().ends_with(&[255; 3]))
        {
            return Err(ManyError::NotLoopback { first, count });
        }
        raise_descriptor_limit();
        let listener = listen(wanted.port()).map_err(|error| ManyError::Listen(first, error))?;
        let port = listener
            .local_addr()
            .map_err(|error| ManyError::Listen(first, error))?
            .port();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a u32 fits one"
        )]
        let silent = (f64::from(count) * silent_share).round() as u32;
        Ok(Self {
            listener,
            first: SocketAddrV4::new(*wanted.ip(), port),
            count,
            silent,
        })
    }

    /// The targets and whether each is silent.
    pub fn targets(&self) -> impl Iterator<Item = (SocketAddr, bool)> {
        let (first, port) = (u32::from(*self.first.ip()), self.first.port());
        let talking = self.count - self.silent;
        (0..self.count).map(move |index| {
            (
                SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from(first + index), port)),
                index >= talking,
            )
        })
    }

    /// Writes a line of JSON for each target.
    pub fn print(&self, output: &mut impl Write) -> io::Result<()> {
        let mut list = Vec::new();
        for (address, silent) in self.targets() {
            // Writing to memory does not fail.
            let _ = writeln!(list, "{{\"target\":\"{address}\",\"silent\":{silent}}}");
        }
        output.write_all(&list)?;
        output.flush()
    }

    /// Answers until it cannot accept any more.
    pub async fn serve(self) -> Result<Infallible, io::Error> {
        let first = u32::from(*self.first.ip());
        let talking = self.count - self.silent;
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                // The peer has gone again before its turn.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            let Ok(SocketAddr::V4(local)) = stream.local_addr() else {
                continue;
            };
            // The socket listens on every address of the machine where it could not be tied to the loopback device.
            match u32::from(*local.ip())
                .checked_sub(first)
                .filter(|index| *index < self.count)
            {
                Some(index) if index < talking => drop(tokio::spawn(answer(stream))),
                Some(_) => drop(tokio::spawn(say_nothing(stream))),
                None => {}
            }
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Nothing from outside reaches a socket tied to the loopback device; without the right to tie it, `serve` turns such callers away.
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.bind_device(Some(b"lo")) {
        tracing::info!(%error, "the targets' socket is not tied to the loopback device");
    }
    // Inherited by every connection.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.listen(4_096)?;
    TcpListener::from_std(socket.into())
}

/// Thousands of connections at a time need as many descriptors. Without more, the peers see connections that wait.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::info!(%error, "the limit of open files stays as it is");
    }
}

async fn say_nothing(mut stream: TcpStream) {
    let mut ignored = [0; 64];
    while matches!(stream.read(&mut ignored).await, Ok(length) if length > 0) {}
}

async fn answer(mut stream: TcpStream) {
    // Ends with the peer, or with what it does wrong; neither is of interest.
    let _ = converse(&mut stream).await;
}

async fn converse(stream: &mut TcpStream) -> io::Result<()> {
    let mut output = Vec::with_capacity(128);
    frame(&mut output, SETTINGS, 0, 0, b"");
    stream.write_all(&output).await?;
    let mut input = Vec::with_capacity(512);
    let mut preface_seen = false;
    loop {
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        if !preface_seen {
            if input.len() < PREFACE.len() {
                continue;
            }
            if !input.starts_with(PREFACE) {
                return Ok(());
            }
            input.drain(..PREFACE.len());
            preface_seen = true;
        }
        output.clear();
        let Some(consumed) = respond(&input, &mut output) else {
            return Ok(());
        };
        input.drain(..consumed);
        if !output.is_empty() {
            stream.write_all(&output).await?;
        }
    }
}

/// Answers all whole frames; how many bytes they were. Nothing when the peer says goodbye or breaks the protocol.
fn respond(input: &[u8], output: &mut Vec<u8>) -> Option<usize> {
    let mut position = 0;
    while let Some(&[a, b, c, kind, flags, d, e, f, g]) =
        input[position..].first_chunk::<FRAME_HEADER>()
    {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length > LONGEST_FRAME {
            return None;
        }
        let begin = position + FRAME_HEADER;
        let Some(payload) = input.get(begin..begin + length) else {
            break;
        };
        let stream = u32::from_be_bytes([d & 0x7f, e, f, g]);
        match kind {
            SETTINGS if flags & ACK == 0 => frame(output, SETTINGS, ACK, 0, b""),
            PING if flags & ACK == 0 => frame(output, PING, ACK, 0, payload),
            DATA | HEADERS if flags & END_STREAM != 0 => {
                frame(output, HEADERS, END_HEADERS, stream, ANSWER_HEADERS);
                frame(output, DATA, 0, stream, ANSWER_MESSAGE);
                frame(
                    output,
                    HEADERS,
                    END_HEADERS | END_STREAM,
                    stream,
                    ANSWER_TRAILERS,
                );
            }
            GOAWAY => return None,
            _ => {}
        }
        position = begin + length;
    }
    Some(position)
}

fn frame(output: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // Payloads are ours and short, or a PING's, which came in a frame of this length.
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    output.extend_from_slice(&length[1..]);
    output.extend_from_slice(&[kind, flags]);
    output.extend_from_slice(&stream.to_be_bytes());
    output.extend_from_slice(payload);
}
