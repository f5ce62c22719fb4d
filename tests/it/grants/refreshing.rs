//! Refresh tokens that are good for once, and many who need what they give.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use connectors::sandbox::{Fault, RefreshRules, System, Target};
use connectors::sync::RunOptions;
use connectors::{ErrorKind, Observer};
use entity::source_grant::{self, GrantState};
use entity::vocabulary::SyncStatus;
use futures::future::join_all;
use rstest::rstest;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use tests::store::Backend;

use super::{World, must_contain, vault};

/// One that was used is never taken again.
const STRICT: RefreshRules = RefreshRules { rotate: true, grace: Duration::ZERO };

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_expiries_of_two_workers_with_eight_streams_cost_one_refresh_each(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    world.hub.sandbox.treat_refresh_tokens(STRICT);
    let mut workers = Vec::new();
    for _ in 0..2 {
        let grants = world.grants_on(&world.another_connection().await?);
        workers.push(world.tokens(&grants, Vec::new())?);
    }
    for round in 1..=1_000 {
        world.expire();
        let streams = workers.iter().flat_map(|worker| (0..8).map(|_| Arc::clone(worker)));
        let asked = streams.map(|tokens| tokio::spawn(async move { tokens.token().await.map(drop) }));
        for outcome in join_all(asked).await {
            outcome??;
        }
        let counted = world.hub.sandbox.refreshes();
        ensure!((counted.asked, counted.given, counted.stolen) == (round, round, 0), "{round}: {counted:?}");
    }
    ensure!(world.grant().await?.state == GrantState::Connected);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_token_that_a_system_refuses_is_refreshed_once_by_all_who_held_it(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    world.hub.sandbox.treat_refresh_tokens(STRICT);
    let workers = [world.tokens(&world.grants(), Vec::new())?, world.tokens(&world.grants(), Vec::new())?];
    let streams = || workers.iter().flat_map(|worker| (0..8).map(move |_| worker));
    let held = join_all(streams().map(async |tokens| tokens.token().await)).await;
    ensure!(world.hub.sandbox.refreshes().asked == 0, "what was given when it was connected is good for a while");
    let again = streams().zip(held).map(async |(tokens, held)| {
        tokens.forget(&held?).await;
        tokens.token().await.map(drop)
    });
    for outcome in join_all(again).await {
        outcome?;
    }
    ensure!(world.hub.sandbox.refreshes().asked == 1, "{:?}", world.hub.sandbox.refreshes());
    Ok(())
}

/// Dies as soon as a token has been given, before it is written.
struct Dies;

impl Observer for Dies {
    fn token_fetched(&self, _source_id: &str, failure: Option<ErrorKind>) {
        assert!(failure.is_some(), "it dies here");
    }
}

#[rstest]
#[tokio::test]
async fn a_crash_between_the_answer_and_the_write_is_survived_where_the_system_allows_for_it(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[values(true, false)] allows: bool,
) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    if !allows {
        world.hub.sandbox.treat_refresh_tokens(STRICT);
    }
    let before = world.grant().await?;
    world.expire();
    let dying = world.tokens(&world.grants(), vec![Arc::new(Dies)])?;
    ensure!(dying.token().await.is_err(), "it died");
    let after = world.grant().await?;
    ensure!(after.refresh_token == before.refresh_token && after.lease_holder.is_some(), "{after:?}");
    // What time does to a lease whose holder is gone.
    world.pass(31);
    let next = world.tokens(&world.grants(), Vec::new())?.token().await;
    let counted = world.hub.sandbox.refreshes();
    if allows {
        next?;
        ensure!((counted.asked, counted.again, counted.stolen) == (2, 1, 0), "{counted:?}");
        ensure!(world.sync().await?.status == SyncStatus::Succeeded);
    } else {
        let error = next.expect_err("it was taken for stolen");
        ensure!(error.kind() == ErrorKind::Reauthorise, "{error}");
        must_contain(&error.to_string(), &["REAUTHORISE", "run `hub connect housing`"])?;
        ensure!(world.grant().await?.state == GrantState::Reauthorise);
        // Nobody asks in vain after that, and somebody's word mends it.
        ensure!(world.sync().await?.status == SyncStatus::Failed);
        ensure!(world.hub.sandbox.refreshes() == counted, "it asked again");
        world.connect().await?;
        ensure!(world.sync().await?.status == SyncStatus::Succeeded);
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_rehearsal_refreshes_what_is_due(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    world.expire();
    let options = RunOptions { dry_run: true, ..RunOptions::default() };
    let report = world.engine(world.grants())?.run(&world.source, &options).await?;
    ensure!(report.status == SyncStatus::Succeeded && report.tally.created > 0, "{report:?}");
    ensure!(world.hub.sandbox.refreshes().given == 1);
    Ok(())
}

#[tokio::test]
async fn whoever_gives_up_waiting_loses_no_token() -> Result<()> {
    let Some(world) = World::connected(Backend::Sqlite).await? else { return Ok(()) };
    world.hub.sandbox.treat_refresh_tokens(STRICT);
    world.expire();
    world.hub.sandbox.fail(Fault::Slow { millis: 300 }.times(1).at(Target::Token));
    let tokens = world.tokens(&world.grants(), Vec::new())?;
    let waited = tokio::time::timeout(Duration::from_millis(100), tokens.token()).await;
    ensure!(waited.is_err(), "it was not slow");
    // The refresh goes on by itself, and whoever comes next waits for it.
    tokens.token().await?;
    let counted = world.hub.sandbox.refreshes();
    ensure!((counted.asked, counted.given) == (1, 1), "{counted:?}");
    Ok(())
}

#[tokio::test]
async fn the_token_before_is_tried_where_the_last_one_is_not_taken() -> Result<()> {
    let Some(world) = World::connected(Backend::Sqlite).await? else { return Ok(()) };
    world.expire();
    world.tokens(&world.grants(), Vec::new())?.token().await?;
    // As where a system gave a token that it has forgotten since.
    let forgotten = vault(7, None).seal(b"source_grant/refresh/housing", b"nobody-knows-it")?;
    let column = source_grant::Column::RefreshToken;
    source_grant::Entity::update_many().col_expr(column, Expr::value(forgotten)).exec(&world.hub.store.db).await?;
    world.expire();
    world.tokens(&world.grants(), Vec::new())?.token().await?;
    let counted = world.hub.sandbox.refreshes();
    ensure!((counted.asked, counted.given, counted.again) == (3, 2, 1), "{counted:?}");
    ensure!(world.sync().await?.status == SyncStatus::Succeeded);
    Ok(())
}

#[tokio::test]
async fn a_system_that_keeps_giving_the_same_refresh_token_is_refreshed_for_ever() -> Result<()> {
    let Some(world) = World::connected(Backend::Sqlite).await? else { return Ok(()) };
    world.hub.sandbox.treat_refresh_tokens(RefreshRules { rotate: false, ..STRICT });
    for round in 1..=3 {
        world.expire();
        world.tokens(&world.grants(), Vec::new())?.token().await?;
        ensure!(world.hub.sandbox.refreshes().given == round);
    }
    ensure!(world.grant().await?.previous_refresh_token.is_none());
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_token_endpoint_that_is_down_costs_nobody_their_grant(#[case] backend: Backend) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    world.expire();
    let sandbox = &world.hub.sandbox;
    let faults = [
        (Fault::Status { code: 503, retry_after: None }, ErrorKind::TokenEndpointDown),
        (Fault::Status { code: 429, retry_after: Some(1) }, ErrorKind::TokenEndpointDown),
        (Fault::HtmlPage, ErrorKind::TokenRefused),
        // It did its part, and its answer breaks off.
        (Fault::BrokenConnection, ErrorKind::TokenEndpointDown),
        (Fault::TruncatedJson, ErrorKind::TokenRefused),
        // That the client is not known says nothing of what somebody allowed.
        (Fault::Refused, ErrorKind::TokenRefused),
    ];
    for (fault, kind) in faults {
        sandbox.fail(fault.clone().times(1).at(Target::Token));
        let error = world.tokens(&world.grants(), Vec::new())?.token().await.expect_err("it is down");
        ensure!(error.kind() == kind, "{fault:?}: {error}");
        let grant = world.grant().await?;
        ensure!(grant.state == GrantState::Connected && grant.lease_holder.is_none(), "{fault:?}: {grant:?}");
    }
    world.tokens(&world.grants(), Vec::new())?.token().await?;
    ensure!(sandbox.refreshes().stolen == 0 && sandbox.refreshes().again > 0, "{:?}", sandbox.refreshes());
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_refresh_token_that_somebody_stole_and_used_ends_the_grant_and_health_says_what_to_do(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(world) = World::connected(backend).await? else { return Ok(()) };
    ensure!(world.sync().await?.status == SyncStatus::Succeeded);
    world.hub.sandbox.treat_refresh_tokens(STRICT);
    let sealed = world.grant().await?.refresh_token;
    let stolen = String::from_utf8(vault(7, None).open(b"source_grant/refresh/housing", &sealed)?)?;
    let client = world.hub.sandbox.client(System::Housing);
    let form = [("grant_type", "refresh_token"), ("refresh_token", stolen.as_str())];
    let request = connectors::api::client()?.post(world.hub.sandbox.token_url()).form(&form);
    ensure!(request.basic_auth(client.id, Some(client.secret)).send().await?.status().is_success());
    world.expire();
    let report = world.sync().await?;
    ensure!(report.status == SyncStatus::Failed && report.tally.deleted == 0, "{report:?}");
    must_contain(&report.error.unwrap_or_default(), &["run `hub connect housing`"])?;
    ensure!(world.hub.sandbox.refreshes().stolen == 1);
    let answer = world.hub.data("{ sources { id health } }", serde_json::json!({})).await?;
    must_contain(&answer.to_string(), &[r#"{"id":"housing","health":"FAILING"}"#])?;
    Ok(())
}
