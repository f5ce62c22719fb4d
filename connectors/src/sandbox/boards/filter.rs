//! The part of OneRoster's filter that this administration understands: comparisons joined with ` AND `.

use chrono::{DateTime, Utc};

use super::wire::Item;

/// What must hold of an item: all of these.
pub(super) struct Filter(Vec<Comparison>);

struct Comparison {
    field: Field,
    operator: &'static str,
}

enum Field {
    Modified(DateTime<Utc>),
    Status(String),
    SourcedId(String),
    Type(String),
}

/// Longer ones first: `>=` begins with `>`.
const OPERATORS: [&str; 6] = [">=", "<=", "!=", "=", ">", "<"];

impl Filter {
    /// Reads a filter; an empty one holds of everything. The error says what is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        text.split(" AND ").map(Comparison::parse).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn matches(&self, item: &Item<'_>) -> bool {
        self.0.iter().all(|comparison| comparison.matches(item))
    }
}

impl Comparison {
    fn parse(text: &str) -> Result<Self, String> {
        let end = text.find(['<', '>', '!', '=']).ok_or_else(|| format!("`{text}` is not a comparison"))?;
        let (name, rest) = text.split_at(end);
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)).unwrap_or("=");
        let value = rest
            .trim_start_matches(operator)
            .trim()
            .strip_prefix('\'')
            .and_then(|value| value.strip_suffix('\''))
            .ok_or_else(|| format!("the value in `{text}` must stand in single quotes"))?;
        let field = match name.trim() {
            "dateLastModified" => DateTime::parse_from_rfc3339(value)
                .map(|at| Field::Modified(at.to_utc()))
                .map_err(|_| format!("`{value}` is not an instant"))?,
            "status" => Field::Status(value.to_owned()),
            "sourcedId" => Field::SourcedId(value.to_owned()),
            "type" => Field::Type(value.to_owned()),
            other => return Err(format!("filtering by `{other}` is not supported")),
        };
        Ok(Self { field, operator })
    }

    fn matches(&self, item: &Item<'_>) -> bool {
        let ordering = match &self.field {
            // An item shows its date in milliseconds, so that is what is compared.
            Field::Modified(at) => item.modified().timestamp_millis().cmp(&at.timestamp_millis()),
            Field::Status(status) => item.status().cmp(status),
            Field::SourcedId(id) => item.sourced_id().cmp(id),
            Field::Type(kind) => item.kind().cmp(kind),
        };
        match self.operator {
            ">=" => ordering.is_ge(),
            "<=" => ordering.is_le(),
            "!=" => ordering.is_ne(),
            ">" => ordering.is_gt(),
            "<" => ordering.is_lt(),
            _ => ordering.is_eq(),
        }
    }
}
