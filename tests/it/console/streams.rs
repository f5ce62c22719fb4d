//! Streams in the name of who is signed in: where the hub's own pages open them, and nowhere else.

use anyhow::{Context, Result, ensure};
use gateway::config::Anonymous;
use reqwest::header::{ACCEPT, COOKIE};
use serde_json::json;
use tests::gateway::{TestGateway, client};
use tests::socket::Socket;

use super::sign_in::{Browser, open};

/// What only operators may follow: what comes of it tells in whose name it was asked.
const RUNS: &str = "subscription { syncRuns { id } }";

type Headers<'a> = &'a [(&'static str, &'a str)];

/// The cookie of an operator who is signed in.
async fn signed_in(gateway: &TestGateway) -> Result<String> {
    let mut operator = Browser::new(gateway);
    operator.sign_in("demo-operator", "/sources").await?;
    Ok(format!("hub_session={}", operator.cookies["hub_session"]))
}

async fn begun(gateway: &TestGateway, headers: Headers<'_>, payload: &serde_json::Value) -> Result<Socket> {
    let mut socket = Socket::open_with(gateway.address, Some("graphql-transport-ws"), headers).await?;
    socket.say(json!({ "type": "connection_init", "payload": payload })).await?;
    Ok(socket)
}

/// Whether a socket that is opened so may follow what only operators may.
async fn follows(gateway: &TestGateway, headers: Headers<'_>, payload: &serde_json::Value) -> Result<bool> {
    let mut socket = begun(gateway, headers, payload).await?;
    let first = socket.hear().await?;
    ensure!(first == json!({ "type": "connection_ack" }), "{first}");
    socket.subscribe("1", RUNS, json!({})).await?;
    // A second operation is answered at once, so silence about the first is told from a refusal of it.
    socket.subscribe("2", "{ __typename }", json!({})).await?;
    loop {
        let message = socket.hear().await?;
        if message["id"] == "1" {
            ensure!(message.to_string().contains("UNAUTHENTICATED"), "{message}");
            return Ok(false);
        }
        if message == json!({ "type": "complete", "id": "2" }) {
            // What is refused is refused before anything is read.
            let rest = tokio::time::timeout(std::time::Duration::from_millis(400), socket.hear()).await;
            return Ok(rest.is_err());
        }
    }
}

#[tokio::test]
async fn a_socket_is_in_the_name_of_who_is_signed_in_only_from_the_hubs_own_pages() -> Result<()> {
    let (_hub, gateway) = open(Anonymous::Public).await?;
    let cookie = signed_in(&gateway).await?;
    let cookie = ("cookie", cookie.as_str());
    let own = gateway.url("");
    let asks = json!({ "x-hub-session": "1" });
    let own_page = ("origin", own.as_str());
    let safely = ("sec-fetch-site", "same-origin");
    for headers in [&[cookie, own_page][..], &[cookie, own_page, safely]] {
        assert!(follows(&gateway, headers, &asks).await?, "{headers:?}");
    }
    // Who does not ask for it is nobody, wherever they are: a browser adds the cookie by itself.
    for headers in [&[cookie, own_page, safely][..], &[cookie, ("origin", "https://evil.example")], &[cookie]] {
        assert!(!follows(&gateway, headers, &json!({})).await?, "{headers:?}");
    }
    // A page elsewhere that asks for it is cut off.
    let port = gateway.address.port();
    let (neighbour, named) = (format!("http://127.0.0.1:{}", port.wrapping_add(1)), format!("http://localhost:{port}"));
    let suffixed = format!("{own}.evil.example");
    let safe = own.replace("http:", "https:");
    for origin in
        ["https://evil.example", "null", "", neighbour.as_str(), named.as_str(), suffixed.as_str(), safe.as_str()]
    {
        let headers = [cookie, ("origin", origin)];
        assert_eq!(begun(&gateway, &headers, &asks).await?.closed().await?.0, 4403, "{origin}");
    }
    for headers in [
        &[cookie][..],
        &[cookie, own_page, ("origin", "https://evil.example")],
        &[cookie, own_page, ("sec-fetch-site", "cross-site")],
        &[cookie, own_page, ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(begun(&gateway, headers, &asks).await?.closed().await?.0, 4403, "{headers:?}");
    }
    // Without a session there is nothing to take: a page elsewhere sees what anybody may see.
    let elsewhere = [("origin", "https://app.example")];
    assert!(!follows(&gateway, &elsewhere, &asks).await?);
    Ok(())
}

#[tokio::test]
async fn events_are_in_the_name_of_who_is_signed_in_only_where_a_page_of_the_hub_asks() -> Result<()> {
    let (_hub, gateway) = open(Anonymous::Public).await?;
    let cookie = signed_in(&gateway).await?;
    let follow = async |headers: Headers<'_>| {
        let mut request = client().get(gateway.url("/graphql")).query(&[("query", RUNS)]);
        request = request.header(ACCEPT, "text/event-stream").header(COOKIE, &cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send().await?;
        ensure!(response.headers()["content-type"] == "text/event-stream; charset=utf-8");
        // What is refused says so at once and ends; what is followed says nothing for now.
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(2), response.chunk()).await;
        let Ok(chunk) = chunk else { return anyhow::Ok(true) };
        let text = String::from_utf8(chunk?.context("an event")?.to_vec())?;
        ensure!(text.contains("UNAUTHENTICATED"), "{text}");
        anyhow::Ok(false)
    };
    let header = ("x-hub-session", "1");
    assert!(follow(&[header]).await?);
    assert!(follow(&[header, ("sec-fetch-site", "same-origin")]).await?);
    assert!(!follow(&[]).await?, "a cookie alone is nobody: what `EventSource` sends");
    for site in ["cross-site", "same-site", "none"] {
        assert!(!follow(&[header, ("sec-fetch-site", site)]).await?, "{site}");
    }
    Ok(())
}
