//! `/probe?target=HOST:PORT`: one attempt on request, in the names of `blackbox_exporter`'s gRPC prober, so that
//! its dashboards and the Prometheus Operator's Probe objects work as they are.
//!
//! Unlike there, the answer always comes before the scraper loses patience: a server that is silent gives
//! `probe_success 0`, and not a lost scrape.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use parking_lot::RwLock;
use probe_engine::{Ending, Phase};
use tokio::time::Instant;

use self::allow::Allow;
use self::question::{Module, Question};
use self::report::Report;
use crate::model::Model;
use crate::probe::tls::{Tls, Trust};
use crate::probe::{Endpoint, Limits, observe, resolve};

pub mod allow;
mod question;
mod report;

/// Patience without the scraper's header: `blackbox_exporter`'s, less what it is known to hold a connection for.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);

/// Answers `/probe`.
#[derive(Clone, Debug)]
pub struct Prober {
    allow: Arc<[Allow]>,
    model: Arc<RwLock<Model>>,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Question(#[from] question::QuestionError),
    #[error(
        "target {0} is not allowed: it is no discovered pod's, and no pattern of --probe.allow lets it through"
    )]
    NotAllowed(String),
    #[error("{0}")]
    Tls(#[from] crate::probe::tls::TlsError),
    #[error("{0}")]
    Endpoint(#[from] crate::probe::EndpointError),
}

impl Prober {
    /// Lets through the discovered pods and what the patterns name.
    pub fn new(allow: &[Allow], model: Arc<RwLock<Model>>) -> Self {
        Self {
            allow: allow.into(),
            model,
        }
    }

    /// The handler of the route.
    pub fn answer(&self, request: Request<()>) -> BoxFuture<'static, Response<Bytes>> {
        let prober = self.clone();
        Box::pin(async move {
            match prober.probe(&request).await {
                Ok(response) => response,
                Err(refusal) => refusal.response(),
            }
        })
    }

    async fn probe(&self, request: &Request<()>) -> Result<Response<Bytes>, Refusal> {
        let start = Instant::now();
        let question: Question = request.uri().query().unwrap_or_default().parse()?;
        let scrape = chassis::scrape_timeout(request.headers()).unwrap_or(DEFAULT_PATIENCE);
        let patience = question
            .timeout
            .map_or(scrape, |timeout| timeout.min(scrape));
        let mut report = Report::new(&question, patience);

        let addresses = self.locate(&question, patience, &mut report).await?;
        let server_name = question.hostname.as_deref().unwrap_or(&question.host);
        let tls = match question.module {
            Module::Grpc => None,
            Module::GrpcTls => Some(Tls::new(&Trust::System, None, server_name)?),
            Module::GrpcTlsInsecure => Some(Tls::new(&Trust::Anyone, None, server_name)?),
        };
        for address in addresses {
            report.located(address.ip());
            let endpoint = Endpoint::new(
                address,
                &question.authority(),
                &question.service,
                tls.clone(),
            )?;
            let left = patience.saturating_sub(start.elapsed());
            let observation = observe(&endpoint, &Limits::strict(left), || None::<()>).await;
            let nobody_there = matches!(
                observation.attempt.ending,
                Ending::Failed {
                    phase: Phase::Connect,
                    ..
                }
            );
            report.observed(observation);
            // A name may lead to addresses of both families where only one is listened on, as `localhost` does.
            if !nobody_there {
                break;
            }
        }
        Ok(report.response(&question, start.elapsed(), request.headers()))
    }

    /// The addresses to dial, one after another until one connects; none if the name leads nowhere, which is a
    /// failed probe and no refusal.
    async fn locate(
        &self,
        question: &Question,
        patience: Duration,
        report: &mut Report,
    ) -> Result<Vec<SocketAddr>, Refusal> {
        let refused = || Refusal::NotAllowed(question.authority());
        if let Ok(address) = question.host.parse::<IpAddr>() {
            let address = SocketAddr::new(address, question.port);
            return if self.allows(address) {
                Ok(vec![address])
            } else {
                Err(refused())
            };
        }
        let by_name = self.allow.iter().any(|allow| allow.name(&question.host));
        let by_network = self
            .allow
            .iter()
            .any(|allow| matches!(allow, Allow::Network(_)));
        if !by_name && !by_network {
            return Err(refused());
        }
        let begun = Instant::now();
        let resolved = resolve::resolve(&question.host, patience).await;
        report.resolved(begun.elapsed());
        let addresses = match resolved {
            Ok(addresses) => addresses,
            Err(error) => {
                report.unresolved(&error);
                return Ok(Vec::new());
            }
        };
        let allowed: Vec<SocketAddr> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, question.port))
            .filter(|address| by_name || self.allows(*address))
            .collect();
        if allowed.is_empty() {
            return Err(refused());
        }
        Ok(allowed)
    }

    fn allows(&self, address: SocketAddr) -> bool {
        self.allow.iter().any(|allow| allow.address(address.ip()))
            || self
                .model
                .read()
                .targets()
                .any(|(_, _, target)| target.address == Some(address))
    }
}

impl Refusal {
    fn response(&self) -> Response<Bytes> {
        let status = match self {
            Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Question(_) | Self::Tls(_) | Self::Endpoint(_) => StatusCode::BAD_REQUEST,
        };
        respond(
            status,
            "text/plain; charset=utf-8",
            format!("{self}\n").into(),
        )
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// A page of this registry alone, in the format that was asked for.
fn page(registry: &prometheus_client::registry::Registry, headers: &HeaderMap) -> Response<Bytes> {
    let joined = |name: HeaderName| {
        let values: Vec<&str> = headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let (accept, encoding) = (joined(ACCEPT), joined(ACCEPT_ENCODING));
    let page = exposition::render(registry, accept.as_deref(), encoding.as_deref());
    let mut response = respond(StatusCode::OK, page.content_type, page.body);
    if let Some(encoding) = page.content_encoding {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, http::HeaderValue::from_static(encoding));
    }
    response
}
