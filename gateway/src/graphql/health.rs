//! How fresh a source's records are, and whether the source is well: pure functions of what the store says of it.

use chrono::{DateTime, TimeDelta, Utc};
use connectors::sync::INTERFACE;
use connectors::systems;
use connectors::systems::DECLARATIVE;
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

impl SourceHealth {
    /// As commands write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Late => "LATE",
            Self::Failing => "FAILING",
            Self::NeverSynced => "NEVER_SYNCED",
            Self::Disabled => "DISABLED",
        }
    }
}

/// A source, and how fresh it is at an instant.
#[derive(Debug)]
pub(crate) struct Freshness {
    pub(crate) source: source::Model,
    pub(crate) health: SourceHealth,
    /// Whether its records may be out of date.
    pub(crate) is_stale: bool,
    /// The streams that it was read by, and when each was last read to its end.
    pub(super) streams: Vec<(String, Option<DateTime<Utc>>)>,
}

impl Freshness {
    pub(crate) fn new(source: source::Model, now: DateTime<Utc>) -> Self {
        let health = health(&source, now);
        let is_stale = source.kind != SourceKind::Hub && (health == SourceHealth::Failing || is_late(&source, now));
        Self { source, health, is_stale, streams: Vec::new() }
    }

    /// What is to be done about it, in a sentence; `None` where nothing is. `error` is why its last run did not succeed.
    pub(crate) fn advice(&self, error: Option<&str>) -> Option<String> {
        let id = &self.source.id;
        let why = error.unwrap_or("its last run failed").trim_end_matches('.');
        match self.health {
            SourceHealth::Healthy => None,
            SourceHealth::Disabled => Some("It is no longer configured; its records stay as they were.".to_owned()),
            SourceHealth::NeverSynced => Some(format!("Run `hub sync {id}`, or start a worker: `hub worker`.")),
            SourceHealth::Late => Some(match error {
                Some(_) => format!("Its records are out of date: {why}. `hub runs {id}` shows what was tried."),
                None => format!("Its records are out of date: is a worker running? `hub sync {id}` reads it now."),
            }),
            SourceHealth::Failing if self.source.last_status == Some(SyncStatus::Held) => Some(format!("{why}.")),
            SourceHealth::Failing => {
                let failures = self.source.failures;
                Some(format!("Failed {failures} times in a row: {why}. `hub check {id}` tries it."))
            }
        }
    }

    /// Takes in what is known of one of its streams.
    pub(crate) fn add(&mut self, checkpoint: Option<checkpoint::Model>) {
        self.streams.extend(checkpoint.map(|checkpoint| (checkpoint.stream, checkpoint.confirmed_at)));
    }

    /// When the source last confirmed its records of this type. `None` where it never did.
    pub(crate) fn confirmed_at(&self, record_type: RecordType) -> Option<DateTime<Utc>> {
        let manifest = systems::manifest(&self.source.connector).ok()?;
        let gives = |name: &str| {
            manifest.streams.iter().any(|stream| stream.name == name && stream.records.contains(&record_type))
        };
        self.streams.iter().filter(|(stream, _)| gives(stream)).filter_map(|(_, at)| *at).max()
    }

    /// Whether records of this type may come from it. What is described in configuration gives what it has been read
    /// for: the store does not know its description.
    pub(crate) fn gives(&self, record_type: RecordType) -> bool {
        let is_read = |name: &str| self.streams.iter().any(|(stream, _)| stream == name);
        let is_described = self.source.connector == DECLARATIVE;
        systems::manifest(&self.source.connector).is_ok_and(|manifest| {
            let mut streams = manifest.streams.iter().filter(|stream| !is_described || is_read(stream.name));
            streams.any(|stream| stream.records.contains(&record_type))
        })
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
    // Who writes through the hub's own interface is never late.
    source.connector != INTERFACE && source.last_succeeded_at.is_none_or(|at| now.signed_duration_since(at) > fresh_for)
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
    fn whoever_reads_of_a_source_that_is_not_well_reads_what_to_do() {
        let now: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        let ago = |hours| Some(now - TimeDelta::hours(hours));
        let advice = |at, status, error| Freshness::new(source(at, status), now).advice(error);
        assert_eq!(advice(ago(1), Some(SyncStatus::Succeeded), None), None);
        assert!(advice(None, None, None).is_some_and(|text| text.contains("hub sync amsterdam-housing")));
        assert!(advice(ago(5), Some(SyncStatus::Succeeded), None).is_some_and(|text| text.contains("worker running")));
        let failing = advice(ago(1), Some(SyncStatus::Failed), Some("the token endpoint refused the client."));
        assert!(failing.is_some_and(|text| text.contains("refused the client. `hub check amsterdam-housing`")));
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
