//! Sessions: known to every replica, renewed by one at a time for as long as the issuer does, and ended for good.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use connectors::settings::Secret;
use connectors::sync::RunOptions;
use connectors::vault::Vault;
use futures::future::try_join_all;
use gateway::config::{Anonymous, HttpSettings, RedisSettings, Settings, SignInSettings};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, COOKIE};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::store::Backend;
use tests::{redis, until};

use super::card;
use super::sign_in::{Browser, field, serve, settings};

/// What tells a page of who is signed in from the public's.
const SIGNED_IN: &str = "Uitloggen";

async fn hub() -> Result<TestHub> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    hub.sync(&RunOptions::default()).await?;
    Ok(hub)
}

/// Two replicas that share what `redis` says, under one key.
async fn replicas(hub: &TestHub, redis: RedisSettings) -> Result<[TestGateway; 2]> {
    let settings = settings(hub, Anonymous::Public)?;
    let key = Some(Secret::Resolved(Vault::draw_key().context("a key")?));
    let sign_in = SignInSettings { encryption_key: key, ..settings.sign_in };
    // One address leads to both.
    let http = HttpSettings { public_url: Some("http://127.0.0.1:9/".parse()?), ..settings.http };
    let settings = Settings { redis, sign_in, http, ..settings };
    Ok([serve(hub, &settings).await?, serve(hub, &settings).await?])
}

/// The card, as whoever has this cookie is shown it: its status, and whether they are signed in.
async fn seen(gateway: &TestGateway, card: &str, cookie: &str) -> Result<(StatusCode, bool)> {
    let request = client().get(gateway.url(card)).header(ACCEPT, "text/html").header(COOKIE, cookie);
    let response = request.send().await?;
    Ok((response.status(), response.text().await?.contains(SIGNED_IN)))
}

/// Waits until a replica shows the card so: Redis may be slow for a moment, and then nobody can say who asks.
async fn is_seen(gateway: &TestGateway, card: &str, cookie: &str, signed_in: bool) -> Result<()> {
    let what = format!("somebody is signed in: {signed_in}");
    until(&what, async || matches!(seen(gateway, card, cookie).await, Ok(seen) if seen == (StatusCode::OK, signed_in)))
        .await
}

/// Everything that Redis has of sessions.
async fn shelved(settings: &RedisSettings) -> Result<Vec<(String, Vec<u8>)>> {
    let url = settings.url.as_ref().context("its address")?.reveal();
    let mut connection = redis_client(url).await?;
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("hub:1:session:*").query_async(&mut connection).await?;
    let mut all = Vec::new();
    for key in keys {
        let value: Option<Vec<u8>> = ::redis::cmd("GET").arg(&key).query_async(&mut connection).await?;
        all.extend(value.map(|value| (key, value)));
    }
    Ok(all)
}

async fn redis_client(url: &str) -> Result<::redis::aio::MultiplexedConnection> {
    Ok(::redis::Client::open(url)?.get_multiplexed_async_connection().await?)
}

#[tokio::test]
async fn who_signs_in_at_one_replica_is_signed_in_at_each_and_out_at_each() -> Result<()> {
    let Some(redis) = redis() else { return Ok(()) };
    let hub = hub().await?;
    let [one, other] = replicas(&hub, redis.clone()).await?;
    let card = card(&hub);
    // Sent by one, back at the other.
    let mut browser = Browser::new(&one);
    let done = browser.choose("demo-board", &card).await?;
    browser.gateway = &other;
    assert_eq!(browser.get(&done).await?.status(), StatusCode::SEE_OTHER);
    let number = browser.cookies["hub_session"].clone();
    let cookie = format!("hub_session={number}");
    for gateway in [&one, &other] {
        is_seen(gateway, &card, &cookie, true).await?;
    }
    // What lies in Redis tells nobody who it is, and lets nobody in.
    let shelved = shelved(&redis).await?;
    assert!(!shelved.is_empty());
    for (key, value) in shelved {
        assert!(!key.contains(&number), "{key}");
        let text = String::from_utf8_lossy(&value);
        assert!(!text.contains("eyJ") && !text.contains("token"), "{text}");
        let name = key.rsplit(':').next().unwrap_or_default();
        is_seen(&one, &card, &format!("hub_session={name}"), false).await?;
    }
    // A form of one replica's page is a form at the other.
    let html = browser.get(&card).await?.text().await?;
    browser.gateway = &one;
    let led = browser.post("/sign-out", &[("token", field(&html, "token")?)]).await?;
    assert_eq!(led.status(), StatusCode::SEE_OTHER);
    for gateway in [&one, &other] {
        is_seen(gateway, &card, &cookie, false).await?;
    }
    until("it is ended at its issuer", async || hub.sandbox.visit_counters().revoked == 1).await
}

#[tokio::test]
async fn whoever_asks_wherever_a_session_is_renewed_once() -> Result<()> {
    let Some(redis) = redis() else { return Ok(()) };
    let hub = hub().await?;
    let [one, other] = replicas(&hub, redis).await?;
    let card = card(&hub);
    // Renewed from the fifteenth second on, and good until the twentieth.
    hub.sandbox.hub_tokens_last(Duration::from_secs(20));
    let mut browser = Browser::new(&one);
    browser.sign_in("demo-board", &card).await?;
    let cookie = format!("hub_session={}", browser.cookies["hub_session"]);
    // The next one holds for longer than the test takes.
    hub.sandbox.hub_tokens_last(Duration::from_secs(3_600));
    let both = [&one, &other];
    for gateway in both {
        is_seen(gateway, &card, &cookie, true).await?;
    }
    tokio::time::sleep(Duration::from_secs(15)).await;
    // A Redis that is slow for a moment puts the renewal off.
    for _ in 0..20 {
        let asked = (0..12).map(|number| seen(both[number % 2], &card, &cookie));
        for seen in try_join_all(asked).await? {
            assert_eq!(seen, (StatusCode::OK, true), "nobody is signed out by the end of a token");
        }
        if hub.sandbox.visit_counters().given > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let counters = hub.sandbox.visit_counters();
    assert_eq!((counters.given, counters.again), (1, 0), "one renewed, and the others went on with that");
    Ok(())
}

#[tokio::test]
async fn a_session_ends_where_its_issuer_renews_it_no_more_and_goes_on_where_it_cannot_say() -> Result<()> {
    let hub = hub().await?;
    let gateway = serve(&hub, &settings(&hub, Anonymous::Public)?).await?;
    let card = card(&hub);
    hub.sandbox.hub_tokens_last(Duration::from_secs(2));
    let mut browser = Browser::new(&gateway);
    browser.sign_in("demo-board", &card).await?;
    let cookie = format!("hub_session={}", browser.cookies["hub_session"]);
    hub.sandbox.end_visits();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(seen(&gateway, &card, &cookie).await?, (StatusCode::OK, false), "the public's page");

    let mut browser = Browser::new(&gateway);
    browser.sign_in("demo-board", &card).await?;
    let cookie = format!("hub_session={}", browser.cookies["hub_session"]);
    hub.sandbox.stop().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // A token holds for some seconds after its end, since clocks differ.
    assert_eq!(
        seen(&gateway, &card, &cookie).await?,
        (StatusCode::OK, true),
        "an issuer that is down signs nobody out"
    );
    assert_eq!(seen(&gateway, &card, "").await?, (StatusCode::OK, false));
    Ok(())
}

#[tokio::test]
async fn while_redis_is_away_people_sign_in_and_out_where_they_are() -> Result<()> {
    let hub = hub().await?;
    // Nothing listens there.
    let url = Some("redis://127.0.0.1:1".into());
    let [one, other] = replicas(&hub, RedisSettings { url }).await?;
    let card = card(&hub);
    let mut browser = Browser::new(&one);
    browser.sign_in("demo-board", &card).await?;
    let cookie = format!("hub_session={}", browser.cookies["hub_session"]);
    assert_eq!(seen(&one, &card, &cookie).await?, (StatusCode::OK, true));
    // Another replica cannot know, and does not say that nobody is signed in.
    assert_eq!(seen(&other, &card, &cookie).await?.0, StatusCode::SERVICE_UNAVAILABLE);
    let html = browser.get(&card).await?.text().await?;
    let led = browser.post("/sign-out", &[("token", field(&html, "token")?)]).await?;
    ensure!(led.status() == StatusCode::SEE_OTHER && browser.cookies.is_empty());
    let (status, signed_in) = seen(&one, &card, &cookie).await?;
    ensure!(!signed_in, "{status}");
    Ok(())
}
