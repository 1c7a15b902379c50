//! Who calls whom, counted.

use std::time::{Duration, Instant};

use shop::{Faults, Load, Remote, Role};

use crate::client::{address, everyone, http};

#[tokio::test]
async fn one_request_on_the_frontend_walks_every_edge_down_to_redis() {
    let shop = everyone().await;
    assert_eq!(
        http(address(shop.role(Role::Frontend)), "GET", "/", "")
            .await
            .0,
        200
    );
    for role in Role::ALL
        .into_iter()
        .filter(|role| *role != Role::LoadGenerator)
    {
        let calls = shop.role(role).stats().calls;
        assert_eq!(calls.len(), role.calls().len(), "{role}: {calls:?}");
        for call in role.calls() {
            let outcomes = calls[call.to.name()];
            assert!(
                outcomes.succeeded > 0 && outcomes.failed == 0,
                "{role} to {}: {outcomes:?}",
                call.to
            );
        }
    }
    // Once for the frontend, once for the checkoutservice.
    let cartservice = Remote::new(shop.role(Role::CartService).admin().actual)
        .stats()
        .await
        .unwrap();
    assert_eq!(cartservice.requested("/hipstershop.CartService/GetCart"), 2);
    assert_eq!(shop.role(Role::RedisCart).stats().requested("HGET"), 2);
}

#[tokio::test]
async fn the_frontend_does_without_advertisements_but_not_without_carts() {
    let shop = everyone().await;
    let frontend = address(shop.role(Role::Frontend));
    // Before anyone has called them: a closed listener leaves connections that stand.
    for role in [Role::AdService, Role::RedisCart] {
        shop.role(role)
            .set_faults(Faults {
                refuse: true,
                ..Faults::default()
            })
            .await
            .unwrap();
    }
    let (status, message) = http(frontend, "GET", "/", "").await;
    assert_eq!(status, 500, "{message}");
    assert!(
        message.contains("GetCart") || message.contains("PlaceOrder"),
        "{message}"
    );
    assert_eq!(
        http(frontend, "GET", "/_healthz", "").await,
        (200, "ok".to_owned())
    );
    shop.role(Role::RedisCart)
        .set_faults(Faults::default())
        .await
        .unwrap();
    assert_eq!(
        http(frontend, "GET", "/", "").await.0,
        200,
        "advertisements are still refused"
    );
    assert!(shop.role(Role::Frontend).stats().calls["adservice"].failed > 0);
}

#[tokio::test]
async fn a_callee_that_comes_back_is_called_again() {
    let shop = everyone().await;
    let frontend = address(shop.role(Role::Frontend));
    let payment = shop.role(Role::PaymentService);
    payment
        .set_faults(Faults {
            reset: Some(shop::Reset::Rpc),
            ..Faults::default()
        })
        .await
        .unwrap();
    assert_eq!(http(frontend, "GET", "/", "").await.0, 500);
    payment.set_faults(Faults::default()).await.unwrap();
    assert_eq!(http(frontend, "GET", "/", "").await.0, 200);
}

#[tokio::test]
async fn the_load_follows_its_rate_while_it_runs() {
    let shop = everyone().await;
    let pages = || shop.role(Role::Frontend).stats().requested("/");
    let generator = Remote::new(shop.role(Role::LoadGenerator).admin().actual);
    assert_eq!(pages(), 0);
    generator
        .set_load(&Load {
            rate_per_second: 200.0,
            shoppers: 5,
        })
        .await
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    while pages() < 20 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(pages() >= 20);
    generator
        .set_load(&Load {
            rate_per_second: 0.0,
            shoppers: 5,
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = pages();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(pages(), before);
    assert!(generator.stats().await.unwrap().calls["frontend"].succeeded >= 20);
    let refused = generator
        .set_load(&Load {
            rate_per_second: -1.0,
            shoppers: 5,
        })
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("400"), "{refused}");
}
