//! The web server: listen -> serve (connections) -> site (requests) -> page, health, landing, routes, receivers.

pub(crate) mod body;
pub(crate) mod connections;
pub(crate) mod health;
pub(crate) mod landing;
pub(crate) mod listen;
pub(crate) mod request_metrics;
pub(crate) mod scrape;
pub(crate) mod serve;
pub(crate) mod site;
