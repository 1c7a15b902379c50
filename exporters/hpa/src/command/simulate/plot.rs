//! The answer as a picture: replicas as steps, what limits them below, and the load below that.

mod axis;

use std::fmt::Write;

use hpa_engine::{Limiter, Moment};

use self::axis::{Axis, steps};
use super::play::{Row, Setting};
use super::table::clock;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 20.0;
/// Top and bottom of the replicas, of the strip, and of the load.
const REPLICAS: (f64, f64) = (64.0, 290.0);
const STRIP: (f64, f64) = (304.0, 322.0);
const LOAD: (f64, f64) = (390.0, 516.0);
/// A wish that is more than so many times the maximum is cut off, or nothing else could be told apart.
const HIGHEST: f64 = 3.0;

const INK: &str = "#1f2328";
const FAINT: &str = "#656d76";
const RULE: &str = "#d8dee4";
const DECIDED: &str = "#0969da";
const WISH: &str = "#cf222e";
const STABILIZED: &str = "#bf8700";
/// One for each metric, over again if there are more.
const METRICS: [&str; 4] = ["#8250df", "#1a7f37", "#bc4c00", "#116329"];

/// Draws it.
pub(super) fn svg(setting: &Setting, rows: &[Row]) -> String {
    let mut svg = String::new();
    let autoscaler = &setting.autoscaler;
    let title = format!(
        "{}/{}, simulated as Kubernetes 1.{}",
        autoscaler.namespace,
        autoscaler.name,
        u32::from(setting.controller.profile.minor)
    );
    // Writing into a String does not fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"12\" role=\"img\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
        escape(&title)
    );
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"24\" font-size=\"15\" font-weight=\"600\" fill=\"{INK}\">{}</text>",
        escape(&title)
    );
    let end = rows.last().map_or(setting.trace.start, |row| row.at);
    let end = end.after(setting.controller.settings.sync_period);
    let time = Axis::new(0.0, seconds(end, setting.trace.start), LEFT, RIGHT);
    let at = |row: &Row| seconds(row.at, setting.trace.start);
    replicas(&mut svg, setting, rows, &time, at);
    strip(&mut svg, setting, rows, &time, at);
    load(&mut svg, setting, rows, &time, at);
    hours(&mut svg, setting, &time);
    svg.push_str("</svg>\n");
    svg
}

fn seconds(at: Moment, start: Moment) -> f64 {
    at.since(start).as_secs_f64()
}

fn replicas(
    svg: &mut String,
    setting: &Setting,
    rows: &[Row],
    time: &Axis,
    at: impl Fn(&Row) -> f64 + Copy,
) {
    let maximum = f64::from(setting.autoscaler.spec.maximum);
    let numbers = |row: &Row| {
        let decision = &row.decision;
        let stabilized = decision.stabilization.map(|it| it.replicas);
        let all = [decision.wish, stabilized, Some(decision.desired)];
        all.map(|it| it.map(f64::from))
    };
    let highest = rows.iter().flat_map(numbers).flatten().fold(1.0, f64::max);
    let top = highest.min(maximum * HIGHEST) * 1.08;
    let axis = Axis::new(0.0, top, REPLICAS.1, REPLICAS.0);
    grid(svg, &axis, "");
    let y = axis.place(maximum);
    if maximum <= top {
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"{WISH}\" stroke-opacity=\".45\"/>\n<text x=\"{RIGHT}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{WISH}\">maxReplicas {maximum}</text>",
            y - 4.0
        );
    }
    let curves = [
        (2, DECIDED, 2.6, "", "decided"),
        (1, STABILIZED, 1.4, "", "after stabilization"),
        (0, WISH, 1.4, " stroke-dasharray=\"5 3\"", "wish"),
    ];
    for (index, colour, width, dash, _) in curves {
        let points = rows.iter().map(|row| (at(row), numbers(row)[index]));
        let path = steps(points, time, &axis);
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>"
        );
    }
    let mut x = LEFT;
    label(svg, x, 48.0, FAINT, "replicas:");
    x += 62.0;
    for (_, colour, width, dash, name) in curves.into_iter().rev() {
        let _ = writeln!(
            svg,
            "<path d=\"M{x} 44h22\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>"
        );
        label(svg, x + 28.0, 48.0, INK, name);
        x += 44.0 + 6.6 * length(name);
    }
}

/// What limits, as a strip of colours, with a legend of those that are there.
fn strip(
    svg: &mut String,
    setting: &Setting,
    rows: &[Row],
    time: &Axis,
    at: impl Fn(&Row) -> f64 + Copy,
) {
    let period = setting.controller.settings.sync_period.as_secs_f64();
    let mut seen: Vec<Limiter> = Vec::new();
    for run in rows.chunk_by(|left, right| left.limiter == right.limiter) {
        let [first, ..] = run else { continue };
        let limiter = first.limiter;
        if !seen.contains(&limiter) {
            seen.push(limiter);
        }
        let from = time.place(at(first));
        let last = run.last().unwrap_or(first);
        let width = time.place(at(last) + period) - from;
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.2}\" y=\"{}\" width=\"{width:.2}\" height=\"{}\" fill=\"{}\"><title>{} from {}</title></rect>",
            STRIP.0,
            STRIP.1 - STRIP.0,
            colour(limiter),
            limiter.as_str(),
            clock(first.at, setting.trace.start)
        );
    }
    let mut x = LEFT;
    let y = STRIP.1 + 20.0;
    label(svg, x, y, FAINT, "limited by:");
    x += 70.0;
    for limiter in seen {
        let name = limiter.as_str();
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"11\" height=\"11\" fill=\"{}\"/>",
            y - 10.0,
            colour(limiter)
        );
        label(svg, x + 16.0, y, INK, name);
        x += 30.0 + 6.9 * length(name);
    }
}

/// Each metric as percent of its target.
fn load(
    svg: &mut String,
    setting: &Setting,
    rows: &[Row],
    time: &Axis,
    at: impl Fn(&Row) -> f64 + Copy,
) {
    let percent = |row: &Row, index: usize| {
        let proposal = row.decision.proposals.get(index)?.as_ref().ok()?;
        Some(proposal.calculation.ratio * 100.0).filter(|it| it.is_finite())
    };
    let all = || 0..setting.columns.len();
    let highest = rows
        .iter()
        .flat_map(|row| all().filter_map(|index| percent(row, index)))
        .fold(100.0, f64::max);
    let axis = Axis::new(0.0, highest * 1.08, LOAD.1, LOAD.0);
    grid(svg, &axis, "%");
    let tolerance = rows.first().map(|row| row.decision.tolerance);
    if let Some(tolerance) = tolerance {
        let top = axis.place(100.0 * (1.0 + tolerance.up));
        let bottom = axis.place(100.0 * (1.0 - tolerance.down).max(0.0));
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{}\" height=\"{:.1}\" fill=\"{DECIDED}\" fill-opacity=\".12\"><title>tolerance</title></rect>",
            RIGHT - LEFT,
            bottom - top
        );
    }
    let mut x = LEFT;
    let y = LOAD.0 - 14.0;
    label(svg, x, y, FAINT, "percent of the target:");
    x += 134.0;
    for (index, column) in setting.columns.iter().enumerate() {
        let colour = METRICS[index % METRICS.len()];
        let points = rows.iter().map(|row| (at(row), percent(row, index)));
        let path = steps(points, time, &axis);
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\n<path d=\"M{x} {}h22\" stroke=\"{colour}\" stroke-width=\"1.6\"/>",
            y - 4.0
        );
        label(svg, x + 28.0, y, INK, &column.name);
        x += 44.0 + 6.6 * length(&column.name);
    }
    label(svg, x, y, FAINT, "(band: tolerance)");
}

fn grid(svg: &mut String, axis: &Axis, unit: &str) {
    for tick in axis.ticks(5) {
        let y = axis.place(tick);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"{RULE}\"/>\n<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{FAINT}\">{tick}{unit}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
}

fn hours(svg: &mut String, setting: &Setting, time: &Axis) {
    let start = setting.trace.start;
    for tick in time.clock_ticks(8) {
        let x = time.place(tick);
        let at = start.after(std::time::Duration::from_secs_f64(tick));
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {}v5\" stroke=\"{FAINT}\"/>\n<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"{FAINT}\">{}</text>",
            LOAD.1,
            LOAD.1 + 20.0,
            clock(at, start)
        );
    }
}

fn label(svg: &mut String, x: f64, y: f64, colour: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{}</text>",
        escape(text)
    );
}

fn length(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

const fn colour(limiter: Limiter) -> &'static str {
    match limiter {
        Limiter::None => "#d8dee4",
        Limiter::Tolerance => "#b6e3ff",
        Limiter::Dampening => "#c297ff",
        Limiter::StabilizationUp | Limiter::StabilizationDown | Limiter::StabilizationRaise => {
            "#eac54f"
        }
        Limiter::ScaleUpLimit | Limiter::ScaleDownLimit => "#fb8f44",
        Limiter::PolicyDisabled => "#8250df",
        Limiter::MaxReplicas => "#fa4549",
        Limiter::MinReplicas => "#4ac26b",
        Limiter::InvalidMetricBlocksScaleDown
        | Limiter::ScalingDisabled
        | Limiter::AmbiguousSelector
        | Limiter::NoSelector
        | Limiter::NoMetrics
        | Limiter::NoScale => "#57606a",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
