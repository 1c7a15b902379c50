//! Servers that do as they are told, on a loopback port of their own, for as long as the test runs.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

/// Gives each accepted connection to `handle`.
pub(crate) async fn raw<H, F>(handle: H) -> SocketAddr
where
    H: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    address
}

/// Says `bytes` and then nothing more; holds the connection until the client closes it.
pub(crate) async fn says(mut stream: TcpStream, bytes: &'static [u8]) {
    let _ = stream.write_all(bytes).await;
    let mut heard = [0; 1024];
    while matches!(stream.read(&mut heard).await, Ok(count) if count > 0) {}
}

/// Hears something, and then ends the connection: with RST, or in good order.
pub(crate) async fn ends(mut stream: TcpStream, with_reset: bool) {
    let _ = stream.read(&mut [0; 1024]).await;
    if with_reset {
        stream.set_zero_linger().unwrap();
    }
}

/// Where nobody listens. The socket keeps others from listening there.
pub(crate) fn nobody() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Where nobody receives datagrams: a socket that is connected takes those of its peer alone, here its own.
pub(crate) async fn no_receiver() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    socket.connect(address).await.unwrap();
    (socket, address)
}

/// Answers each datagram by what `answer` makes of it.
pub(crate) async fn datagrams<A>(answer: A) -> SocketAddr
where
    A: Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
{
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut heard = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut heard).await {
            if let Some(said) = answer(&heard[..length]) {
                let _ = socket.send_to(&said, peer).await;
            }
        }
    });
    address
}
