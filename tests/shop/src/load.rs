//! The load generator: shoppers who look at the frontend's page at a rate that can be changed while they do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::role::Role;
use crate::service::Service;

/// How long a shopper waits for the page.
const PATIENCE: Duration = Duration::from_secs(30);
const HIGHEST_RATE: f64 = 100_000.0;
const MOST_SHOPPERS: usize = 10_000;

/// How much load there is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Load {
    /// Pages a second, from 0.
    pub rate_per_second: f64,
    /// Pages waited for at a time: when all shoppers wait, the next page is left out and counted as skipped.
    pub shoppers: usize,
}

/// A load that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not JSON, or not the keys of a load.
    #[error("this is no load: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The rate is negative, too high or no number.
    #[error("`rate_per_second` is {0}; it has to be from 0 to {HIGHEST_RATE}")]
    Rate(f64),
    /// No shoppers, or too many.
    #[error("`shoppers` is {0}; it has to be from 1 to {MOST_SHOPPERS}")]
    Shoppers(usize),
}

impl Load {
    /// Reads and checks the JSON object of `PUT /load`.
    pub fn from_json(text: &[u8]) -> Result<Self, LoadError> {
        let load: Self = serde_json::from_slice(text)?;
        load.check()?;
        Ok(load)
    }

    /// Whether the numbers are in range.
    pub fn check(&self) -> Result<(), LoadError> {
        if !(0.0..=HIGHEST_RATE).contains(&self.rate_per_second) {
            return Err(LoadError::Rate(self.rate_per_second));
        }
        if !(1..=MOST_SHOPPERS).contains(&self.shoppers) {
            return Err(LoadError::Shoppers(self.shoppers));
        }
        Ok(())
    }
}

impl Default for Load {
    /// About what upstream's ten users make, who rest one to ten seconds between two pages.
    fn default() -> Self {
        Self {
            rate_per_second: 2.0,
            shoppers: 10,
        }
    }
}

/// Connections to the frontend that are not in use.
type Idle = Arc<Mutex<Vec<SendRequest<Empty<Bytes>>>>>;

/// Makes load until the runtime ends.
pub(crate) async fn generate(
    service: Arc<Service>,
    frontend: SocketAddr,
    mut load: watch::Receiver<Load>,
) {
    let idle = Idle::default();
    loop {
        let now = *load.borrow_and_update();
        if now.rate_per_second <= 0.0 {
            if load.changed().await.is_err() {
                return;
            }
            continue;
        }
        let shoppers = Arc::new(Semaphore::new(now.shoppers));
        // At a tiny rate the pause would not fit a Duration; an hour is as good as never.
        let pause = (1.0 / now.rate_per_second).min(3_600.0);
        let mut ticks = interval(Duration::from_secs_f64(pause));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                changed = load.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                _ = ticks.tick() => match shoppers.clone().try_acquire_owned() {
                    Ok(shopper) => {
                        let (service, idle) = (service.clone(), idle.clone());
                        tokio::spawn(async move {
                            let seen = timeout(PATIENCE, look(frontend, &idle)).await;
                            service.stats.called(Role::Frontend.name(), matches!(seen, Ok(Ok(true))));
                            drop(shopper);
                        });
                    }
                    Err(_) => service.stats.skipped(),
                },
            }
        }
    }
}

/// Asks for the page and reads it; whether it was one.
async fn look(frontend: SocketAddr, idle: &Idle) -> io::Result<bool> {
    let kept = idle.lock().pop();
    let mut sender = match kept.filter(|sender| !sender.is_closed()) {
        Some(sender) => sender,
        None => connect(frontend).await?,
    };
    sender.ready().await.map_err(io::Error::other)?;
    let request = Request::get("/")
        .header(header::HOST, frontend.to_string())
        .body(Empty::new())
        .map_err(io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let succeeded = response.status().is_success();
    response
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?;
    idle.lock().push(sender);
    Ok(succeeded)
}

async fn connect(frontend: SocketAddr) -> io::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(frontend).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_cannot_be_had_is_refused() {
        for (text, part) in [
            (r#"{"rate_per_second": -1}"#, "rate_per_second"),
            (r#"{"rate_per_second": 1e9}"#, "100000"),
            (r#"{"shoppers": 0}"#, "shoppers"),
            (r#"{"rate": 1}"#, "unknown field `rate`"),
        ] {
            let message = Load::from_json(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert_eq!(
            Load::from_json(br#"{"rate_per_second": 0.5}"#)
                .unwrap()
                .shoppers,
            10
        );
    }
}
