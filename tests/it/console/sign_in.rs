//! People sign in at the issuer and come back; what they may do then; and what nobody does in their name.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use connectors::settings::Secret;
use connectors::sync::RunOptions;
use entity::global_id::GlobalId;
use entity::{Clock, commitment};
use gateway::config::{Anonymous, AuthSettings, Settings, SignInSettings};
use gateway::graphql::{Graph, Syncs, Writes};
use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{RequestBuilder, Response, StatusCode};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::store::Backend;
use tokio_util::sync::CancellationToken;

use super::card;

/// A hub at which sample people can sign in.
pub(super) async fn open(anonymous: Anonymous) -> Result<(TestHub, TestGateway)> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    hub.sync(&RunOptions::default()).await?;
    let settings = settings(&hub, anonymous)?;
    let gateway = serve(&hub, &settings).await?;
    Ok((hub, gateway))
}

/// Where sample people sign in.
pub(super) fn settings(hub: &TestHub, anonymous: Anonymous) -> Result<Settings> {
    let console = hub.sandbox.console_client();
    Ok(Settings {
        auth: AuthSettings {
            issuer: vec![hub.sandbox.issuer_url().parse()?],
            audience: Some(hub.sandbox.hub_audience().to_owned()),
            anonymous,
            ..AuthSettings::default()
        },
        sign_in: SignInSettings {
            client_id: Some(console.id.to_owned()),
            client_secret: Some(Secret::Resolved(console.secret.to_owned())),
            ..SignInSettings::default()
        },
        ..Settings::default()
    })
}

/// A gateway on the hub's store, which can read its sources.
pub(super) async fn serve(hub: &TestHub, settings: &Settings) -> Result<TestGateway> {
    let db = &hub.store.db;
    let graph = |feed| Graph::new(db.clone(), Clock::system(), feed, &settings.limits).writing(writes(hub));
    TestGateway::within(db, settings, graph).await
}

/// What may be written: among it, that a source is to be read.
pub(super) fn writes(hub: &TestHub) -> Writes {
    let syncs = Syncs::new(Arc::clone(&hub.engine), hub.sources(), CancellationToken::new());
    Writes { syncs: Some(Arc::new(syncs)), ..Writes::default() }
}

/// A browser: it keeps the hub's cookies.
pub(super) struct Browser<'a> {
    pub(super) gateway: &'a TestGateway,
    pub(super) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(gateway: &'a TestGateway) -> Self {
        Self { gateway, cookies: BTreeMap::new() }
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Response> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(ACCEPT, "text/html").header(COOKIE, cookies.join("; "));
        let response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str()?;
            ensure!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
            // What begins a sign-in is sealed, so any letters may stand in it.
            let is_number = cookie.starts_with("hub_session=") && !cookie.contains("eyJ") && cookie.len() < 150;
            ensure!(is_number || cookie.starts_with("hub_sign_in="), "no token leaves the hub: {cookie}");
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).context("a cookie")?;
            match cookie.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Ok(response)
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Response> {
        self.send(client().get(self.gateway.url(path))).await
    }

    pub(super) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Result<Response> {
        self.send(client().post(self.gateway.url(path)).form(form)).await
    }

    /// As far as where the issuer sends a person back to.
    pub(super) async fn choose(&mut self, person: &str, back: &str) -> Result<String> {
        let mut sign_in = url::Url::parse(&self.gateway.url("/sign-in"))?;
        sign_in.query_pairs_mut().append_pair("back", back);
        let sent = self.send(client().get(sign_in)).await?;
        ensure!(sent.status() == StatusCode::SEE_OTHER, "{}", sent.status());
        let issuer: url::Url = location(&sent)?.parse()?;
        ensure!(issuer.query_pairs().any(|(name, value)| name == "code_challenge_method" && value == "S256"));
        let menu = client().get(issuer.clone()).send().await?.text().await?;
        let link =
            menu.split("href=\"").find(|part| part.contains(&format!("person={person}\""))).context("a person")?;
        let link = link.split('"').next().unwrap_or_default().replace("&amp;", "&");
        let back = client().get(issuer.join(&link)?).send().await?;
        let back: url::Url = location(&back)?.parse()?;
        Ok(format!("{}?{}", back.path(), back.query().unwrap_or_default()))
    }

    pub(super) async fn sign_in(&mut self, person: &str, back: &str) -> Result<()> {
        let done = self.choose(person, back).await?;
        let led = self.get(&done).await?;
        ensure!(led.status() == StatusCode::SEE_OTHER && location(&led)? == back, "{} {done}", led.status());
        ensure!(self.cookies.len() == 1, "{:?}", self.cookies.keys());
        Ok(())
    }
}

pub(super) fn location(response: &Response) -> Result<&str> {
    Ok(response.headers().get(LOCATION).context("led elsewhere")?.to_str()?)
}

/// The value of a hidden field of a page.
pub(super) fn field<'a>(html: &'a str, name: &str) -> Result<&'a str> {
    let (_, rest) = html.split_once(&format!("name=\"{name}\" value=\"")).context("a field")?;
    Ok(rest.split('"').next().unwrap_or_default())
}

/// What the sample partner proposes to the sample school: its id.
pub(super) async fn propose(hub: &TestHub, gateway: &TestGateway) -> Result<String> {
    let (partner, _) = hub.sandbox.hub_clients().find(|(client, _)| client.name == "partner").context("a partner")?;
    let mutation = "mutation ($input: ProposeCommitmentInput!) {
        proposeCommitment(input: $input) { commitment { id } userErrors { message } }
    }";
    let input = json!({ "school": hub.sandbox.sample_brin(), "title": "Een voorstel & meer" });
    let request = client().post(gateway.url("/graphql")).bearer_auth(hub.sandbox.hub_token(partner)?);
    let body = json!({ "query": mutation, "variables": { "input": input } });
    let answer: Value = request.json(&body).send().await?.json().await?;
    let id = &answer["data"]["proposeCommitment"]["commitment"]["id"];
    Ok(id.as_str().with_context(|| answer.to_string())?.to_owned())
}

async fn status(hub: &TestHub, id: &str) -> Result<String> {
    let id = GlobalId::parse(id).ok().and_then(|id| id.uuid()).context("an id")?;
    let row = commitment::Entity::find_by_id(id).one(&hub.store.db).await?.context("the commitment")?;
    Ok(format!("{:?}", row.status))
}

#[tokio::test]
async fn somebody_signs_in_sees_their_own_and_signs_out() -> Result<()> {
    let (hub, gateway) = open(Anonymous::Public).await?;
    propose(&hub, &gateway).await?;
    let card = card(&hub);
    let mut browser = Browser::new(&gateway);
    let public = browser.get(&card).await?.text().await?;
    assert!(public.contains("Inloggen") && !public.contains("Een voorstel"), "what is proposed is not public");

    browser.sign_in("demo-board", &card).await?;
    let own = browser.get(&card).await?.text().await?;
    assert!(own.contains("Een voorstel &#38; meer") && own.contains("Schoolbestuur ") && own.contains("Uitloggen"));
    assert!(!own.contains("eyJ"), "no token stands in a page");
    // Others have their own.
    assert!(!Browser::new(&gateway).get(&card).await?.text().await?.contains("Een voorstel"));
    let mut municipality = Browser::new(&gateway);
    municipality.sign_in("demo-municipality", &card).await?;
    assert!(!municipality.get(&card).await?.text().await?.contains("Een voorstel"));

    let session = browser.cookies.clone();
    let forms = field(&own, "token")?;
    let forged = browser.post("/sign-out", &[("token", "AAAA")]).await?;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    let led = browser.post("/sign-out", &[("token", forms)]).await?;
    assert_eq!((led.status(), location(&led)?), (StatusCode::SEE_OTHER, "/"));
    assert!(browser.cookies.is_empty());
    // The number means nothing any more, to whoever kept it.
    let mut kept = Browser { cookies: session, gateway: &gateway };
    assert!(!kept.get(&card).await?.text().await?.contains("Een voorstel"));
    Ok(())
}

#[tokio::test]
async fn a_board_accepts_what_is_proposed_and_nobody_does_in_its_name() -> Result<()> {
    let (hub, gateway) = open(Anonymous::Public).await?;
    let id = propose(&hub, &gateway).await?;
    let card = card(&hub);
    let (mut board, mut partner) = (Browser::new(&gateway), Browser::new(&gateway));
    board.sign_in("demo-board", &card).await?;
    partner.sign_in("demo-partner", &card).await?;
    let html = board.get(&card).await?.text().await?;
    let partners = partner.get(&card).await?.text().await?;
    assert!(partners.contains("Een voorstel") && !partners.contains("/commitments/answer"), "boards answer");

    let (brin, token, version) = (hub.sandbox.sample_brin(), field(&html, "token")?, field(&html, "version")?);
    let form = |token, status, version| {
        [("token", token), ("id", id.as_str()), ("version", version), ("status", status), ("brin", brin.as_str())]
    };
    let accepted = form(token, "ACCEPTED", version);
    // Without a session, and with the form of another.
    let refused = Browser::new(&gateway).post("/commitments/answer", &accepted).await?;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    for token in [field(&partners, "token")?, ""] {
        let refused = board.post("/commitments/answer", &form(token, "ACCEPTED", version)).await?;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }
    // In a session that is not the board's.
    let refused = partner.post("/commitments/answer", &form(field(&partners, "token")?, "ACCEPTED", version)).await?;
    assert!(refused.status().is_client_error(), "{}", refused.status());
    // By what it looked like before, and a step that nobody can take.
    let stale = board.post("/commitments/answer", &form(token, "ACCEPTED", "99")).await?;
    assert_eq!(stale.status(), StatusCode::BAD_REQUEST);
    let skipped = board.post("/commitments/answer", &form(token, "CONFIRMED", version)).await?;
    assert_eq!(skipped.status(), StatusCode::BAD_REQUEST);
    // An address alone does nothing.
    let read = board.get(&format!("/commitments/answer?id={id}&status=ACCEPTED")).await?;
    assert_eq!(read.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(status(&hub, &id).await?, "Proposed");

    let led = board.post("/commitments/answer", &accepted).await?;
    assert_eq!((led.status(), location(&led)?), (StatusCode::SEE_OTHER, format!("{card}#proposed").as_str()));
    assert_eq!(status(&hub, &id).await?, "Accepted");
    let after = board.get(&card).await?.text().await?;
    let asked = |html: &str| html.matches("action=\"/commitments/answer\"").count();
    assert_eq!(asked(&after), asked(&html) - 1);
    assert!(after.contains("Een voorstel &#38; meer"));
    Ok(())
}

#[tokio::test]
async fn who_comes_back_must_be_who_was_sent_and_comes_once() -> Result<()> {
    let (_hub, gateway) = open(Anonymous::Public).await?;
    let mut browser = Browser::new(&gateway);
    // A way back that somebody else began: what they brought opens nothing here, and nothing there any more.
    let theirs = Browser::new(&gateway).choose("demo-board", "/").await?;
    let refused = browser.get(&theirs).await?;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(browser.cookies.is_empty());

    let done = browser.choose("demo-board", "/").await?;
    let cookie = browser.cookies.clone();
    assert_eq!(browser.get(&done).await?.status(), StatusCode::SEE_OTHER);
    let mut again = Browser { cookies: cookie, gateway: &gateway };
    assert_eq!(again.get(&done).await?.status(), StatusCode::UNAUTHORIZED, "its code is taken once");
    assert!(!again.cookies.contains_key("hub_session"));

    // A code that the issuer never gave, and no code at all.
    for brought in ["code=made-up&", "error=access_denied&", ""] {
        let mut browser = Browser::new(&gateway);
        let done = browser.choose("demo-board", "/").await?;
        let state = done.split(['?', '&']).find(|part| part.starts_with("state=")).context("a state")?;
        let refused = browser.get(&format!("/sign-in/done?{brought}{state}")).await?;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{brought}");
        assert!(!browser.cookies.contains_key("hub_session"));
    }
    // Nobody is led to another host.
    let mut browser = Browser::new(&gateway);
    let done = browser.choose("demo-board", "//evil.example/").await?;
    assert_eq!(location(&browser.get(&done).await?)?, "/");
    Ok(())
}

#[tokio::test]
async fn a_session_counts_for_the_api_only_where_a_page_of_the_hub_asks() -> Result<()> {
    let (_hub, gateway) = open(Anonymous::Public).await?;
    let mut browser = Browser::new(&gateway);
    browser.sign_in("demo-board", "/").await?;
    let cookie = format!("hub_session={}", browser.cookies["hub_session"]);
    let query = json!({ "query": "{ viewer { organisationKind scopes } }" });
    let ask = async |headers: &[(&'static str, &'static str)]| {
        let mut request = client().post(gateway.url("/graphql")).header(COOKIE, &cookie).json(&query);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer: Value = request.send().await?.json().await?;
        anyhow::Ok(answer["data"]["viewer"]["organisationKind"].clone())
    };
    let header = ("x-hub-session", "1");
    assert_eq!(ask(&[header]).await?, "SCHOOL_BOARD");
    assert_eq!(ask(&[header, ("sec-fetch-site", "same-origin")]).await?, "SCHOOL_BOARD");
    for others in [&[][..], &[("sec-fetch-site", "same-origin")]] {
        assert_eq!(ask(others).await?, Value::Null, "a cookie alone is nobody");
    }
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(ask(&[header, ("sec-fetch-site", site)]).await?, Value::Null, "{site}");
    }
    // A page of another site is not allowed to send the header.
    let preflight = client()
        .request(reqwest::Method::OPTIONS, gateway.url("/graphql"))
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-hub-session");
    assert!(!preflight.send().await?.headers().contains_key("access-control-allow-origin"));
    Ok(())
}

#[tokio::test]
async fn where_nothing_is_public_people_are_led_to_sign_in() -> Result<()> {
    let (hub, gateway) = open(Anonymous::Deny).await?;
    let card = card(&hub);
    let mut browser = Browser::new(&gateway);
    let led = browser.get(&card).await?;
    assert!(location(&led)?.starts_with("/sign-in?back=%2Fschools%2F"), "{:?}", led.headers());
    browser.sign_in("demo-board", &card).await?;
    assert_eq!(browser.get(&card).await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn the_sample_issuer_gives_a_code_to_whom_it_belongs() -> Result<()> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha256};
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    let (issuer, console) = (hub.sandbox.issuer_url(), hub.sandbox.console_client());
    let (verifier, home) = ("a-proof-of-forty-three-characters-or-even-more", "http://127.0.0.1:1/sign-in/done");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let authorize = async |redirect: &str, challenge: &str| {
        let asked = [
            ("client_id", console.id),
            ("redirect_uri", redirect),
            ("response_type", "code"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("person", "demo-board"),
        ];
        anyhow::Ok(client().get(format!("{issuer}/authorize")).query(&asked).send().await?)
    };
    // Nobody is sent elsewhere than to this machine, and nobody without a proof gets a code.
    assert_eq!(authorize("https://evil.example/", &challenge).await?.status(), StatusCode::BAD_REQUEST);
    assert!(location(&authorize(home, "").await?)?.contains("error=invalid_request"));
    let exchange = async |code: &str, verifier: &str, redirect: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", console.id),
            ("client_secret", console.secret),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect),
        ];
        anyhow::Ok(client().post(format!("{issuer}/token")).form(&form).send().await?.status())
    };
    for (verifier, redirect, expected) in [
        ("another-proof", home, StatusCode::BAD_REQUEST),
        (verifier, "http://127.0.0.1:2/", StatusCode::BAD_REQUEST),
        (verifier, home, StatusCode::OK),
    ] {
        let sent = authorize(home, &challenge).await?;
        let back: url::Url = location(&sent)?.parse()?;
        let (_, code) = back.query_pairs().find(|(name, _)| name == "code").context("a code")?;
        assert_eq!(exchange(&code, verifier, redirect).await?, expected, "{verifier} {redirect}");
        // Once, right or wrong.
        assert_eq!(exchange(&code, verifier, home).await?, StatusCode::BAD_REQUEST);
    }
    Ok(())
}
