//! The page for people at `/`: who this is, where its pages are, and what it has found. No scripts; light and dark.

use std::fmt::{self, Display, Write};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response};

use crate::about::About;
use crate::findings::Table;
use crate::ready::Readiness;

const STYLE: &str = include_str!("landing.css");
/// Rows of one table that are written out: a page with tens of thousands helps nobody.
const MOST_ROWS: usize = 1_000;

/// What the page shows.
pub(crate) struct Landing {
    pub(crate) about: About,
    pub(crate) links: Vec<(String, String)>,
    pub(crate) tables: Vec<Box<dyn Fn() -> Table + Send + Sync>>,
    pub(crate) readiness: Readiness,
}

/// Text between tags or in a quoted attribute.
struct Escaped<'a>(&'a str);

// === impl Landing ===

impl Landing {
    pub(crate) fn page(&self) -> Response<Bytes> {
        let mut html = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut html);
        let mut response = Response::new(Bytes::from(html));
        response.headers_mut().extend(headers());
        response
    }

    fn write(&self, html: &mut String) -> fmt::Result {
        let name = Escaped(self.about.name);
        write!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<h1>{name}</h1>\n<p class=\"question\">{}</p>\n<p class=\"facts\">",
            Escaped(self.about.description),
        )?;
        match self.readiness.check() {
            Ok(()) => html.write_str("<span class=\"tag good\">ready</span>")?,
            Err(why) => write!(
                html,
                "<span class=\"tag warning\">not ready: {}</span>",
                Escaped(&why)
            )?,
        }
        write!(
            html,
            " version {}, revision {}</p>\n</header>\n<nav>\n",
            Escaped(self.about.version),
            Escaped(self.about.build().revision),
        )?;
        for (path, text) in &self.links {
            writeln!(
                html,
                "<a href=\"{}\"><code>{0}</code> {}</a>",
                Escaped(path),
                Escaped(text)
            )?;
        }
        html.write_str("</nav>\n<main>\n")?;
        for table in &self.tables {
            write_table(html, &table())?;
        }
        html.write_str("</main>\n</body>\n</html>\n")
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
            ),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ])
}

fn write_table(html: &mut String, table: &Table) -> fmt::Result {
    write!(
        html,
        "<section>\n<h2>{} <small>{}</small></h2>\n",
        Escaped(&table.caption),
        table.rows.len()
    )?;
    if table.rows.is_empty() {
        return html.write_str("<p class=\"empty\">Nothing to show.</p>\n</section>\n");
    }
    html.write_str("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">severity</th>")?;
    for column in &table.columns {
        write!(html, "<th scope=\"col\">{}</th>", Escaped(column))?;
    }
    html.write_str("</tr></thead>\n<tbody>\n")?;
    for row in table.rows.iter().take(MOST_ROWS) {
        let severity = row.severity.as_str();
        write!(
            html,
            "<tr class=\"{severity}\"><td><span class=\"tag {severity}\">{severity}</span></td>"
        )?;
        for cell in &row.cells {
            write!(html, "<td>{}</td>", Escaped(cell))?;
        }
        html.write_str("</tr>\n")?;
    }
    html.write_str("</tbody>\n</table></div>\n")?;
    if let Some(more) = table
        .rows
        .len()
        .checked_sub(MOST_ROWS)
        .filter(|more| *more > 0)
    {
        writeln!(html, "<p class=\"empty\">and {more} more</p>")?;
    }
    html.write_str("</section>\n")
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
