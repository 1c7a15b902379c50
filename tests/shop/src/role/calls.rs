//! The call graph: the sixteen edges inside the cluster, by their callers.
//!
//! Source: the environment variables in microservices-demo's manifests.

use super::Role;

/// An edge of the call graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The callee.
    pub to: Role,
    /// The environment variable that tells the caller the callee's address.
    pub variable: &'static str,
    /// The gRPC method used, as a path; empty where the callee does not speak gRPC.
    pub method: &'static str,
    /// The caller does without an answer when the call fails.
    pub soft: bool,
}

impl Call {
    const fn new(to: Role, method: &'static str) -> Self {
        Self {
            to,
            variable: to.variable(),
            method,
            soft: false,
        }
    }

    const fn made_soft(mut self) -> Self {
        self.soft = true;
        self
    }
}

/// What a visit of the frontend's page calls. Upstream spreads these over several pages.
pub(super) const FRONTEND: &[Call] = &[
    Call::new(
        Role::ProductCatalogService,
        "/hipstershop.ProductCatalogService/ListProducts",
    ),
    Call::new(
        Role::CurrencyService,
        "/hipstershop.CurrencyService/GetSupportedCurrencies",
    ),
    Call::new(Role::CartService, "/hipstershop.CartService/GetCart"),
    Call::new(
        Role::RecommendationService,
        "/hipstershop.RecommendationService/ListRecommendations",
    ),
    Call::new(
        Role::ShippingService,
        "/hipstershop.ShippingService/GetQuote",
    ),
    Call::new(
        Role::CheckoutService,
        "/hipstershop.CheckoutService/PlaceOrder",
    ),
    Call::new(Role::AdService, "/hipstershop.AdService/GetAds").made_soft(),
];
pub(super) const CHECKOUT: &[Call] = &[
    Call::new(
        Role::ProductCatalogService,
        "/hipstershop.ProductCatalogService/GetProduct",
    ),
    Call::new(
        Role::ShippingService,
        "/hipstershop.ShippingService/ShipOrder",
    ),
    Call::new(Role::PaymentService, "/hipstershop.PaymentService/Charge"),
    Call::new(
        Role::EmailService,
        "/hipstershop.EmailService/SendOrderConfirmation",
    ),
    Call::new(
        Role::CurrencyService,
        "/hipstershop.CurrencyService/Convert",
    ),
    Call::new(Role::CartService, "/hipstershop.CartService/GetCart"),
];
pub(super) const RECOMMENDATION: &[Call] = &[Call::new(
    Role::ProductCatalogService,
    "/hipstershop.ProductCatalogService/ListProducts",
)];
pub(super) const CART: &[Call] = &[Call::new(Role::RedisCart, "")];
pub(super) const LOAD: &[Call] = &[Call::new(Role::Frontend, "")];
