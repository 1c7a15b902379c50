//! One role at work: what all of its connections share.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::fault::Switch;
use crate::grpc::client::Client;
use crate::grpc::{Code, Status};
use crate::redis::client::RedisClient;
use crate::redis::store::Store;
use crate::role::{Call, Protocol, Role};
use crate::stats::Counters;

/// The addresses of the callees, by the variable that names them.
pub(crate) type Addresses = BTreeMap<String, SocketAddr>;

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) role: Role,
    pub(crate) switch: Switch,
    pub(crate) stats: Counters,
    /// Whether a listener of ours follows the switch.
    pub(crate) takes_faults: bool,
    /// What `redis-cart` keeps; empty elsewhere.
    pub(crate) store: Store,
    grpc: BTreeMap<Role, Client>,
    redis: Option<RedisClient>,
}

impl Service {
    pub(crate) fn new(
        role: Role,
        switch: Switch,
        addresses: &Addresses,
        takes_faults: bool,
    ) -> Self {
        let address = |call: &Call| addresses.get(call.variable).copied();
        let callees = |protocol| {
            role.calls()
                .iter()
                .filter(move |call| call.to.protocol() == protocol)
        };
        Self {
            role,
            switch,
            stats: Counters::default(),
            takes_faults,
            store: Store::default(),
            grpc: callees(Protocol::Grpc)
                .filter_map(|call| Some((call.to, Client::new(address(call)?))))
                .collect(),
            redis: callees(Protocol::Resp).find_map(|call| Some(RedisClient::new(address(call)?))),
        }
    }

    /// Calls another role by gRPC and counts how it went.
    pub(crate) async fn call(&self, call: &Call, message: &[u8]) -> Result<bytes::Bytes, Status> {
        let outcome = match self.grpc.get(&call.to) {
            Some(client) => client.call(call.method, message).await,
            None => Err(Status::new(
                Code::Unavailable,
                format!("{} is not set", call.variable),
            )),
        };
        self.stats.called(call.to.name(), outcome.is_ok());
        outcome
    }

    /// Sends Redis a command and counts how it went.
    pub(crate) async fn redis(&self, command: &[&[u8]]) -> Result<Option<Vec<u8>>, Status> {
        let outcome = match &self.redis {
            Some(client) => client.command(command).await.map_err(|error| {
                Status::new(
                    Code::Unavailable,
                    format!("cannot reach the cart storage: {error}"),
                )
            }),
            None => Err(Status::new(Code::Unavailable, "REDIS_ADDR is not set")),
        };
        self.stats.called(Role::RedisCart.name(), outcome.is_ok());
        outcome
    }
}
