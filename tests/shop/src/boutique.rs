//! What the nine gRPC roles answer: their health, and their methods in the smallest form that still makes the calls upstream makes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use prost::Message;

use crate::fault::Health;
use crate::grpc::{Code, Status};
use crate::role::Role;
use crate::service::Service;

mod cart;

/// The method a health probe calls.
pub const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// The shopper in whose name the roles call each other.
const SHOPPER: &str = "shopper";

/// `grpc.health.v1.HealthCheckRequest`
#[derive(Clone, PartialEq, Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

/// `grpc.health.v1.HealthCheckResponse.ServingStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

/// Any request that names a shopper in its first field, as the cart's do.
#[derive(Clone, PartialEq, Message)]
struct ShopperRequest {
    #[prost(string, tag = "1")]
    user_id: String,
}

/// Answers one call.
pub(crate) async fn answer(
    service: &Arc<Service>,
    path: &str,
    message: Bytes,
) -> Result<Bytes, Status> {
    let in_force = service.switch.now();
    let is_health_check = path == HEALTH_CHECK;
    in_force
        .pass(is_health_check, &service.stats)
        .await
        .map_err(|_| Status::new(Code::ResourceExhausted, "too many requests wait"))?;
    if is_health_check {
        return check_health(&message, in_force.faults.health);
    }
    if !service.role.methods().contains(&path) {
        return Err(Status::new(
            Code::Unimplemented,
            format!("{} has no method {path}", service.role),
        ));
    }
    if service.role == Role::CartService {
        return cart::answer(service, path, message).await;
    }
    call_all(service).await.map(|()| Bytes::new())
}

/// Makes every call of the role at once. A soft one may fail.
pub(crate) async fn call_all(service: &Service) -> Result<(), Status> {
    let request = ShopperRequest {
        user_id: SHOPPER.to_owned(),
    }
    .encode_to_vec();
    let calls = service.role.calls().iter().map(|call| {
        let request = &request;
        async move {
            match service.call(call, request).await {
                Err(status) if !call.soft => Err(status),
                _ => Ok(()),
            }
        }
    });
    try_join_all(calls).await.map(drop)
}

/// A constant, as all nine upstream services answer it: no dependency is asked. Only the empty service name is known.
fn check_health(message: &[u8], fault: Option<Health>) -> Result<Bytes, Status> {
    let unknown_service = || Status::new(Code::NotFound, "unknown service");
    let request = HealthCheckRequest::decode(message)
        .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))?;
    let status = match fault {
        Some(Health::Unimplemented) => {
            return Err(Status::new(
                Code::Unimplemented,
                "unknown service grpc.health.v1.Health",
            ));
        }
        Some(Health::UnknownService) => return Err(unknown_service()),
        _ if !request.service.is_empty() => return Err(unknown_service()),
        Some(Health::NotServing) => ServingStatus::NotServing,
        Some(Health::Unknown) => ServingStatus::Unknown,
        Some(Health::ServiceUnknown) => ServingStatus::ServiceUnknown,
        None => ServingStatus::Serving,
    };
    Ok(HealthCheckResponse {
        status: status.into(),
    }
    .encode_to_vec()
    .into())
}
