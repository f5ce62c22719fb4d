//! Subscriptions to partners' own roots: told by the partner, completed by the hub, ended by whatever ends them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_graphql::{
    Context, EmptyMutation, Executor, ID, Object, Request, Response, Schema, SimpleObject, Subscription, Variables,
};
use axum::http::HeaderValue;
use connectors::sandbox::System;
use connectors::settings::{OAuthSettings, Secret, SubgraphSettings};
use connectors::sync::RunOptions;
use entity::Clock;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use gateway::auth::Identity;
use gateway::config::{FederationSettings, LimitSettings, Settings};
use gateway::federation::Federation;
use gateway::graphql::Caller;
use gateway::telemetry::Metrics;
use rstest::rstest;
use serde_json::{Value, json};
use tests::gateway::TestGateway;
use tests::hub::TestHub;
use tests::socket::Socket;
use tests::store::Backend;
use tests::subgraph::{Mood, TestSubgraph};
use tests::until;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// A booking's number. `None`: there will be no more.
type Bookings = broadcast::Sender<Option<usize>>;

struct Query;
struct Told;
struct School(String);

#[derive(SimpleObject)]
struct Booking {
    id: ID,
    school: School,
}

#[Object]
impl Query {
    #[graphql(entity)]
    async fn find_school(&self, brin: String) -> School {
        School(brin)
    }
}

#[Object]
impl School {
    async fn brin(&self) -> &str {
        &self.0
    }

    async fn visits(&self) -> async_graphql::Result<Option<i32>> {
        Err("nobody counts".into())
    }
}

/// Its name is none that gateways expect, and is not in the schema that async-graphql tells them.
#[Subscription(name = "Events")]
impl Told {
    /// Workshops as schools book them.
    async fn booked(&self, ctx: &Context<'_>, brin: String) -> impl Stream<Item = Booking> + use<> {
        let bookings = ctx.data_unchecked::<Bookings>().subscribe();
        let bookings = futures::stream::unfold(bookings, async |mut bookings| {
            let number: usize = bookings.recv().await.ok()??;
            Some((number, bookings))
        });
        bookings.map(move |number| Booking { id: format!("b{number}").into(), school: School(brin.clone()) })
    }
}

type Partner = Schema<Query, EmptyMutation, Told>;

/// A hub that is joined with who takes bookings.
struct Stage {
    hub: TestHub,
    partner: TestSubgraph<Partner>,
    bookings: Bookings,
    federation: Federation,
    brin: String,
}

impl Stage {
    /// With a partner that is set so, beside what it needs.
    async fn set(settings: Value) -> Result<Self> {
        Self::set_with(settings, |_, _| Ok(())).await
    }

    /// As [`Stage::set`], with what depends on the hub.
    async fn set_with(
        settings: Value,
        more: impl FnOnce(&TestHub, &mut SubgraphSettings) -> Result<()>,
    ) -> Result<Self> {
        let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
        hub.sync(&RunOptions::default()).await?;
        let bookings = broadcast::channel(16).0;
        let schema = Schema::build(Query, EmptyMutation, Told).data(bookings.clone());
        let partner =
            TestSubgraph::serve(schema.enable_federation().enable_subscription_in_federation().finish()).await?;
        let mut whole = json!({ "name": "bookings", "url": partner.settings("b").url, "timeout": "20s", "retries": 0 });
        whole.as_object_mut().context("an object")?.extend(settings.as_object().cloned().unwrap_or_default());
        let mut settings: SubgraphSettings = serde_json::from_value(whole)?;
        more(&hub, &mut settings)?;
        let graph = hub.graph_within(&LimitSettings::default());
        let (federation, _) = Federation::of(graph, &FederationSettings::default(), &Metrics::default())
            .joined(&[settings], CancellationToken::new())
            .await?;
        ensure!(federation.is_joined(), "the partner's graph cannot be joined");
        let brin = hub.sandbox.sample_brin();
        Ok(Self { hub, partner, bookings, federation, brin })
    }

    fn subscribe(&self, query: &str, caller: Caller) -> BoxStream<'static, Response> {
        let variables = Variables::from_json(json!({ "brin": self.brin }));
        self.federation.execute_stream(Request::new(query).variables(variables).data(caller), None)
    }

    /// Books, once so many listen.
    async fn book(&self, number: Option<usize>) -> Result<()> {
        until("somebody listens", async || self.bookings.receiver_count() > 0).await?;
        self.bookings.send(number)?;
        Ok(())
    }

    /// The name of the school, as the hub alone tells it.
    async fn name(&self) -> Result<Value> {
        let query = "query ($brin: String!) { school(brin: $brin) { name } }";
        Ok(self.hub.data(query, json!({ "brin": self.brin })).await?["school"]["name"].take())
    }
}

/// The next event. `None`: there are no more.
async fn next(events: &mut BoxStream<'static, Response>) -> Result<Option<Value>> {
    let event = timeout(Duration::from_secs(60), events.next()).await.context("nothing is told")?;
    event.map(|event| serde_json::to_value(event).context("an event")).transpose()
}

const BOOKED: &str = "subscription ($brin: String!) { now: booked(brin: $brin) { id school { name visits } } }";

#[rstest]
#[case("graphql-transport-ws")]
#[case("graphql-sse")]
#[tokio::test]
async fn an_event_of_a_partners_is_completed_with_what_the_hub_knows(#[case] protocol: &str) -> Result<()> {
    let stage = Stage::set(json!({ "subscriptions": { "protocol": protocol } })).await?;
    let name = stage.name().await?;
    let mut events = stage.subscribe(BOOKED, Caller::default());
    for number in [1, 2] {
        // Whoever is told subscribes when they begin to listen.
        let (event, booked) = futures::join!(next(&mut events), stage.book(Some(number)));
        booked?;
        let event = event?.context("an event")?;
        let expected = json!({ "now": { "id": format!("b{number}"), "school": { "name": name, "visits": null } } });
        assert_eq!(event["data"], expected, "{event}");
        let error = &event["errors"][0];
        assert_eq!(
            (&error["message"], &error["path"], &error["extensions"]["serviceName"]),
            (&json!("nobody counts"), &json!(["now", "school", "visits"]), &json!("bookings")),
            "{event}"
        );
        assert_eq!(event["errors"].as_array().map(Vec::len), Some(1), "{event}");
    }
    stage.book(None).await?;
    assert_eq!(next(&mut events).await?, None, "the partner has said that there are no more");
    assert_eq!(stage.partner.initial(), Value::Null, "nobody's token is sent");
    // Who goes away leaves nothing behind at the partner's.
    let mut events = stage.subscribe(BOOKED, Caller::default());
    let (event, booked) = futures::join!(next(&mut events), stage.book(Some(3)));
    booked?;
    assert_eq!(event?.context("an event")?["data"]["now"]["id"], "b3");
    assert_eq!(stage.partner.at_once(), 1);
    drop(events);
    until("the partner is alone", async || stage.partner.at_once() == 0).await
}

#[tokio::test]
async fn a_client_hears_of_partners_as_of_the_hub() -> Result<()> {
    let stage = Stage::set(json!({})).await?;
    let (db, feed) = (&stage.hub.store.db, stage.hub.feed.clone());
    let executor = stage.federation.clone();
    let anybody = gateway::http::graphql::anybody();
    let gateway = TestGateway::serve(executor, db, feed, &Settings::default(), anybody).await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("1", BOOKED, json!({ "brin": stage.brin })).await?;
    stage.book(Some(7)).await?;
    let event = socket.next("1").await?;
    assert_eq!(
        (&event["data"]["now"]["id"], &event["data"]["now"]["school"]["name"]),
        (&json!("b7"), &stage.name().await?)
    );
    stage.book(None).await?;
    assert_eq!(socket.hear().await?, json!({ "type": "complete", "id": "1" }));
    // One that cannot be planned is refused as any is.
    socket.subscribe("2", "subscription { booked { id } }", json!({})).await?;
    assert_eq!(socket.hear().await?["type"], "error");
    Ok(())
}

#[rstest]
#[case("graphql-transport-ws")]
#[case("graphql-sse")]
#[tokio::test]
async fn the_callers_token_goes_along_where_that_is_set(#[case] protocol: &str) -> Result<()> {
    for (forward, expected) in [(true, Some("Bearer a.good.token")), (false, None)] {
        let mut settings = json!({ "subscriptions": { "protocol": protocol } });
        if forward {
            settings["oauth"] = json!({ "forward": true });
        }
        let stage = Stage::set(settings).await?;
        let authorization = Some(HeaderValue::from_static("Bearer a.good.token"));
        let query = "subscription ($brin: String!) { booked(brin: $brin) { id } }";
        let mut events = stage.subscribe(query, Caller { authorization, ..Caller::default() });
        let (event, booked) = futures::join!(next(&mut events), stage.book(Some(1)));
        booked?;
        assert_eq!(event?.context("an event")?["data"], json!({ "booked": { "id": "b1" } }));
        assert_eq!(stage.partner.authorization().as_deref(), expected);
        if protocol == "graphql-transport-ws" {
            assert_eq!(stage.partner.initial()["Authorization"].as_str(), expected);
        }
    }
    Ok(())
}

#[rstest]
#[case("graphql-transport-ws")]
#[case("graphql-sse")]
#[tokio::test]
async fn a_partner_that_fails_ends_its_subscription_with_an_error_that_names_it(#[case] protocol: &str) -> Result<()> {
    let stage = Stage::set(json!({
        "timeout": "1s", "max_answer_bytes": 100_000, "breaker": { "failures": 0 },
        "subscriptions": { "protocol": protocol, "silence": "200ms" },
    }))
    .await?;
    for (mood, code) in [
        (Mood::Down, "UNAVAILABLE"),
        (Mood::Refusing(401, 0), "UNAVAILABLE"),
        (Mood::Garbage, "UNAVAILABLE"),
        (Mood::Endless, "UNAVAILABLE"),
        (Mood::Held, "TIMEOUT"),
    ] {
        stage.partner.be_in_turn([mood]);
        let mut events = stage.subscribe(BOOKED, Caller::default());
        let event = next(&mut events).await?.context("an event")?;
        let error = &event["errors"][0];
        assert_eq!(event["data"], Value::Null, "{mood:?}: {event}");
        assert_eq!(error["extensions"]["code"], code, "{mood:?}: {event}");
        assert_eq!(error["extensions"]["serviceName"], "bookings", "{mood:?}: {event}");
        assert_eq!(next(&mut events).await?, None, "{mood:?}");
    }
    stage.partner.release(1);
    if protocol == "graphql-transport-ws" {
        // What has been told stays told.
        stage.partner.be_in_turn([Mood::CutOff]);
        let mut events = stage.subscribe(BOOKED, Caller::default());
        let (event, booked) = futures::join!(next(&mut events), stage.book(Some(1)));
        booked?;
        assert_eq!(event?.context("an event")?["data"]["now"]["id"], "b1");
        let event = next(&mut events).await?.context("an event")?;
        assert_eq!(event["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{event}");
        assert_eq!(next(&mut events).await?, None);
    } else {
        // Nothing is said for too long: nobody knows whether there is anything to say.
        let mut events = stage.subscribe(BOOKED, Caller::default());
        let event = next(&mut events).await?.context("an event")?;
        assert_eq!(event["errors"][0]["extensions"]["code"], "TIMEOUT", "{event}");
        assert_eq!(next(&mut events).await?, None);
    }
    Ok(())
}

#[rstest]
#[case("graphql-transport-ws")]
#[case("graphql-sse")]
#[tokio::test]
async fn of_a_partner_whose_events_are_no_results_nothing_more_is_heard(#[case] protocol: &str) -> Result<()> {
    let stage = Stage::set(json!({ "subscriptions": { "protocol": protocol } })).await?;
    stage.partner.be_in_turn([Mood::Hollow]);
    let mut events = stage.subscribe(BOOKED, Caller::default());
    let (event, booked) = futures::join!(next(&mut events), stage.book(Some(1)));
    booked?;
    let event = event?.context("an event")?;
    assert_eq!(event["errors"][0]["extensions"]["serviceName"], "bookings", "{event}");
    // Though the partner would go on.
    assert_eq!(next(&mut events).await?, None);
    drop(events);
    until("the partner is alone", async || stage.partner.at_once() == 0).await
}

#[tokio::test]
async fn a_quiet_partner_that_answers_when_asked_is_listened_to() -> Result<()> {
    let stage = Stage::set(json!({ "subscriptions": { "silence": "100ms" } })).await?;
    let mut events = stage.subscribe(BOOKED, Caller::default());
    let booking = async {
        until("somebody listens", async || stage.bookings.receiver_count() > 0).await?;
        tokio::time::sleep(Duration::from_millis(600)).await;
        stage.book(Some(1)).await
    };
    let (event, booked) = futures::join!(next(&mut events), booking);
    booked?;
    assert_eq!(event?.context("an event")?["data"]["now"]["id"], "b1");
    Ok(())
}

#[tokio::test]
async fn a_partner_has_no_more_subscriptions_than_it_is_to_have() -> Result<()> {
    let stage = Stage::set(json!({ "subscriptions": { "at_once": 1 }, "retries": 2 })).await?;
    // One that could not begin is begun again.
    stage.partner.be_in_turn([Mood::Down]);
    let mut first = stage.subscribe(BOOKED, Caller::default());
    let (event, booked) = futures::join!(next(&mut first), stage.book(Some(1)));
    booked?;
    assert_eq!(event?.context("an event")?["data"]["now"]["id"], "b1");
    let mut second = stage.subscribe(BOOKED, Caller::default());
    let event = next(&mut second).await?.context("an event")?;
    let error = &event["errors"][0]["extensions"];
    assert_eq!((&error["code"], &error["maximum"]), (&json!("TOO_MANY_STREAMS"), &json!(1)), "{event}");
    assert!(error.get("serviceName").is_none(), "it is no fault of the partner's: {event}");
    drop(first);
    // Else what is booked may be told to the one that has gone.
    until("the partner is alone", async || stage.partner.at_once() == 0).await?;
    let mut third = stage.subscribe(BOOKED, Caller::default());
    let (event, booked) = futures::join!(next(&mut third), stage.book(Some(2)));
    booked?;
    assert_eq!(event?.context("an event")?["data"]["now"]["id"], "b2");
    Ok(())
}

#[tokio::test]
async fn a_subscription_ends_with_the_token_that_it_is_told_to() -> Result<()> {
    let stage = Stage::set(json!({})).await?;
    let identity = Identity {
        issuer: "https://login.example.nl".to_owned(),
        subject: None,
        client: None,
        organisation: None,
        scopes: Default::default(),
        expires_at: Clock::system().now() + chrono::TimeDelta::seconds(1),
        ends: Instant::now() + Duration::from_secs(1),
    };
    let mut events = stage.subscribe(BOOKED, Caller { identity: Some(Arc::new(identity)), ..Caller::default() });
    let event = next(&mut events).await?.context("an event")?;
    assert_eq!(event["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{event}");
    assert_eq!(next(&mut events).await?, None);
    until("the partner is alone", async || stage.partner.at_once() == 0).await
}

impl Stage {
    /// The code of the error that a subscription ends with at once, and whether the partner was asked.
    async fn refused(&self) -> Result<(String, bool)> {
        let before = self.partner.asked();
        let mut events = self.subscribe(BOOKED, Caller::default());
        let event = next(&mut events).await?.context("an event")?;
        let code = event["errors"][0]["extensions"]["code"].as_str().context("a code")?.to_owned();
        ensure!(next(&mut events).await?.is_none(), "it goes on");
        Ok((code, self.partner.asked() > before))
    }

    /// Whether the partner is asked what a query needs of it.
    async fn is_asked(&self) -> bool {
        let before = self.partner.asked();
        let query = "query ($brin: String!) { school(brin: $brin) { visits } }";
        let variables = Variables::from_json(json!({ "brin": self.brin }));
        self.federation.execute(Request::new(query).variables(variables)).await;
        self.partner.asked() > before
    }

    /// Subscribes, and is told of a booking.
    async fn is_told(&self, number: usize) -> Result<BoxStream<'static, Response>> {
        let mut events = self.subscribe(BOOKED, Caller::default());
        let (event, booked) = futures::join!(next(&mut events), self.book(Some(number)));
        booked?;
        let event = event?.context("an event")?;
        ensure!(event["data"]["now"]["id"] == format!("b{number}"), "{event}");
        Ok(events)
    }
}

#[rstest]
#[case("graphql-transport-ws")]
#[case("graphql-sse")]
#[tokio::test]
async fn queries_and_subscriptions_say_nothing_of_each_other(#[case] protocol: &str) -> Result<()> {
    let breaker = json!({ "failures": 1, "open_for": "3600s" });
    let settings = json!({ "breaker": breaker, "subscriptions": { "protocol": protocol } });
    let stage = Stage::set(settings.clone()).await?;
    stage.partner.be_in_turn([Mood::Refusing(500, 0)]);
    assert_eq!(stage.refused().await?, ("UNAVAILABLE".to_owned(), true));
    assert_eq!(stage.refused().await?, ("UNAVAILABLE".to_owned(), false), "it is not subscribed to for a while");
    assert!(stage.is_asked().await, "queries are another matter");
    let stage = Stage::set(settings).await?;
    stage.partner.be_in_turn([Mood::Refusing(500, 0)]);
    assert!(stage.is_asked().await);
    assert!(!stage.is_asked().await, "it is not asked for a while");
    stage.is_told(1).await.map(drop)
}

#[tokio::test]
async fn a_partner_that_closes_a_socket_with_a_code_of_its_own_is_well() -> Result<()> {
    let stage = Stage::set(json!({ "breaker": { "failures": 1, "open_for": "3600s" } })).await?;
    for code in [4000, 4400, 4401, 4403, 4408, 4409, 4429, 1008, 1000] {
        stage.partner.be_in_turn([Mood::Closing(code)]);
        assert_eq!(stage.refused().await?, ("UNAVAILABLE".to_owned(), true), "{code}");
    }
    drop(stage.is_told(1).await?);
    // One that goes away is not.
    stage.partner.be_in_turn([Mood::Closing(1001)]);
    assert!(stage.refused().await?.1);
    assert!(!stage.refused().await?.1, "it is not subscribed to for a while");
    Ok(())
}

#[tokio::test]
async fn a_partner_that_restarts_is_asked_again_and_one_that_refuses_is_not() -> Result<()> {
    let stage = Stage::set(json!({ "retries": 2 })).await?;
    for code in [1001, 1012, 1013] {
        let before = stage.partner.asked();
        stage.partner.be_in_turn([Mood::Closing(code)]);
        drop(stage.is_told(usize::from(code)).await?);
        until("the partner is alone", async || stage.partner.at_once() == 0).await?;
        assert!(stage.partner.asked() >= before + 2, "{code}");
    }
    let before = stage.partner.asked();
    stage.partner.be_in_turn([Mood::Closing(4400), Mood::Well]);
    assert!(stage.refused().await?.1);
    assert_eq!(stage.partner.asked(), before + 1);
    Ok(())
}

#[tokio::test]
async fn a_token_that_a_socket_is_closed_for_is_got_anew_once() -> Result<()> {
    let stage = Stage::set_with(json!({}), |hub, settings| {
        let client = hub.sandbox.client(System::Workshops);
        let secret = Secret::Resolved(client.secret.to_owned());
        let oauth = OAuthSettings::client_credentials(hub.sandbox.token_url().parse()?, client.id, secret);
        settings.oauth = Some(OAuthSettings { scopes: vec![client.scope.to_owned()], ..oauth }.into());
        Ok(())
    })
    .await?;
    drop(stage.is_told(1).await?);
    until("the partner is alone", async || stage.partner.at_once() == 0).await?;
    let first = stage.partner.initial()["Authorization"].clone();
    for (code, number) in [(4401, 2), (4403, 3)] {
        let issued = stage.hub.sandbox.counters().tokens_issued;
        stage.partner.be_in_turn([Mood::Closing(code)]);
        drop(stage.is_told(number).await?);
        until("the partner is alone", async || stage.partner.at_once() == 0).await?;
        assert_eq!(stage.hub.sandbox.counters().tokens_issued, issued + 1, "{code}");
        assert_ne!(stage.partner.initial()["Authorization"], first, "{code}");
    }
    // Once: one that no token is good enough for is not asked on and on.
    let (issued, before) = (stage.hub.sandbox.counters().tokens_issued, stage.partner.asked());
    stage.partner.be_in_turn([Mood::Closing(4401), Mood::Closing(4401), Mood::Closing(4401)]);
    assert_eq!(stage.refused().await?, ("UNAVAILABLE".to_owned(), true));
    assert_eq!((stage.partner.asked(), stage.hub.sandbox.counters().tokens_issued), (before + 2, issued + 1));
    Ok(())
}

#[tokio::test]
async fn events_that_could_not_begin_are_asked_for_again() -> Result<()> {
    let stage = Stage::set(json!({ "retries": 2, "subscriptions": { "protocol": "graphql-sse" } })).await?;
    for (number, moods) in [vec![Mood::Sorry(503)], vec![Mood::Sorry(502), Mood::Sorry(504)]].into_iter().enumerate() {
        let before = stage.partner.asked();
        stage.partner.be_in_turn(moods.clone());
        drop(stage.is_told(number).await?);
        until("the partner is alone", async || stage.partner.at_once() == 0).await?;
        assert!(stage.partner.asked() > before + moods.len(), "{moods:?}");
    }
    // Whoever never can is heard at last, in its own words.
    stage.partner.be_in_turn([Mood::Sorry(503), Mood::Sorry(503), Mood::Sorry(503)]);
    let mut events = stage.subscribe(BOOKED, Caller::default());
    let event = next(&mut events).await?.context("an event")?;
    assert_eq!(event["errors"][0]["message"], "not now", "{event}");
    Ok(())
}
