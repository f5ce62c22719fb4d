//! Who says what of a record, in the order in which their words count, and since when each says its status. Pure.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::claim;
use serde_json::Value;

use crate::error::Result;
use crate::sync::merge::{self, merge};
use crate::sync::rows::Assemble;
use crate::sync::writer::{Context, Incoming, STEPS, parse};

/// What one source says of a record.
pub(super) struct Voice {
    /// Who goes first: who says more than a status, then priority, then source and identifier, so that the order is
    /// total.
    pub(super) precedence: (bool, i32, String, String),
    content: Value,
    status_at: Option<DateTime<Utc>>,
}

impl Voice {
    pub(super) fn is_step(&self) -> bool {
        self.precedence.0
    }
}

/// What they all say. The most important comes first.
pub(super) fn taken_together(voices: &[Voice]) -> Value {
    let mut merged = merge(voices.iter().map(|voice| &voice.content));
    merge::put_latest_status(&mut merged, voices.iter().map(|voice| (&voice.content, voice.status_at)));
    merged
}

/// All who speak of a record: those who did before, and what came now in place of what its source said.
pub(super) fn of_record(context: &Context, others: Vec<claim::Model>, incoming: &[Incoming<'_>]) -> Vec<Voice> {
    let own: HashSet<&str> = incoming.iter().map(|incoming| incoming.external_id.as_str()).collect();
    let precedence = |stream: &str, source_id: &str, external_id: &str| {
        (stream == STEPS, context.priority(source_id), source_id.to_owned(), external_id.to_owned())
    };
    let others = others
        .into_iter()
        .filter(|claim| claim.source_id != context.source_id || !own.contains(claim.external_id.as_str()))
        .map(|claim| Voice {
            precedence: precedence(&claim.stream, &claim.source_id, &claim.external_id),
            content: claim.content,
            status_at: claim.status_at,
        });
    let incoming = incoming.iter().map(|incoming| Voice {
        precedence: precedence(&context.stream, &context.source_id, &incoming.external_id),
        content: incoming.content.clone(),
        status_at: incoming.status_at,
    });
    others.chain(incoming).collect()
}

/// Finds out since when each that came says its status.
pub(super) fn date_statuses<R: Assemble>(
    context: &Context,
    before: Option<&R>,
    others: &[claim::Model],
    incoming: &mut [Incoming<'_>],
    now: DateTime<Utc>,
) -> Result<()> {
    for incoming in incoming {
        let Some(status) = merge::status(&incoming.content) else { continue };
        let is_own =
            |claim: &&claim::Model| claim.source_id == context.source_id && claim.external_id == incoming.external_id;
        let own = others.iter().find(is_own);
        let told = others.iter().filter(|claim| merge::status(&claim.content).is_some());
        let stands = before.filter(|row| !row.is_deleted());
        incoming.status_at = match (own, stands) {
            (Some(own), _) if merge::status(&own.content) == Some(status) && !incoming.is_step => own.status_at,
            // A system that tells for the first time of a record that others know well may say of its status what was
            // true long ago.
            (None, Some(row)) if !context.is_interface() && told.clone().next().is_some() => {
                let said: R::Said = parse(&incoming.content)?;
                row.is_outdated_by(&said).then(|| merge::news(now, told.map(|claim| claim.status_at)))
            }
            _ => Some(merge::news(now, told.map(|claim| claim.status_at))),
        };
    }
    Ok(())
}
