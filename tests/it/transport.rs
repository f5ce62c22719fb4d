//! The one way out to partner systems: tokens, bounds, and what a hostile or broken server can do with it.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::http::header::{CONTENT_ENCODING, LOCATION};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Utc};
use connectors::ErrorKind;
use connectors::api::{self, Api, Asking};
use connectors::oauth::Tokens;
use connectors::settings::{OAuthSettings, Secret, SourceSettings};
use entity::Clock;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;
use serde_json::json;
use tokio::net::TcpListener;

/// A partner system that does what a test says. Its token endpoint counts what it gave, and gives tokens for a minute.
struct Partner {
    url: String,
    tokens_given: Arc<AtomicUsize>,
}

impl Partner {
    async fn start(routes: Router) -> Result<Self> {
        let tokens_given = Arc::new(AtomicUsize::new(0));
        let given = Arc::clone(&tokens_given);
        let token = post(async move || {
            let number = given.fetch_add(1, Ordering::Relaxed);
            // Long enough for all who ask meanwhile to ask.
            tokio::time::sleep(Duration::from_millis(50)).await;
            axum::Json(json!({ "access_token": format!("t{number}"), "token_type": "Bearer", "expires_in": 60 }))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, routes.route("/token", token)).await });
        Ok(Self { url, tokens_given })
    }

    fn settings(&self) -> SourceSettings {
        let described = json!({ "id": "partner", "connector": "partner", "base_url": self.url });
        serde_json::from_value(described).expect("a source's settings")
    }

    fn api(&self, settings: &SourceSettings, clock: Clock) -> Result<Api> {
        let secret = Secret::Resolved("not-a-secret".to_owned());
        let oauth = OAuthSettings::client_credentials(format!("{}/token", self.url).parse()?, "hub", secret);
        let client = api::client()?;
        let tokens = Arc::new(Tokens::new(&client, &settings.id, &oauth, None, clock)?);
        Ok(Api::new(&client, settings, Some(tokens))?)
    }

    fn tokens_given(&self) -> usize {
        self.tokens_given.load(Ordering::Relaxed)
    }
}

async fn empty_list() -> impl IntoResponse {
    axum::Json(json!([]))
}

#[tokio::test]
async fn a_token_is_fetched_once_however_many_ask_and_renewed_before_it_expires() -> Result<()> {
    let partner = Partner::start(Router::new().route("/list", get(empty_list))).await?;
    let passed = Arc::new(AtomicUsize::new(0));
    let seconds = Arc::clone(&passed);
    let start: DateTime<Utc> = "2026-11-23T12:00:00Z".parse()?;
    let clock = Clock::from_fn(move || {
        let seconds = i64::try_from(seconds.load(Ordering::Relaxed)).unwrap_or(0);
        start + TimeDelta::seconds(seconds)
    });
    let api = partner.api(&partner.settings(), clock)?;
    for answer in join_all((0..20).map(|_| api.get("list", &[], &[]))).await {
        answer?;
    }
    assert_eq!(partner.tokens_given(), 1);
    passed.store(50, Ordering::Relaxed);
    api.get("list", &[], &[]).await?;
    assert_eq!(partner.tokens_given(), 1);
    // A little before its minute is over.
    passed.store(57, Ordering::Relaxed);
    api.get("list", &[], &[]).await?;
    assert_eq!(partner.tokens_given(), 2);
    Ok(())
}

#[tokio::test]
async fn a_refused_token_is_tried_once_more_with_a_new_one_and_no_oftener() -> Result<()> {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let refuse = get(async move || {
        counter.fetch_add(1, Ordering::Relaxed);
        StatusCode::UNAUTHORIZED
    });
    let partner = Partner::start(Router::new().route("/list", refuse)).await?;
    let error = partner.api(&partner.settings(), Clock::system())?.get("list", &[], &[]).await.expect_err("refused");
    assert!(!error.to_string().is_empty());
    assert_eq!((asked.load(Ordering::Relaxed), partner.tokens_given()), (2, 2));
    Ok(())
}

#[tokio::test]
async fn a_body_that_unpacks_to_more_than_the_cap_is_cut_off() -> Result<()> {
    let bomb = get(async || {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&vec![b' '; 50_000_000]).expect("memory takes it");
        ([(CONTENT_ENCODING, "gzip")], packed.finish().expect("memory takes it"))
    });
    let partner = Partner::start(Router::new().route("/bomb", bomb)).await?;
    let settings = SourceSettings { max_answer_bytes: 1_000_000, ..partner.settings() };
    let error = partner.api(&settings, Clock::system())?.get("bomb", &[], &[]).await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    Ok(())
}

#[tokio::test]
async fn tokens_go_to_no_other_host() -> Result<()> {
    let elsewhere = Partner::start(Router::new()).await?;
    let target = format!("{}/token", elsewhere.url);
    let redirect = get(async move || (StatusCode::FOUND, [(LOCATION, target)]));
    let partner = Partner::start(Router::new().route("/moved", redirect)).await?;
    let api = partner.api(&partner.settings(), Clock::system())?;
    api.get("moved", &[], &[]).await.expect_err("redirects are not followed");
    let error = api.ask_link(&format!("{}/list", elsewhere.url), &Asking::default()).await.expect_err("another origin");
    assert_eq!(error.kind(), ErrorKind::Paging);
    assert_eq!(elsewhere.tokens_given(), 0);
    Ok(())
}

#[tokio::test]
async fn a_slow_answer_ends_in_time() -> Result<()> {
    let slow = get(async || {
        tokio::time::sleep(Duration::from_secs(30)).await;
        "late"
    });
    let partner = Partner::start(Router::new().route("/slow", slow)).await?;
    let settings = SourceSettings { request_timeout: Duration::from_millis(300), ..partner.settings() };
    let error = partner.api(&settings, Clock::system())?.get("slow", &[], &[]).await.expect_err("too late");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    Ok(())
}

#[tokio::test]
async fn what_came_instead_of_json_is_named_and_never_quoted() -> Result<()> {
    let routes = Router::new()
        .route("/html", get(async || ([(header::CONTENT_TYPE, "text/html")], "<html>jan@school.example</html>")))
        .route("/cut", get(async || "[{\"name\": \"jan@school.example\""));
    let partner = Partner::start(routes).await?;
    let api = partner.api(&partner.settings(), Clock::system())?;
    for (path, sentence) in [("html", "HTML page"), ("cut", "breaks off")] {
        let answer = api.get(path, &[], &[]).await?;
        let error = answer.json::<serde_json::Value>().expect_err("no JSON");
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(!error.to_string().contains("jan@"), "{error}");
    }
    Ok(())
}
