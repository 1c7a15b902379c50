//! The smallest exporter, for the tests: its own flags make it misbehave.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use chassis::{About, Body, Chassis, ChassisArgs, Row, Severity, Table};
use clap::Parser;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};

const MOST_OIL: usize = 100_000;

const ABOUT: About = About {
    name: "lamp-exporter",
    description: "Is the <lamp> lit?",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9699,
};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    chassis: ChassisArgs,
    /// Milliseconds after which the task `lamp` does something: ends, fails or panics
    #[arg(long)]
    lamp: Option<String>,
    /// Let the lamp burn on a thread of its own
    #[arg(long)]
    apart: bool,
    /// Never become ready
    #[arg(long)]
    dark: bool,
    /// Milliseconds of work left when shutdown begins
    #[arg(long, default_value_t = 0)]
    unfinished: u64,
    /// Let setup fail with this message
    #[arg(long)]
    broken: Option<String>,
}

fn main() -> ExitCode {
    let arguments: Arguments = chassis::parse(&ABOUT);
    let chassis = arguments.chassis.clone();
    chassis::run(&ABOUT, chassis, async |chassis| setup(chassis, &arguments))
}

fn setup(chassis: &mut Chassis, arguments: &Arguments) -> Result<(), String> {
    if let Some(message) = &arguments.broken {
        return Err(message.clone());
    }
    let lamp = arguments.lamp.clone().unwrap_or_default();
    let lamp = async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        match lamp.as_str() {
            "ends" => Ok(()),
            "fails" => Err("out of oil".to_owned()),
            "panics" => panic!("the glass broke"),
            _ => std::future::pending().await,
        }
    };
    if arguments.apart {
        chassis.spawn_ahead("lamp", lamp);
    } else {
        chassis.spawn("lamp", lamp);
    }
    let mut drain = chassis.drain();
    let unfinished = Duration::from_millis(arguments.unfinished);
    chassis.spawn("unfinished", async move {
        (&mut drain).await;
        tokio::time::sleep(unfinished).await;
        drop(drain);
        std::future::pending::<Result<(), Infallible>>().await
    });
    let ready = chassis.readiness("the lamp");
    if !arguments.dark {
        ready.set();
    }
    chassis.route("/slow", |_| {
        async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            Response::new(Bytes::from_static(b"done\n"))
        }
        .boxed()
    });
    chassis.route("/panic", |_| async { panic!("no such room") }.boxed());
    chassis.route("/teapot", |_| {
        async {
            let mut response = Response::new(Bytes::from_static(b"short and stout\n"));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        }
        .boxed()
    });
    chassis.receive("/oil", |request| oil(request).boxed());
    chassis.link("/teapot", "a teapot");
    chassis.findings(findings);
    Ok(())
}

/// Says how much it got, to whoever knows the word.
async fn oil(request: Request<Body>) -> Response<Bytes> {
    let word = request.headers().get("authorization");
    if word.is_none_or(|word| word != "Bearer sesame") {
        let mut response = Response::new(Bytes::from_static(b"who are you?\n"));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return response;
    }
    match request.into_body().read(MOST_OIL).await {
        Ok(oil) => Response::new(Bytes::from(format!("{} bytes of oil\n", oil.len()))),
        Err(error) => error.response(),
    }
}

fn findings() -> Table {
    let row = |severity, cells: [&str; 3]| Row {
        severity,
        cells: cells.map(str::to_owned).to_vec(),
    };
    Table {
        caption: "Lamps".into(),
        columns: ["lamp", "oil", "remark"].map(str::to_owned).to_vec(),
        rows: vec![
            row(
                Severity::Critical,
                ["harbour", "0.02 l", "goes out within the hour"],
            ),
            row(
                Severity::Warning,
                ["mole", "0.31 l", "<script>alert(\"x\")</script> & 'more'"],
            ),
            row(Severity::Info, ["church", "1.20 l", "was refilled today"]),
            row(Severity::Good, ["school", "2.00 l", ""]),
        ],
    }
}
