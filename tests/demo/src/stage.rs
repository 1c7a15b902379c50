//! What the day is played on: the twelve services, their pods' manifests, the exporter that watches these.
//!
//! cartservice and the exporter are processes of their own, so that the one's starvation harms nobody and the other is measured as it
//! ships; the remaining eleven services have a thread each in this process.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde::Deserialize;
use shop::{Faults, Layout, Load, Place, Remote, Role, Running, Settings, pods};
use tempfile::TempDir;

use crate::child::Child;

/// Where the exporter listens, if it can.
const EXPORTER: &str = "127.0.0.1:9601";
/// Any free port.
const EXPORTER_ELSEWHERE: &str = "127.0.0.1:0";
/// The pods have been running for that long: initial delays are over.
const AGE: Duration = Duration::from_hours(1);
/// Probes that a recommendation needs here. The exporter's own default takes a day's work seriously and waits for 1,000.
pub(crate) const MIN_SAMPLES: u32 = 20;

/// Each comes after all that it calls.
const ORDER: [Role; 12] = [
    Role::RedisCart,
    Role::CartService,
    Role::ProductCatalogService,
    Role::CurrencyService,
    Role::ShippingService,
    Role::PaymentService,
    Role::EmailService,
    Role::AdService,
    Role::RecommendationService,
    Role::CheckoutService,
    Role::Frontend,
    Role::LoadGenerator,
];

/// All that runs.
#[derive(Debug)]
pub(crate) struct Stage {
    manifests: TempDir,
    layout: Layout,
    started_at: SystemTime,
    _roles: Vec<Running>,
    cartservice: Child,
    exporter: Child,
    /// Where grpc-health-exporter listens.
    pub(crate) address: SocketAddr,
    /// Where the exporters of the other stories do, by name.
    pub(crate) others: Vec<(&'static str, SocketAddr)>,
    /// What a newcomer should know of how it was set up.
    pub(crate) notes: Vec<String>,
}

/// The line that a role's process prints once it listens.
#[derive(Debug, Deserialize)]
struct Listening {
    listen: SocketAddr,
    admin: SocketAddr,
}

impl Stage {
    /// Starts everything. An address that is taken is replaced, and noted.
    pub(crate) async fn set() -> Result<Self> {
        let mut layout = Layout::standard();
        let mut roles = Vec::with_capacity(ORDER.len());
        let mut cartservice = None;
        for role in ORDER {
            if role == Role::CartService {
                cartservice = Some(start_cartservice(&mut layout).await?);
                continue;
            }
            let running = Running::start(Settings {
                role,
                listen: layout.traffic(role),
                admin: layout.admin(role),
                callees: callees(role, &layout).collect(),
                load: Load::default(),
                redis_server: None,
            })
            .await?;
            layout.seat(role, running.listen(), running.admin());
            roles.push(running);
        }
        let started_at = SystemTime::now() - AGE;
        let manifests = tempfile::tempdir().context("a folder for the manifests")?;
        pods::write_all(manifests.path(), &layout, started_at)
            .with_context(|| format!("manifests in {}", manifests.path().display()))?;
        let source = format!("--source=files:{}", manifests.path().display());
        let arguments = [
            source,
            "--probe.interval=1s".to_owned(),
            format!("--recommend.min-samples={MIN_SAMPLES}"),
        ];
        let (exporter, address, moved) =
            exporter("grpc-health-exporter", EXPORTER, &arguments).await?;
        let mut notes: Vec<String> = layout
            .moved()
            .map(|(role, Place { wanted, actual })| {
                format!("{wanted} is taken: {role} is at {actual} instead")
            })
            .collect();
        notes.extend(moved);
        Ok(Self {
            manifests,
            layout,
            started_at,
            _roles: roles,
            cartservice: cartservice.context("cartservice is among the twelve")?,
            exporter,
            address,
            others: Vec::new(),
            notes,
        })
    }

    /// Fails when a process of ours has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.cartservice.check()?;
        self.exporter.check()
    }

    /// Makes something go wrong with cartservice, or nothing any more.
    pub(crate) async fn afflict(&self, faults: &Faults) -> Result<()> {
        self.remote(Role::CartService)
            .set_faults(faults)
            .await
            .context("cartservice takes no faults")
            .map(drop)
    }

    /// Changes the shoppers' load.
    pub(crate) async fn press(&self, load: &Load) -> Result<()> {
        self.remote(Role::LoadGenerator)
            .set_load(load)
            .await
            .context("the load generator takes no load")
            .map(drop)
    }

    /// Writes cartservice's manifest anew, with the budget that holds.
    pub(crate) fn change_budget(&self) -> Result<()> {
        pods::write_fixed_cartservice(self.manifests.path(), &self.layout, self.started_at)
            .context("cartservice's manifest cannot be changed")
            .map(drop)
    }

    fn remote(&self, role: Role) -> Remote {
        Remote::new(self.layout.admin(role).actual)
    }
}

fn callees(role: Role, layout: &Layout) -> impl Iterator<Item = (String, SocketAddr)> + '_ {
    role.calls()
        .iter()
        .filter_map(|call| Some((call.variable.to_owned(), layout.address(call.to)?)))
}

async fn start_cartservice(layout: &mut Layout) -> Result<Child> {
    let role = Role::CartService;
    let (traffic, admin) = (layout.traffic(role), layout.admin(role));
    let mut arguments = vec![format!("--role={role}")];
    arguments.extend(traffic.map(|place| format!("--listen={}", place.wanted)));
    arguments.push(format!("--admin={}", admin.wanted));
    arguments.extend(
        callees(role, layout).map(|(variable, address)| format!("--env={variable}={address}")),
    );
    let mut child = Child::start("shop", &arguments)?;
    let Listening {
        listen,
        admin: actual,
    } = child
        .find_line(|line| serde_json::from_str(line).ok())
        .await?;
    let traffic = traffic.map(|place| Place {
        actual: listen,
        ..place
    });
    layout.seat(role, traffic, Place { actual, ..admin });
    Ok(child)
}

/// An exporter, its address, and what there is to say about the address.
pub(crate) async fn exporter(
    name: &'static str,
    wanted: &str,
    arguments: &[String],
) -> Result<(Child, SocketAddr, Option<String>)> {
    match exporter_at(name, wanted, arguments).await {
        Ok((child, address)) => Ok((child, address, None)),
        Err(refusal) if !refusal.to_string().contains("in use") => Err(refusal),
        Err(_) => {
            let (child, address) = exporter_at(name, EXPORTER_ELSEWHERE, arguments).await?;
            let note = format!("{wanted} is taken: {name} is at {address} instead");
            Ok((child, address, Some(note)))
        }
    }
}

async fn exporter_at(
    name: &'static str,
    address: &str,
    arguments: &[String],
) -> Result<(Child, SocketAddr)> {
    let mut arguments = arguments.to_vec();
    arguments.push(format!("--web.listen-address={address}"));
    let mut child = Child::start(name, &arguments)?;
    let address = child
        .find_line(|line| {
            let address = line
                .contains("listening")
                .then(|| line.split_once("address="))??
                .1;
            address.split_whitespace().next()?.parse().ok()
        })
        .await?;
    Ok((child, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_starts_after_those_it_calls() {
        let place = |role| ORDER.iter().position(|other| *other == role);
        for role in Role::ALL {
            assert!(place(role).is_some(), "{role}");
            for call in role.calls() {
                assert!(place(call.to) < place(role), "{role} calls {}", call.to);
            }
        }
    }
}
