//! The fields of spans in the log's JSON.

use std::fmt;

use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, JsonFields, Writer};

/// As tracing-subscriber's own fields, but that what is recorded later is put behind what is there: theirs reads and writes
/// all of a span's fields anew, which took a tenth of what a kept answer costs. A field that is recorded twice stands
/// there twice; the last holds.
#[derive(Debug, Default)]
pub(super) struct SpanFields(JsonFields);

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut added = String::new();
        self.0.format_fields(Writer::new(&mut added), fields)?;
        append(&mut current.fields, &added);
        Ok(())
    }
}

/// Puts the members of a JSON object behind those of another.
fn append(object: &mut String, added: &str) {
    match added.strip_prefix('{') {
        Some(members) if members != "}" && object.len() > "{}".len() && object.ends_with('}') => {
            object.pop();
            object.push(',');
            object.push_str(members);
        }
        Some(members) if members != "}" => added.clone_into(object),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::field::Empty;
    use tracing::{info, info_span, record_all};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn members_stand_behind_members() {
        for (object, added, whole) in [
            ("", "{}", ""),
            ("", r#"{"a":1}"#, r#"{"a":1}"#),
            ("{}", r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":1}"#, "{}", r#"{"a":1}"#),
            (r#"{"a":1}"#, r#"{"b":"}","c":{}}"#, r#"{"a":1,"b":"}","c":{}}"#),
        ] {
            let mut object = object.to_owned();
            append(&mut object, added);
            assert_eq!(object, whole);
        }
    }

    #[test]
    fn what_is_recorded_later_stands_in_the_log() {
        let log = Written::default();
        let writer = log.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).json();
        let layer = layer.flatten_event(true).fmt_fields(SpanFields::default());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = info_span!("outer", first = 1, later = Empty, twice = Empty, never = Empty);
            record_all!(span, later = "{\"quoted\"}", twice = "once");
            span.record("twice", "again");
            let _outer = span.entered();
            let inner = info_span!("inner", only = Empty);
            inner.record("only", true);
            let _inner = inner.entered();
            info!("told");
        });
        let line = log.0.lock().unwrap().clone();
        let line: Value = serde_json::from_slice(&line).unwrap();
        let spans = serde_json::json!([
            { "name": "outer", "first": 1, "later": "{\"quoted\"}", "twice": "again" }, { "name": "inner", "only": true }
        ]);
        assert_eq!(line["spans"], spans, "{line}");
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
