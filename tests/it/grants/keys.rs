//! The key that everything is sealed with: changed, and lost.

use std::sync::Arc;

use anyhow::{Result, ensure};
use connectors::ErrorKind;
use connectors::oauth::{Disconnected, Grants, disconnect};
use connectors::sandbox::RefreshRules;
use rstest::rstest;
use tests::store::Backend;

use super::{World, must_contain, vault};

impl World {
    /// What lets it in, in the hands of a process with these keys.
    fn grants_under(&self, key: u8, before: Option<u8>) -> Grants {
        Grants::new(self.hub.store.db.clone(), Arc::new(vault(key, before)), self.clock.clone())
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_new_key_takes_over_while_tokens_are_refreshed(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    world.hub.sandbox.treat_refresh_tokens(RefreshRules { grace: std::time::Duration::ZERO, ..Default::default() });
    let both = world.grants_under(8, Some(7));
    world.tokens(&both, Vec::new())?.token().await?;
    world.expire();
    world.tokens(&both, Vec::new())?.token().await?;
    // The last token is under the new key by now, and the one before it still under the old.
    let refreshing = world.tokens(&both, Vec::new())?;
    world.expire();
    let (resealed, refreshed) = tokio::join!(both.reseal(), refreshing.token());
    refreshed?;
    let resealed = resealed?;
    ensure!(resealed.current == 1 && resealed.lost.is_empty(), "{resealed:?}");
    // What is left of the one before it goes with the next refresh, or with another look.
    both.reseal().await?;
    world.expire();
    world.tokens(&world.grants_under(8, None), Vec::new())?.token().await?;
    ensure!(world.hub.sandbox.refreshes().stolen == 0);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_lost_key_is_said_and_mended_by_connecting_again(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    let asked = world.hub.sandbox.refreshes();
    let other = world.grants_under(9, None);
    for expired in [false, true] {
        if expired {
            world.expire();
        }
        let error = world.tokens(&other, Vec::new())?.token().await.expect_err("it cannot be opened");
        ensure!(error.kind() == ErrorKind::Configuration, "{error}");
        must_contain(
            &error.to_string(),
            &[
                "`housing`",
                "neither the current nor the previous",
                "grants.previous_encryption_key",
                "hub connect housing",
            ],
        )?;
    }
    ensure!(world.hub.sandbox.refreshes() == asked, "it asked with what it could not read");
    let resealed = other.reseal().await?;
    ensure!(resealed.current == 0 && resealed.lost == ["housing"], "{resealed:?}");
    let grant = world.grant().await?;
    ensure!(grant.lease_holder.is_none(), "{grant:?}");
    // Under its own key nothing has happened to it.
    world.tokens(&world.grants(), Vec::new())?.token().await?;

    let granted = world.let_in("allow").await?;
    connectors::oauth::connect(&other, &world.source.id, &granted, "somebody").await?;
    world.tokens(&other, Vec::new())?.token().await?;
    // What cannot be opened can still be forgotten.
    let outcome = disconnect(&world.grants(), &world.source.id, world.oauth(), world.clock.clone()).await?;
    ensure!(matches!(outcome, Disconnected::NotRevoked(Some(_))), "{outcome:?}");
    ensure!(world.grant().await.is_err());
    Ok(())
}

#[tokio::test]
async fn what_is_sealed_for_one_source_or_purpose_is_no_others() -> Result<()> {
    use entity::source_grant::{Column, Entity};
    use sea_orm::EntityTrait;
    use sea_orm::sea_query::Expr;
    let Some(world) = World::connected(Backend::Sqlite).await? else { return Ok(()) };
    world.expire();
    // Somebody who can write to the store puts the access token where the refresh token is.
    let access = world.grant().await?.access_token;
    Entity::update_many().col_expr(Column::RefreshToken, Expr::value(access)).exec(&world.hub.store.db).await?;
    let error = world.tokens(&world.grants(), Vec::new())?.token().await.expect_err("it was exchanged");
    must_contain(&error.to_string(), &["tampered with"])?;
    Ok(())
}
