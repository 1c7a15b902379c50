//! The first bytes of either side of a connection (RFC 9113 section 3.4).

use probe_engine::Reason;

use super::frame::{self, Header};

/// What we begin with: the preface, and SETTINGS without server push and with a bound on header lists.
///
/// grpc-go sends an empty SETTINGS frame; these two entries protect us from what a health check never needs. They have
/// to be what `rpc` keeps to.
pub(super) const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x0c\x04\x00\x00\x00\x00\x00\
    \x00\x02\x00\x00\x00\x00\
    \x00\x06\x00\x00\x40\x00";

/// First bytes of a TLS record: an alert or a handshake message, of any version.
const TLS_RECORDS: [[u8; 2]; 2] = [[0x15, 0x03], [0x16, 0x03]];

/// What a server's first bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// A whole SETTINGS frame, perhaps with more behind it.
    Complete,
    /// Not wrong yet.
    Partial,
    /// Nothing that HTTP/2 begins with.
    Wrong(Reason, &'static str),
}

/// Tells what the bytes received so far are.
pub(super) fn judge(received: &[u8], encrypted: bool) -> Opening {
    if let Some(wrong) = other_protocol(received, encrypted) {
        return wrong;
    }
    let Some((header, payload)) = Header::of(received) else {
        return Opening::Partial;
    };
    let fits = header.stream == 0 && header.length <= frame::LONGEST;
    match header.kind {
        frame::SETTINGS
            if fits && !header.has(frame::ACK) && header.length.is_multiple_of(frame::SETTING) =>
        {
            if payload.len() >= header.length {
                Opening::Complete
            } else {
                Opening::Partial
            }
        }
        frame::GOAWAY if fits => Opening::Wrong(Reason::Goaway, "GOAWAY instead of SETTINGS"),
        _ => Opening::Wrong(
            Reason::Protocol,
            "the server's first bytes are not an HTTP/2 SETTINGS frame",
        ),
    }
}

/// Recognises what answers on a port that does not speak HTTP/2 in clear.
fn other_protocol(received: &[u8], encrypted: bool) -> Option<Opening> {
    if received.starts_with(b"HTTP/") {
        return Some(Opening::Wrong(Reason::Http1, "an HTTP/1 answer"));
    }
    let is_tls = TLS_RECORDS.iter().any(|start| received.starts_with(start));
    (is_tls && !encrypted).then_some(Opening::Wrong(
        Reason::TlsOnPlaintext,
        "a TLS record on a connection in clear",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[u8] = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64";

    #[test]
    fn settings_are_complete_with_their_last_byte_and_not_before() {
        for length in 0..SETTINGS.len() {
            assert_eq!(judge(&SETTINGS[..length], false), Opening::Partial);
        }
        assert_eq!(judge(SETTINGS, false), Opening::Complete);
        let more = [SETTINGS, b"\x00\x00\x04\x08"].concat();
        assert_eq!(judge(&more, false), Opening::Complete);
    }

    #[test]
    fn other_first_bytes_are_told_apart() {
        for (received, reason) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], Reason::Http1),
            (b"\x15\x03\x01\x00\x02\x02\x46", Reason::TlsOnPlaintext),
            (b"\x16\x03", Reason::TlsOnPlaintext),
            (b"220 mail.example ESMTP\r\n", Reason::Protocol),
            (b"\x00\x00\x08\x07\x00\x00\x00\x00\x00", Reason::Goaway),
            // An acknowledgement, a stream's SETTINGS, a length that is no multiple of an entry, PING.
            (b"\x00\x00\x00\x04\x01\x00\x00\x00\x00", Reason::Protocol),
            (b"\x00\x00\x00\x04\x00\x00\x00\x00\x01", Reason::Protocol),
            (b"\x00\x00\x07\x04\x00\x00\x00\x00\x00", Reason::Protocol),
            (b"\x00\x00\x08\x06\x00\x00\x00\x00\x00", Reason::Protocol),
            (b"\xff\xff\xfc\x04\x00\x00\x00\x00\x00", Reason::Protocol),
        ] {
            let judged = judge(received, false);
            assert!(
                matches!(&judged, Opening::Wrong(found, _) if *found == reason),
                "{received:?}: {judged:?}"
            );
        }
    }

    #[test]
    fn inside_of_tls_a_tls_record_is_garbage() {
        let judged = judge(b"\x16\x03\x01\x00\x02\x02\x46\x00\x00", true);
        assert!(matches!(judged, Opening::Wrong(Reason::Protocol, _)));
    }
}
