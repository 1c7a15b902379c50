//! The command line, also for a program that executes itself as `PROGRAM shop ...`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::layout::{Layout, Place};
use crate::load::Load;
use crate::many;
use crate::pods;
use crate::role::Role;
use crate::running::{Running, Settings, Shop};

/// How long the name of a service that this one calls may be unknown.
const PATIENCE: Duration = Duration::from_mins(1);
/// And how often it is asked for.
const AGAIN: Duration = Duration::from_millis(500);

/// Online Boutique's services on loopback, with faults to set at run time over HTTP on each one's admin address.
///
/// Prints a line of JSON for each role (or target) once it listens, and stops on SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "shop")]
struct Arguments {
    /// Starts one service.
    #[arg(long, value_name = "NAME", group = "mode", required_unless_present_any = ["all", "many"])]
    role: Option<Role>,

    /// Starts all twelve, each on a loopback address of its own.
    #[arg(long, group = "mode")]
    all: bool,

    /// Starts this many targets that only answer health checks, at little cost: one port on consecutive loopback addresses.
    #[arg(long, value_name = "N", group = "mode", value_parser = clap::value_parser!(u32).range(1..))]
    many: Option<u32>,

    /// Where the service listens; of many targets, the first. Where the port is taken, a free one is used.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "all")]
    listen: Option<SocketAddr>,

    /// Where the service's admin server listens.
    #[arg(long, value_name = "ADDRESS", requires = "role")]
    admin: Option<SocketAddr>,

    /// Where a service that this one calls is to be found. A variable that is not given here is taken from the environment.
    #[arg(long = "env", value_name = "NAME=HOST:PORT", requires = "role")]
    variables: Vec<Variable>,

    /// Pages a second that the load generator asks for.
    #[arg(long, value_name = "PAGES", conflicts_with = "many", default_value_t = Load::default().rate_per_second)]
    rate: f64,

    /// Writes the pods' manifests into this folder, as `kubectl get pods -o yaml` gives them.
    #[arg(long, value_name = "FOLDER", requires = "all")]
    pods: Option<PathBuf>,

    /// A real redis-server to run as redis-cart in the place of the shop's own. Such a one takes no faults.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "many")]
    redis_server: Option<OsString>,

    /// Of many targets, the share that accepts connections and says nothing, from 0 to 1.
    #[arg(long, value_name = "SHARE", requires = "many", default_value_t = 0.0)]
    silent_share: f64,
}

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    value: String,
}

impl std::str::FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("has to be NAME=HOST:PORT".to_owned()),
        }
    }
}

/// Why the command ends by itself, and with which code: 2 when it was asked wrongly, 1 when it could not do it.
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn usage(message: impl Display) -> Self {
        Self {
            code: 2,
            message: format!("{message}"),
        }
    }

    fn run(message: impl Display) -> Self {
        Self {
            code: 1,
            message: format!("{message}"),
        }
    }
}

/// Runs the command line, of which the first argument is the program's name, until SIGTERM. Starts a runtime of its own.
pub fn command<I>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to standard output and is no failure; there is nobody to tell when even that fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(tracing::Level::INFO);
    // A caller may have set up its own log.
    let _ = subscriber.try_init();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::run)
        .and_then(|runtime| runtime.block_on(run(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            let _ = writeln!(io::stderr(), "shop: {message}");
            ExitCode::from(code)
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    // Before anything listens: a signal that comes early is not lost.
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::run)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::run)?;
    let load = Load {
        rate_per_second: arguments.rate,
        ..Load::default()
    };
    load.check().map_err(Failure::usage)?;
    let work = async {
        if let Some(count) = arguments.many {
            let first = arguments.listen.unwrap_or(many::FIRST);
            let many =
                many::Many::bind(first, count, arguments.silent_share).map_err(Failure::usage)?;
            many.print(&mut io::stdout().lock()).map_err(Failure::run)?;
            let Err(error) = many.serve().await;
            return Err(Failure::run(error));
        }
        if let Some(role) = arguments.role {
            let running = Running::start(settings(role, &arguments, load).await?)
                .await
                .map_err(Failure::run)?;
            print(role, running.listen(), running.admin()).map_err(Failure::run)?;
            return std::future::pending().await;
        }
        let shop = Shop::start_with(Layout::standard(), load, arguments.redis_server)
            .await
            .map_err(Failure::run)?;
        if let Some(folder) = &arguments.pods {
            pods::write_all(folder, shop.layout(), SystemTime::now())
                .map_err(|error| Failure::run(format!("{}: {error}", folder.display())))?;
        }
        for role in Role::ALL {
            print(role, shop.layout().traffic(role), shop.layout().admin(role))
                .map_err(Failure::run)?;
        }
        std::future::pending().await
    };
    tokio::select! {
        outcome = work => outcome,
        _ = terminated.recv() => Ok(()),
        _ = interrupted.recv() => Ok(()),
    }
}

async fn settings(role: Role, arguments: &Arguments, load: Load) -> Result<Settings, Failure> {
    let standard = Layout::standard();
    let given: BTreeMap<&str, &str> = arguments
        .variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.as_str()))
        .collect();
    let known = role.calls();
    if let Some(stray) = given
        .keys()
        .find(|name| known.iter().all(|call| call.variable != **name))
    {
        let names: Vec<_> = known.iter().map(|call| call.variable).collect();
        return Err(Failure::usage(format!(
            "{role} does not use {stray}; it uses: {}",
            names.join(", ")
        )));
    }
    let mut callees = BTreeMap::new();
    for call in known {
        let value = given
            .get(call.variable)
            .map(ToString::to_string)
            .or_else(|| env::var(call.variable).ok());
        let Some(value) = value else { continue };
        let address = resolve(call.variable, &value)
            .await
            .map_err(|error| Failure::usage(format!("{}={value}: {error}", call.variable)))?;
        callees.insert(call.variable.to_owned(), address);
    }
    Ok(Settings {
        role,
        listen: arguments
            .listen
            .map(Place::new)
            .or_else(|| standard.traffic(role)),
        admin: arguments
            .admin
            .map_or_else(|| standard.admin(role), Place::new),
        callees,
        load,
        redis_server: arguments.redis_server.clone(),
    })
}

/// The address of a `HOST:PORT`. A pod can be there before its cluster's DNS knows of the Service, so a name has some time to appear.
async fn resolve(variable: &str, value: &str) -> io::Result<SocketAddr> {
    let end = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        match value.to_socket_addrs() {
            Ok(mut addresses) => {
                return addresses
                    .next()
                    .ok_or_else(|| io::Error::other("no address"));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput || Instant::now() > end => {
                return Err(error);
            }
            Err(error) => {
                if !told {
                    tracing::warn!("{variable}={value}: {error}; asked again for a minute");
                    told = true;
                }
                sleep(AGAIN).await;
            }
        }
    }
}

/// A line of JSON; and one for people on standard error when an address was taken.
fn print(role: Role, listen: Option<Place>, admin: Place) -> io::Result<()> {
    let moved = listen.into_iter().chain([admin]).filter(Place::moved);
    for Place { wanted, actual } in moved {
        writeln!(
            io::stderr(),
            "{role}: {wanted} is taken, {actual} is used instead"
        )?;
    }
    let line =
        json!({ "role": role, "listen": listen.map(|place| place.actual), "admin": admin.actual });
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
