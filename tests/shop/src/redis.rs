//! A Redis that speaks enough RESP2 for the cartservice and for a curious `redis-cli`.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::Service;

pub(crate) mod client;
pub(crate) mod real;
mod resp;
pub(crate) mod store;

/// Serves one connection until the peer ends it, says QUIT or breaks the protocol.
pub(crate) async fn serve(
    service: Arc<Service>,
    mut stream: TcpStream,
    reset_in_rpc: bool,
) -> io::Result<()> {
    let mut received = Vec::new();
    let mut answers = Vec::new();
    loop {
        // Commands may come many at a time; their answers leave together.
        loop {
            match resp::command(&received) {
                Ok(Some((command, length))) => {
                    received.drain(..length);
                    if command.is_empty() {
                        continue;
                    }
                    if reset_in_rpc {
                        return Ok(());
                    }
                    let answer = answer(&service, &command).await;
                    answer.write(&mut answers);
                    if command[0].eq_ignore_ascii_case(b"QUIT") {
                        return stream.write_all(&answers).await;
                    }
                }
                Ok(None) => break,
                Err(broken) => {
                    resp::Reply::Error(broken.to_string()).write(&mut answers);
                    return stream.write_all(&answers).await;
                }
            }
        }
        stream.write_all(&answers).await?;
        answers.clear();
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
}

async fn answer(service: &Service, command: &[Vec<u8>]) -> resp::Reply {
    let name = String::from_utf8_lossy(&command[0]).to_ascii_uppercase();
    let is_health_check = name == "PING";
    let in_force = service.switch.now();
    let reply = if in_force
        .pass(is_health_check, &service.stats)
        .await
        .is_err()
    {
        resp::Reply::Error("ERR too many requests wait".to_owned())
    } else {
        service.store.execute(&name, &command[1..])
    };
    service
        .stats
        .answered(&name, !matches!(reply, resp::Reply::Error(_)));
    reply
}
