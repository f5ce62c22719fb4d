//! The journal: the one way to write a record. Whatever is saved through it stands in the change feed, in the same
//! transaction, or not at all.
//!
//! Sequence numbers are given out at the end of the transaction, under the lock of the one row of `journal_head`. Who
//! holds that lock commits before the next one gets a number, so numbers appear in their order and an entry never
//! turns up behind one that a follower has read already, however many writers there are.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Iden, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, ExprTrait, IntoActiveModel, Iterable, QueryFilter, TransactionTrait,
};
use uuid::Uuid;

use crate::vocabulary::{ChangeAction, RecordType};
use crate::{
    change, commitment, housing_option, housing_scheme, journal_head, need, offer, partner, school, school_board,
};

/// Bound values in one statement: SQLite takes 32,766, PostgreSQL 65,535.
const MOST_VALUES: usize = 30_000;

/// The channel on which PostgreSQL tells other processes that changes were committed. It says only that, not which: who
/// hears it looks at the journal's head.
pub const CHANNEL: &str = "hub_journal";

/// The key of every record's table.
const ID: &str = "id";

/// What a change entry says of a record beside its id: whom it concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// The school whose card shows the record.
    pub school_id: Option<Uuid>,
    /// The municipality it belongs to.
    pub municipality_code: Option<String>,
    /// The partner it belongs to.
    pub partner_id: Option<Uuid>,
    /// The need below which it is listed. Of a commitment to a school in general the nil UUID, which tells it from a
    /// change that an older release wrote.
    pub need_id: Option<Uuid>,
}

/// A record: a row that the change feed tells of.
pub trait Record: sea_orm::ModelTrait<Entity = Self::Table> + IntoActiveModel<Self::Active> + Send {
    /// The record's table.
    type Table: EntityTrait<Model = Self>;
    /// The row as it is written.
    type Active: ActiveModelTrait<Entity = Self::Table> + Send;
    /// Its type in the change feed.
    const TYPE: RecordType;

    /// Its identity.
    fn id(&self) -> Uuid;
    /// The source whose word counts.
    fn source_id(&self) -> &str;
    /// Whether it is gone.
    fn is_deleted(&self) -> bool;
    /// Whom it concerns.
    fn concern(&self) -> Concern;
    /// Whether anybody may see it, as it stands.
    fn is_public(&self) -> bool;
}

macro_rules! record {
    ($module:ident, $type:ident, |$row:ident| $concern:expr, public: |$shown:ident| $public:expr) => {
        impl Record for $module::Model {
            type Table = $module::Entity;
            type Active = $module::ActiveModel;
            const TYPE: RecordType = RecordType::$type;

            fn id(&self) -> Uuid {
                self.id
            }

            fn source_id(&self) -> &str {
                &self.source_id
            }

            fn is_deleted(&self) -> bool {
                self.deleted_at.is_some()
            }

            fn concern(&self) -> Concern {
                let $row = self;
                $concern
            }

            fn is_public(&self) -> bool {
                let $shown = self;
                !self.is_deleted() && $public
            }
        }
    };
}

record!(
    school,
    School,
    |row| Concern {
        school_id: Some(row.id),
        municipality_code: row.municipality_code.clone(),
        ..Concern::default()
    },
    public: |_row| true
);
record!(school_board, SchoolBoard, |_row| Concern::default(), public: |_row| true);
record!(partner, Partner, |row| Concern { partner_id: Some(row.id), ..Concern::default() }, public: |_row| true);
record!(
    need,
    Need,
    |row| Concern { school_id: Some(row.school_id), ..Concern::default() },
    public: |row| row.status.is_public()
);
record!(
    offer,
    Offer,
    |row| Concern { partner_id: Some(row.partner_id), ..Concern::default() },
    public: |row| row.status.is_public()
);
record!(
    commitment,
    Commitment,
    |row| Concern {
        school_id: Some(row.school_id),
        partner_id: Some(row.partner_id),
        need_id: Some(row.need_id.unwrap_or_default()),
        ..Concern::default()
    },
    public: |row| row.status.is_public()
);
record!(
    housing_option,
    HousingOption,
    |row| Concern {
        municipality_code: Some(row.municipality_code.clone()),
        partner_id: row.provider_id,
        ..Concern::default()
    },
    public: |row| row.status.is_public()
);
record!(
    housing_scheme,
    HousingScheme,
    |row| Concern {
        municipality_code: Some(row.municipality_code.clone()),
        ..Concern::default()
    },
    public: |_row| true
);

/// A transaction that writes records. Dropped without [`Journal::commit`], it leaves nothing behind.
pub struct Journal {
    transaction: DatabaseTransaction,
    at: DateTime<Utc>,
    changes: Vec<change::Model>,
}

impl Journal {
    /// Opens a transaction whose changes are dated `at`.
    ///
    /// # Errors
    /// When the database cannot be reached, or stays locked for longer than its busy timeout.
    pub async fn begin(db: &DatabaseConnection, at: DateTime<Utc>) -> Result<Self, DbErr> {
        let transaction = db.begin().await?;
        if transaction.get_database_backend() == DbBackend::Sqlite {
            // SQLite has one writer. Asking for the lock before the first read means waiting for it, where asking
            // after a read would fail at once if somebody else wrote in between.
            lock_head(&transaction, 0).await?;
        }
        Ok(Self { transaction, at, changes: Vec::new() })
    }

    /// The open transaction, for reads and for what is no record (claims, checkpoints, joins).
    #[must_use]
    pub fn connection(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// The instant its changes are dated.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Writes rows, new or changed, as they are given, and notes what happened to each.
    ///
    /// # Errors
    /// When the database refuses a row.
    pub async fn save<R: Record>(&mut self, rows: Vec<(ChangeAction, R)>) -> Result<(), DbErr> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = <R::Table as EntityTrait>::Column::iter().count();
        for (action, row) in &rows {
            let concern = row.concern();
            self.changes.push(change::Model {
                sequence: 0,
                at: self.at,
                action: *action,
                record_type: R::TYPE,
                record_id: row.id(),
                source_id: Some(row.source_id().to_owned()),
                school_id: concern.school_id,
                municipality_code: concern.municipality_code,
                partner_id: concern.partner_id,
                need_id: concern.need_id,
                is_public: row.is_public(),
            });
        }
        let mut rows = rows.into_iter().map(|(_, row)| row.into_active_model());
        loop {
            let batch: Vec<_> = rows.by_ref().take(MOST_VALUES / columns).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let others = <R::Table as EntityTrait>::Column::iter().filter(|column| column.unquoted() != ID);
            R::Table::insert_many(batch)
                .on_conflict(OnConflict::column(ID).update_columns(others).to_owned())
                .exec_without_returning(&self.transaction)
                .await?;
        }
    }

    /// How many changes have been noted so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether no change has been noted so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Gives the changes their places in the order, writes them and commits. Returns what was journaled.
    ///
    /// # Errors
    /// When the database refuses; nothing is written then.
    pub async fn commit(mut self) -> Result<Vec<change::Model>, DbErr> {
        let count = i64::try_from(self.changes.len()).unwrap_or(i64::MAX);
        if count > 0 {
            let of_offers = self.changes.iter().any(|change| change.record_type == RecordType::Offer);
            if of_offers && self.transaction.get_database_backend() == DbBackend::Postgres {
                // What is made of offers at the commit is made here, before the lock for which all writers wait.
                self.transaction.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await?;
            }
            let last = lock_head(&self.transaction, count).await?;
            for (sequence, change) in (last - count + 1..).zip(&mut self.changes) {
                change.sequence = sequence;
            }
            let columns = change::Column::iter().count();
            for batch in self.changes.chunks(MOST_VALUES / columns) {
                let rows = batch.iter().cloned().map(IntoActiveModel::into_active_model);
                change::Entity::insert_many(rows).exec_without_returning(&self.transaction).await?;
            }
            if self.transaction.get_database_backend() == DbBackend::Postgres {
                // Sent with the commit, or not at all.
                self.transaction.execute_unprepared(&format!("NOTIFY {CHANNEL}")).await?;
            }
        }
        self.transaction.commit().await?;
        Ok(self.changes)
    }
}

/// Takes the lock of the journal's head, moves it on by `count`, and returns where it then stands.
async fn lock_head(transaction: &DatabaseTransaction, count: i64) -> Result<i64, DbErr> {
    let heads = journal_head::Entity::update_many()
        .col_expr(journal_head::Column::Sequence, Expr::col(journal_head::Column::Sequence).add(count))
        .filter(journal_head::Column::Id.eq(1))
        .exec_with_returning(transaction)
        .await?;
    heads
        .first()
        .map(|head| head.sequence)
        .ok_or_else(|| DbErr::RecordNotFound("journal_head: its one row is missing; run `hub migrate up`".to_owned()))
}
