//! One attempt: from nothing to the trailers, or to the moment we give up.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use probe_engine::{Attempt, Ending, Phase, Reason, ServingStatus};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::connect::{backoff, connect};
use super::endpoint::{Endpoint, Limits};
use super::failure::Failure;
use super::http2;
use super::progress::Progress;
use super::rpc;
use super::tls::{Session, Tls, TlsStream};

/// An attempt, and what was learnt by the way.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What is measured.
    pub attempt: Attempt,
    /// Why it failed, in words; `None` when an answer came or we gave up.
    pub failure: Option<Failure>,
    /// What TLS settled on and who the server said it was.
    pub session: Option<Box<Session>>,
    /// Dials after the first.
    pub redials: u32,
}

/// Measures one health check, past the budget and up to the cap.
///
/// When the budget has passed, `overtime` is asked for a permit, which is held until the end. Without one the attempt
/// is cut there: so whoever hands out permits bounds how many sockets a silent target can hold.
///
/// Nothing outlives the future: dropped at any point, it closes its socket.
pub async fn attempt<P>(
    endpoint: &Endpoint,
    limits: &Limits,
    overtime: impl FnOnce() -> Option<P>,
) -> Attempt {
    observe(endpoint, limits, overtime).await.attempt
}

/// [`attempt`], for whoever wants to know more than the figures.
pub async fn observe<P>(
    endpoint: &Endpoint,
    limits: &Limits,
    overtime: impl FnOnce() -> Option<P>,
) -> Observation {
    // The only reading of the absolute clock: everything else is measured from here.
    let started_at = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let start = Instant::now();
    let mut progress = Progress::start(start);
    let mut facts = Facts::default();
    let outcome = {
        let work = work(endpoint, limits, start, &mut progress, &mut facts);
        tokio::select! {
            biased;
            outcome = work => Some(outcome),
            () = give_up(limits, start, overtime) => None,
        }
    };
    let phase = progress.phase();
    let phases = progress.finish(Instant::now());
    let (ending, failure) = match outcome {
        Some(Ok(status)) => (Ending::Answered(status), None),
        Some(Err(failure)) => {
            let Failure { phase, reason, .. } = failure;
            (Ending::Failed { phase, reason }, Some(failure))
        }
        None => (Ending::Cut { phase }, None),
    };
    Observation {
        attempt: Attempt {
            started_at,
            phases,
            ending,
        },
        failure,
        session: facts.session,
        redials: facts.redials,
    }
}

/// What is learnt before the end, kept outside of the work so that it survives a cut.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) session: Option<Box<Session>>,
    pub(super) redials: u32,
}

/// A connection on which the server has said its SETTINGS, and what has come so far: they, and perhaps more.
#[derive(Debug)]
pub(super) enum Established {
    Plain(TcpStream, Vec<u8>),
    Encrypted(Box<TlsStream>, Vec<u8>),
}

async fn work(
    endpoint: &Endpoint,
    limits: &Limits,
    start: Instant,
    progress: &mut Progress,
    facts: &mut Facts,
) -> Result<ServingStatus, Failure> {
    let established = establish(endpoint, start + limits.budget, progress, facts).await?;
    exchange(
        established,
        endpoint,
        limits.cap.saturating_sub(start.elapsed()),
    )
    .await
}

/// Everything before the request. Ends in [`Phase::Rpc`].
///
/// A dial that fails is repeated within the budget: the kubelet's dial is blocking (`grpc.WithBlock`) and not set to
/// fail on errors, so grpc-go goes on redialling until the context ends. With the default budget of 1 s the first
/// redial is never reached.
pub(super) async fn establish(
    endpoint: &Endpoint,
    until: Instant,
    progress: &mut Progress,
    facts: &mut Facts,
) -> Result<Established, Failure> {
    loop {
        let failure = match dial(endpoint, progress, facts).await {
            Ok(established) => return Ok(established),
            Err(failure) => failure,
        };
        let now = Instant::now();
        let wait = backoff(facts.redials, fastrand::f64());
        if failure.reason == Reason::Local || now + wait >= until {
            return Err(failure);
        }
        progress.enter(Phase::Connect, now);
        sleep(wait).await;
        facts.redials += 1;
    }
}

async fn dial(
    endpoint: &Endpoint,
    progress: &mut Progress,
    facts: &mut Facts,
) -> Result<Established, Failure> {
    let mut plain = connect(endpoint.address).await?;
    if let Some(tls) = &endpoint.tls {
        // Boxed, as the exchange below: what few attempts need, or for a moment only, should not make every one larger.
        return Box::pin(dial_encrypted(tls, plain, progress, facts)).await;
    }
    progress.enter(Phase::Http2, Instant::now());
    match http2::open(&mut plain, false).await {
        Ok(opened) => {
            progress.enter(Phase::Rpc, opened.at);
            Ok(Established::Plain(plain, opened.received))
        }
        Err(_) if is_own_echo(&plain) => Err(Failure::new(
            Phase::Connect,
            Reason::Refused,
            "nothing listens: the kernel connected the socket to itself",
        )),
        Err(failure) => Err(failure),
    }
}

async fn dial_encrypted(
    tls: &Tls,
    plain: TcpStream,
    progress: &mut Progress,
    facts: &mut Facts,
) -> Result<Established, Failure> {
    progress.enter(Phase::Tls, Instant::now());
    let (mut stream, session) = tls.connect(plain).await?;
    facts.session = Some(Box::new(session));
    progress.enter(Phase::Http2, Instant::now());
    let opened = http2::open(&mut stream, true).await?;
    progress.enter(Phase::Rpc, opened.at);
    Ok(Established::Encrypted(Box::new(stream), opened.received))
}

/// Within one machine a dial to a port of the ephemeral range on which nothing listens can get that very port as its
/// own, and then TCP's simultaneous open connects the socket to itself.
fn is_own_echo(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(ours), Ok(theirs)) if ours == theirs)
}

/// The request and its answer.
pub(super) async fn exchange(
    established: Established,
    endpoint: &Endpoint,
    patience: Duration,
) -> Result<ServingStatus, Failure> {
    match established {
        Established::Plain(stream, received) => {
            Box::pin(rpc::check(stream, received, endpoint, patience)).await
        }
        Established::Encrypted(stream, received) => {
            Box::pin(rpc::check(stream, received, endpoint, patience)).await
        }
    }
}

/// Resolves when there is no point, or no permission, to wait any longer.
async fn give_up<P>(limits: &Limits, start: Instant, overtime: impl FnOnce() -> Option<P>) {
    sleep_until(start + limits.budget).await;
    if limits.cap <= limits.budget {
        return;
    }
    let Some(_permit) = overtime() else {
        return;
    };
    sleep_until(start + limits.cap).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Silent targets hold two of these each, for as long as the cap: thousands of them must not add up to much.
    #[test]
    fn an_attempt_that_waits_is_small() {
        let endpoint = Endpoint::at("127.0.0.1:1".parse().unwrap(), "", None).unwrap();
        let limits = Limits::of_budget(Duration::from_secs(1));
        let waiting = attempt(&endpoint, &limits, || None::<()>);
        let bytes = size_of_val(&waiting);
        assert!(bytes <= 1_280, "{bytes} bytes");
    }
}
