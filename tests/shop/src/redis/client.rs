//! The cartservice's connection to Redis: kept, and made anew when it breaks.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::resp;

/// How long a command may take, connecting included: the default of the client that upstream uses.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest string taken from Redis.
const LONGEST_BULK: usize = 1 << 20;

/// One connection, used by one command at a time.
#[derive(Debug)]
pub(crate) struct RedisClient {
    address: SocketAddr,
    kept: Mutex<Option<BufReader<TcpStream>>>,
}

impl RedisClient {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            kept: Mutex::new(None),
        }
    }

    /// Sends the command. The answer is the bulk string that came back, if any; an integer or a simple string is none.
    pub(crate) async fn command(&self, command: &[&[u8]]) -> io::Result<Option<Vec<u8>>> {
        timeout(DEADLINE, self.command_without_deadline(command))
            .await
            .map_err(io::Error::from)?
    }

    async fn command_without_deadline(&self, command: &[&[u8]]) -> io::Result<Option<Vec<u8>>> {
        let mut kept = self.kept.lock().await;
        let mut request = Vec::new();
        resp::write_array(command, &mut request);
        // Taken out while in use: a command that is given up half-way takes its connection with it.
        if let Some(mut connection) = kept.take()
            && let Ok(answer) = exchange(&mut connection, &request).await
        {
            *kept = Some(connection);
            return answer.into_result();
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut connection = BufReader::new(stream);
        let answer = exchange(&mut connection, &request).await?;
        *kept = Some(connection);
        answer.into_result()
    }
}

/// What Redis said, in a connection that can be used again.
enum Answer {
    Bulk(Option<Vec<u8>>),
    Error(String),
}

impl Answer {
    fn into_result(self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Bulk(bytes) => Ok(bytes),
            Self::Error(text) => Err(io::Error::other(text)),
        }
    }
}

async fn exchange(connection: &mut BufReader<TcpStream>, request: &[u8]) -> io::Result<Answer> {
    connection.write_all(request).await?;
    let mut line = String::new();
    // A reply's first line is short; what is longer is no Redis.
    (&mut *connection).take(1_024).read_line(&mut line).await?;
    let line = line
        .strip_suffix("\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let no_redis = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{line:?} is no answer of Redis"),
        )
    };
    match line.split_at_checked(1).ok_or_else(no_redis)? {
        ("-", text) => Ok(Answer::Error(text.to_owned())),
        ("+" | ":", _) | ("$", "-1") => Ok(Answer::Bulk(None)),
        ("$", length) => {
            let length: usize = length
                .parse()
                .ok()
                .filter(|length| *length <= LONGEST_BULK)
                .ok_or_else(no_redis)?;
            let mut bytes = vec![0; length + 2];
            connection.read_exact(&mut bytes).await?;
            bytes.truncate(length);
            Ok(Answer::Bulk(Some(bytes)))
        }
        _ => Err(no_redis()),
    }
}
