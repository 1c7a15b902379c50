//! The table of metrics in a program's README: what its page says, and where dashboards and alerts show it.
//!
//! ```text
//! the program, running ─> scrape: its page ─> families ─> Table::holds: the README's table
//! ```
//! `UPDATE_README=1` writes the table anew, instead of holding it against the page.

mod families;
mod program;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

pub use families::{Family, families};
pub use program::scrape;

const MARK: &str = "<!-- metrics -->";

/// Where the table is, and where its metrics may be shown.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// The folder of the package, with its README: `env!("CARGO_MANIFEST_DIR")`.
    pub package: &'a str,
    /// The program's name among dashboards and alerts, as `hpa`.
    pub shown_as: &'a str,
    /// What is said of a metric that is in no dashboard and no alert; none if each has to be in one.
    pub unseen: Option<&'a str>,
}

// === impl Table ===

impl Table<'_> {
    /// Holds the README's table against these families.
    ///
    /// # Panics
    ///
    /// If it is another one.
    pub fn holds(&self, families: &BTreeMap<String, Family>) {
        let path = Path::new(self.package).join("README.md");
        let readme = read(&path);
        let parts: Vec<&str> = readme.split(MARK).collect();
        let [before, written, after] = parts[..] else {
            panic!("{} has no two {MARK}", path.display())
        };
        let table = self.of(families);
        if std::env::var_os("UPDATE_README").is_some() {
            let whole = [before, MARK, &table, MARK, after].concat();
            fs::write(&path, whole).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            return;
        }
        assert!(
            written == table,
            "README.md is not what the page says; UPDATE_README=1 writes it anew:\n{table}"
        );
    }

    fn of(&self, families: &BTreeMap<String, Family>) -> String {
        let mut table = String::from(
            "\n| metric | type | labels | meaning | seen in |\n|---|---|---|---|---|\n",
        );
        for (name, Family { kind, help, labels }) in families {
            let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
            let (help, labels) = (help.replace('|', "\\|"), labels.join(" "));
            let seen = self.seen_in(name);
            // A String takes all.
            let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {help} | {seen} |");
        }
        table
    }

    fn seen_in(&self, name: &str) -> String {
        let places = [
            ("dashboard", format!("dashboards/{}.json", self.shown_as)),
            ("alerts", format!("alerts/{}.yaml", self.shown_as)),
        ];
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let names_it = |path: &String| mentions(&read(&top.join(path)), name);
        let shown = places.iter().filter(|(_, path)| names_it(path));
        let shown: Vec<&str> = shown.map(|(place, _)| *place).collect();
        match (shown.is_empty(), self.unseen) {
            (false, _) => shown.join(", "),
            (true, Some(unseen)) => unseen.to_owned(),
            (true, None) => panic!("{name} is in no dashboard and no alert"),
        }
    }
}

fn read(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether a text names a metric, and not one whose name has it for a part.
fn mentions(text: &str, name: &str) -> bool {
    let in_a_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, rest) = (&text[..at], &text[at + name.len()..]);
        let rest = families::ENDS
            .iter()
            .find_map(|end| rest.strip_prefix(end))
            .unwrap_or(rest);
        !before.ends_with(in_a_name) && !rest.starts_with(in_a_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_name_is_not_the_name() {
        let text = "rate(a_seconds_bucket[5m]) + a_total_b";
        assert!(mentions(text, "a_seconds"));
        assert!(!mentions(text, "a_total"));
        assert!(!mentions(text, "seconds"));
    }
}
