//! A table for the landing page.

/// How bad a row is.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// As it should be.
    #[default]
    Good,
    /// Worth knowing.
    Info,
    /// Will hurt.
    Warning,
    /// Hurts.
    Critical,
}

/// A table of findings. All of it is text: the landing page escapes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Table {
    /// What the table is about, in a few words.
    pub caption: String,
    /// Headings.
    pub columns: Vec<String>,
    /// Rows, in the order in which they are shown.
    pub rows: Vec<Row>,
}

/// One finding.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// How bad it is; shown as a colour and as a word.
    pub severity: Severity,
    /// One for each column.
    pub cells: Vec<String>,
}

// === impl Severity ===

impl Severity {
    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
