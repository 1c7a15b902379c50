//! What `/probe` was asked, read from its query.

use std::str::FromStr;
use std::time::Duration;

/// A question, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How to ask.
    pub module: Module,
    /// The service; empty for the server as a whole.
    pub service: String,
    /// `:authority` and the server name of TLS, in place of the host.
    pub hostname: Option<String>,
    /// Less patience than the scrape's.
    pub timeout: Option<Duration>,
    /// Answer in words.
    pub debug: bool,
}

/// A way to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Module {
    /// In clear, as the kubelet does.
    #[default]
    Grpc,
    /// TLS, verified by the machine's roots (`SSL_CERT_FILE` names others).
    GrpcTls,
    /// TLS, not verified, as the kubelet does it.
    GrpcTlsInsecure,
}

/// A question that makes no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum QuestionError {
    /// Nothing to probe.
    #[error("the parameter `target` is missing: ask /probe?target=HOST:PORT")]
    NoTarget,
    /// A parameter given twice, so that one of them would be ignored.
    #[error("the parameter `{0}` is given twice")]
    Twice(String),
    /// Not one of the modules.
    #[error("unknown module `{0}`: there are grpc, grpc_tls and grpc_tls_insecure")]
    Module(String),
    /// No port to dial.
    #[error("target `{0}` names no port: write HOST:PORT, or [ADDRESS]:PORT for IPv6")]
    NoPort(String),
    /// Not a host and a port.
    #[error("target `{0}` is not HOST:PORT")]
    Target(String),
    /// Not a duration.
    #[error("timeout: {0}")]
    Timeout(String),
}

impl Question {
    /// How the target is named in the request.
    pub(super) fn authority(&self) -> String {
        let host = self.hostname.as_deref().unwrap_or(&self.host);
        if host.contains(':') {
            format!("[{host}]:{}", self.port)
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl FromStr for Question {
    type Err = QuestionError;

    fn from_str(query: &str) -> Result<Self, QuestionError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(QuestionError::Twice(name.into_owned()));
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        let mut take = |name: &str| {
            let index = parameters.iter().position(|(known, _)| known == name)?;
            Some(parameters.swap_remove(index).1).filter(|value| !value.is_empty())
        };
        let (host, port) = host_and_port(&take("target").ok_or(QuestionError::NoTarget)?)?;
        let timeout = take("timeout")
            .map(|text| chassis::parse_duration(&text))
            .transpose();
        Ok(Self {
            host,
            port,
            module: take("module").map_or(Ok(Module::default()), |name| name.parse())?,
            service: take("service").unwrap_or_default(),
            hostname: take("hostname"),
            timeout: timeout.map_err(QuestionError::Timeout)?,
            debug: take("debug").is_some_and(|value| value == "true"),
        })
    }
}

impl FromStr for Module {
    type Err = QuestionError;

    fn from_str(name: &str) -> Result<Self, QuestionError> {
        match name {
            "grpc" => Ok(Self::Grpc),
            "grpc_tls" => Ok(Self::GrpcTls),
            "grpc_tls_insecure" => Ok(Self::GrpcTlsInsecure),
            other => Err(QuestionError::Module(other.to_owned())),
        }
    }
}

/// Takes `HOST:PORT`, and the `scheme://HOST:PORT/path` that a Probe object makes of an Ingress.
fn host_and_port(target: &str) -> Result<(String, u16), QuestionError> {
    let wrong = || QuestionError::Target(target.to_owned());
    let (scheme, rest) = match target.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, target),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let default = match scheme {
        Some("http") => Some(80),
        Some("https") => Some(443),
        Some(_) => return Err(wrong()),
        None => None,
    };
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']').ok_or_else(wrong)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
        (host, port)
    } else if authority.matches(':').count() > 1 {
        // An address without brackets: its last group and a port cannot be told apart.
        return Err(QuestionError::NoPort(target.to_owned()));
    } else {
        authority.split_at(authority.find(':').unwrap_or(authority.len()))
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@') {
        return Err(wrong());
    }
    let port = match port.strip_prefix(':') {
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(wrong)?,
        None if port.is_empty() => {
            default.ok_or_else(|| QuestionError::NoPort(target.to_owned()))?
        }
        None => return Err(wrong()),
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Question, QuestionError> {
        query.parse()
    }

    #[test]
    fn targets_are_read_in_every_form_that_prometheus_sends() {
        for (target, host, port, authority) in [
            ("cartservice:7070", "cartservice", 7070, "cartservice:7070"),
            ("10.0.0.1:7070", "10.0.0.1", 7070, "10.0.0.1:7070"),
            ("[::1]:50051", "::1", 50051, "[::1]:50051"),
            ("%5B::1%5D:50051", "::1", 50051, "[::1]:50051"),
            (
                "http://shop.example/cart?x",
                "shop.example",
                80,
                "shop.example:80",
            ),
            (
                "https://shop.example:8443/",
                "shop.example",
                8443,
                "shop.example:8443",
            ),
        ] {
            let question = read(&format!("target={target}")).expect(target);
            assert_eq!((question.host.as_str(), question.port), (host, port));
            assert_eq!(question.authority(), authority);
        }
    }

    #[test]
    fn a_wrong_target_is_refused_with_what_is_missing() {
        assert_eq!(read(""), Err(QuestionError::NoTarget));
        assert_eq!(read("target="), Err(QuestionError::NoTarget));
        for target in ["cartservice", "::1", "fe80::1:7070", "[::1]"] {
            let wrong = Err(QuestionError::NoPort(target.to_owned()));
            assert_eq!(read(&format!("target={target}")), wrong);
        }
        for target in [
            "a:b",
            "a:0",
            "a:70000",
            ":7070",
            "[::1:7070",
            "[x]:1",
            "[::1]7070",
            "ftp://a:1",
            "u@a:1",
            "a b:1",
        ] {
            let wrong = Err(QuestionError::Target(target.to_owned()));
            assert_eq!(read(&format!("target={target}")), wrong, "{target}");
        }
    }

    #[test]
    fn parameters_are_taken_once_and_modules_are_known() {
        let question =
            read("target=a:1&module=grpc_tls&service=x.Y&hostname=b&timeout=2s&debug=true");
        let question = question.expect("valid");
        assert_eq!(question.module, Module::GrpcTls);
        assert_eq!(question.authority(), "b:1");
        assert_eq!(question.timeout, Some(Duration::from_secs(2)));
        assert!(question.debug);
        assert_eq!(
            read("target=a:1&target=b:1"),
            Err(QuestionError::Twice("target".to_owned()))
        );
        assert_eq!(
            read("target=a:1&module=http_2xx"),
            Err(QuestionError::Module("http_2xx".to_owned()))
        );
        assert!(matches!(
            read("target=a:1&timeout=5"),
            Err(QuestionError::Timeout(_))
        ));
    }
}
