//! A real redis-server as a child process, in the place of the one in [`super`].

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// How long the program may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(10);

/// The process. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct RealRedis(Child);

impl RealRedis {
    /// Starts the program there, keeping nothing on disk, and waits until it listens.
    pub(crate) async fn start(program: &OsStr, address: SocketAddr) -> io::Result<Self> {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let child = Command::new(program)
            .args([
                "--bind",
                &host,
                "--port",
                &port,
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", program.display()))
            })?;
        let mut redis = Self(child);
        let patience = Instant::now() + LISTENS_WITHIN;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = redis.0.try_wait()? {
                return Err(io::Error::other(format!(
                    "{} has ended: {status}",
                    program.display()
                )));
            }
            if Instant::now() >= patience {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("{} does not listen", program.display()),
                ));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(redis)
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        // Fails when it has ended by itself, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
