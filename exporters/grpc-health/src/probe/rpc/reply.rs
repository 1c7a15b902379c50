//! A gRPC response: headers, at most one message, trailers.

use percent_encoding::percent_decode;
use probe_engine::{Phase, Reason, ServingStatus};
use prost::Message;
use tonic_health::pb::HealthCheckResponse;

use crate::probe::failure::Failure;

/// Longest message that is read, in bytes. A health response has two.
const LONGEST_MESSAGE: usize = 4096;
/// Length of a message's prefix: flags (1), length (4).
const PREFIX: usize = 5;
/// Longest status message that is kept.
const LONGEST_DETAIL: usize = 256;

/// What matters of a list of fields: a response's head, or its trailers. The first of each name counts.
#[derive(Debug, Default)]
pub(super) struct Fields {
    status: Option<u16>,
    content_type: Option<Vec<u8>>,
    grpc_status: Option<Vec<u8>>,
    grpc_message: Option<Vec<u8>>,
}

/// What has been read of a response.
#[derive(Debug)]
pub(super) struct Reply {
    body: Vec<u8>,
    trailers_only: bool,
}

// === impl Fields ===

impl Fields {
    /// Takes in a field, if it is one that HTTP/2 allows (RFC 9113 section 8.2.1).
    pub(super) fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(protocol("a field with a value that none may have"));
        }
        let slot = match name {
            b":status" => {
                let status = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok());
                let status = status.ok_or_else(|| protocol("an HTTP status that is no number"))?;
                self.status.get_or_insert(status);
                return Ok(());
            }
            b"content-type" => &mut self.content_type,
            b"grpc-status" => &mut self.grpc_status,
            b"grpc-message" => &mut self.grpc_message,
            _ if name.iter().all(|byte| is_of_a_name(*byte)) && !name.is_empty() => return Ok(()),
            _ => return Err(protocol("a field with a name that none may have")),
        };
        slot.get_or_insert_with(|| value.to_owned());
        Ok(())
    }

    /// The head of an interim response, which another follows (RFC 9110 section 15.2).
    pub(super) fn is_interim(&self) -> bool {
        self.status
            .is_some_and(|status| (100..200).contains(&status))
    }
}

/// Tokens of RFC 9110 section 5.6.2 without capitals.
fn is_of_a_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&byte)
}

// === impl Reply ===

impl Reply {
    /// Judges the head; `ended` says that nothing follows it.
    pub(super) fn begin(head: &Fields, ended: bool) -> Result<Self, Failure> {
        match head.status {
            Some(200) => {}
            Some(status) => return Err(of_http(status)),
            None => return Err(protocol("an answer without an HTTP status")),
        }
        if !head.content_type.as_deref().is_some_and(is_grpc) {
            return Err(protocol("the answer's content-type is not gRPC's"));
        }
        Ok(Self {
            body: Vec::new(),
            trailers_only: ended,
        })
    }

    /// Takes in a part of the body.
    pub(super) fn read(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        if self.body.len() + chunk.len() > PREFIX + LONGEST_MESSAGE {
            return Err(protocol("the message is longer than any health response"));
        }
        self.body.extend_from_slice(chunk);
        match self.body.get(1..PREFIX) {
            Some(&[0, 0, high, low])
                if usize::from(u16::from_be_bytes([high, low])) <= LONGEST_MESSAGE =>
            {
                Ok(())
            }
            Some(_) => Err(protocol("the message is longer than any health response")),
            None => Ok(()),
        }
    }

    /// Judges the trailers, or the head where that is all there is.
    pub(super) fn end(self, trailers: &Fields) -> Result<ServingStatus, Failure> {
        if trailers.status.is_some() && !self.trailers_only {
            return Err(protocol("trailers with an HTTP status"));
        }
        let code = trailers
            .grpc_status
            .as_deref()
            .ok_or_else(|| protocol("the server ended its answer without a gRPC status"))?;
        let code: i32 = std::str::from_utf8(code)
            .ok()
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| protocol("the gRPC status is not a number"))?;
        if code != 0 {
            return Err(of_status(code, trailers));
        }
        if self.trailers_only {
            return Err(protocol("a gRPC status of OK without a message"));
        }
        decode(&self.body)
    }
}

fn is_grpc(content_type: &[u8]) -> bool {
    content_type
        .strip_prefix(b"application/grpc")
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

fn decode(body: &[u8]) -> Result<ServingStatus, Failure> {
    let Some((&[flags, a, b, c, d], message)) = body.split_first_chunk::<PREFIX>() else {
        return Err(protocol("a gRPC status of OK without a message"));
    };
    if flags != 0 {
        return Err(protocol("a compressed message, which was not asked for"));
    }
    if u32::from_be_bytes([a, b, c, d]) as usize != message.len() {
        return Err(protocol("not exactly one whole message"));
    }
    let response = HealthCheckResponse::decode(message)
        .map_err(|error| protocol(format!("not a health response: {error}")))?;
    Ok(ServingStatus::from_number(response.status))
}

fn of_status(code: i32, trailers: &Fields) -> Failure {
    // PROTOCOL-HTTP2.md of gRPC: percent-encoded, and what cannot be decoded is kept as it is.
    let message = trailers.grpc_message.as_deref().unwrap_or_default();
    let message = percent_decode(message).decode_utf8_lossy();
    let message: String = message.chars().take(LONGEST_DETAIL).collect();
    let mut failure = Failure::new(
        Phase::Rpc,
        Reason::from_grpc_code(code),
        format!("status {code}: {message}"),
    );
    failure.status = Some(match u8::try_from(code) {
        Ok(code) if code <= Reason::HIGHEST_GRPC_CODE => code,
        _ => 2,
    });
    failure
}

/// Whatever stands between us and the server speaks HTTP only: the codes of gRPC's `http-grpc-status-mapping.md`.
fn of_http(status: u16) -> Failure {
    let code = match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    };
    let mut failure = Failure::new(
        Phase::Rpc,
        Reason::from_grpc_code(code),
        format!("HTTP status {status}"),
    );
    failure.status = u8::try_from(code).ok();
    failure
}

pub(super) fn protocol(detail: impl Into<Box<str>>) -> Failure {
    Failure::new(Phase::Rpc, Reason::Protocol, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in entries {
            fields.take(name.as_bytes(), value.as_bytes()).unwrap();
        }
        fields
    }

    fn begin() -> Reply {
        let grpc = headers(&[
            (":status", "200"),
            ("content-type", "application/grpc+proto"),
        ]);
        Reply::begin(&grpc, false).unwrap()
    }

    #[test]
    fn a_message_may_come_in_pieces() {
        let mut reply = begin();
        for byte in [0, 0, 0, 0, 2, 8, 1] {
            reply.read(&[byte]).unwrap();
        }
        let ended = reply.end(&headers(&[("grpc-status", "0")]));
        assert_eq!(ended, Ok(ServingStatus::Serving));
    }

    #[test]
    fn an_empty_message_means_unknown() {
        let mut reply = begin();
        reply.read(&[0; PREFIX]).unwrap();
        let ended = reply.end(&headers(&[("grpc-status", "0")]));
        assert_eq!(ended, Ok(ServingStatus::Unknown));
    }

    #[test]
    fn a_long_message_is_refused_at_its_announcement() {
        assert!(begin().read(&[0, 0, 1, 0, 0]).is_err());
        assert!(begin().read(&[0, 0, 0, 0x10, 1]).is_err());
        assert!(begin().read(&[0, 0, 0, 0x10, 0]).is_ok());
        assert!(
            begin()
                .read(&vec![0; PREFIX + LONGEST_MESSAGE + 1])
                .is_err()
        );
    }

    #[test]
    fn anything_but_one_whole_plain_message_is_refused() {
        for body in [
            &[][..],
            &[0, 0, 0],
            &[0, 0, 0, 0, 2, 8],
            &[0, 0, 0, 0, 2, 8, 1, 0],
            &[1, 0, 0, 0, 2, 8, 1],
            &[0, 0, 0, 0, 1, 0xff],
        ] {
            let mut reply = begin();
            reply.read(body).unwrap();
            let failure = reply.end(&headers(&[("grpc-status", "0")])).unwrap_err();
            assert_eq!(failure.reason, Reason::Protocol, "{body:?}");
        }
    }

    #[test]
    fn status_codes_become_reasons() {
        for (code, reason) in [
            ("5", Reason::NotFound),
            ("12", Reason::Unimplemented),
            ("14", Reason::Grpc(14)),
            ("99", Reason::Grpc(2)),
            ("-1", Reason::Grpc(2)),
            ("x", Reason::Protocol),
            ("99999999999999", Reason::Protocol),
        ] {
            let failure = begin().end(&headers(&[("grpc-status", code)])).unwrap_err();
            assert_eq!(failure.reason, reason, "{code}");
        }
        assert!(begin().end(&Fields::default()).is_err());
    }

    #[test]
    fn a_status_message_is_shown_decoded() {
        for (sent, shown) in [
            (
                "no%20such%20service: caf%C3%A9",
                "status 5: no such service: café",
            ),
            ("100% sure%2", "status 5: 100% sure%2"),
            ("%FF", "status 5: \u{fffd}"),
        ] {
            let trailers = headers(&[("grpc-status", "5"), ("grpc-message", sent)]);
            assert_eq!(&*begin().end(&trailers).unwrap_err().detail, shown);
        }
    }

    #[test]
    fn what_is_not_grpc_is_told_by_its_headers() {
        for (status, content_type, reason) in [
            ("404", "text/html", Reason::Unimplemented),
            ("503", "text/html", Reason::Grpc(14)),
            ("418", "text/html", Reason::Grpc(2)),
            ("200", "text/html", Reason::Protocol),
            ("200", "", Reason::Protocol),
        ] {
            let head = headers(&[(":status", status), ("content-type", content_type)]);
            let failure = Reply::begin(&head, false).unwrap_err();
            assert_eq!(failure.reason, reason, "{status}");
        }
        assert!(Reply::begin(&Fields::default(), false).is_err());
        assert!(!is_grpc(b"application/grpcx"));
    }
    #[test]
    fn what_no_field_may_be_is_refused() {
        for (name, value) in [
            ("", "x"),
            ("Grpc-Status", "0"),
            ("a b", "x"),
            (":path", "/"),
            ("a", "b\r\nc: d"),
            ("grpc-message", "\0"),
            (":status", "ok"),
            (":status", "99999"),
        ] {
            let taken = Fields::default().take(name.as_bytes(), value.as_bytes());
            assert!(taken.is_err(), "{name}: {value}");
        }
    }
}
