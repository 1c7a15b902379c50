//! Clients that share no code with the shop.

use std::net::SocketAddr;

use shop::{Layout, Load, Place, Role, Running, Settings, Shop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Preface and an empty SETTINGS frame: what an HTTP/2 client says first.
pub(crate) const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// No load of its own.
pub(crate) const QUIET: Load = Load {
    rate_per_second: 0.0,
    shoppers: 10,
};

/// A gRPC connection of its own.
pub(crate) async fn connect(address: SocketAddr) -> Result<HealthClient<Channel>, tonic::Status> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = endpoint
        .connect()
        .await
        .map_err(|error| tonic::Status::unavailable(format!("{error:?}")))?;
    Ok(HealthClient::new(channel))
}

/// One health check on a connection of its own: the status as a number.
pub(crate) async fn check(address: SocketAddr, service: &str) -> Result<i32, tonic::Status> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    connect(address)
        .await?
        .check(request)
        .await
        .map(|response| response.into_inner().status)
}

/// One HTTP request on a connection of its own: the status and the body.
pub(crate) async fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

/// A role alone, on free ports, with nobody to call.
pub(crate) async fn alone(role: Role) -> Running {
    let any = Place::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    let settings = Settings {
        role,
        listen: Some(any),
        admin: any,
        callees: [].into(),
        load: QUIET,
        redis_server: None,
    };
    Running::start(settings).await.unwrap()
}

/// All twelve on free ports, without load.
pub(crate) async fn everyone() -> Shop {
    Shop::start(Layout::on_free_ports(), QUIET).await.unwrap()
}

/// Where a role listens.
pub(crate) fn address(running: &Running) -> SocketAddr {
    running.listen().unwrap().actual
}
