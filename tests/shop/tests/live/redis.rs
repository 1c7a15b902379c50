//! RESP as a client sees it.

use shop::{Faults, Role, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{address, alone};

/// Sends the bytes and QUIT; all that comes back.
async fn say(running: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(running)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.write_all(b"QUIT\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A connection that Redis has closed on us may end in a reset after its last answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn commands_come_as_arrays_or_lines_and_many_at_a_time() {
    let redis = alone(Role::RedisCart).await;
    assert_eq!(say(&redis, b"PING\r\n").await, "+PONG\r\n+OK\r\n");
    let set_and_get = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\nbc\r\nGET k\r\nget none\r\n";
    assert_eq!(
        say(&redis, set_and_get).await,
        "+OK\r\n$5\r\na\r\nbc\r\n$-1\r\n+OK\r\n"
    );
    let hash = b"HSET h f v g w\r\nHGET h g\r\nHGETALL h\r\nEXPIRE h 60\r\nDEL h k\r\n";
    let expected =
        ":2\r\n$1\r\nw\r\n*4\r\n$1\r\nf\r\n$1\r\nv\r\n$1\r\ng\r\n$1\r\nw\r\n:1\r\n:2\r\n+OK\r\n";
    assert_eq!(say(&redis, hash).await, expected);
    assert_eq!(redis.stats().requested("SET"), 1);
}

#[tokio::test]
async fn what_is_wrong_is_an_error_and_what_is_not_resp_ends_the_connection() {
    let redis = alone(Role::RedisCart).await;
    assert_eq!(
        say(&redis, b"FLY\r\n").await,
        "-ERR unknown command 'FLY'\r\n+OK\r\n"
    );
    let short = say(&redis, b"GET\r\n").await;
    assert_eq!(
        short,
        "-ERR wrong number of arguments for 'get' command\r\n+OK\r\n"
    );
    let wrong = say(&redis, b"SET k v\r\nHGET k f\r\n").await;
    assert!(wrong.starts_with("+OK\r\n-WRONGTYPE "), "{wrong}");
    assert_eq!(
        say(&redis, b"*1\r\n:3\r\n").await,
        "-ERR Protocol error: expected '$', got ':'\r\n"
    );
}

#[tokio::test]
async fn redis_takes_faults_too() {
    let redis = alone(Role::RedisCart).await;
    redis
        .set_faults(Faults {
            silent: true,
            ..Faults::default()
        })
        .await
        .unwrap();
    let mut stream = TcpStream::connect(address(&redis)).await.unwrap();
    stream.write_all(b"PING\r\n").await.unwrap();
    let wait = std::time::Duration::from_millis(300);
    assert!(tokio::time::timeout(wait, stream.read_u8()).await.is_err());
}
