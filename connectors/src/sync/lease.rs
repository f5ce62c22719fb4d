//! Leases: one worker at a time runs a source, and one that lost its lease writes nothing more.
//!
//! A lease is a conditional update of the source's row. Taking it moves the row's fence on by one; every page's
//! transaction renews the lease under that number first, and finds no row where another worker has taken over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::source;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter};

use crate::error::{Error, ErrorKind, Result};

/// The right to write for a source, until it ends or is given back.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    source_id: String,
    fence: i64,
    length: Duration,
    /// Runs of the source that failed since one did not.
    pub(crate) failures: u32,
}

impl Lease {
    /// Takes the source's lease; `None` where another worker has it.
    pub(crate) async fn take(
        db: &impl ConnectionTrait,
        source_id: &str,
        owner: &str,
        now: DateTime<Utc>,
        length: Duration,
    ) -> Result<Option<Self>, DbErr> {
        let taken = source::Entity::update_many()
            .col_expr(source::Column::LeaseOwner, Expr::value(owner))
            .col_expr(source::Column::LeaseUntil, Expr::value(now + length))
            .col_expr(source::Column::Fence, Expr::col(source::Column::Fence).add(1))
            .filter(source::Column::Id.eq(source_id))
            .filter(source::Column::LeaseUntil.is_null().or(source::Column::LeaseUntil.lt(now)))
            .exec(db)
            .await?;
        if taken.rows_affected == 0 {
            return Ok(None);
        }
        // Asked for apart, and not with RETURNING: SQLite takes the name of a column that another connection has added
        // since this one looked at the schema for a text, and would return nonsense.
        let row = source::Entity::find_by_id(source_id).filter(source::Column::LeaseOwner.eq(owner)).one(db).await?;
        Ok(row.map(|row| Self {
            source_id: source_id.to_owned(),
            fence: row.fence,
            length,
            failures: u32::try_from(row.failures).unwrap_or(0),
        }))
    }

    /// Prolongs the lease, as part of what `db` is about to commit.
    ///
    /// # Errors
    /// [`ErrorKind::LeaseLost`] where another worker has taken over.
    pub(crate) async fn renew(&self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<()> {
        let renewed = source::Entity::update_many()
            .col_expr(source::Column::LeaseUntil, Expr::value(now + self.length))
            .filter(source::Column::Id.eq(&self.source_id))
            .filter(source::Column::Fence.eq(self.fence))
            .exec(db)
            .await?;
        if renewed.rows_affected == 1 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::LeaseLost, "another worker has taken this source over; this run stops"))
    }

    /// Prolongs the lease where half of it is over: for stretches in which nothing else is written.
    ///
    /// # Errors
    /// As [`Lease::renew`].
    pub(crate) async fn renew_when_half_over(&self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<()> {
        let half_over = source::Entity::find_by_id(&self.source_id)
            .filter(source::Column::Fence.eq(self.fence))
            .filter(source::Column::LeaseUntil.gte(now + self.length / 2))
            .one(db)
            .await?
            .is_none();
        if half_over { self.renew(db, now).await } else { Ok(()) }
    }

    /// Gives the lease back. Nothing happens where another worker has taken over.
    pub(crate) async fn release(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        source::Entity::update_many()
            .col_expr(source::Column::LeaseOwner, Expr::value(None::<String>))
            .col_expr(source::Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .filter(source::Column::Id.eq(&self.source_id))
            .filter(source::Column::Fence.eq(self.fence))
            .exec(db)
            .await?;
        Ok(())
    }
}
