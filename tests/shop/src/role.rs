//! The twelve services as facts: names, ports, probes, resources, and who calls whom.
//!
//! Source: microservices-demo v0.10.6, `kubernetes-manifests/*.yaml`. Upstream sets no `timeoutSeconds`, `failureThreshold` or
//! `successThreshold` anywhere, so every probe has the API's defaults: 1 s, 3 and 1.

use std::fmt;
use std::str::FromStr;

pub use calls::Call;

mod calls;

/// One of Online Boutique's twelve workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The web page; HTTP.
    Frontend,
    /// Carts, kept in `redis-cart`.
    CartService,
    /// Places an order: the service with the most calls of its own.
    CheckoutService,
    /// The list of products.
    ProductCatalogService,
    /// Money from one currency into another.
    CurrencyService,
    /// Products that go with those in the cart.
    RecommendationService,
    /// Quotes and shipments.
    ShippingService,
    /// Charges a card.
    PaymentService,
    /// Confirms an order by mail.
    EmailService,
    /// Advertisements; the frontend does without when they fail.
    AdService,
    /// Redis.
    RedisCart,
    /// Shoppers; listens nowhere.
    LoadGenerator,
}

/// What a role speaks on its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC over HTTP/2 without TLS.
    Grpc,
    /// HTTP/1.1.
    Http,
    /// Redis' RESP2.
    Resp,
    /// Nothing: the role only calls others.
    Silent,
}

/// How the kubelet asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// `grpc.health.v1.Health/Check` for the service `""`.
    Grpc,
    /// `GET` of this path.
    HttpGet(&'static str),
    /// A TCP connection is enough.
    TcpSocket,
}

/// A probe as it stands in a pod: what upstream writes, and the API's defaults for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// How the kubelet asks.
    pub handler: Handler,
    /// Seconds from the container's start to the first probe.
    pub initial_delay_seconds: u32,
    /// Seconds an answer may take.
    pub timeout_seconds: u32,
    /// Seconds from one probe to the next.
    pub period_seconds: u32,
    /// Failures in a row that count as one.
    pub failure_threshold: u32,
}

/// What a container asks for and where it is cut, in Kubernetes' notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// `requests.cpu`
    pub cpu_request: &'static str,
    /// `requests.memory`
    pub memory_request: &'static str,
    /// `limits.cpu`
    pub cpu_limit: &'static str,
    /// `limits.memory`
    pub memory_limit: &'static str,
}

/// The text is not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the shop's services: {names}", names = Role::ALL.map(Role::name).join(", "))]
pub struct UnknownRole(String);

impl Role {
    /// All twelve, in the order of their loopback addresses.
    pub const ALL: [Self; 12] = [
        Self::Frontend,
        Self::CartService,
        Self::CheckoutService,
        Self::ProductCatalogService,
        Self::CurrencyService,
        Self::RecommendationService,
        Self::ShippingService,
        Self::PaymentService,
        Self::EmailService,
        Self::AdService,
        Self::RedisCart,
        Self::LoadGenerator,
    ];

    /// The workload's name, which is also its `app` label and the name of its Service.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frontend => "frontend",
            Self::CartService => "cartservice",
            Self::CheckoutService => "checkoutservice",
            Self::ProductCatalogService => "productcatalogservice",
            Self::CurrencyService => "currencyservice",
            Self::RecommendationService => "recommendationservice",
            Self::ShippingService => "shippingservice",
            Self::PaymentService => "paymentservice",
            Self::EmailService => "emailservice",
            Self::AdService => "adservice",
            Self::RedisCart => "redis-cart",
            Self::LoadGenerator => "loadgenerator",
        }
    }

    /// The container's name inside the pod.
    pub const fn container(self) -> &'static str {
        match self {
            Self::RedisCart => "redis",
            Self::LoadGenerator => "main",
            _ => "server",
        }
    }

    /// The place in [`Role::ALL`], from 0.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// The port the container listens on; none for the load generator.
    pub const fn container_port(self) -> Option<u16> {
        match self {
            Self::Frontend | Self::RecommendationService | Self::EmailService => Some(8080),
            Self::CartService => Some(7070),
            Self::CheckoutService => Some(5050),
            Self::ProductCatalogService => Some(3550),
            Self::CurrencyService => Some(7000),
            Self::ShippingService | Self::PaymentService => Some(50051),
            Self::AdService => Some(9555),
            Self::RedisCart => Some(6379),
            Self::LoadGenerator => None,
        }
    }

    /// The port of the Service, which differs from the container's for the frontend and the emailservice.
    pub const fn service_port(self) -> Option<u16> {
        match self {
            Self::Frontend => Some(80),
            Self::EmailService => Some(5000),
            _ => self.container_port(),
        }
    }

    /// What the role speaks.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Frontend => Protocol::Http,
            Self::RedisCart => Protocol::Resp,
            Self::LoadGenerator => Protocol::Silent,
            _ => Protocol::Grpc,
        }
    }

    /// The container's liveness probe, as upstream has it.
    pub const fn liveness(self) -> Option<Probe> {
        match self {
            Self::AdService => Some(Probe::upstream(Handler::Grpc, 20, 15)),
            Self::CartService => Some(Probe::upstream(Handler::Grpc, 15, 10)),
            Self::EmailService | Self::RecommendationService => {
                Some(Probe::upstream(Handler::Grpc, 0, 5))
            }
            Self::Frontend => Some(Probe::upstream(Handler::HttpGet("/_healthz"), 10, 10)),
            Self::RedisCart => Some(Probe::upstream(Handler::TcpSocket, 0, 5)),
            Self::LoadGenerator => None,
            _ => Some(Probe::upstream(Handler::Grpc, 0, 10)),
        }
    }

    /// The container's readiness probe, as upstream has it: the liveness probe's settings, except for the shippingservice.
    pub const fn readiness(self) -> Option<Probe> {
        match self {
            Self::ShippingService => Some(Probe::upstream(Handler::Grpc, 0, 5)),
            _ => self.liveness(),
        }
    }

    /// What the container asks for.
    pub const fn resources(self) -> Resources {
        match self {
            Self::AdService => Resources::new("200m", "180Mi", "300m", "300Mi"),
            Self::CartService => Resources::new("200m", "64Mi", "300m", "128Mi"),
            Self::EmailService
            | Self::Frontend
            | Self::CurrencyService
            | Self::CheckoutService
            | Self::PaymentService
            | Self::ShippingService
            | Self::ProductCatalogService => Resources::new("100m", "64Mi", "200m", "128Mi"),
            Self::RecommendationService => Resources::new("100m", "220Mi", "200m", "450Mi"),
            Self::RedisCart => Resources::new("70m", "200Mi", "125m", "256Mi"),
            Self::LoadGenerator => Resources::new("300m", "256Mi", "500m", "512Mi"),
        }
    }

    /// The gRPC methods the role answers besides its health, as paths.
    pub const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::CartService => &[
                "/hipstershop.CartService/AddItem",
                "/hipstershop.CartService/GetCart",
                "/hipstershop.CartService/EmptyCart",
            ],
            Self::CheckoutService => &["/hipstershop.CheckoutService/PlaceOrder"],
            Self::ProductCatalogService => &[
                "/hipstershop.ProductCatalogService/ListProducts",
                "/hipstershop.ProductCatalogService/GetProduct",
                "/hipstershop.ProductCatalogService/SearchProducts",
            ],
            Self::CurrencyService => &[
                "/hipstershop.CurrencyService/GetSupportedCurrencies",
                "/hipstershop.CurrencyService/Convert",
            ],
            Self::RecommendationService => {
                &["/hipstershop.RecommendationService/ListRecommendations"]
            }
            Self::ShippingService => &[
                "/hipstershop.ShippingService/GetQuote",
                "/hipstershop.ShippingService/ShipOrder",
            ],
            Self::PaymentService => &["/hipstershop.PaymentService/Charge"],
            Self::EmailService => &["/hipstershop.EmailService/SendOrderConfirmation"],
            Self::AdService => &["/hipstershop.AdService/GetAds"],
            Self::Frontend | Self::RedisCart | Self::LoadGenerator => &[],
        }
    }

    /// Whom the role calls: the sixteen edges inside the cluster.
    pub const fn calls(self) -> &'static [Call] {
        match self {
            Self::Frontend => calls::FRONTEND,
            Self::CheckoutService => calls::CHECKOUT,
            Self::RecommendationService => calls::RECOMMENDATION,
            Self::CartService => calls::CART,
            Self::LoadGenerator => calls::LOAD,
            _ => &[],
        }
    }

    /// The environment variable by which callers are told the role's address; the load generator has none.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Frontend => "FRONTEND_ADDR",
            Self::CartService => "CART_SERVICE_ADDR",
            Self::CheckoutService => "CHECKOUT_SERVICE_ADDR",
            Self::ProductCatalogService => "PRODUCT_CATALOG_SERVICE_ADDR",
            Self::CurrencyService => "CURRENCY_SERVICE_ADDR",
            Self::RecommendationService => "RECOMMENDATION_SERVICE_ADDR",
            Self::ShippingService => "SHIPPING_SERVICE_ADDR",
            Self::PaymentService => "PAYMENT_SERVICE_ADDR",
            Self::EmailService => "EMAIL_SERVICE_ADDR",
            Self::AdService => "AD_SERVICE_ADDR",
            Self::RedisCart => "REDIS_ADDR",
            Self::LoadGenerator => "",
        }
    }
}

impl Probe {
    const fn upstream(handler: Handler, initial_delay_seconds: u32, period_seconds: u32) -> Self {
        Self {
            handler,
            initial_delay_seconds,
            timeout_seconds: 1,
            period_seconds,
            failure_threshold: 3,
        }
    }
}

impl Resources {
    const fn new(
        cpu_request: &'static str,
        memory_request: &'static str,
        cpu_limit: &'static str,
        memory_limit: &'static str,
    ) -> Self {
        Self {
            cpu_request,
            memory_request,
            cpu_limit,
            memory_limit,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl serde::Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_graph_has_sixteen_edges_and_nine_roles_have_grpc_probes() {
        assert_eq!(
            Role::ALL
                .iter()
                .map(|role| role.calls().len())
                .sum::<usize>(),
            16
        );
        let grpc = |role: &&Role| {
            role.liveness()
                .is_some_and(|probe| probe.handler == Handler::Grpc)
        };
        assert_eq!(Role::ALL.iter().filter(grpc).count(), 9);
    }

    #[test]
    fn every_grpc_call_names_a_method_that_its_callee_answers() {
        for call in Role::ALL.iter().flat_map(|role| role.calls()) {
            if call.to.protocol() == Protocol::Grpc {
                assert!(call.to.methods().contains(&call.method), "{call:?}");
            }
        }
    }

    #[test]
    fn names_parse_back_and_an_unknown_one_is_told_which_there_are() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(Role::ALL[usize::from(role.index())], role);
        }
        let message = "cart".parse::<Role>().unwrap_err().to_string();
        assert!(
            message.contains("`cart`") && message.contains("cartservice"),
            "{message}"
        );
    }
}
