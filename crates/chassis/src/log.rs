//! The log: logfmt or JSON, to standard error.

use std::{io, panic};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::args::{ChassisArgs, LogFormat, LogLevel};
use crate::supervise::panic_text;

mod logfmt;

/// Starts logging. A second start in one process, as tests do, changes nothing.
pub(crate) fn start(args: &ChassisArgs) {
    let level = LevelFilter::from(args.log_level);
    let lines = fmt::layer().with_writer(io::stderr);
    let layer = match args.log_format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .boxed(),
        LogFormat::Logfmt => lines
            .event_format(logfmt::Lines)
            .fmt_fields(logfmt::Fields)
            .boxed(),
    };
    if tracing_subscriber::registry()
        .with(layer.with_filter(level))
        .try_init()
        .is_ok()
    {
        log_panics();
    }
}

/// A panic is a log line like any other, and not text between them.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, text = panic_text(panic.payload()), "panic");
    }));
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Info => Self::INFO,
            LogLevel::Warn => Self::WARN,
            LogLevel::Error => Self::ERROR,
        }
    }
}
