//! Frames of HTTP/2 (RFC 9113 section 4.1), as far as a client that asks once needs them.

/// Longest payload that either side may send before it is allowed more.
pub(in crate::probe) const LONGEST: usize = 16_384;
/// Length of one entry of SETTINGS.
pub(in crate::probe) const SETTING: usize = 6;

pub(in crate::probe) const DATA: u8 = 0x0;
pub(in crate::probe) const HEADERS: u8 = 0x1;
pub(in crate::probe) const RST_STREAM: u8 = 0x3;
pub(in crate::probe) const SETTINGS: u8 = 0x4;
pub(in crate::probe) const PUSH_PROMISE: u8 = 0x5;
pub(in crate::probe) const PING: u8 = 0x6;
pub(in crate::probe) const GOAWAY: u8 = 0x7;
pub(in crate::probe) const WINDOW_UPDATE: u8 = 0x8;
pub(in crate::probe) const CONTINUATION: u8 = 0x9;

pub(in crate::probe) const ACK: u8 = 0x1;
pub(in crate::probe) const END_STREAM: u8 = 0x1;
pub(in crate::probe) const END_HEADERS: u8 = 0x4;
pub(in crate::probe) const PADDED: u8 = 0x8;
pub(in crate::probe) const WITH_PRIORITY: u8 = 0x20;

/// What precedes a payload: length (3), type (1), flags (1), stream (4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Header {
    pub(in crate::probe) length: usize,
    pub(in crate::probe) kind: u8,
    pub(in crate::probe) flags: u8,
    pub(in crate::probe) stream: u32,
}

impl Header {
    /// How many bytes it has.
    #[cfg(test)]
    pub(in crate::probe) const LENGTH: usize = 9;

    /// The header that the bytes begin with, and what follows it; `None` while it is not whole.
    pub(in crate::probe) fn of(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (&[kind, flags], rest) = rest.split_first_chunk()?;
        let (stream, rest) = rest.split_first_chunk()?;
        let [high, middle, low] = *length;
        let header = Self {
            length: u32::from_be_bytes([0, high, middle, low]) as usize,
            kind,
            flags,
            // The highest bit is reserved, and ignored.
            stream: number(*stream),
        };
        Some((header, rest))
    }

    pub(in crate::probe) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// 31 bits behind a reserved one.
pub(in crate::probe) fn number(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes) & 0x7fff_ffff
}

/// Appends a frame. The payload is one of ours, and short.
pub(in crate::probe) fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, length @ ..] = u32::try_from(payload.len())
        .unwrap_or_default()
        .to_be_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A payload without its padding (section 6.1); `None` when there is more padding than payload.
pub(in crate::probe) fn unpadded(header: Header, payload: &[u8]) -> Option<&[u8]> {
    if !header.has(PADDED) {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.len()
        .checked_sub(padding.into())
        .map(|length| &rest[..length])
}
