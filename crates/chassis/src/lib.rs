//! args -> log -> web config -> listen -> setup -> serve -> drain
//!
//! The process around an exporter: flags, logs, web server, TLS and authentication, health, landing page, shutdown. Knows no Kubernetes.
//!
//! A binary declares an [`About`], flattens [`ChassisArgs`] into its own clap parser, reads its command line with [`parse`], and
//! hands over to [`run`] with a setup function that fills a [`Chassis`].

mod about;
mod args;
mod chassis;
mod drain;
mod duration;
mod findings;
mod log;
mod ready;
mod run;
mod signal;
mod supervise;
mod web;
mod web_config;

pub use about::About;
pub use args::{ChassisArgs, parse};
pub use chassis::Chassis;
pub use drain::Drain;
pub use duration::parse_duration;
pub use findings::{Row, Severity, Table};
pub use ready::Ready;
pub use run::run;
pub use web::body::{Body, BodyError};
pub use web::scrape::scrape_timeout;
