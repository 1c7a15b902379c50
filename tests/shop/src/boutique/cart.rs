//! The cartservice's three methods, with carts kept in Redis as upstream keeps them: one hash per shopper, the cart in one field.

use bytes::Bytes;
use prost::Message;

use super::ShopperRequest;
use crate::grpc::{Code, Status};
use crate::service::Service;

/// The field that holds the cart.
const FIELD: &[u8] = b"cart";

/// `hipstershop.CartItem`
#[derive(Clone, PartialEq, Message)]
struct CartItem {
    #[prost(string, tag = "1")]
    product_id: String,
    #[prost(int32, tag = "2")]
    quantity: i32,
}

/// `hipstershop.AddItemRequest`
#[derive(Clone, PartialEq, Message)]
struct AddItemRequest {
    #[prost(string, tag = "1")]
    user_id: String,
    #[prost(message, optional, tag = "2")]
    item: Option<CartItem>,
}

/// `hipstershop.Cart`
#[derive(Clone, PartialEq, Message)]
struct Cart {
    #[prost(string, tag = "1")]
    user_id: String,
    #[prost(message, repeated, tag = "2")]
    items: Vec<CartItem>,
}

pub(super) async fn answer(service: &Service, path: &str, message: Bytes) -> Result<Bytes, Status> {
    match path.rsplit('/').next() {
        Some("AddItem") => {
            let AddItemRequest { user_id, item } = decoded(&message)?;
            let mut cart = load(service, &user_id).await?;
            if let Some(item) = item {
                match cart
                    .items
                    .iter_mut()
                    .find(|kept| kept.product_id == item.product_id)
                {
                    Some(kept) => kept.quantity = kept.quantity.saturating_add(item.quantity),
                    None => cart.items.push(item),
                }
            }
            store(service, &user_id, &cart).await?;
            Ok(Bytes::new())
        }
        Some("EmptyCart") => {
            let ShopperRequest { user_id } = decoded(&message)?;
            store(service, &user_id, &Cart::default()).await?;
            Ok(Bytes::new())
        }
        _ => {
            let ShopperRequest { user_id } = decoded(&message)?;
            Ok(load(service, &user_id).await?.encode_to_vec().into())
        }
    }
}

async fn load(service: &Service, user_id: &str) -> Result<Cart, Status> {
    let kept = service.redis(&[b"HGET", user_id.as_bytes(), FIELD]).await?;
    let mut cart = match kept {
        Some(bytes) => Cart::decode(&bytes[..])
            .map_err(|error| Status::new(Code::Internal, error.to_string()))?,
        None => Cart::default(),
    };
    user_id.clone_into(&mut cart.user_id);
    Ok(cart)
}

async fn store(service: &Service, user_id: &str, cart: &Cart) -> Result<(), Status> {
    service
        .redis(&[b"HSET", user_id.as_bytes(), FIELD, &cart.encode_to_vec()])
        .await
        .map(drop)
}

fn decoded<M: Message + Default>(message: &[u8]) -> Result<M, Status> {
    M::decode(message).map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))
}
