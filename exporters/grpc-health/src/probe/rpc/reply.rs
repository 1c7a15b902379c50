//! A gRPC response: headers, at most one message, trailers.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use probe_engine::{Phase, Reason, ServingStatus};
use prost::Message;
use tonic_health::pb::HealthCheckResponse;

use super::super::failure::Failure;

/// Longest message that is read, in bytes. A health response has two.
const LONGEST_MESSAGE: usize = 4096;
/// Length of a message's prefix: flags (1), length (4).
const PREFIX: usize = 5;
const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
/// Longest status message that is kept.
const LONGEST_DETAIL: usize = 256;

/// What has been read of a response.
#[derive(Debug)]
pub(super) struct Reply {
    body: Vec<u8>,
    trailers_only: bool,
}

impl Reply {
    /// Judges the headers; `ended` says that nothing follows them.
    pub(super) fn begin(
        status: StatusCode,
        headers: &HeaderMap,
        ended: bool,
    ) -> Result<Self, Failure> {
        if status != StatusCode::OK {
            return Err(of_http(status));
        }
        let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if !content_type.is_some_and(is_grpc) {
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

    /// Judges the trailers, or the headers where they are all there is.
    pub(super) fn end(self, trailers: &HeaderMap) -> Result<ServingStatus, Failure> {
        let code = trailers
            .get(STATUS)
            .ok_or_else(|| protocol("the server ended its answer without a gRPC status"))?;
        let code: i32 = code
            .to_str()
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
        .map_err(|error| protocol(&format!("not a health response: {error}")))?;
    Ok(ServingStatus::from_number(response.status))
}

fn of_status(code: i32, trailers: &HeaderMap) -> Failure {
    let message = trailers
        .get(MESSAGE)
        .map(|message| String::from_utf8_lossy(message.as_bytes()))
        .unwrap_or_default();
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
fn of_http(status: StatusCode) -> Failure {
    let code = match status.as_u16() {
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
        format!("HTTP status {}", status.as_u16()),
    );
    failure.status = u8::try_from(code).ok();
    failure
}

fn protocol(detail: &str) -> Failure {
    Failure::new(Phase::Rpc, Reason::Protocol, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn begin() -> Reply {
        let grpc = headers(&[("content-type", "application/grpc+proto")]);
        Reply::begin(StatusCode::OK, &grpc, false).unwrap()
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
        assert!(begin().end(&HeaderMap::new()).is_err());
    }

    #[test]
    fn what_is_not_grpc_is_told_by_its_headers() {
        let html = headers(&[("content-type", "text/html")]);
        for (status, headers, reason) in [
            (StatusCode::NOT_FOUND, &html, Reason::Unimplemented),
            (StatusCode::SERVICE_UNAVAILABLE, &html, Reason::Grpc(14)),
            (StatusCode::IM_A_TEAPOT, &html, Reason::Grpc(2)),
            (StatusCode::OK, &html, Reason::Protocol),
            (StatusCode::OK, &HeaderMap::new(), Reason::Protocol),
        ] {
            let failure = Reply::begin(status, headers, false).unwrap_err();
            assert_eq!(failure.reason, reason, "{status}");
        }
        assert!(!is_grpc(b"application/grpcx"));
    }
}
