//! Tokens: what is taken, what is refused, and how the hub lives with its issuers. Keys are made at run time, issuers
//! are asked over HTTP.

mod over_http;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use async_graphql::{Executor, Request, Variables};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use connectors::sync::RunOptions;
use entity::Clock;
use futures::future::join_all;
use gateway::auth::{Authenticator, Refused};
use gateway::config::AuthSettings;
use gateway::graphql::Caller;
use gateway::http;
use jsonwebtoken::EncodingKey;
use rstest::rstest;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::issuer::{Key, TestIssuer, claims, header, with};
use tests::store::Backend;
use tokio_util::sync::CancellationToken;

/// A clock that stands until it is moved.
fn clock() -> (Clock, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let read = Arc::clone(&seconds);
    let now = move || DateTime::from_timestamp(read.load(Ordering::Relaxed), 0).expect("an instant");
    (Clock::from_fn(now), seconds)
}

async fn outcome(hub: &Authenticator, token: &str) -> Option<Refused> {
    hub.identify(token).await.err()
}

#[tokio::test]
async fn tokens_of_each_algorithm_are_taken_and_every_forged_or_wrong_one_is_refused() -> Result<()> {
    let (rsa, stranger, ec) = (Key::rsa(0), Key::rsa(1), Key::ec());
    let issuer = TestIssuer::start(vec![rsa.public("r"), ec.public("e")]).await?;
    let (clock, _) = clock();
    let hub = Authenticator::new(&issuer.settings(), clock.clone())?;
    let right = claims(&issuer, &clock);
    for (key, algorithm, id) in [(&rsa, "RS256", "r"), (&rsa, "PS256", "r"), (&ec, "ES256", "e")] {
        let identity = hub.identify(&key.sign(&header(algorithm, id), &right)).await.expect(algorithm);
        assert_eq!(identity.client.as_deref(), Some("a-client"));
        assert!(identity.holds("alliance:read"));
    }

    let now = clock.now().timestamp();
    for (name, value, refused) in [
        ("exp", json!(now - 60), Refused::Expired),
        ("exp", json!(null), Refused::Claims),
        ("exp", json!("never"), Refused::Claims),
        ("nbf", json!(now + 60), Refused::NotYet),
        ("nbf", json!("2020"), Refused::Claims),
        ("aud", json!("somebody-else"), Refused::Audience),
        ("aud", json!(null), Refused::Claims),
        ("iss", json!("https://login.example"), Refused::Issuer),
        ("iss", json!(format!("{}/", issuer.url)), Refused::Issuer),
        ("iss", json!(null), Refused::Claims),
        ("hub_org", json!("board:everything"), Refused::Organisation),
        ("nonce", json!("of-an-id-token"), Refused::Type),
    ] {
        let token = rsa.sign(&header("RS256", "r"), &with(&right, name, value.clone()));
        assert_eq!(outcome(&hub, &token).await, Some(refused), "{name}: {value}");
    }

    let forged = |header: Value| rsa.sign(&header, &right);
    for (header, refused) in [
        (with(&header("RS256", "r"), "typ", json!("JWT")), Refused::Type),
        (with(&header("RS256", "r"), "typ", json!(null)), Refused::Type),
        (with(&header("RS256", "r"), "typ", json!("id+jwt")), Refused::Type),
        (with(&header("RS256", "r"), "crit", json!(["hub"])), Refused::Critical),
        (with(&header("RS256", "r"), "kid", json!("unknown")), Refused::Key),
        (header("RS256", "e"), Refused::Key),
        (header("ES256", "r"), Refused::Key),
        (header("none", "r"), Refused::Algorithm),
        (header("nOnE", "r"), Refused::Algorithm),
        (header("RS512", "r"), Refused::Algorithm),
        (header("", "r"), Refused::Algorithm),
    ] {
        assert_eq!(outcome(&hub, &forged(header.clone())).await, Some(refused), "{header}");
    }

    // Signed by somebody else, who names the issuer's key and brings their own.
    let bringing = with(&header("RS256", "r"), "jwk", stranger.public("r"));
    let bringing = with(&bringing, "jku", json!("https://evil.example/keys"));
    assert_eq!(outcome(&hub, &stranger.sign(&bringing, &right)).await, Some(Refused::Signature));
    assert_eq!(outcome(&hub, &Key::ec().sign(&header("ES256", "e"), &right)).await, Some(Refused::Signature));
    // PS256 said, RS256 done.
    let crossed = rsa.sign(&header("RS256", "r"), &right);
    let signature = crossed.rsplit('.').next().unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let crossed = format!("{}.{}.{signature}", part(&header("PS256", "r")), part(&right));
    assert_eq!(outcome(&hub, &crossed).await, Some(Refused::Signature));
    // The public key as an HMAC secret.
    for secret in [rsa.public_der(), rsa.public("r").to_string().into_bytes()] {
        let message = format!("{}.{}", part(&header("HS256", "r")), part(&right));
        let key = EncodingKey::from_secret(&secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256)?;
        assert_eq!(outcome(&hub, &format!("{message}.{signature}")).await, Some(Refused::Algorithm));
    }
    Ok(())
}

#[tokio::test]
async fn a_token_with_any_byte_changed_is_refused() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
    let (clock, _) = clock();
    let hub = Authenticator::new(&issuer.settings(), clock.clone())?;
    let token = ec.sign(&header("ES256", "e"), &claims(&issuer, &clock));
    assert_eq!(outcome(&hub, &token).await, None);
    for place in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes)?;
        assert!(outcome(&hub, &changed).await.is_some(), "byte {place}");
    }
    let unsigned = token.rsplit_once('.').unwrap().0;
    for cut in
        [unsigned.to_owned(), format!("{unsigned}."), token[..token.len() - 4].to_owned(), format!("{token}AAAA")]
    {
        assert!(outcome(&hub, &cut).await.is_some(), "{cut}");
    }
    Ok(())
}

#[tokio::test]
async fn issuers_that_do_not_mark_their_tokens_are_taken_only_where_an_operator_says_so() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
    let (clock, _) = clock();
    let settings = AuthSettings { plain_jwt: true, ..issuer.settings() };
    let hub = Authenticator::new(&settings, clock.clone())?;
    let right = claims(&issuer, &clock);
    let token = |kind: Value| ec.sign(&with(&header("ES256", "e"), "typ", kind), &right);
    for kind in [json!("JWT"), json!(null), json!("at+jwt")] {
        assert_eq!(outcome(&hub, &token(kind.clone())).await, None, "{kind}");
    }
    assert_eq!(outcome(&hub, &token(json!("id+jwt"))).await, Some(Refused::Type));
    Ok(())
}

#[tokio::test]
async fn a_flood_of_unknown_keys_does_not_flood_the_issuer() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
    issuer.be_slow();
    let (clock, seconds) = clock();
    let hub = Authenticator::new(&issuer.settings(), clock.clone())?;
    let right = claims(&issuer, &clock);
    // All at once before there are any keys: one request, shared.
    let token = ec.sign(&header("ES256", "e"), &right);
    let outcomes = join_all((0..200).map(|_| outcome(&hub, &token))).await;
    assert!(outcomes.iter().all(Option::is_none), "{outcomes:?}");
    assert_eq!(issuer.asked(), 1);
    for round in 1..=3 {
        let flood: Vec<String> = (0..200).map(|n| ec.sign(&header("ES256", &format!("{round}-{n}")), &right)).collect();
        seconds.fetch_add(31, Ordering::Relaxed);
        let outcomes = join_all(flood.iter().map(|token| outcome(&hub, token))).await;
        assert!(outcomes.iter().all(|outcome| *outcome == Some(Refused::Key)));
        assert_eq!(issuer.asked(), 1 + round);
        // Whoever has a known key does not wait for them.
        assert_eq!(outcome(&hub, &token).await, None);
    }
    Ok(())
}

#[tokio::test]
async fn keys_are_rotated_and_an_outage_is_survived_for_a_day() -> Result<()> {
    let (old, new) = (Key::ec(), Key::ec());
    let issuer = TestIssuer::start(vec![old.public("old")]).await?;
    let (clock, seconds) = clock();
    let hub = Authenticator::new(&issuer.settings(), clock.clone())?;
    let lasting = with(&claims(&issuer, &clock), "exp", json!(clock.now().timestamp() + 1_000_000));
    let [by_old, by_new] = [(&old, "old"), (&new, "new")].map(|(key, id)| key.sign(&header("ES256", id), &lasting));
    assert_eq!(outcome(&hub, &by_old).await, None);
    issuer.publish(vec![new.public("new")]);
    assert_eq!(outcome(&hub, &by_new).await, Some(Refused::Key), "asked just now");
    seconds.fetch_add(31, Ordering::Relaxed);
    assert_eq!(outcome(&hub, &by_new).await, None);
    assert_eq!(outcome(&hub, &by_old).await, Some(Refused::Key), "no longer published");

    let address = issuer.stop().await?;
    seconds.fetch_add(3600, Ordering::Relaxed);
    assert_eq!(outcome(&hub, &by_new).await, None);
    assert_eq!(outcome(&hub, &by_old).await, Some(Refused::Key));
    seconds.fetch_add(24 * 3600, Ordering::Relaxed);
    assert_eq!(outcome(&hub, &by_new).await, Some(Refused::KeysUnavailable));
    let again = TestIssuer::start_at(address, vec![new.public("new")]).await?;
    seconds.fetch_add(6, Ordering::Relaxed);
    assert_eq!(outcome(&hub, &by_new).await, None);
    assert_eq!(again.asked(), 1);
    Ok(())
}

#[tokio::test]
async fn an_issuer_that_answers_nonsense_gives_no_keys_and_takes_none_away() -> Result<()> {
    let ec = Key::ec();
    let (clock, seconds) = clock();
    for (status, body) in [
        (200, "<html>Even geduld</html>".to_owned()),
        (200, "{\"keys\":".to_owned()),
        (200, format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000))),
        (302, String::new()),
        (500, String::new()),
    ] {
        let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
        let token = ec.sign(&header("ES256", "e"), &claims(&issuer, &clock));
        let (fresh, kept) = (
            Authenticator::new(&issuer.settings(), clock.clone())?,
            Authenticator::new(&issuer.settings(), clock.clone())?,
        );
        assert_eq!(outcome(&kept, &token).await, None);
        issuer.answer_instead(status, body);
        assert_eq!(outcome(&fresh, &token).await, Some(Refused::KeysUnavailable), "{status}");
        let stop = CancellationToken::new();
        let kept = Arc::new(kept);
        let asked = issuer.asked();
        let renewal = kept.keep_fresh(stop.clone());
        while issuer.asked() == asked {
            tokio::task::yield_now().await;
        }
        seconds.fetch_add(60, Ordering::Relaxed);
        assert_eq!(outcome(&kept, &token).await, None, "{status}");
        stop.cancel();
        renewal.await?;
    }
    let impostor = TestIssuer::start(vec![ec.public("e")]).await?;
    let token = ec.sign(&header("ES256", "e"), &claims(&impostor, &clock));
    impostor.rename("http://127.0.0.1:1/another");
    let hub = Authenticator::new(&impostor.settings(), clock.clone())?;
    assert_eq!(outcome(&hub, &token).await, Some(Refused::KeysUnavailable));
    Ok(())
}

#[tokio::test]
async fn the_sandboxs_tokens_show_each_organisation_what_is_its_own() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let settings = AuthSettings {
        issuer: vec![hub.sandbox.issuer_url().parse()?],
        audience: Some(hub.sandbox.hub_audience().to_owned()),
        ..AuthSettings::default()
    };
    let authenticator = Authenticator::new(&settings, Clock::system())?;
    let query = "{ viewer { organisation } drafts: needs(filter: {statuses: [DRAFT]}) { totalCount } \
                 paused: offers(filter: {statuses: [PAUSED, EXHAUSTED, ENDED]}) { totalCount } \
                 let: housingOptions(filter: {statuses: [RESERVED, LET, WITHDRAWN]}) { totalCount } \
                 sources { runs { totalCount } } }";
    let mut shown = Vec::new();
    for (client, organisation) in hub.sandbox.hub_clients() {
        let identity = authenticator.identify(&hub.sandbox.hub_token(client)?).await?;
        let request = Request::new(query).data(Caller { identity: Some(identity), ..Caller::default() });
        let data = serde_json::to_value(hub.graph().execute(request).await)?["data"].take();
        assert_eq!(data["viewer"]["organisation"], json!(organisation));
        let some = |field: &str| data[field]["totalCount"].as_i64().is_some_and(|count| count > 0);
        shown.push((client.name, some("drafts"), some("paused"), some("let"), !data["sources"][0]["runs"].is_null()));
    }
    let found = |name| shown.iter().find(|(client, ..)| *client == name).copied().expect("a client of each kind");
    assert!(found("school board").1 && !found("school board").2 && !found("school board").3);
    assert!(found("municipality").1 && found("municipality").3 && !found("municipality").2);
    assert!(!found("partner").1 && !found("partner").3);
    assert_eq!(found("operator"), ("operator", false, false, false, true));
    assert_eq!(found("app"), ("app", false, false, false, false));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_school_card_costs_no_more_with_a_token(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let settings = AuthSettings {
        issuer: vec![hub.sandbox.issuer_url().parse()?],
        audience: Some(hub.sandbox.hub_audience().to_owned()),
        ..AuthSettings::default()
    };
    let authenticator = Authenticator::new(&settings, Clock::system())?;
    let graph = hub.graph();
    for (client, _) in hub.sandbox.hub_clients() {
        let identity = authenticator.identify(&hub.sandbox.hub_token(client)?).await?;
        for most in [12, 11] {
            let variables = Variables::from_json(json!({ "brin": hub.sandbox.sample_brin() }));
            let caller = Caller { identity: Some(Arc::clone(&identity)), ..Caller::default() };
            let request = Request::new(http::SCHOOL_CARD).variables(variables).data(caller);
            let (answer, statements) = hub.statements(graph.execute(request)).await;
            assert!(answer.errors.is_empty(), "{:?}", answer.errors);
            // One more the first time: whose the organisation's records are.
            assert!(statements <= most, "{}: {statements} statements", client.name);
        }
    }
    Ok(())
}
