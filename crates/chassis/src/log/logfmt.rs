//! logfmt: one line an event, `key=value` with quotes where they are needed, so that no value can forge a line or a key.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events: `ts level target msg`, then the event's fields, then those of its spans, innermost first.
pub(super) struct Lines;

/// Formats fields: each with a space before it.
pub(super) struct Fields;

struct Pairs<'a, 'w> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
}

/// The message is a field like the others and not always the first; on the line it is.
#[derive(Default)]
struct Message(String);

// === impl Lines ===

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("ts=")?;
        SystemTime.format_time(&mut writer)?;
        let metadata = event.metadata();
        write!(writer, " level={} target=", level(*metadata.level()))?;
        write_value(&mut writer, metadata.target())?;
        let mut message = Message::default();
        event.record(&mut message);
        writer.write_str(" msg=")?;
        write_value(&mut writer, &message.0)?;
        Fields.format_fields(writer.by_ref(), event)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                writer.write_str(fields)?;
            }
        }
        writer.write_char('\n')
    }
}

// === impl Fields ===

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut pairs = Pairs {
            writer: &mut writer,
            result: Ok(()),
        };
        fields.record(&mut pairs);
        pairs.result
    }
}

// === impl Pairs ===

impl Pairs<'_, '_> {
    fn pair(&mut self, field: &Field, value: &str) {
        if field.name() == "message" || self.result.is_err() {
            return;
        }
        self.result = write!(self.writer, " {}=", field.name())
            .and_then(|()| write_value(self.writer, value));
    }
}

impl Visit for Pairs<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.pair(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.pair(field, &format!("{value:?}"));
    }
}

// === impl Message ===

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Writes a value bare when a reader cannot take it for anything else, and quoted with escapes otherwise. Control characters
/// never reach the terminal.
fn write_value(writer: &mut impl Write, value: &str) -> fmt::Result {
    let bare = |c: char| {
        !c.is_control() && !c.is_whitespace() && !matches!(c, '=' | '"' | '\\' | '\u{fffd}')
    };
    if !value.is_empty() && value.chars().all(bare) {
        return writer.write_str(value);
    }
    writer.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' => writer.write_str("\\\"")?,
            '\\' => writer.write_str("\\\\")?,
            '\n' => writer.write_str("\\n")?,
            '\r' => writer.write_str("\\r")?,
            '\t' => writer.write_str("\\t")?,
            c if c.is_control() => write!(writer, "\\u{:04x}", u32::from(c))?,
            c => writer.write_char(c)?,
        }
    }
    writer.write_char('"')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let captured = Captured::default();
        let sink = captured.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Lines)
            .fmt_fields(Fields)
            .with_writer(move || sink.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = captured.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_time_level_target_message_and_fields_in_this_order() {
        let line = logged(
            || tracing::info!(target: "house::room", port = 9601, path = "/a", "a lamp is lit"),
        );
        assert!(line.starts_with("ts=2"), "{line}");
        let after_time = line.split_once(' ').unwrap().1;
        assert_eq!(
            after_time,
            "level=info target=house::room msg=\"a lamp is lit\" port=9601 path=/a\n"
        );
    }

    #[test]
    fn no_value_can_forge_a_line_or_a_key() {
        let line = logged(|| {
            tracing::warn!(
                value = "a\nts=1 level=error msg=\"x\"\u{1b}[31m\\",
                empty = "",
                "x"
            );
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        let expected = r#" msg=x value="a\nts=1 level=error msg=\"x\"\u001b[31m\\" empty="""#;
        assert!(line.trim_end().ends_with(expected), "{line}");
    }

    #[test]
    fn fields_of_spans_follow_those_of_the_event() {
        let line = logged(|| {
            let _outer = tracing::info_span!("outer", pod = "cart 1").entered();
            tracing::info!(n = 1, "x");
        });
        assert!(line.ends_with("msg=x n=1 pod=\"cart 1\"\n"), "{line}");
    }
}
