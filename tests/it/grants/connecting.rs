//! How somebody lets the hub in, and what else comes to the address that they come back to.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use connectors::oauth::{Connecting, Disconnected, connect, disconnect};
use connectors::sandbox::{Fault, System, Target};
use connectors::settings::OAuthSettings;
use connectors::sync::RunOptions;
use connectors::{ErrorKind, SourceSettings};
use entity::claim;
use entity::vocabulary::SyncStatus;
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tests::store::Backend;
use url::Url;

use super::{PATIENCE, World, come_back, decide, must_contain};

/// An address with one parameter of its query changed.
fn with(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    changed.query_pairs_mut().clear();
    for (key, old) in url.query_pairs() {
        let value = if key == name { value } else { &old };
        changed.query_pairs_mut().append_pair(&key, value);
    }
    changed
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn somebody_lets_the_hub_in_and_it_reads_until_that_is_taken_back(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::open(backend).await? else { return Ok(()) };
    let report = world.sync().await?;
    ensure!(report.status == SyncStatus::Failed, "nobody has let it in");
    must_contain(&report.error.unwrap_or_default(), &["is not connected: run `hub connect housing`"])?;

    world.connect().await?;
    let grant = world.grant().await?;
    ensure!(grant.connected_by == "somebody" && grant.scopes.as_deref() == Some("WRV.Publicaties.Read"), "{grant:?}");
    let report = world.sync().await?;
    ensure!(report.status == SyncStatus::Succeeded && report.tally.created > 0, "{report:?}");

    let outcome = disconnect(&world.grants(), &world.source.id, world.oauth(), world.clock.clone()).await?;
    ensure!(matches!(outcome, Disconnected::Revoked), "{outcome:?}");
    ensure!(world.hub.sandbox.refreshes().revoked == 1);
    ensure!(world.grant().await.is_err(), "it is kept");
    let report = world.sync().await?;
    ensure!(report.status == SyncStatus::Failed && report.tally.deleted == 0, "{report:?}");
    let outcome = disconnect(&world.grants(), &world.source.id, world.oauth(), world.clock.clone()).await?;
    ensure!(matches!(outcome, Disconnected::WasNot), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn the_store_holds_no_token_that_somebody_could_read() -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite).await? else { return Ok(()) };
    let granted = world.let_in("allow").await?;
    connect(&world.grants(), &world.source.id, &granted, "somebody").await?;
    let path = world.hub.store.url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc").to_owned();
    let (refresh, access) = (granted.refresh.context("a refresh token")?, granted.token);
    for file in [path.clone(), format!("{path}-wal")] {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        for token in [&refresh, &access] {
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            ensure!(!found, "a token lies open in {file}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_denied_forged_or_of_another_issuer_is_refused_and_exchanges_nothing() -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite).await? else { return Ok(()) };
    let error = world.let_in("deny").await.err().context("it was let in")?;
    must_contain(&error.to_string(), &["denied at the system (access_denied)"])?;

    // Another issuer's answer, as one that plays between would bring it.
    let connecting = Connecting::begin(world.oauth()).await?;
    let url = connecting.url().clone();
    let visit = async move { come_back(&with(&decide(&url, "allow").await?, "iss", "https://evil.example")).await };
    let (granted, visited) = tokio::join!(connecting.finish(PATIENCE), visit);
    visited?;
    must_contain(&granted.err().context("it was let in")?.to_string(), &["another issuer", "(iss)"])?;

    // With another state it is nobody's answer: it is turned away, and the right one still comes.
    let connecting = Connecting::begin(world.oauth()).await?;
    let url = connecting.url().clone();
    let visit = async move {
        let back = decide(&url, "allow").await?;
        let forged = with(&back, "state", "another");
        let statuses = (come_back(&forged).await?, come_back(&back).await?);
        ensure!(statuses == (400, 200), "{statuses:?}");
        Ok(())
    };
    let (granted, visited) = tokio::join!(connecting.finish(PATIENCE), visit);
    visited?;
    granted?;

    // And where only that comes, the end of waiting says so.
    let connecting = Connecting::begin(world.oauth()).await?;
    let url = connecting.url().clone();
    let visit = async move { come_back(&with(&decide(&url, "allow").await?, "state", "another")).await };
    let (granted, visited) = tokio::join!(connecting.finish(Duration::from_secs(2)), visit);
    ensure!(visited? == 400);
    let error = granted.err().context("it was let in")?;
    ensure!(error.kind() == ErrorKind::Timeout, "{error}");
    must_contain(&error.to_string(), &["nobody came back within 2 s", "with another state"])?;

    // A code is for whoever began: another's proof does not do.
    let [one, other] = [Connecting::begin(world.oauth()).await?, Connecting::begin(world.oauth()).await?];
    let [url, state] = [one.url().clone(), other.url().clone()];
    let state = state.query_pairs().find(|(name, _)| name == "state").context("a state")?.1.into_owned();
    let port = other.url().query_pairs().find(|(name, _)| name == "redirect_uri").context("an address")?.1.into_owned();
    let visit = async move {
        let back = with(&decide(&url, "allow").await?, "state", &state);
        let mut elsewhere: Url = port.parse()?;
        elsewhere.set_query(back.query());
        come_back(&elsewhere).await
    };
    let (granted, visited) = tokio::join!(other.finish(PATIENCE), visit);
    visited?;
    must_contain(&granted.err().context("it was let in")?.to_string(), &["refused a code: invalid_grant"])?;
    drop(one);
    ensure!(world.grant().await.is_err(), "something is kept");
    Ok(())
}

#[tokio::test]
async fn where_the_system_does_not_say_where_to_go_or_the_port_is_taken_nothing_begins() -> Result<()> {
    let Some(world) = World::open(Backend::Sqlite).await? else { return Ok(()) };
    let oauth = world.oauth();
    let begin = async |oauth: OAuthSettings| match Connecting::begin(&oauth).await {
        Ok(_) => anyhow::bail!("it begins"),
        Err(error) => Ok(error.to_string()),
    };
    let nowhere = format!("{}/nowhere", world.hub.sandbox.base_url());
    let error = begin(OAuthSettings { issuer: Some(nowhere.parse()?), ..oauth.clone() }).await?;
    must_contain(&error, &["404"])?;
    let error = begin(OAuthSettings { issuer: None, ..oauth.clone() }).await?;
    must_contain(&error, &["set oauth.authorization_url, or oauth.issuer"])?;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = taken.local_addr()?.port();
    let error = begin(OAuthSettings { redirect_port: Some(port), ..oauth.clone() }).await?;
    must_contain(&error, &[&port.to_string(), "choose another oauth.redirect_port"])?;
    // Written out, nothing needs to be found.
    let written = OAuthSettings {
        authorization_url: Some(world.hub.sandbox.authorization_url().parse()?),
        revocation_url: Some(world.hub.sandbox.revocation_url().parse()?),
        ..oauth.clone()
    };
    Connecting::begin(&written).await?;
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_source_that_is_disconnected_while_it_is_read_stops_and_loses_nothing(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    world.sync().await?;
    let live = async || {
        let claims = claim::Entity::find().filter(claim::Column::SourceId.eq("housing"));
        claims.filter(claim::Column::DeletedAt.is_null()).count(&world.hub.store.db).await
    };
    let before = live().await?;
    // One page is answered, and the next comes late: by then it has been disconnected.
    world.hub.sandbox.fail(Fault::Slow { millis: 1_500 }.always().at(System::Housing).after(1));
    let asked = world.hub.sandbox.counters().housing.requests;
    let engine = world.engine(world.grants())?;
    let source: Arc<SourceSettings> = Arc::new(world.source.clone());
    let options = RunOptions { full: true, ..RunOptions::default() };
    let running = tokio::spawn(async move { engine.run(&source, &options).await });
    while world.hub.sandbox.counters().housing.requests < asked + 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let outcome = disconnect(&world.grants(), &world.source.id, world.oauth(), world.clock.clone()).await?;
    ensure!(matches!(outcome, Disconnected::Revoked), "{outcome:?}");
    let report = running.await??;
    ensure!(report.status == SyncStatus::Failed, "{report:?}");
    must_contain(&report.error.unwrap_or_default(), &["is not connected"])?;
    ensure!(live().await? == before, "something was deleted");
    Ok(())
}

#[tokio::test]
async fn what_is_refreshed_while_it_is_disconnected_is_not_left_behind() -> Result<()> {
    let Some(world) = World::connected(Backend::Sqlite).await? else { return Ok(()) };
    world.expire();
    world.hub.sandbox.fail(Fault::Slow { millis: 800 }.times(1).at(Target::Token));
    let tokens = world.tokens(&world.grants(), Vec::new())?;
    let refreshing = tokio::spawn(async move { tokens.token().await });
    while world.grant().await?.lease_holder.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let outcome = disconnect(&world.grants(), &world.source.id, world.oauth(), world.clock.clone()).await?;
    ensure!(matches!(outcome, Disconnected::Revoked), "{outcome:?}");
    let error = refreshing.await?.expect_err("it is disconnected");
    ensure!(error.kind() == ErrorKind::Reauthorise, "{error}");
    ensure!(world.grant().await.is_err(), "it is connected again");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_revoked_is_forgotten_all_the_same() -> Result<()> {
    let Some(world) = World::connected(Backend::Sqlite).await? else { return Ok(()) };
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let down =
        OAuthSettings { revocation_url: Some(format!("http://{nobody}/revoke").parse()?), ..world.oauth().clone() };
    let outcome = disconnect(&world.grants(), &world.source.id, &down, world.clock.clone()).await?;
    let Disconnected::NotRevoked(Some(error)) = outcome else { anyhow::bail!("{outcome:?}") };
    ensure!(error.kind() == ErrorKind::TokenEndpointDown, "{error}");
    ensure!(world.grant().await.is_err(), "it is kept");
    Ok(())
}
