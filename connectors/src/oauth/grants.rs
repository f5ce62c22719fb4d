//! Where grants are kept: a row for each source, its tokens sealed. Whoever refreshes takes the row's lease first and
//! writes under it, and every write says which version it has seen: of many workers one refreshes, and one whose lease
//! has ended writes nothing.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use entity::source_grant::{self, Column, GrantState};
use entity::{Clock, source};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, IntoActiveModel, QueryFilter, TransactionTrait, UpdateMany,
};
use uuid::Uuid;

use super::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{Vault, VaultError};

/// Who takes a grant's lease refreshes within this time, or another may: as long as two requests to a token endpoint may
/// take, and the writes.
const LEASE: Duration = Duration::from_secs(30);

/// The grants of all sources. Cheap to clone.
#[derive(Clone)]
pub struct Grants {
    db: DatabaseConnection,
    vault: Arc<Vault>,
    clock: Clock,
}

/// A grant whose lease was taken: what it held then.
#[derive(Clone)]
pub(super) struct Held {
    row: source_grant::Model,
    holder: Uuid,
}

/// Tokens that somebody's word gave.
pub(super) struct Given<'a> {
    pub(super) access: &'a str,
    pub(super) renew_at: DateTime<Utc>,
    pub(super) refresh: &'a str,
    pub(super) scopes: Option<String>,
}

/// What came of sealing anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// How many are sealed under the current key by now.
    pub current: usize,
    /// Sources whose grants can be opened under neither key: they must be connected again.
    pub lost: Vec<String>,
}

impl Grants {
    /// Those in this store, sealed with this vault.
    #[must_use]
    pub fn new(db: DatabaseConnection, vault: Arc<Vault>, clock: Clock) -> Self {
        Self { db, vault, clock }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The grant of a source. `None`: it is not connected.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn find(&self, source_id: &str) -> Result<Option<source_grant::Model>> {
        Ok(source_grant::Entity::find_by_id(source_id).one(&self.db).await?)
    }

    /// The access token that was given last.
    pub(super) fn access(&self, row: &source_grant::Model) -> Result<Option<Token>> {
        let (Some(sealed), Some(renew_at)) = (&row.access_token, row.renew_at) else { return Ok(None) };
        let secret = self.open(&row.source_id, Part::Access, sealed)?;
        Ok(Some(Token { secret: secret.into(), renew_at }))
    }

    /// The refresh tokens to try, the last one first.
    pub(super) fn refresh_tokens(&self, row: &source_grant::Model) -> Result<Vec<String>> {
        let sealed = [Some(&row.refresh_token), row.previous_refresh_token.as_ref()];
        sealed.into_iter().flatten().map(|sealed| self.open(&row.source_id, Part::Refresh, sealed)).collect()
    }

    /// Writes that somebody has let the hub in, in place of whoever did before, and that its source is due.
    pub(super) async fn connect(&self, source_id: &str, given: &Given<'_>, by: &str) -> Result<()> {
        let now = self.clock.now();
        let row = source_grant::Model {
            source_id: source_id.to_owned(),
            state: GrantState::Connected,
            refresh_token: self.seal(source_id, Part::Refresh, given.refresh)?,
            previous_refresh_token: None,
            access_token: Some(self.seal(source_id, Part::Access, given.access)?),
            renew_at: Some(given.renew_at),
            version: 1,
            lease_holder: None,
            lease_until: None,
            scopes: given.scopes.clone(),
            connected_by: by.to_owned(),
            connected_at: now,
            refreshed_at: now,
        };
        let mut conflict = OnConflict::column(Column::SourceId);
        // Whoever refreshes the grant before it has seen another version.
        conflict.value(Column::Version, Expr::col((source_grant::Entity, Column::Version)).add(1)).update_columns([
            Column::State,
            Column::RefreshToken,
            Column::PreviousRefreshToken,
            Column::AccessToken,
            Column::RenewAt,
            Column::LeaseHolder,
            Column::LeaseUntil,
            Column::Scopes,
            Column::ConnectedBy,
            Column::ConnectedAt,
            Column::RefreshedAt,
        ]);
        let transaction = self.db.begin().await?;
        source_grant::Entity::insert(row.into_active_model())
            .on_conflict(conflict)
            .exec_without_returning(&transaction)
            .await?;
        source::Entity::update_many()
            .col_expr(source::Column::NextRunAt, Expr::value(None::<DateTime<Utc>>))
            .col_expr(source::Column::Failures, Expr::value(0))
            .filter(source::Column::Id.eq(source_id))
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Takes the lease of a grant as it was seen. `None` where somebody has it, or has written meanwhile.
    pub(super) async fn take(&self, row: &source_grant::Model) -> Result<Option<Held>> {
        let (now, holder) = (self.clock.now(), Uuid::now_v7());
        let taken = seen(row)
            .col_expr(Column::LeaseHolder, Expr::value(holder))
            .col_expr(Column::LeaseUntil, Expr::value(now + LEASE))
            .filter(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now)))
            .exec(&self.db)
            .await?;
        Ok((taken.rows_affected == 1).then(|| Held { row: row.clone(), holder }))
    }

    /// Writes what a refresh gave, and gives the lease back. `false` where the lease is another's by now, or the source is
    /// no longer connected: then nothing is written.
    pub(super) async fn refreshed(&self, held: &Held, access: &Token, refresh: Option<&str>) -> Result<bool> {
        let source_id = &held.row.source_id;
        let mut update = held
            .write()
            .col_expr(Column::AccessToken, Expr::value(self.seal(source_id, Part::Access, &access.secret)?))
            .col_expr(Column::RenewAt, Expr::value(access.renew_at))
            .col_expr(Column::RefreshedAt, Expr::value(self.clock.now()));
        if let Some(refresh) = refresh {
            update = update
                .col_expr(Column::PreviousRefreshToken, Expr::value(held.row.refresh_token.clone()))
                .col_expr(Column::RefreshToken, Expr::value(self.seal(source_id, Part::Refresh, refresh)?));
        }
        Ok(update.exec(&self.db).await?.rows_affected == 1)
    }

    /// Writes that the system takes the grant no more, and gives the lease back.
    pub(super) async fn is_over(&self, held: &Held) -> Result<()> {
        held.write()
            .col_expr(Column::State, Expr::value(GrantState::Reauthorise))
            .col_expr(Column::AccessToken, Expr::value(None::<Vec<u8>>))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Gives the lease back, with everything as it was.
    pub(super) async fn release(&self, held: &Held) -> Result<()> {
        held.write().exec(&self.db).await?;
        Ok(())
    }

    /// Forgets a grant as it was seen. `false` where somebody has written meanwhile.
    pub(super) async fn forget(&self, row: &source_grant::Model) -> Result<bool> {
        let gone = source_grant::Entity::delete_many()
            .filter(Column::SourceId.eq(&row.source_id))
            .filter(Column::Version.eq(row.version))
            .exec(&self.db)
            .await?;
        Ok(gone.rows_affected == 1)
    }

    /// Seals everything under the current key.
    ///
    /// # Errors
    /// Where the store fails, or somebody is refreshing all the time.
    pub async fn reseal(&self) -> Result<Resealed> {
        let mut resealed = Resealed::default();
        for row in source_grant::Entity::find().all(&self.db).await? {
            match self.reseal_one(row).await {
                Ok(()) => resealed.current += 1,
                Err(Reseal::Lost(source_id)) => resealed.lost.push(source_id),
                Err(Reseal::Failed(error)) => return Err(error),
            }
        }
        Ok(resealed)
    }

    async fn reseal_one(&self, mut row: source_grant::Model) -> Result<(), Reseal> {
        /// So often it is looked for a moment in which nobody refreshes.
        const LOOKS: usize = 400;
        const PAUSE: Duration = Duration::from_millis(100);
        for _ in 0..LOOKS {
            let sealed = [Some(&row.refresh_token), row.previous_refresh_token.as_ref(), row.access_token.as_ref()];
            if sealed.into_iter().flatten().all(|sealed| self.vault.is_current(sealed)) {
                return Ok(());
            }
            let again = |part, sealed: &[u8]| {
                let opened = self.open(&row.source_id, part, sealed);
                opened.and_then(|opened| self.seal(&row.source_id, part, &opened))
            };
            let refresh = again(Part::Refresh, &row.refresh_token).map_err(|_| Reseal::Lost(row.source_id.clone()))?;
            // Without these it goes on all the same.
            let previous = row.previous_refresh_token.as_ref().and_then(|sealed| again(Part::Refresh, sealed).ok());
            let access = row.access_token.as_ref().and_then(|sealed| again(Part::Access, sealed).ok());
            if let Some(held) = self.take(&row).await.map_err(Reseal::Failed)? {
                let written = held
                    .write()
                    .col_expr(Column::RefreshToken, Expr::value(refresh))
                    .col_expr(Column::PreviousRefreshToken, Expr::value(previous))
                    .col_expr(Column::AccessToken, Expr::value(access))
                    .exec(&self.db)
                    .await;
                written.map_err(|error| Reseal::Failed(error.into()))?;
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
            match self.find(&row.source_id).await.map_err(Reseal::Failed)? {
                Some(now) => row = now,
                None => return Ok(()),
            }
        }
        let message = format!("source `{}` is being refreshed all the time: try again", row.source_id);
        Err(Reseal::Failed(Error::new(ErrorKind::Store, message)))
    }

    fn seal(&self, source_id: &str, part: Part, secret: &str) -> Result<Vec<u8>> {
        let sealed = self.vault.seal(&part.purpose(source_id), secret.as_bytes());
        sealed.map_err(|error| unopened(source_id, error))
    }

    fn open(&self, source_id: &str, part: Part, sealed: &[u8]) -> Result<String> {
        let opened = self.vault.open(&part.purpose(source_id), sealed);
        let opened = opened.and_then(|opened| String::from_utf8(opened).map_err(|_| VaultError::Broken));
        opened.map_err(|error| unopened(source_id, error))
    }
}

/// Why something could not be sealed anew.
enum Reseal {
    /// It can be opened under neither key.
    Lost(String),
    /// Something else.
    Failed(Error),
}

/// What is sealed of a grant. One cannot be put in another's place.
#[derive(Clone, Copy)]
enum Part {
    Refresh,
    Access,
}

impl Part {
    fn purpose(self, source_id: &str) -> Vec<u8> {
        let part = match self {
            Self::Refresh => "refresh",
            Self::Access => "access",
        };
        format!("source_grant/{part}/{source_id}").into_bytes()
    }
}

impl Held {
    /// A write under the lease, which gives it back.
    fn write(&self) -> UpdateMany<source_grant::Entity> {
        seen(&self.row)
            .filter(Column::LeaseHolder.eq(self.holder))
            .col_expr(Column::LeaseHolder, Expr::value(None::<Uuid>))
            .col_expr(Column::LeaseUntil, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
    }

    pub(super) fn row(&self) -> &source_grant::Model {
        &self.row
    }
}

/// A write to a grant as it was seen.
fn seen(row: &source_grant::Model) -> UpdateMany<source_grant::Entity> {
    source_grant::Entity::update_many()
        .filter(Column::SourceId.eq(&row.source_id))
        .filter(Column::Version.eq(row.version))
}

/// The operator's key is another one, or the store was tampered with.
fn unopened(source_id: &str, error: VaultError) -> Error {
    let advice = "set grants.previous_encryption_key to the key before";
    let message = format!(
        "the tokens of source `{source_id}` cannot be opened: {error}; {advice}, or run `hub connect {source_id}` again"
    );
    Error::new(ErrorKind::Configuration, message)
}
