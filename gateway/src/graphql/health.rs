//! How fresh a source's records are, and whether the source is well: pure functions of what the store says of it.

use chrono::{DateTime, TimeDelta, Utc};
use connectors::systems;
use entity::vocabulary::{RecordType, SourceKind, SyncStatus};
use entity::{checkpoint, source};

/// How a source is. Its own vocabulary: the store keeps facts, not this judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "SourceHealth")]
pub(crate) enum SourceHealth {
    /// Its records are as fresh as agreed.
    Healthy,
    /// Its last success is longer ago than agreed.
    Late,
    /// Its last run failed, or waits for an operator's word.
    Failing,
    /// It has not been read to its end yet.
    NeverSynced,
    /// It is no longer configured; its records stay as they were.
    Disabled,
}

/// A source, and how fresh it is at an instant.
#[derive(Debug)]
pub(crate) struct Freshness {
    pub(crate) source: source::Model,
    pub(crate) health: SourceHealth,
    /// Whether its records may be out of date.
    pub(crate) is_stale: bool,
    /// When each stream was last read to its end.
    confirmed: Vec<(String, DateTime<Utc>)>,
}

impl Freshness {
    pub(crate) fn new(source: source::Model, now: DateTime<Utc>) -> Self {
        let health = health(&source, now);
        let is_stale = source.kind != SourceKind::Hub && (health == SourceHealth::Failing || is_late(&source, now));
        Self { source, health, is_stale, confirmed: Vec::new() }
    }

    /// Takes in what is known of one of its streams.
    pub(crate) fn add(&mut self, checkpoint: Option<checkpoint::Model>) {
        let confirmed = checkpoint.and_then(|checkpoint| Some((checkpoint.stream, checkpoint.confirmed_at?)));
        self.confirmed.extend(confirmed);
    }

    /// When the source last confirmed its records of this type. `None` where it never did.
    pub(crate) fn confirmed_at(&self, record_type: RecordType) -> Option<DateTime<Utc>> {
        let manifest = systems::manifest(&self.source.connector).ok()?;
        let gives = |name: &str| {
            manifest.streams.iter().any(|stream| stream.name == name && stream.records.contains(&record_type))
        };
        self.confirmed.iter().filter(|(stream, _)| gives(stream)).map(|(_, at)| *at).max()
    }

    /// Whether records of this type may come from it.
    pub(crate) fn gives(&self, record_type: RecordType) -> bool {
        systems::manifest(&self.source.connector)
            .is_ok_and(|manifest| manifest.streams.iter().any(|stream| stream.records.contains(&record_type)))
    }
}

fn health(source: &source::Model, now: DateTime<Utc>) -> SourceHealth {
    if source.kind == SourceKind::Hub {
        return SourceHealth::Healthy;
    }
    match source.last_status {
        _ if !source.enabled => SourceHealth::Disabled,
        Some(SyncStatus::Failed | SyncStatus::Held) => SourceHealth::Failing,
        _ if source.last_succeeded_at.is_none() => SourceHealth::NeverSynced,
        _ if is_late(source, now) => SourceHealth::Late,
        _ => SourceHealth::Healthy,
    }
}

fn is_late(source: &source::Model, now: DateTime<Utc>) -> bool {
    let fresh_for = TimeDelta::try_seconds(source.fresh_for_secs).unwrap_or(TimeDelta::MAX);
    source.last_succeeded_at.is_none_or(|at| now.signed_duration_since(at) > fresh_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last_succeeded_at: Option<DateTime<Utc>>, last_status: Option<SyncStatus>) -> source::Model {
        source::Model {
            id: "amsterdam-housing".to_owned(),
            name: "Amsterdam housing".to_owned(),
            connector: "municipal".to_owned(),
            kind: SourceKind::Municipal,
            priority: 20,
            every_secs: 900,
            fresh_for_secs: 7200,
            enabled: true,
            last_succeeded_at,
            last_status,
            next_run_at: None,
            lease_owner: None,
            lease_until: None,
            fence: 0,
            failures: 0,
        }
    }

    #[test]
    fn health_follows_the_last_run_and_the_last_success() {
        let now: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        let ago = |hours| Some(now - TimeDelta::hours(hours));
        let of = |at, status| Freshness::new(source(at, status), now);
        assert_eq!(of(None, None).health, SourceHealth::NeverSynced);
        assert_eq!(of(ago(2), Some(SyncStatus::Succeeded)).health, SourceHealth::Healthy);
        assert_eq!(of(ago(3), Some(SyncStatus::Succeeded)).health, SourceHealth::Late);
        let failing = of(ago(1), Some(SyncStatus::Failed));
        assert!(failing.is_stale && failing.health == SourceHealth::Failing);
        let gone = Freshness::new(source::Model { enabled: false, ..source(ago(1), Some(SyncStatus::Succeeded)) }, now);
        assert!(!gone.is_stale && gone.health == SourceHealth::Disabled);
    }
}
