//! How a partner is asked: again where that may help, not at all for a while where it does not, once for many who ask the
//! same, with the headers that it is to have.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use async_graphql::{Context, EmptySubscription, Executor, Object, Request, Schema, Variables};
use axum::http::{HeaderMap, HeaderValue};
use connectors::settings::SubgraphSettings;
use futures::future::join_all;
use gateway::config::{FederationSettings, LimitSettings, Settings};
use gateway::federation::Federation;
use gateway::graphql::Caller;
use gateway::telemetry::Metrics;
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::store::Backend;
use tests::subgraph::{Mood, TestSubgraph};
use tests::until;
use tokio_util::sync::CancellationToken;

struct Query;
struct Mutation;

#[Object]
impl Query {
    async fn echo(&self, _ctx: &Context<'_>, say: String) -> String {
        say
    }
}

#[Object]
impl Mutation {
    async fn change(&self, to: i32) -> i32 {
        to
    }
}

type Echo = Schema<Query, Mutation, EmptySubscription>;

/// A plain gateway over one partner.
struct Stage {
    hub: TestHub,
    partner: TestSubgraph<Echo>,
    federation: Federation,
    metrics: Metrics,
    settings: SubgraphSettings,
}

impl Stage {
    /// With a partner that is set so, beside what it needs.
    async fn set(settings: Value) -> Result<Self> {
        let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
        let schema = Schema::build(Query, Mutation, EmptySubscription).enable_federation().finish();
        let partner = TestSubgraph::serve(schema).await?;
        let mut whole = json!({ "name": "echo", "url": partner.settings("echo").url, "timeout": "20s" });
        whole.as_object_mut().expect("an object").extend(settings.as_object().cloned().unwrap_or_default());
        let settings: SubgraphSettings = serde_json::from_value(whole)?;
        let metrics = Metrics::default();
        let federating = FederationSettings { local: false, ..FederationSettings::default() };
        let graph = hub.graph_within(&LimitSettings::default());
        let federation = Federation::of(graph, &federating, &metrics);
        let (federation, _) = federation.joined(std::slice::from_ref(&settings), CancellationToken::new()).await?;
        ensure!(federation.is_joined(), "the partner's graph cannot be joined");
        Ok(Self { hub, partner, federation, metrics, settings })
    }

    /// Says something, as this caller. Gives what came, or the code of the error.
    async fn say(&self, what: &str, caller: Caller) -> Value {
        let request = Request::new("query ($say: String!) { echo(say: $say) }").data(caller);
        self.ask(request.variables(Variables::from_json(json!({ "say": what })))).await
    }

    async fn ask(&self, request: Request) -> Value {
        let answer = self.federation.execute(request).await;
        let mut answer = serde_json::to_value(answer).expect("an answer");
        match answer["errors"].get_mut(0) {
            None => answer["data"].take(),
            Some(error) => error["extensions"]["code"].take(),
        }
    }

    /// How often asking ended so.
    async fn told(&self, outcome: &str) -> f64 {
        let line = format!("hub_subgraph_requests_total{{subgraph=\"echo\",outcome=\"{outcome}\"}} ");
        let text = self.metrics.tell().await;
        text.lines().find_map(|told| told.strip_prefix(&line)?.parse().ok()).unwrap_or_default()
    }
}

fn with_headers(headers: &[(&'static str, &'static str)]) -> Caller {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect();
    Caller { headers: Some(Arc::new(headers)), ..Caller::default() }
}

#[tokio::test]
async fn a_query_that_was_not_answered_is_asked_again_and_a_change_is_not() -> Result<()> {
    let stage = Stage::set(json!({ "retries": 2 })).await?;
    let asked = |before: usize| stage.partner.asked() - before;
    for moods in [
        vec![Mood::Down, Mood::CutOff],
        vec![Mood::Refusing(503, 0)],
        vec![Mood::Refusing(504, 0), Mood::Refusing(502, 0)],
    ] {
        let before = stage.partner.asked();
        stage.partner.be_in_turn(moods.clone());
        assert_eq!(stage.say("a", Caller::default()).await, json!({ "echo": "a" }), "{moods:?}");
        assert_eq!(asked(before), moods.len() + 1, "{moods:?}");
    }
    // Only so often; and what would be answered in the same way again is not asked again.
    for (moods, times) in [
        (vec![Mood::Down, Mood::Down, Mood::Down], 3),
        (vec![Mood::Garbage], 1),
        (vec![Mood::Refusing(500, 0)], 1),
        (vec![Mood::Refusing(400, 0)], 1),
        (vec![Mood::Refusing(429, 0)], 1),
        // It would be too late.
        (vec![Mood::Refusing(503, 3_600)], 1),
    ] {
        let before = stage.partner.asked();
        stage.partner.be_in_turn(moods.clone());
        assert_eq!(stage.say("a", Caller::default()).await, json!("UNAVAILABLE"), "{moods:?}");
        assert_eq!(asked(before), times, "{moods:?}");
    }
    for mood in [Mood::Down, Mood::CutOff, Mood::Refusing(503, 0)] {
        let before = stage.partner.asked();
        stage.partner.be_in_turn([mood]);
        assert_eq!(stage.ask(Request::new("mutation { change(to: 1) }")).await, json!("UNAVAILABLE"), "{mood:?}");
        assert_eq!(asked(before), 1, "{mood:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_partner_that_fails_again_and_again_is_left_alone_until_one_finds_out() -> Result<()> {
    let stage = Stage::set(json!({ "retries": 0, "breaker": { "failures": 3, "open_for": "500ms" } })).await?;
    let before = stage.partner.asked();
    stage.partner.be(Mood::Down);
    for _ in 0..3 {
        assert_eq!(stage.say("a", Caller::default()).await, json!("UNAVAILABLE"));
    }
    assert_eq!(stage.told("server_error").await, 3.0);
    assert!(stage.metrics.tell().await.contains("hub_subgraph_breaker_open{subgraph=\"echo\",asked=\"queries\"} 1"));
    // Whoever asks now is told at once; now and then one finds out.
    until("somebody is told without asking", async || {
        assert_eq!(stage.say("a", Caller::default()).await, json!("UNAVAILABLE"));
        stage.told("breaker_open").await > 0.0
    })
    .await?;
    stage.partner.be(Mood::Well);
    until("it is asked again", async || stage.say("a", Caller::default()).await == json!({ "echo": "a" })).await?;
    assert!(stage.metrics.tell().await.contains("hub_subgraph_breaker_open{subgraph=\"echo\",asked=\"queries\"} 0"));
    let asked = stage.partner.asked() - before;
    assert!(asked >= 4 && stage.told("ok").await >= 1.0, "{asked}");
    Ok(())
}

#[tokio::test]
async fn what_many_ask_at_once_in_the_same_name_is_asked_once() -> Result<()> {
    let forward = json!({ "retries": 0, "headers": { "forward": ["x-tenant"] }, "oauth": { "forward": true } });
    let stage = Stage::set(forward).await?;
    let before = stage.partner.asked();
    stage.partner.be(Mood::Held);
    let many = join_all((0..20).map(|_| stage.say("same", Caller::default())));
    let tenants = join_all(["a", "b"].map(|tenant| stage.say("same", with_headers(&[("x-tenant", tenant)]))));
    let token = |token| Caller { authorization: Some(HeaderValue::from_static(token)), ..Caller::default() };
    let tokens = join_all(["Bearer a", "Bearer b"].map(|text| stage.say("same", token(text))));
    let other = stage.say("other", Caller::default());
    let change = || stage.ask(Request::new("mutation { change(to: 1) }"));
    // 1 for the many, 2 for the tenants, 2 for the tokens, 1 for what is different; and then 2 changes, for who asks after a
    // change has begun shares nothing with those who asked before.
    let asked = async |count| stage.partner.asked() - before == count && stage.told("shared").await == 19.0;
    let changes = async {
        let all = until("all queries are under way", async || asked(6).await).await;
        (all, join_all([change(), change()]).await)
    };
    let released = async {
        let all = until("all are under way", async || asked(8).await).await;
        stage.partner.release(8);
        all
    };
    let (many, tenants, tokens, other, changes, released) =
        futures::join!(many, tenants, tokens, other, changes, released);
    let (all, changes) = changes;
    all.and(released)?;
    let same = json!({ "echo": "same" });
    assert!(many.iter().chain(&tenants).chain(&tokens).all(|told| *told == same), "{many:?} {tenants:?} {tokens:?}");
    assert_eq!((other, changes), (json!({ "echo": "other" }), vec![json!({ "change": 1 }); 2]));
    assert_eq!(stage.partner.asked() - before, 8);
    // What is over is over.
    stage.partner.be(Mood::Well);
    stage.say("same", Caller::default()).await;
    assert_eq!(stage.partner.asked() - before, 9);
    Ok(())
}

#[tokio::test]
async fn who_goes_away_takes_nothing_from_those_who_ask_the_same() -> Result<()> {
    let stage = Arc::new(Stage::set(json!({})).await?);
    let before = stage.partner.asked();
    stage.partner.be(Mood::Held);
    let asking = || {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { stage.say("same", Caller::default()).await })
    };
    let first = asking();
    until("the first asks", async || stage.partner.asked() - before == 1).await?;
    let second = asking();
    until("the second waits", async || stage.told("shared").await == 1.0).await?;
    first.abort();
    ensure!(first.await.is_err_and(|error| error.is_cancelled()), "the first has gone");
    stage.partner.release(1);
    assert_eq!(second.await?, json!({ "echo": "same" }));
    assert_eq!(stage.partner.asked() - before, 1);
    Ok(())
}

#[tokio::test]
async fn a_partner_has_no_more_requests_at_once_than_it_is_to_have() -> Result<()> {
    let stage = Stage::set(json!({ "requests_at_once": 3, "retries": 0 })).await?;
    stage.partner.be(Mood::Slow(30));
    let asked: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let told = join_all(asked.iter().map(|number| stage.say(number, Caller::default()))).await;
    let expected: Vec<Value> = asked.iter().map(|number| json!({ "echo": number })).collect();
    assert_eq!(told, expected);
    assert_eq!(stage.partner.most_at_once(), 3);
    Ok(())
}

#[tokio::test]
async fn a_partner_is_sent_the_headers_that_it_is_to_have_and_no_others() -> Result<()> {
    let stage = Stage::set(json!({ "headers": {
        "forward": ["x-tenant"], "rename": { "x-client": "x-caller" }, "set": { "x-version": "2" },
    } }))
    .await?;
    let settings = Settings { subgraphs: vec![stage.settings.clone()], ..Settings::default() };
    let (db, feed) = (&stage.hub.store.db, stage.hub.feed.clone());
    let executor = stage.federation.clone();
    let gateway = TestGateway::serve(executor, db, feed, &settings, gateway::http::graphql::anybody()).await?;
    let request = client().post(gateway.url("/graphql")).header("content-type", "application/json");
    let request = request.header("x-tenant", "t1").header("x-client", "c1").header("x-other", "o1");
    let request = request.header("cookie", "session=1").header("x-version", "1");
    let body = json!({ "query": "{ echo(say: \"a\") }" }).to_string();
    let answer: Value = request.body(body).send().await?.json().await?;
    assert_eq!(answer["data"], json!({ "echo": "a" }), "{answer}");
    let sent = ["x-tenant", "x-caller", "x-version", "x-client", "x-other", "cookie", "authorization"];
    let sent = sent.map(|name| stage.partner.header(name));
    let expected = [Some("t1"), Some("c1"), Some("2"), None, None, None, None];
    assert_eq!(sent, expected.map(|value| value.map(str::to_owned)));
    Ok(())
}
