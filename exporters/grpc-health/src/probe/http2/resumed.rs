//! A connection whose beginning has been exchanged already, shown to the HTTP/2 library as if it were new.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::OPENING;

/// Hands out the bytes received so far before it reads on, and keeps back the opening, which has been sent.
#[derive(Debug)]
pub(in crate::probe) struct Resumed<S> {
    stream: S,
    received: Vec<u8>,
    handed_out: usize,
    kept_back: usize,
}

impl<S> Resumed<S> {
    /// After [`OPENING`] was sent on `stream` and `received` came back.
    pub(in crate::probe) fn new(stream: S, received: Vec<u8>) -> Self {
        Self {
            stream,
            received,
            handed_out: 0,
            kept_back: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Resumed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.received[self.handed_out..];
        if rest.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                // In the middle of a frame the library would call it by a kind of error of its own. Said so, an end
                // is an end wherever it comes.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            return Poll::Ready(Ok(()));
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.handed_out += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Resumed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let kept_back = bytes.len().min(OPENING.len() - self.kept_back);
        debug_assert_eq!(
            bytes[..kept_back],
            OPENING[self.kept_back..][..kept_back],
            "what was sent is what the library believes to send"
        );
        self.kept_back += kept_back;
        if kept_back > 0 && kept_back == bytes.len() {
            return Poll::Ready(Ok(kept_back));
        }
        match Pin::new(&mut self.stream).poll_write(context, &bytes[kept_back..]) {
            Poll::Ready(Ok(written)) => Poll::Ready(Ok(kept_back + written)),
            Poll::Pending if kept_back > 0 => Poll::Ready(Ok(kept_back)),
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
