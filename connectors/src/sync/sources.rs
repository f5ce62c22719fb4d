//! What configuration says of sources, in the store: so that whoever reads a record can tell where it came from.

use entity::source;
use futures::FutureExt;
use futures::future::BoxFuture;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use crate::error::Result;
use crate::settings::SourceSettings;
use crate::systems;

/// The hub itself, as the source of its reference records.
pub(crate) const HUB: &str = "hub";

/// The connector of those who write through the hub's interface: each organisation is a source of its own.
pub const INTERFACE: &str = "api";

/// Writes every configured source into the store, and switches off those that are no longer configured. What they told
/// stays.
///
/// # Errors
/// Where a source names a connector that does not exist, or the store fails.
pub fn register<'a>(db: &'a DatabaseConnection, sources: &'a [SourceSettings]) -> BoxFuture<'a, Result<()>> {
    register_all(db, sources).boxed()
}

async fn register_all(db: &DatabaseConnection, sources: &[SourceSettings]) -> Result<()> {
    let ids: Vec<&str> = sources.iter().map(|source| source.id.as_str()).chain([HUB]).collect();
    source::Entity::update_many()
        .col_expr(source::Column::Enabled, Expr::value(false))
        .filter(source::Column::Id.is_not_in(ids))
        .filter(source::Column::Connector.ne(INTERFACE))
        .filter(source::Column::Enabled.eq(true))
        .exec(db)
        .await?;
    for settings in sources {
        let kind = systems::kind(settings)?;
        let row = source::Model {
            id: settings.id.clone(),
            name: settings.display_name().to_owned(),
            connector: settings.connector.clone(),
            kind,
            priority: settings.priority,
            every_secs: i64::try_from(settings.every.as_secs()).unwrap_or(i64::MAX),
            fresh_for_secs: i64::try_from(settings.fresh_for.as_secs()).unwrap_or(i64::MAX),
            enabled: true,
            last_succeeded_at: None,
            last_status: None,
            next_run_at: None,
            lease_owner: None,
            lease_until: None,
            fence: 0,
            failures: 0,
        };
        write(db, row).await?;
    }
    Ok(())
}

/// Writes a source, leaving how it goes as it is.
pub(crate) async fn write(db: &impl ConnectionTrait, row: source::Model) -> Result<(), DbErr> {
    source::Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::column(source::Column::Id)
                .update_columns([
                    source::Column::Name,
                    source::Column::Connector,
                    source::Column::Kind,
                    source::Column::Priority,
                    source::Column::EverySecs,
                    source::Column::FreshForSecs,
                    source::Column::Enabled,
                ])
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}
