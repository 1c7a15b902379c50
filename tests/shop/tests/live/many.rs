//! Many cheap targets, asked by a client that speaks HTTP/2 properly.

use std::time::Duration;

use shop::{Many, ManyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic_health::pb::HealthCheckRequest;

use crate::client::{HELLO, check, connect};

#[tokio::test]
async fn each_target_has_an_address_of_its_own_and_the_silent_share_says_nothing() {
    let many = Many::bind("127.0.2.1:0".parse().unwrap(), 10, 0.2).unwrap();
    let targets: Vec<_> = many.targets().collect();
    let server = tokio::spawn(many.serve());
    assert_eq!(targets.iter().filter(|(_, silent)| *silent).count(), 2);
    for (address, silent) in targets {
        if silent {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(HELLO).await.unwrap();
            assert!(
                timeout(Duration::from_millis(200), stream.read_u8())
                    .await
                    .is_err()
            );
        } else {
            assert_eq!(check(address, "").await.unwrap(), 1);
        }
    }
    server.abort();
}

#[tokio::test]
async fn a_connection_can_be_used_for_many_checks() {
    let many = Many::bind("127.0.2.1:0".parse().unwrap(), 1, 0.0).unwrap();
    let (address, _) = many.targets().next().unwrap();
    let server = tokio::spawn(many.serve());
    let mut client = connect(address).await.unwrap();
    for _ in 0..200 {
        let request = HealthCheckRequest {
            service: String::new(),
        };
        assert_eq!(client.check(request).await.unwrap().into_inner().status, 1);
    }
    server.abort();
}

#[tokio::test]
async fn what_is_not_loopback_or_no_share_is_refused() {
    for (first, count) in [("10.0.0.1:0", 1), ("[::1]:0", 1), ("127.255.255.250:0", 6)] {
        let error = Many::bind(first.parse().unwrap(), count, 0.0).unwrap_err();
        assert!(
            matches!(error, ManyError::NotLoopback { .. }),
            "{first}: {error}"
        );
    }
    assert!(matches!(
        Many::bind("127.0.2.1:0".parse().unwrap(), 1, 1.5),
        Err(ManyError::Share(_))
    ));
}
