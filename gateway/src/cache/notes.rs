//! What an answer depends on, noted while it is computed.
//!
//! Nobody has to remember to note anything: every statement that a request runs is looked at, and each table that stands
//! in it is depended on, as a whole. A load that only concerns some owners or records says so with a [`Scope`], and is
//! then depended on more finely. A table that nothing tells the changes of keeps the answer from being kept.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::Code;
use entity::vocabulary::RecordType;
use sea_orm::DatabaseConnection;
use sea_orm::prelude::Uuid;

use super::tag::{self, Owner, Tag};
use crate::database::Listener;
use crate::graphql::sources::Sources;

/// What stands between a table's name and another name for it, under which it is read by the keys that rows name.
const AS_NAMED: &str = "\" AS \"named_";

/// An answer with more tags depends on whole types: checking would cost more than computing.
const MOST_TAGS: usize = 400;

/// What rows a load concerns.
#[derive(Clone, Debug, Default)]
pub(crate) enum Scope {
    /// Any.
    #[default]
    All,
    /// Those of a type with these identities.
    Records(RecordType, Vec<Uuid>),
    /// Those that belong to these owners: the statement asks for nobody else's.
    Below(Vec<Owner>),
}

/// What an answer depends on so far.
#[derive(Default)]
pub(crate) struct Notes {
    noted: Mutex<Noted>,
    /// Who else hears of the statements.
    listener: Mutex<Option<Listener>>,
    /// The sources, as they were just before.
    sources: Option<Arc<Sources>>,
}

#[derive(Debug, Default)]
struct Noted {
    tags: HashSet<Tag>,
    depends_on_reference: bool,
    ends_with_the_day: bool,
    is_unkeepable: bool,
    until: Option<DateTime<Utc>>,
}

/// What an answer depends on.
#[derive(Debug)]
pub(crate) struct Depends {
    pub(super) tags: Box<[Tag]>,
    /// On tables that the journal does not tell of, but for which there is a version.
    pub(super) on_reference: bool,
    /// On what day it is.
    pub(super) on_the_day: bool,
    /// On what counts as true until then.
    pub(super) until: Option<DateTime<Utc>>,
}

/// What a table's rows are changed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    /// With records of this type, in the same transaction.
    Of(RecordType),
    /// With offers, and with the municipalities and regions that they reach.
    Reach,
    /// With anything.
    OfAll,
    /// By hand, or at a start: `store_state` has a version.
    Reference,
    /// By whom nobody is told.
    Untold,
}

impl Notes {
    pub(super) fn new(listener: Option<Listener>, sources: Option<Arc<Sources>>) -> Self {
        Self { noted: Mutex::default(), listener: Mutex::new(listener), sources }
    }

    /// Has this listener hear of the statements that are made from now on.
    pub(crate) fn heard_by(&self, listener: Option<Listener>) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = listener;
    }

    /// The sources to make the answer with. `None`: they are to be read.
    pub(crate) fn sources(&self) -> Option<Arc<Sources>> {
        self.sources.clone()
    }

    /// Connections whose statements are noted as loads of this scope.
    pub(crate) fn watch(self: &Arc<Self>, db: &DatabaseConnection, scope: Scope) -> DatabaseConnection {
        let mut db = db.clone();
        let notes = Arc::clone(self);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).clone();
        db.set_metric_callback(move |info| {
            notes.statement(&info.statement.sql, &scope);
            listener.iter().for_each(|listener| listener(info));
        });
        db
    }

    /// Notes that the answer depends on a record, or where there is none, on which there are.
    pub(crate) fn record(&self, record_type: RecordType, id: Option<Uuid>) {
        self.lock().tags.insert(id.map_or(Tag::Type(record_type), |id| Tag::Record(record_type, id)));
    }

    /// Notes that the answer is true for a day.
    pub(crate) fn day(&self) {
        self.lock().ends_with_the_day = true;
    }

    /// Notes that the answer is true until then at most.
    pub(crate) fn until(&self, until: DateTime<Utc>) {
        let mut noted = self.lock();
        noted.until = Some(noted.until.map_or(until, |before| before.min(until)));
    }

    /// Notes that the answer depends on what nobody tells the changes of.
    pub(crate) fn unkeepable(&self) {
        self.lock().is_unkeepable = true;
    }

    /// What was noted. `None`: the answer must not be kept.
    pub(crate) fn depends(&self) -> Option<Depends> {
        let noted = std::mem::take(&mut *self.lock());
        if noted.is_unkeepable {
            return None;
        }
        let mut tags = tag::reduced(noted.tags);
        if tags.len() > MOST_TAGS {
            tags = tag::reduced(RecordType::ALL.iter().map(|record_type| Tag::Type(*record_type)).collect());
        }
        let Noted { depends_on_reference: on_reference, ends_with_the_day: on_the_day, until, .. } = noted;
        Some(Depends { tags, on_reference, on_the_day, until })
    }

    fn statement(&self, sql: &str, scope: &Scope) {
        let tables = tables(sql);
        let mut noted = self.lock();
        // A statement in which nothing is recognised may read anything.
        noted.is_unkeepable |= tables.is_empty();
        for table in tables {
            match table {
                Table::Of(record_type) => scope.note(record_type, &mut noted.tags),
                Table::Reach => {
                    noted.tags.insert(Tag::Type(RecordType::Offer));
                    noted.depends_on_reference = true;
                }
                Table::OfAll => {
                    noted.tags.extend(RecordType::ALL.iter().map(|record_type| Tag::Type(*record_type)));
                    noted.depends_on_reference = true;
                }
                Table::Reference => noted.depends_on_reference = true,
                Table::Untold => noted.is_unkeepable = true,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scope {
    fn note(&self, record_type: RecordType, tags: &mut HashSet<Tag>) {
        match self {
            Self::Records(own, ids) if *own == record_type => {
                tags.extend(ids.iter().map(|id| Tag::Record(record_type, *id)));
            }
            Self::Below(owners) => {
                tags.extend(owners.iter().flat_map(|owner| owner.tags(record_type)).flatten());
            }
            Self::Records(..) | Self::All => {
                tags.insert(Tag::Type(record_type));
            }
        }
    }
}

/// The tables that stand in a statement: every word that is a table's name. A column of that name makes the answer
/// depend on more than it does, never on less. A table of records that goes by a name for rows that others name
/// (`beside`) is none: whoever reads it notes each record that was found, and who names which is in the others.
fn tables(sql: &str) -> Vec<Table> {
    let mut found: Vec<Table> = Vec::new();
    let mut note = |table: Table| {
        if !found.contains(&table) {
            found.push(table);
        }
    };
    let mut rest = sql;
    while let Some((before, behind)) = rest.split_once(AS_NAMED) {
        let (read, named) = before.rsplit_once('"').unwrap_or((before, ""));
        words(read).filter_map(table).for_each(&mut note);
        table(named).filter(|table| !matches!(table, Table::Of(_))).into_iter().for_each(&mut note);
        rest = behind.split_once('"').map_or("", |(_, rest)| rest);
    }
    words(rest).filter_map(table).for_each(&mut note);
    found
}

/// Whatever could be a table's name.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')
}

fn table(word: &str) -> Option<Table> {
    use RecordType::{Commitment, HousingOption, HousingScheme, Need, Offer, Partner, School, SchoolBoard};
    Some(match word {
        "school" => Table::Of(School),
        "school_board" => Table::Of(SchoolBoard),
        "partner" => Table::Of(Partner),
        "need" | "need_theme" | "need_theme_source" => Table::Of(Need),
        "offer" | "offer_municipality" | "offer_region" => Table::Of(Offer),
        "commitment" | "commitment_step" => Table::Of(Commitment),
        "housing_option" => Table::Of(HousingOption),
        "housing_scheme" => Table::Of(HousingScheme),
        "offer_reach" | "offer_reach_source" | "offer_place" => Table::Reach,
        _ if word.starts_with("search_") => Table::OfAll,
        "municipality" | "region" | "region_shortage" | "theme" | "theme_bit" | "support_kind" | "initiative"
        | "initiative_partner" | "initiative_school" | "education_system" | "education_element" => Table::Reference,
        "source" | "checkpoint" | "claim" | "refusal" | "sync_run" | "stream_shape" | "change" | "journal_head"
        | "store_state" | "idempotency_key" | "audit_entry" | "audit_retention" | "webhook_endpoint"
        | "webhook_secret" | "webhook_delivery" | "webhook_attempt" | "source_grant" | "subgraph" => Table::Untold,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::beside::NAMED;

    fn depends(sql: &str, scope: &Scope) -> Option<Vec<Tag>> {
        let notes = Notes::default();
        notes.statement(sql, scope);
        notes.depends().map(|depends| depends.tags.to_vec())
    }

    #[test]
    fn a_statement_is_depended_on_by_every_table_that_stands_in_it() {
        let sql = r#"SELECT "need".* FROM "need" WHERE "need"."id" IN (SELECT "need_id" FROM "commitment")"#;
        let types = [Tag::Type(RecordType::Need), Tag::Type(RecordType::Commitment)];
        assert_eq!(depends(sql, &Scope::All).unwrap(), types);
        let school = Owner::School(Uuid::nil());
        let below = types.map(|tag| match tag {
            Tag::Type(record_type) => Tag::Below(record_type, school.clone()),
            tag => tag,
        });
        assert_eq!(depends(sql, &Scope::Below(vec![school])).unwrap(), below);
        let scope = Scope::Records(RecordType::Need, vec![Uuid::nil()]);
        let expected = [Tag::Type(RecordType::Commitment), Tag::Record(RecordType::Need, Uuid::nil())];
        assert_eq!(depends(sql, &scope).unwrap(), expected);
    }

    #[test]
    fn a_table_that_is_read_by_the_keys_of_rows_is_depended_on_by_the_rows_that_were_found() {
        let join = |table: &str| format!(r#"LEFT JOIN "{table}" AS "{NAMED}{table}" ON "{NAMED}{table}"."id" = 1"#);
        let page = r#"SELECT * FROM (SELECT * FROM "need") AS "list" "#;
        let need = [Tag::Type(RecordType::Need)];
        assert_eq!(depends(&format!("{page} {}", join("partner")), &Scope::All).unwrap(), need);
        let twice = format!(r#"{page} {} WHERE 1 IN (SELECT 1 FROM "partner")"#, join("partner"));
        assert_eq!(depends(&twice, &Scope::All).unwrap().len(), 2);
        let notes = Notes::default();
        notes.statement(&format!("{page} {}", join("municipality")), &Scope::All);
        assert!(notes.depends().unwrap().on_reference);
        assert_eq!(depends(&format!("{page} {}", join("refusal")), &Scope::All), None);
        assert!(AS_NAMED.ends_with(NAMED));
    }

    #[test]
    fn what_nobody_tells_the_changes_of_is_not_kept() {
        assert_eq!(depends(r#"SELECT 1 FROM "need", "refusal""#, &Scope::All), None);
        assert_eq!(depends(r#"SELECT 1 FROM "something_new""#, &Scope::All), None);
        let search = depends(r#"SELECT 1 FROM "search_document""#, &Scope::All).unwrap();
        assert_eq!(search.len(), RecordType::ALL.len());
    }

    /// A table that is added without a thought of it would be read by answers that nothing drops.
    #[tokio::test]
    async fn every_table_of_the_store_is_known() {
        use migration::MigratorTrait;
        use sea_orm::{ConnectionTrait, Statement};
        let db = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
        migration::Migrator::up(&db, None).await.unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')";
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
        assert!(rows.len() > 30);
        for row in rows {
            let name: String = row.try_get("", "name").unwrap();
            let is_of_the_database = name.starts_with("sqlite_") || name.starts_with("seaql_");
            assert!(is_of_the_database || table(&name).is_some(), "{name}: say what changes it in `table`");
        }
    }
}
