//! HTTP/2 until the server's SETTINGS: the point at which grpc-go calls a connection ready, and the kubelet's dial ends.
//!
//! HTTP/2 libraries do not wait for it (their handshake returns as soon as the preface is written), so this part is ours:
//! [`open`] writes what a client begins with and reads until the server's first frame is complete. `rpc` goes on from
//! there.

pub(super) mod frame;
mod opening;

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use probe_engine::{Phase, Reason};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Instant;

use super::failure::Failure;
use opening::{OPENING, Opening, judge};

/// Bytes taken from the socket at a time: SETTINGS and what usually comes with it.
const CHUNK: usize = 512;

/// What has arrived when the server's SETTINGS are complete.
#[derive(Debug)]
pub(super) struct Opened {
    /// When the last byte of SETTINGS was read.
    pub(super) at: Instant,
    /// All bytes so far, SETTINGS first.
    pub(super) received: Vec<u8>,
}

/// Writes the client's preface and SETTINGS in one go and waits for the server's SETTINGS.
///
/// `encrypted` says that TLS is done: a TLS record inside of TLS is garbage, not a sign of the wrong port.
pub(super) async fn open<S>(stream: &mut S, encrypted: bool) -> Result<Opened, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broke = |error: io::Error| Failure::of_stream(Phase::Http2, &error);
    stream.write_all(OPENING).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    let mut received = Vec::new();
    loop {
        let (count, at) = read(stream, &mut received).await.map_err(broke)?;
        match judge(&received, encrypted) {
            Opening::Complete => return Ok(Opened { at, received }),
            Opening::Wrong(reason, detail) => {
                return Err(Failure::new(Phase::Http2, reason, detail));
            }
            Opening::Partial if count == 0 => {
                return Err(Failure::new(
                    Phase::Http2,
                    Reason::Closed,
                    "the server closed the connection before its SETTINGS",
                ));
            }
            Opening::Partial => {}
        }
    }
}

/// Appends what the socket holds, and notes when that was. Nothing is appended when the other side has closed.
pub(super) async fn read<S>(stream: &mut S, received: &mut Vec<u8>) -> io::Result<(usize, Instant)>
where
    S: AsyncRead + Unpin,
{
    std::future::poll_fn(|context| poll_read(Pin::new(&mut *stream), context, received)).await
}

/// The chunk lives on the stack, only while the socket is read: nothing is held for as long as nothing comes.
fn poll_read<S>(
    stream: Pin<&mut S>,
    context: &mut Context<'_>,
    received: &mut Vec<u8>,
) -> Poll<io::Result<(usize, Instant)>>
where
    S: AsyncRead,
{
    let mut chunk = [0; CHUNK];
    let mut buffer = ReadBuf::new(&mut chunk);
    std::task::ready!(pin!(stream).poll_read(context, &mut buffer))?;
    let now = Instant::now();
    received.extend_from_slice(buffer.filled());
    Poll::Ready(Ok((buffer.filled().len(), now)))
}
