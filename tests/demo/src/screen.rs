//! Shows frames: in place on a terminal, one every few seconds elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::evidence::{Day, Row, Status};
use crate::frame::{Ink, Line, Setting, addresses, compact, frame, legend};
use crate::look::Look;
use crate::moments::{Moments, SUBJECT};
use crate::picture;
use crate::stage::Stage;

/// Where it is no terminal, a frame this often.
const BLOCK_EVERY: Duration = Duration::from_secs(5);
/// Columns and rows of a terminal that does not tell them.
const SIZE: (usize, usize) = (100, 24);

/// Standard output, or standard error where the former is for JSON.
pub(crate) struct Screen {
    output: Box<dyn Write>,
    terminal: bool,
    colours: bool,
    size: fn() -> Option<(usize, usize)>,
    /// Lines of the frame on the terminal.
    drawn: usize,
    block: Option<(Instant, String)>,
    introduced: bool,
    /// The last frame with a would-be kill and no headroom.
    worst: Option<Vec<Line>>,
    /// A line from each of the other stories, as it is now.
    followed: Vec<watch::Receiver<String>>,
}

impl Screen {
    /// On standard output.
    pub(crate) fn on_output() -> Self {
        let terminal = io::stdout().is_terminal();
        Self::new(Box::new(io::stdout()), terminal, || size(io::stdout()))
    }

    /// On standard error.
    pub(crate) fn on_error() -> Self {
        let terminal = io::stderr().is_terminal();
        Self::new(Box::new(io::stderr()), terminal, || size(io::stderr()))
    }

    fn new(output: Box<dyn Write>, terminal: bool, size: fn() -> Option<(usize, usize)>) -> Self {
        Self {
            output,
            terminal,
            colours: terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            size,
            drawn: 0,
            block: None,
            introduced: false,
            worst: None,
            followed: Vec::new(),
        }
    }

    /// Shows what another story tells, too.
    pub(crate) fn follow(&mut self, told: watch::Receiver<String>) {
        self.followed.push(told);
    }

    /// A line by itself.
    pub(crate) fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.output, "{text}")?;
        self.output.flush()
    }

    /// Shows the day as far as it has come.
    pub(crate) fn draw(&mut self, day: &Day, stage: &Stage, scene: &str) -> io::Result<()> {
        let look = day.looks.last();
        let told: Vec<String> = self.followed.iter().map(|it| it.borrow().clone()).collect();
        let setting = Setting {
            scene,
            at: look.map(|look| look.at).unwrap_or_default(),
            address: stage.address,
            others: &stage.others,
            told: &told,
            notes: &stage.notes,
        };
        let moments = Moments::of(&day.looks);
        let over = look
            .and_then(|look| look.service(SUBJECT))
            .is_some_and(|service| service.headroom < Some(0.0) && service.kills.0 > 0);
        if self.terminal || over {
            let lines = frame(setting, look, &moments);
            if self.terminal {
                self.in_place(&lines)?;
            }
            if over {
                self.worst = Some(lines);
            }
        }
        if !self.terminal {
            self.block(setting, look)?;
        }
        Ok(())
    }

    /// The evidence, below the last frame.
    pub(crate) fn evidence(&mut self, rows: &[Row]) -> io::Result<()> {
        self.leave()?;
        let mut lines = vec![Line::new()];
        for row in rows {
            let (ink, status) = match row.status {
                Status::Ok => (Ink::Good, "ok      "),
                Status::Failed => (Ink::Bad, "FAILED  "),
            };
            lines.push(vec![
                (ink, status.to_owned()),
                (Ink::Strong, row.claim.to_owned()),
            ]);
            lines.push(vec![(Ink::Plain, format!("        {}", row.evidence))]);
        }
        let failed = rows
            .iter()
            .filter(|row| row.status == Status::Failed)
            .count();
        lines.push(Line::new());
        let held = format!("{} of {} claims hold", rows.len() - failed, rows.len());
        lines.push(vec![(Ink::Strong, held)]);
        for line in &lines {
            let text = paint(line, self.colours, usize::MAX);
            writeln!(self.output, "{text}")?;
        }
        self.output.flush()
    }

    /// The picture of the worst moment, if there was one.
    pub(crate) fn picture(&self) -> Option<String> {
        self.worst.as_deref().map(picture::svg)
    }

    fn in_place(&mut self, lines: &[Line]) -> io::Result<()> {
        let (columns, rows) = (self.size)().unwrap_or(SIZE);
        // The cursor rests on a line of its own, and cannot go up beyond the first.
        let lines = &lines[..lines.len().min(rows.saturating_sub(1))];
        let mut text = String::new();
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A\r", self.drawn);
        } else {
            // The cursor is in the way.
            text.push_str("\x1b[?25l");
        }
        for line in lines {
            text.push_str("\x1b[2K");
            text.push_str(&paint(line, self.colours, columns));
            text.push_str("\r\n");
        }
        // A frame before may have been longer.
        text.push_str("\x1b[J");
        self.drawn = lines.len();
        self.output.write_all(text.as_bytes())?;
        self.output.flush()
    }

    fn block(&mut self, setting: Setting<'_>, look: Option<&Look>) -> io::Result<()> {
        let mut lines = Vec::new();
        if !self.introduced {
            self.introduced = true;
            lines.extend(addresses(setting));
            lines.extend(legend(setting));
            lines.push(Line::new());
        }
        let due = self
            .block
            .as_ref()
            .is_none_or(|(at, scene)| at.elapsed() >= BLOCK_EVERY || scene != setting.scene);
        // The first one waits until there is something in it.
        let filled = look.is_some_and(|look| !look.services.is_empty());
        if due && (filled || self.block.is_some()) {
            self.block = Some((Instant::now(), setting.scene.to_owned()));
            lines.extend(compact(setting, look));
        }
        for line in &lines {
            writeln!(self.output, "{}", paint(line, false, usize::MAX))?;
        }
        self.output.flush()
    }

    /// Leaves the frame where it is and gives the cursor back.
    fn leave(&mut self) -> io::Result<()> {
        if self.drawn > 0 {
            self.drawn = 0;
            write!(self.output, "\x1b[?25h")?;
        }
        self.output.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.leave();
    }
}

/// Columns and rows.
fn size(terminal: impl AsFd) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0 && size.ws_row > 0)
        .then_some((usize::from(size.ws_col), usize::from(size.ws_row)))
}

/// A line as it is written, cut where the terminal ends: a line that wraps would shift all that follow.
fn paint(line: &Line, colours: bool, columns: usize) -> String {
    let mut left = columns;
    let mut painted = String::new();
    for (ink, text) in line {
        let text: String = text.chars().take(left).collect();
        left -= text.chars().count();
        match code(*ink).filter(|_| colours) {
            Some(code) => {
                let _ = write!(painted, "\x1b[{code}m{text}\x1b[0m");
            }
            None => painted.push_str(&text),
        }
    }
    painted.truncate(painted.trim_end_matches(' ').len());
    painted
}

fn code(ink: Ink) -> Option<&'static str> {
    match ink {
        Ink::Plain => None,
        Ink::Strong => Some("1"),
        Ink::Faint => Some("2"),
        Ink::Good => Some("32"),
        Ink::Warning => Some("33"),
        Ink::Bad => Some("1;31"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_where_the_terminal_ends_and_its_ink_does_not_count() {
        let line = vec![
            (Ink::Bad, "über".to_owned()),
            (Ink::Plain, "morgen".to_owned()),
        ];
        assert_eq!(paint(&line, true, 6), "\x1b[1;31müber\x1b[0mmo");
        assert_eq!(paint(&line, false, usize::MAX), "übermorgen");
    }
}
