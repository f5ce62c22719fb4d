//! `hub audit`: prints the audit trail, an entry a line, as JSON, oldest first.

use std::process::ExitCode;

use crate::auth::Organisation;
use crate::config::Settings;
use anyhow::Context;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use clap::Args;
use entity::Code;
use entity::audit_entry::{self, Column};
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::RecordType;
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::Output;
use super::{BadUse, store};

/// Entries read at once.
const AT_ONCE: u64 = 1_000;

/// What `hub audit` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only what was done at this instant or later: 2026-11-24, or 2026-11-24T14:00:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only what was done before this instant
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Only what was done to this record, by its global id
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// Only what this organisation did: board:41775, municipality:GM0363, partner:12345678, operator
    #[arg(long, value_name = "ORGANISATION")]
    organisation: Option<String>,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let filter = Filter::read(arguments)?;
    let db = store::open(&settings.database).await?;
    print(&db, &filter, output).await?;
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Which entries.
#[derive(Debug, Default)]
struct Filter {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    record: Option<Uuid>,
    organisation: Option<String>,
}

impl Filter {
    fn read(arguments: &Arguments) -> Result<Self, BadUse> {
        let record = arguments.record.as_deref().map(|id| {
            let id = GlobalId::parse(id).ok().and_then(|id| id.uuid());
            id.ok_or_else(|| BadUse("--record: this is no id of a record of the hub".to_owned()))
        });
        let organisation = arguments.organisation.as_deref().map(|name| {
            let organisation = name.parse::<Organisation>().map(|organisation| organisation.to_string());
            organisation.map_err(|_| BadUse(format!("--organisation: `{name}` names none; expected board:41775, say")))
        });
        Ok(Self {
            since: arguments.since.as_deref().map(|text| instant("--since", text)).transpose()?,
            until: arguments.until.as_deref().map(|text| instant("--until", text)).transpose()?,
            record: record.transpose()?,
            organisation: organisation.transpose()?,
        })
    }
}

/// An instant, or the beginning of a day in UTC.
fn instant(name: &str, text: &str) -> Result<DateTime<Utc>, BadUse> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    let instant = DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc());
    instant.map_err(|_| BadUse(format!("{name}: `{text}` is no instant; expected 2026-11-24 or 2026-11-24T14:00:00Z")))
}

/// Page after page: the trail may be long.
async fn print(db: &DatabaseConnection, filter: &Filter, output: &mut Output) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let mut select = audit_entry::Entity::find().filter(Column::Id.gt(after));
        if let Some(since) = filter.since {
            select = select.filter(Column::At.gte(since));
        }
        if let Some(until) = filter.until {
            select = select.filter(Column::At.lt(until));
        }
        if let Some(record) = filter.record {
            select = select.filter(Column::RecordId.eq(record));
        }
        if let Some(organisation) = &filter.organisation {
            select = select.filter(Column::Organisation.eq(organisation));
        }
        let entries =
            select.order_by_asc(Column::Id).limit(AT_ONCE).all(db).await.context("the trail cannot be read")?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.id;
        entries.iter().for_each(|entry| output.line(line(entry)));
    }
}

/// An entry, with the standard's names where it has them.
fn line(entry: &audit_entry::Model) -> Value {
    let record = entry.record_type.zip(entry.record_id).map(|(record_type, id)| {
        json!({ "type": record_type.code(), "id": GlobalId::new(kind(record_type), id).to_string() })
    });
    json!({
        "at": entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "parent_span_id": entry.parent_span_id,
        "dpl.core.processing_activity_id": entry.processing_activity,
        "status": entry.status.code(),
        "action": entry.action.code(),
        "subject": entry.subject,
        "client": entry.client,
        "organisation": entry.organisation,
        "address": entry.address,
        "record": record,
        "details": entry.details,
    })
}

fn kind(record_type: RecordType) -> Kind {
    match record_type {
        RecordType::School => Kind::School,
        RecordType::SchoolBoard => Kind::SchoolBoard,
        RecordType::Partner => Kind::Partner,
        RecordType::Need => Kind::Need,
        RecordType::Offer => Kind::Offer,
        RecordType::Commitment => Kind::Commitment,
        RecordType::HousingOption => Kind::HousingOption,
        RecordType::HousingScheme => Kind::HousingScheme,
    }
}

#[cfg(test)]
mod tests {
    use entity::audit_entry::{AuditAction, AuditStatus};

    use super::*;
    use crate::audit::{self, Actor, Deed};
    use crate::config::{ConnectionUrl, DatabaseSettings};

    fn arguments(since: Option<&str>, record: Option<&str>, organisation: Option<&str>) -> Arguments {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Arguments { since: text(since), until: None, record: text(record), organisation: text(organisation) }
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        assert!(Filter::read(&arguments(Some("2026-11-24"), None, Some("board:41775"))).is_ok());
        assert!(Filter::read(&arguments(Some("2026-11-24T14:00:00+01:00"), None, None)).is_ok());
        for wrong in [(Some("yesterday"), None, None), (None, Some("x"), None), (None, None, Some("nobody"))] {
            assert!(Filter::read(&arguments(wrong.0, wrong.1, wrong.2)).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn entries_are_printed_oldest_first_and_by_what_is_asked() {
        let url = ConnectionUrl::from("sqlite::memory:");
        let settings = DatabaseSettings::at(url, None);
        let db = crate::database::connect(&settings).await.unwrap();
        crate::database::schema::up(&db).await.unwrap();
        let (need, other) = (Uuid::now_v7(), Uuid::now_v7());
        let entry = |record, organisation: &str, day: &str| {
            let actor = Actor { organisation: Some(organisation.to_owned()), ..Actor::default() };
            let deed = Deed {
                activity: "needs:write",
                action: AuditAction::Updated,
                status: AuditStatus::Ok,
                record: Some((RecordType::Need, record)),
                details: Some(json!({ "after": { "title": "x" } })),
            };
            deed.by(&actor, instant("", day).unwrap(), "https://register.example/")
        };
        let entries = [
            entry(need, "board:41775", "2026-01-01"),
            entry(other, "operator", "2026-01-02"),
            entry(need, "operator", "2026-01-03"),
        ];
        audit::append(&db, &entries).await.unwrap();
        let asked = async |filter: Filter| {
            let mut output = Output::Lines(Vec::new());
            print(&db, &filter, &mut output).await.unwrap();
            let Output::Lines(lines) = output else { panic!("no lines") };
            lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
        };
        let all = asked(Filter::default()).await;
        assert_eq!(all.len(), 3);
        assert_eq!(all[0]["at"], "2026-01-01T00:00:00.000000Z");
        assert_eq!(all[0]["dpl.core.processing_activity_id"], "https://register.example/needs:write");
        assert_eq!(all[0]["record"]["id"], GlobalId::new(Kind::Need, need).to_string());
        assert_eq!(asked(Filter { record: Some(need), ..Filter::default() }).await.len(), 2);
        assert_eq!(asked(Filter { organisation: Some("operator".to_owned()), ..Filter::default() }).await.len(), 2);
        let between = Filter {
            since: Some(instant("", "2026-01-02").unwrap()),
            until: Some(instant("", "2026-01-03").unwrap()),
            ..Filter::default()
        };
        assert_eq!(asked(between).await.len(), 1);
    }
}
