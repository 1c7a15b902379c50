//! One request and its answer on a connection that was made for them: what is said, and what is made of what is heard.
//!
//! No socket and no clock: [`Call::hear`] takes the bytes that came and [`Call::say`] gives those to be sent. A general
//! client keeps some 30 kB for each connection, for streams and windows that a health check never has; on the day on
//! which thousands of handlers hang, that is what takes an exporter beyond its memory limit. This keeps what the server
//! has sent and not finished, which is at most a frame and a list of fields.

use bytes::Bytes;
use probe_engine::{Phase, Reason, ServingStatus};

use super::hpack::{Decoder, LONGEST_LIST};
use super::reply::{Fields, Reply, protocol};
use crate::probe::failure::Failure;
use crate::probe::http2::frame::{self, Header};

/// The stream of the one request (RFC 9113 section 5.1.1: a client's first).
const STREAM: u32 = 1;
/// Bytes that a side may send on a stream before it is allowed more (section 6.9.2), as every connection begins.
const WINDOW: i64 = 65_535;
const LARGEST_WINDOW: i64 = 0x7fff_ffff;
/// Longest text of a GOAWAY that is shown.
const LONGEST_TEXT: usize = 256;

const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;

/// Section 7.
const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// A health check under way.
#[derive(Debug)]
pub(super) struct Call {
    /// The request's fields, as a block; empty once they are on their way.
    head: Vec<u8>,
    /// What of the request's body is not on its way yet.
    body: Bytes,
    /// What the server lets us send of it.
    window: i64,
    initial_window: i64,
    /// Whether the server takes a stream at all: grpc-go waits for its quota as well.
    may_ask: bool,
    said: Vec<u8>,
    heard: Vec<u8>,
    decoder: Decoder,
    /// A block of fields of which more is to come, and whether the stream ends with it.
    block: Option<(Vec<u8>, bool)>,
    reply: Option<Reply>,
    /// How much of its window the server has left.
    credit: i64,
}

/// What a frame leads to: mostly nothing yet.
type Step = Result<Option<ServingStatus>, Failure>;

// === impl Call ===

impl Call {
    /// A request, to be sent when the server's SETTINGS allow it. `head` is a block of fields of at most
    /// [`frame::LONGEST`] bytes.
    pub(super) fn new(head: Vec<u8>, body: Bytes) -> Self {
        Self {
            head,
            body,
            window: WINDOW,
            initial_window: WINDOW,
            may_ask: true,
            said: Vec::new(),
            heard: Vec::new(),
            decoder: Decoder::default(),
            block: None,
            reply: None,
            credit: WINDOW,
        }
    }

    /// Takes what the server said, from its SETTINGS on. `Some` is the answer.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Step {
        let mut heard = std::mem::take(&mut self.heard);
        heard.extend_from_slice(bytes);
        let mut rest = heard.as_slice();
        while let Some((header, payload)) = Header::of(rest) {
            if header.length > frame::LONGEST {
                return Err(protocol("a frame is longer than allowed"));
            }
            let Some((payload, after)) = payload.split_at_checked(header.length) else {
                break;
            };
            rest = after;
            if let Some(status) = self.frame(header, payload)? {
                return Ok(Some(status));
            }
        }
        let done = heard.len() - rest.len();
        heard.drain(..done);
        self.heard = heard;
        Ok(None)
    }

    /// What is to be sent now.
    pub(super) fn say(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.said)
    }

    fn frame(&mut self, header: Header, payload: &[u8]) -> Step {
        if self.block.is_some() != (header.kind == frame::CONTINUATION) {
            return Err(protocol("a block of fields is not followed by its rest"));
        }
        match (header.kind, header.stream) {
            (frame::SETTINGS, 0) => self.settings(header, payload)?,
            (frame::PING, 0) => self.ping(header, payload)?,
            (frame::GOAWAY, 0) => self.goaway(payload)?,
            (frame::WINDOW_UPDATE, 0 | STREAM) => self.window_update(header, payload)?,
            (frame::HEADERS, STREAM) => return self.headers(header, payload),
            (frame::CONTINUATION, STREAM) => return self.continuation(header, payload),
            (frame::DATA, STREAM) => return self.data(header, payload),
            (frame::RST_STREAM, STREAM) => return Err(self.reset(payload)),
            (
                frame::SETTINGS
                | frame::PING
                | frame::GOAWAY
                | frame::WINDOW_UPDATE
                | frame::HEADERS
                | frame::CONTINUATION
                | frame::DATA
                | frame::RST_STREAM
                | frame::PUSH_PROMISE,
                _,
            ) => return Err(protocol("a frame on a stream that it has no business on")),
            // PRIORITY, and types that are unknown and therefore ignored (section 4.1).
            _ => {}
        }
        Ok(None)
    }

    fn settings(&mut self, header: Header, payload: &[u8]) -> Result<(), Failure> {
        if header.has(frame::ACK) {
            return if payload.is_empty() {
                Ok(())
            } else {
                Err(protocol(
                    "an acknowledgement of SETTINGS with something in it",
                ))
            };
        }
        let (entries, rest) = payload.as_chunks::<{ frame::SETTING }>();
        if !rest.is_empty() {
            return Err(protocol("SETTINGS that end within an entry"));
        }
        for &[a, b, value @ ..] in entries {
            let value = i64::from(u32::from_be_bytes(value));
            match u16::from_be_bytes([a, b]) {
                MAX_CONCURRENT_STREAMS => self.may_ask = value > 0,
                INITIAL_WINDOW_SIZE if value > LARGEST_WINDOW => {
                    return Err(protocol("SETTINGS with a window that is too large"));
                }
                // The difference counts for open streams, too, and may leave less than nothing (section 6.9.2).
                INITIAL_WINDOW_SIZE => {
                    self.window += value - self.initial_window;
                    self.initial_window = value;
                }
                MAX_FRAME_SIZE if !(16_384..=16_777_215).contains(&value) => {
                    return Err(protocol("SETTINGS with an impossible length of frames"));
                }
                _ => {}
            }
        }
        frame::write(&mut self.said, frame::SETTINGS, frame::ACK, 0, &[]);
        if !self.head.is_empty() && self.may_ask {
            let head = std::mem::take(&mut self.head);
            frame::write(
                &mut self.said,
                frame::HEADERS,
                frame::END_HEADERS,
                STREAM,
                &head,
            );
        }
        self.send_body();
        Ok(())
    }

    /// As much of the body as the server lets us. The connection's own window is larger than any request.
    fn send_body(&mut self) {
        let allowed = usize::try_from(self.window).unwrap_or(0);
        let length = self.body.len().min(allowed).min(frame::LONGEST);
        if !self.has_asked() || length == 0 {
            return;
        }
        let part = self.body.split_to(length);
        self.window -= i64::try_from(length).unwrap_or(WINDOW);
        let flags = if self.body.is_empty() {
            frame::END_STREAM
        } else {
            0
        };
        frame::write(&mut self.said, frame::DATA, flags, STREAM, &part);
    }

    fn has_asked(&self) -> bool {
        self.head.is_empty()
    }

    fn ping(&mut self, header: Header, payload: &[u8]) -> Result<(), Failure> {
        if payload.len() != 8 {
            return Err(protocol("a PING of the wrong length"));
        }
        if !header.has(frame::ACK) {
            frame::write(&mut self.said, frame::PING, frame::ACK, 0, payload);
        }
        Ok(())
    }

    /// A server that goes away still answers the streams up to the one that it names.
    fn goaway(&self, payload: &[u8]) -> Result<(), Failure> {
        let Some((&[last @ .., a, b, c, d], text)) = payload.split_first_chunk::<8>() else {
            return Err(protocol("a GOAWAY that is too short"));
        };
        if self.has_asked() && frame::number(last) >= STREAM {
            return Ok(());
        }
        let code = code([a, b, c, d]);
        let text: String = String::from_utf8_lossy(text)
            .chars()
            .take(LONGEST_TEXT)
            .collect();
        let detail = if text.is_empty() {
            format!("GOAWAY with {code}")
        } else {
            format!("GOAWAY with {code}: {text}")
        };
        Err(Failure::new(Phase::Rpc, Reason::Goaway, detail))
    }

    fn window_update(&mut self, header: Header, payload: &[u8]) -> Result<(), Failure> {
        let increment = i64::from(frame::number(whole(payload)?));
        if increment == 0 {
            return Err(protocol("a window that grows by nothing"));
        }
        if header.stream == STREAM {
            self.window += increment;
            if self.window > LARGEST_WINDOW {
                return Err(protocol("a window that grows too large"));
            }
            self.send_body();
        }
        Ok(())
    }

    fn reset(&self, payload: &[u8]) -> Failure {
        match whole(payload) {
            Ok(_) if !self.has_asked() => protocol("an answer before the question"),
            Ok(bytes) => {
                let detail = format!("the server reset the stream with {}", code(bytes));
                Failure::new(Phase::Rpc, Reason::Reset, detail)
            }
            Err(failure) => failure,
        }
    }

    fn headers(&mut self, header: Header, payload: &[u8]) -> Step {
        if !self.has_asked() {
            return Err(protocol("an answer before the question"));
        }
        let padding = || protocol("more padding than payload");
        let mut fragment = frame::unpadded(header, payload).ok_or_else(padding)?;
        if header.has(frame::WITH_PRIORITY) {
            let (_priority, rest) = fragment.split_first_chunk::<5>().ok_or_else(padding)?;
            fragment = rest;
        }
        let ends = header.has(frame::END_STREAM);
        if header.has(frame::END_HEADERS) {
            return self.fields(fragment, ends);
        }
        self.block = Some((fragment.to_vec(), ends));
        Ok(None)
    }

    fn continuation(&mut self, header: Header, payload: &[u8]) -> Step {
        let Some((mut block, ends)) = self.block.take() else {
            return Err(protocol("the rest of a block of fields that never began"));
        };
        block.extend_from_slice(payload);
        // Written out the fields take more than that: what is longer could not be accepted. An empty part would let
        // a block go on for ever.
        if block.len() > LONGEST_LIST || payload.is_empty() {
            return Err(protocol("a block of fields longer than any health check's"));
        }
        if header.has(frame::END_HEADERS) {
            return self.fields(&block, ends);
        }
        self.block = Some((block, ends));
        Ok(None)
    }

    /// A whole block: the answer's head, or its trailers.
    fn fields(&mut self, block: &[u8], ends: bool) -> Step {
        let mut fields = Fields::default();
        let mut odd = None;
        self.decoder
            .read(block, |name, value| {
                if let Err(failure) = fields.take(name, value) {
                    odd.get_or_insert(failure);
                }
            })
            .map_err(|wrong| protocol(format!("a block of fields that cannot be read: {wrong}")))?;
        if let Some(failure) = odd {
            return Err(failure);
        }
        match self.reply.take() {
            Some(_) if !ends => Err(protocol("trailers that do not end the answer")),
            Some(reply) => reply.end(&fields).map(Some),
            None if fields.is_interim() && !ends => Ok(None),
            None => {
                let reply = Reply::begin(&fields, ends)?;
                if ends {
                    return reply.end(&fields).map(Some);
                }
                self.reply = Some(reply);
                Ok(None)
            }
        }
    }

    fn data(&mut self, header: Header, payload: &[u8]) -> Step {
        let Some(mut reply) = self.reply.take() else {
            return Err(protocol("a message before the answer's head"));
        };
        // Padding counts (section 6.9.1). No answer that we accept needs more than a stream begins with.
        self.credit -= i64::try_from(payload.len()).unwrap_or(WINDOW);
        if self.credit < 0 {
            return Err(protocol("more than the window allows"));
        }
        let part = frame::unpadded(header, payload)
            .ok_or_else(|| protocol("more padding than payload"))?;
        reply.read(part)?;
        if header.has(frame::END_STREAM) {
            return reply.end(&Fields::default()).map(Some);
        }
        self.reply = Some(reply);
        Ok(None)
    }
}

/// The four bytes that a payload has to be.
fn whole(payload: &[u8]) -> Result<[u8; 4], Failure> {
    <[u8; 4]>::try_from(payload).map_err(|_| protocol("a frame of the wrong length"))
}

fn code(bytes: [u8; 4]) -> String {
    let code = u32::from_be_bytes(bytes);
    match usize::try_from(code).ok().and_then(|code| CODES.get(code)) {
        Some(name) => (*name).to_owned(),
        None => format!("code {code}"),
    }
}

#[cfg(test)]
mod tests;
