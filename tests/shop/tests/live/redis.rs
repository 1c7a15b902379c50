//! RESP as a client sees it.

use shop::{Faults, Layout, Role, Running, Shop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{QUIET, address, alone, http};

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

#[tokio::test]
async fn a_real_redis_server_holds_the_carts_where_one_is_installed() {
    let Some(program) = tools::program("redis-server") else {
        return;
    };
    let layout = Layout::on_free_ports();
    let shop = Shop::start_with(layout, QUIET, Some(program.into()))
        .await
        .unwrap();
    assert_eq!(
        http(address(shop.role(Role::Frontend)), "GET", "/", "")
            .await
            .0,
        200
    );
    let redis = shop.role(Role::RedisCart);
    let counted = say(redis, b"INFO commandstats\r\n").await;
    assert!(counted.contains("cmdstat_hget:calls=2,"), "{counted}");
    let (status, message) = http(redis.admin().actual, "PUT", "/faults", "{}").await;
    assert_eq!(status, 400, "{message}");
    let port = address(redis);
    shop.stop().await;
    assert!(
        TcpStream::connect(port).await.is_err(),
        "it ends with the shop"
    );
}

#[tokio::test]
async fn a_redis_server_that_is_none_is_named() {
    let layout = Layout::on_free_ports();
    let error = Shop::start_with(layout, QUIET, Some("/nowhere/redis-server".into()))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("/nowhere/redis-server"),
        "{error}"
    );
}
