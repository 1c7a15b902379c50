//! The attempt of the command line: name and connection under one budget, the rpc under another.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use probe_engine::{Attempt, Ending, Phase, Reason, ServingStatus};
use tokio::time::{Instant, timeout_at};

use super::{Outcome, ProbeArgs, Report};
use crate::probe::attempt::{Established, Facts, establish, exchange};
use crate::probe::progress::Progress;
use crate::probe::resolve::resolve;
use crate::probe::tls::{Identity, Tls, TlsError, Trust};
use crate::probe::{Endpoint, EndpointError, Failure};

/// The flags, checked.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) target: String,
    pub(super) service: String,
    pub(super) connect_timeout: Duration,
    pub(super) rpc_timeout: Duration,
    host: String,
    port: u16,
    user_agent: Option<String>,
    metadata: Vec<(String, String)>,
    tls: Option<Tls>,
}

/// What is wrong with the flags.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("no server given: say HOST:PORT")]
    NoTarget,
    #[error("{0:?} is not HOST:PORT")]
    Target(String),
    #[error("--{0} must be greater than zero")]
    Zero(&'static str),
    #[error("--rpc-header {0:?} is not \"name: value\"")]
    Header(String),
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Asks once.
pub(super) async fn ask(ask: &Ask) -> Report {
    let started_at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let begun = Instant::now();
    let connected_by = begun + ask.connect_timeout;
    let mut report = Report::new(ask);
    let addresses = match resolve(&ask.host, ask.connect_timeout).await {
        Ok(addresses) => addresses,
        Err(error) => {
            report.resolve = Some(begun.elapsed());
            report.outcome = Outcome::Unresolved(error.to_string());
            return report;
        }
    };
    if ask.host.parse::<IpAddr>().is_err() {
        report.resolve = Some(begun.elapsed());
    }

    let mut progress = Progress::start(Instant::now());
    let mut facts = Facts::default();
    let connecting = connect(ask, &addresses, connected_by, &mut progress, &mut facts);
    let outcome = match timeout_at(connected_by, connecting).await {
        Err(_) => None,
        Ok(Err(failure)) => Some(Err(failure)),
        Ok(Ok((address, endpoint, established))) => {
            report.address = Some(address);
            let by = Instant::now() + ask.rpc_timeout;
            timeout_at(by, exchange(established, &endpoint, ask.rpc_timeout))
                .await
                .ok()
        }
    };
    let phase = progress.phase();
    let attempt = Attempt {
        started_at,
        phases: progress.finish(Instant::now()),
        ending: ending(outcome.as_ref(), phase),
    };
    report.outcome = Outcome::Measured {
        attempt,
        failure: outcome.and_then(Result::err),
    };
    report
}

fn ending(outcome: Option<&Result<ServingStatus, Failure>>, phase: Phase) -> Ending {
    match outcome {
        None => Ending::Cut { phase },
        Some(Ok(status)) => Ending::Answered(*status),
        Some(Err(failure)) => Ending::Failed {
            phase: failure.phase,
            reason: failure.reason,
        },
    }
}

/// One address after the other, as grpc-go's `pick_first` does; only the last is worth redials.
async fn connect(
    ask: &Ask,
    addresses: &[IpAddr],
    by: Instant,
    progress: &mut Progress,
    facts: &mut Facts,
) -> Result<(SocketAddr, Endpoint, Established), Failure> {
    let mut rest = addresses.iter();
    while let Some(&address) = rest.next() {
        let address = SocketAddr::new(address, ask.port);
        let endpoint = ask
            .endpoint(address)
            .map_err(|error| Failure::new(Phase::Connect, Reason::Local, error.to_string()))?;
        let is_last = rest.len() == 0;
        let redial_until = if is_last { by } else { Instant::now() };
        match establish(&endpoint, redial_until, progress, facts).await {
            Ok(established) => return Ok((address, endpoint, established)),
            Err(failure) if is_last => return Err(failure),
            Err(_) => progress.enter(Phase::Connect, Instant::now()),
        }
    }
    Err(Failure::new(Phase::Connect, Reason::Local, "no address"))
}

// === impl Ask ===

impl Ask {
    fn endpoint(&self, address: SocketAddr) -> Result<Endpoint, EndpointError> {
        let mut endpoint = Endpoint::new(address, &self.target, &self.service, self.tls.clone())?;
        if let Some(user_agent) = &self.user_agent {
            endpoint = endpoint.with_user_agent(user_agent)?;
        }
        for (name, value) in &self.metadata {
            endpoint = endpoint.with_metadata(name, value)?;
        }
        Ok(endpoint)
    }
}

impl TryFrom<&ProbeArgs> for Ask {
    type Error = AskError;

    fn try_from(arguments: &ProbeArgs) -> Result<Self, AskError> {
        let target = arguments
            .target
            .as_ref()
            .or(arguments.addr.as_ref())
            .ok_or(AskError::NoTarget)?;
        let (host, port) = split(target).ok_or_else(|| AskError::Target(target.clone()))?;
        for (name, timeout) in [
            ("connect-timeout", arguments.connect_timeout),
            ("rpc-timeout", arguments.rpc_timeout),
        ] {
            if timeout.is_zero() {
                return Err(AskError::Zero(name));
            }
        }
        let metadata = arguments
            .rpc_header
            .iter()
            .map(|header| metadata(header).ok_or_else(|| AskError::Header(header.clone())))
            .collect::<Result<_, _>>()?;
        let ask = Self {
            target: target.clone(),
            service: arguments.service.clone(),
            connect_timeout: arguments.connect_timeout,
            rpc_timeout: arguments.rpc_timeout,
            host: host.to_owned(),
            port,
            user_agent: arguments.user_agent.clone(),
            metadata,
            tls: tls(arguments, host)?,
        };
        // Whatever does not fit into a request is a wrong flag, and not a failed connection.
        ask.endpoint(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port))?;
        Ok(ask)
    }
}

/// `HOST:PORT`, `ADDRESS:PORT` or `[IPV6]:PORT`; the host without brackets.
fn split(target: &str) -> Option<(&str, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    (!host.is_empty()).then_some((host, port))
}

fn metadata(header: &str) -> Option<(String, String)> {
    let (name, value) = header.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    (!name.is_empty()).then(|| (name.to_ascii_lowercase(), value.to_owned()))
}

fn tls(arguments: &ProbeArgs, host: &str) -> Result<Option<Tls>, AskError> {
    if !arguments.tls {
        return Ok(None);
    }
    let trust = match &arguments.tls_ca_cert {
        _ if arguments.tls_no_verify => Trust::Anyone,
        Some(path) => Trust::Authorities(read(path)?),
        None => Trust::System,
    };
    let identity = match (&arguments.tls_client_cert, &arguments.tls_client_key) {
        (Some(certificates), Some(key)) => Some(Identity {
            certificates: read(certificates)?,
            key: read(key)?,
        }),
        _ => None,
    };
    let name = arguments.tls_server_name.as_deref().unwrap_or(host);
    Ok(Some(Tls::new(&trust, identity.as_ref(), name)?))
}

fn read(path: &Path) -> Result<Vec<u8>, AskError> {
    std::fs::read(path).map_err(|source| AskError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_a_host_and_a_port() {
        for (target, split_up) in [
            ("cartservice:7070", Some(("cartservice", 7070))),
            ("10.0.0.1:7070", Some(("10.0.0.1", 7070))),
            ("[::1]:7070", Some(("::1", 7070))),
            ("::1:7070", None),
            (":7070", None),
            ("cartservice", None),
            ("cartservice:grpc", None),
            ("cartservice:70700", None),
            ("http://cartservice:7070", None),
        ] {
            assert_eq!(split(target), split_up, "{target}");
        }
    }

    #[test]
    fn metadata_is_a_name_and_a_value() {
        let expected = ("x-who".to_owned(), "a: b".to_owned());
        assert_eq!(metadata("X-Who: a: b"), Some(expected));
        assert_eq!(metadata("x-who"), None);
        assert_eq!(metadata(": x"), None);
    }
}
