//! The live table: lines of inked text, for a terminal or for a picture.

use std::net::SocketAddr;
use std::time::Duration;

use crate::look::{Budget, Look, Service};
use crate::moments::{LITTLE, Moments, percent, seconds};
use crate::stage::MIN_SAMPLES;

/// How a piece of text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
}

/// A line: pieces of text and their ink.
pub(crate) type Line = Vec<(Ink, String)>;

/// What there is to show besides the page's figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) scene: &'a str,
    pub(crate) at: Duration,
    pub(crate) address: SocketAddr,
    /// The exporters of the other stories, by name.
    pub(crate) others: &'a [(&'static str, SocketAddr)],
    /// A line from each of the other stories.
    pub(crate) told: &'a [String],
    pub(crate) notes: &'a [String],
}

/// The whole picture. The lines that matter least come last: a low terminal cuts them off.
pub(crate) fn frame(setting: Setting<'_>, look: Option<&Look>, moments: &Moments<'_>) -> Vec<Line> {
    let mut lines = vec![title(setting)];
    lines.extend(addresses(setting));
    lines.push(Line::new());
    lines.extend(table(look));
    lines.extend(others(setting));
    lines.push(Line::new());
    for (at, words) in moments.told() {
        let at = format!("{:>5.1} s  ", at.as_secs_f64());
        lines.push(vec![(Ink::Faint, at), (Ink::Plain, words)]);
    }
    if !moments.told().is_empty() {
        lines.push(Line::new());
    }
    lines.extend(legend(setting));
    lines
}

/// Title and table alone.
pub(crate) fn compact(setting: Setting<'_>, look: Option<&Look>) -> Vec<Line> {
    let mut lines = vec![title(setting)];
    lines.extend(table(look));
    lines.extend(others(setting));
    lines.push(Line::new());
    lines
}

/// What the other stories have to tell.
fn others(setting: Setting<'_>) -> impl Iterator<Item = Line> {
    let told = setting.told.iter().filter(|line| !line.is_empty());
    told.map(|line| vec![(Ink::Plain, line.clone())])
}

/// What the columns mean, and what had to be done otherwise.
pub(crate) fn legend(setting: Setting<'_>) -> Vec<Line> {
    let mut lines: Vec<Line> = [
        "budget: timeout / period / failures in a row. connect, http2 (until SETTINGS), rpc:".to_owned(),
        "the last probe. would-be kills: at least..at most, by when the kubelet's ticks fall.".to_owned(),
        format!("recommended: from {MIN_SAMPLES} probes on, a demo's shortcut; by default it takes 1000."),
    ]
    .into_iter()
    .map(|text| vec![(Ink::Faint, text)])
    .collect();
    for note in setting.notes {
        lines.push(vec![(Ink::Warning, note.clone())]);
    }
    lines
}

/// Where to look for oneself.
pub(crate) fn addresses(setting: Setting<'_>) -> Vec<Line> {
    let address = setting.address;
    let mut lines = vec![vec![
        (Ink::Plain, "         metrics ".to_owned()),
        (Ink::Strong, format!("http://{address}/metrics")),
        (Ink::Plain, "   page ".to_owned()),
        (Ink::Strong, format!("http://{address}/")),
    ]];
    lines.extend(setting.others.iter().map(|(name, address)| {
        vec![
            (Ink::Plain, format!("         {name} ")),
            (Ink::Strong, format!("http://{address}/")),
        ]
    }));
    lines
}

fn title(setting: Setting<'_>) -> Line {
    vec![
        (Ink::Faint, format!("{:>5.1} s  ", setting.at.as_secs_f64())),
        (Ink::Strong, setting.scene.to_owned()),
    ]
}

fn table(look: Option<&Look>) -> Vec<Line> {
    let head = |cells: [&str; 8]| {
        let [
            budget,
            connect,
            http2,
            rpc,
            headroom,
            near,
            kills,
            recommended,
        ] = cells;
        format!(
            "{budget:>7}{connect:>9}{http2:>8}{rpc:>8}{headroom:>7}{near:>8}{kills:>9}{recommended:>7}"
        )
    };
    let mut lines: Vec<Line> = [
        ("", ["", "", "", "", "head-", "near", "would-be", "recom-"]),
        (
            "service",
            [
                "budget", "connect", "http2", "rpc", "room", "misses", "kills", "mended",
            ],
        ),
    ]
    .into_iter()
    .map(|(service, cells)| vec![(Ink::Faint, format!("{service:<21}{}", head(cells)))])
    .collect();
    match look {
        None => lines.push(vec![(Ink::Faint, "no page yet".to_owned())]),
        Some(look) => lines.extend(
            look.services
                .iter()
                .map(|(name, service)| row(name, service)),
        ),
    }
    lines
}

fn row(name: &str, service: &Service) -> Line {
    let Budget {
        timeout,
        period,
        failures,
    } = service.liveness;
    let phase = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), seconds);
    let slow = |time: Option<f64>| match time {
        Some(time) if time > 0.5 => Ink::Warning,
        _ => Ink::Plain,
    };
    let headroom = match service.headroom {
        Some(headroom) if headroom < 0.0 => Ink::Bad,
        Some(headroom) if headroom < LITTLE => Ink::Warning,
        Some(_) => Ink::Good,
        None => Ink::Faint,
    };
    let (lower, upper) = service.kills;
    let kills = if lower == upper {
        lower.to_string()
    } else {
        format!("{lower}..{upper}")
    };
    let counted = |count: u64, ink: Ink| if count > 0 { ink } else { Ink::Plain };
    let recommended = service
        .recommended
        .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
    vec![
        (Ink::Plain, format!("{name:<21}")),
        (
            Ink::Plain,
            format!("{:>7}", format!("{timeout}/{period}/{failures}")),
        ),
        (Ink::Plain, format!("{:>9}", phase(service.connect))),
        (slow(service.http2), format!("{:>8}", phase(service.http2))),
        (slow(service.rpc), format!("{:>8}", phase(service.rpc))),
        (headroom, format!("{:>7}", percent(service.headroom))),
        (
            counted(service.near_misses, Ink::Warning),
            format!("{:>8}", service.near_misses),
        ),
        (counted(upper, Ink::Bad), format!("{kills:>9}")),
        (Ink::Plain, format!("{recommended:>7}")),
    ]
}
