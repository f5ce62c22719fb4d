//! Tokens over HTTP: where they are read, and how they are refused.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_graphql::{Data, EmptyMutation, EmptySubscription, Executor, Object, Pos, Request, Response, Schema};
use entity::Clock;
use futures::stream::{self, BoxStream, StreamExt};
use gateway::auth::Authenticator;
use gateway::config::{Anonymous, AuthSettings, ConnectionUrl, DatabaseSettings, SubscriptionSettings};
use gateway::error::Failure;
use gateway::graphql::{Answering, Caller};
use gateway::http::graphql::Intake;
use gateway::http::{self, Readiness, Site, Streams};
use gateway::telemetry::Metrics;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::issuer::{Key, TestIssuer, claims, header, with};
use tests::socket::Socket;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::clock;

struct Query;

#[Object]
impl Query {
    async fn answer(&self) -> i32 {
        42
    }
}

/// A gateway with these settings on a free port: its address.
async fn serve(settings: &AuthSettings, clock: Clock) -> Result<(String, CancellationToken)> {
    serve_with(Schema::build(Query, EmptyMutation, EmptySubscription).finish(), settings, clock).await
}

async fn serve_with<E: Answering>(
    executor: E,
    settings: &AuthSettings,
    clock: Clock,
) -> Result<(String, CancellationToken)> {
    let url = ConnectionUrl::from("sqlite::memory:");
    let db = gateway::database::connect(&DatabaseSettings::at(url, None)).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let site = Site {
        readiness: Readiness::of(&db),
        authenticator: Arc::new(Authenticator::new(settings, clock)?),
        public_url: None,
        body_bytes: 1000,
        request_timeout: Duration::from_secs(20),
        explorer: true,
        metrics: Metrics::default(),
    };
    let stop = CancellationToken::new();
    let streams = Streams::new(&SubscriptionSettings::default(), 1000, stop.clone());
    let admit = http::graphql::by_token(Arc::clone(&site.authenticator));
    let router = http::router(site, http::graphql::routes(executor, &streams, admit, Intake::default()), None);
    tokio::spawn(async move { http::serve(listener, router, &streams, Duration::ZERO).await });
    Ok((address, stop))
}

#[tokio::test]
async fn refusals_over_http_say_what_rfc_6750_and_9728_want() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
    let (clock, _) = clock();
    let right = claims(&issuer, &clock);
    let token = ec.sign(&header("ES256", "e"), &right);
    let expired = ec.sign(&header("ES256", "e"), &with(&right, "exp", json!(1)));
    let client = connectors::api::client()?;
    let (public, _) = serve(&issuer.settings(), clock.clone()).await?;
    let denying = AuthSettings { anonymous: Anonymous::Deny, ..issuer.settings() };
    let (closed, _) = serve(&denying, clock.clone()).await?;
    let ask = async |address: &str, authorization: &[&str], query: &str| {
        let mut request = client.post(format!("{address}/graphql{query}")).json(&json!({ "query": "{ answer }" }));
        for value in authorization {
            request = request.header("authorization", *value);
        }
        let response = request.send().await.unwrap();
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (response.status(), challenge.unwrap_or_default(), response.json::<Value>().await.unwrap())
    };
    let bearer = format!("Bearer {token}");
    for (address, authorization) in [(&public, &[][..]), (&public, &[&*bearer]), (&closed, &[&*bearer])] {
        let (status, challenge, body) = ask(address, authorization, "").await;
        assert_eq!((status, challenge.as_str()), (StatusCode::OK, ""), "{body}");
        assert_eq!(body["data"]["answer"], 42);
    }

    let (status, challenge, body) = ask(&closed, &[], "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let metadata = format!("{closed}/.well-known/oauth-protected-resource");
    assert_eq!(challenge, format!("Bearer realm=\"alliance-hub\", resource_metadata=\"{metadata}\""));
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");

    let (status, challenge, body) = ask(&public, &[&format!("Bearer {expired}")], "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(challenge.contains("error=\"invalid_token\", error_description=\"The token has expired.\""), "{challenge}");
    assert!(challenge.contains("resource_metadata=\"http://127.0.0.1:"), "{challenge}");
    assert!(!body.to_string().contains(&expired) && body.get("data").is_none(), "{body}");

    for query in [format!("?access_token={token}"), "?a=b&access%5Ftoken=x".to_owned()] {
        let (status, challenge, _) = ask(&public, &[], &query).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(challenge.contains("error=\"invalid_request\""), "{challenge}");
    }
    assert_eq!(ask(&public, &[&bearer, &bearer], "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&public, &["Basic YTpi"], "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&public, &["Bearer"], "").await.0, StatusCode::UNAUTHORIZED);
    let form =
        client.post(format!("{closed}/graphql")).form(&[("access_token", &token), ("query", &"{ answer }".into())]);
    assert_eq!(form.send().await?.status(), StatusCode::UNAUTHORIZED);

    let answered = client.post(format!("{public}/graphql")).json(&json!({ "query": "{ answer }" })).send().await?;
    let varies = answered.headers().get_all("vary").iter().any(|value| value == "authorization");
    assert!(varies, "{:?}", answered.headers());

    let told: Value = client.get(&metadata).send().await?.json().await?;
    assert_eq!(told["authorization_servers"], json!([issuer.url]));
    assert_eq!(told["resource"], json!(closed));
    assert_eq!(told["bearer_methods_supported"], json!(["header"]));
    assert!(told["scopes_supported"].as_array().unwrap().contains(&json!("sync:read")));
    Ok(())
}

#[tokio::test]
async fn over_a_socket_a_token_comes_with_the_first_message_and_ends_it() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
    let (clock, _) = clock();
    let right = claims(&issuer, &clock);
    let sign = |claims: &Value| ec.sign(&header("ES256", "e"), claims);
    let denying = AuthSettings { anonymous: Anonymous::Deny, ..issuer.settings() };
    let (public, _) = serve(&issuer.settings(), clock.clone()).await?;
    let (closed, _) = serve(&denying, clock.clone()).await?;
    let said = async |address: &str, payload: Value| -> Result<Value> {
        let mut socket = Socket::connect(address.trim_start_matches("http://").parse()?).await?;
        socket.say(json!({ "type": "connection_init", "payload": payload })).await?;
        socket.hear().await
    };
    let ack = json!({ "type": "connection_ack" });
    let good = sign(&right);
    for payload in [json!({ "authorization": good }), json!({ "Authorization": format!("bearer {good}") })] {
        assert_eq!(said(&closed, payload).await?, ack);
    }
    assert_eq!(said(&public, json!({ "authorization": null })).await?, ack);
    let expired = sign(&with(&right, "exp", json!(1)));
    for (address, payload) in [
        (&closed, json!({})),
        (&public, json!({ "authorization": expired })),
        (&public, json!({ "authorization": 1 })),
        (&public, json!({ "authorization": good, "Authorization": good })),
    ] {
        let closed = said(address, payload).await.expect_err("a socket that stays open");
        assert!(closed.to_string().contains("4401") || format!("{closed:?}").contains("4401"), "{closed:?}");
    }
    // A token that ends soon is good until then, and the socket ends with it.
    let short = sign(&with(&right, "exp", json!(clock.now().timestamp() + 1)));
    let mut socket = Socket::connect(closed.trim_start_matches("http://").parse()?).await?;
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": short } })).await?;
    assert_eq!(socket.hear().await?, ack);
    let ended = socket.hear().await.expect_err("a socket that outlives its token");
    assert!(format!("{ended:?}").contains("4401"), "{ended:?}");
    Ok(())
}

/// Refuses every request whole, as the graph does where nothing of it may be answered.
#[derive(Clone)]
struct Closed;

impl Answering for Closed {}

impl Executor for Closed {
    async fn execute(&self, request: Request) -> Response {
        let caller = request.data.get(&TypeId::of::<Caller>()).and_then(|caller| caller.downcast_ref::<Caller>());
        let is_known = caller.is_some_and(|caller| caller.identity.is_some());
        let scope = "sync:run".to_owned();
        let failure = if is_known { Failure::Forbidden(scope) } else { Failure::UnauthenticatedFor(scope) };
        Response::from_errors(vec![async_graphql::Error::from(failure).into_server_error(Pos::default())])
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let closed = self.clone();
        stream::once(async move { closed.execute(request).await }).boxed()
    }
}

#[tokio::test]
async fn a_request_of_which_nothing_may_be_answered_is_refused_with_the_scope_it_needs() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![ec.public("e")]).await?;
    let (clock, _) = clock();
    let token = ec.sign(&header("ES256", "e"), &claims(&issuer, &clock));
    let (address, _) = serve_with(Closed, &issuer.settings(), clock).await?;
    let client = connectors::api::client()?;
    for accept in ["application/json", "application/graphql-response+json"] {
        let ask = || {
            let request = client.post(format!("{address}/graphql")).header("accept", accept);
            request.json(&json!({ "query": "mutation { startSync }" }))
        };
        let forbidden = ask().bearer_auth(&token).send().await?;
        assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
        let challenge = forbidden.headers()["www-authenticate"].to_str()?.to_owned();
        assert!(challenge.ends_with("error=\"insufficient_scope\", scope=\"sync:run\""), "{challenge}");
        let body: Value = forbidden.json().await?;
        assert_eq!(body["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert!(body.get("data").is_none(), "{body}");
        let unknown = ask().send().await?;
        assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
        let challenge = unknown.headers()["www-authenticate"].to_str()?.to_owned();
        assert!(challenge.ends_with("scope=\"sync:run\"") && !challenge.contains("error="), "{challenge}");
    }
    Ok(())
}

#[tokio::test]
async fn a_dead_issuer_stops_neither_the_start_nor_those_without_a_token() -> Result<()> {
    let ec = Key::ec();
    let issuer = TestIssuer::start(vec![]).await?;
    let settings = issuer.settings();
    let (clock, _) = clock();
    let token = ec.sign(&header("ES256", "e"), &claims(&issuer, &clock));
    issuer.stop().await?;
    let (address, _) = serve(&settings, clock).await?;
    let client = connectors::api::client()?;
    let ask = || client.post(format!("{address}/graphql")).json(&json!({ "query": "{ answer }" }));
    assert_eq!(ask().send().await?.status(), StatusCode::OK);
    let refused = ask().bearer_auth(&token).send().await?;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().get("www-authenticate").is_none());
    // With no issuer at all, nobody is vouched for.
    let (address, _) = serve(&AuthSettings::default(), Clock::system()).await?;
    let refused = client.post(format!("{address}/graphql")).bearer_auth(&token).json(&json!({ "query": "{ answer }" }));
    assert_eq!(refused.send().await?.status(), StatusCode::UNAUTHORIZED);
    Ok(())
}
