//! Entities of partners' that are kept: asked for once, as long as the partner or the operator says, and in nobody's name
//! but everybody's.

use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context as _, Result, ensure};
use async_graphql::{Context, EmptyMutation, EmptySubscription, Executor, Object, Request, Schema, Variables};
use axum::http::HeaderValue;
use connectors::settings::SubgraphSettings;
use connectors::sync::RunOptions;
use gateway::config::{FederationSettings, LimitSettings};
use gateway::federation::Federation;
use gateway::graphql::Caller;
use gateway::telemetry::Metrics;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;
use tests::subgraph::{Mood, TestSubgraph};
use tests::until;
use tokio_util::sync::CancellationToken;

use super::joined::{Query, workshops};

/// A hub that is joined with a partner.
struct Stage {
    partner: TestSubgraph<Schema<Query, EmptyMutation, EmptySubscription>>,
    federation: Federation,
}

impl Stage {
    /// With a partner that is set so, beside what it needs.
    async fn set(hub: &TestHub, settings: Value, federating: FederationSettings) -> Result<Self> {
        let partner = TestSubgraph::serve(workshops()).await?;
        let mut whole =
            json!({ "name": "workshops", "url": partner.settings("w").url, "timeout": "20s", "retries": 0 });
        whole.as_object_mut().context("an object")?.extend(settings.as_object().cloned().unwrap_or_default());
        let graph = hub.graph_within(&LimitSettings::default());
        let (federation, _) = Federation::of(graph, &federating, &Metrics::default())
            .joined(&[serde_json::from_value(whole)?], CancellationToken::new())
            .await?;
        ensure!(federation.is_joined(), "the partner's graph cannot be joined");
        Ok(Self { partner, federation })
    }

    /// The workshops of so many schools, and of how many of them the partner was asked.
    async fn ask(&self, first: usize, caller: Caller) -> (Value, usize) {
        let before = self.partner.asked();
        let query = "query ($first: Int!) { schools(first: $first) { nodes { workshops { id } } } }";
        let variables = Variables::from_json(json!({ "first": first }));
        let answer = self.federation.execute(Request::new(query).variables(variables).data(caller)).await;
        let asked = match self.partner.asked() - before {
            0 => 0,
            _ => self.partner.variables()["representations"].as_array().map_or(0, Vec::len),
        };
        (serde_json::to_value(answer).expect("an answer"), asked)
    }
}

async fn hub() -> Result<TestHub> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    hub.sync(&RunOptions::default()).await?;
    Ok(hub)
}

fn with_token(token: &'static str) -> Caller {
    Caller { authorization: Some(HeaderValue::from_static(token)), ..Caller::default() }
}

#[tokio::test]
async fn a_second_query_asks_for_the_missing_entities_alone() -> Result<()> {
    let hub = hub().await?;
    let minute = json!({ "entity_cache": "60s" });
    for (settings, said, are_kept) in [
        (json!({}), Some("max-age=60"), true),
        (minute.clone(), None, true),
        (json!({}), None, false),
        (minute.clone(), Some("no-store"), false),
        (minute.clone(), Some("private, max-age=60"), false),
        (minute.clone(), Some("max-age=0"), false),
    ] {
        let stage = Stage::set(&hub, settings, FederationSettings::default()).await?;
        stage.partner.say_of_caches(said);
        let (_, asked) = stage.ask(3, Caller::default()).await;
        assert_eq!(asked, 3, "{said:?}");
        let (answer, asked) = stage.ask(5, Caller::default()).await;
        assert_eq!(asked, if are_kept { 2 } else { 5 }, "{said:?}");
        let nodes = answer["data"]["schools"]["nodes"].as_array().context("schools")?;
        assert!(nodes.iter().all(|school| school["workshops"] == json!([{ "id": "w1" }, { "id": "w2" }])), "{answer}");
        let (again, asked) = stage.ask(5, Caller::default()).await;
        assert_eq!((&again["data"], asked), (&answer["data"], if are_kept { 0 } else { 5 }), "{said:?}");
    }
    // Nothing is kept where there is no room for it.
    let none = FederationSettings { entity_cache_bytes: 0, ..FederationSettings::default() };
    let stage = Stage::set(&hub, minute, none).await?;
    assert_eq!((stage.ask(3, Caller::default()).await.1, stage.ask(3, Caller::default()).await.1), (3, 3));
    Ok(())
}

#[tokio::test]
async fn what_was_told_to_a_token_is_told_to_no_other() -> Result<()> {
    let hub = hub().await?;
    let settings = json!({ "entity_cache": "60s", "oauth": { "forward": true } });
    let stage = Stage::set(&hub, settings, FederationSettings::default()).await?;
    for token in ["Bearer a", "Bearer b", "Bearer a"] {
        assert_eq!(stage.ask(3, with_token(token)).await.1, 3, "{token}");
    }
    // Those without one are told the same, and nothing of what the others were.
    assert_eq!((stage.ask(3, Caller::default()).await.1, stage.ask(3, Caller::default()).await.1), (3, 0));
    assert_eq!(stage.ask(3, with_token("Bearer a")).await.1, 3);
    Ok(())
}

#[tokio::test]
async fn what_is_kept_is_over_in_time_and_outlives_a_partners_failure() -> Result<()> {
    let hub = hub().await?;
    let stage = Stage::set(&hub, json!({ "entity_cache": "2s" }), FederationSettings::default()).await?;
    stage.ask(3, Caller::default()).await;
    until("it is asked for again", async || stage.ask(3, Caller::default()).await.1 == 3).await?;
    let stage = Stage::set(&hub, json!({ "entity_cache": "60s" }), FederationSettings::default()).await?;
    stage.ask(3, Caller::default()).await;
    stage.partner.be(Mood::Down);
    let whole = stage.ask(3, Caller::default()).await.0;
    assert!(
        whole["data"]["schools"]["nodes"][2]["workshops"][0]["id"] == "w1" && whole.get("errors").is_none(),
        "{whole}"
    );
    // Half of what is asked for cannot be had, `workshops` must not be null, and what it costs is an error that names who.
    let half = stage.ask(5, Caller::default()).await.0;
    assert_eq!(half["errors"][0]["extensions"]["serviceName"], "workshops", "{half}");
    stage.partner.be(Mood::Well);
    assert_eq!(stage.ask(5, Caller::default()).await.1, 2, "a failure is not kept");
    Ok(())
}

struct Counting;
struct Counts;
struct Counted(String, i32);

#[Object]
impl Counting {
    #[graphql(entity)]
    async fn find_school(&self, ctx: &Context<'_>, brin: String) -> Counted {
        Counted(brin, ctx.data_unchecked::<AtomicI32>().load(Ordering::SeqCst))
    }
}

#[Object]
impl Counts {
    async fn count(&self, ctx: &Context<'_>, to: i32) -> i32 {
        ctx.data_unchecked::<AtomicI32>().store(to, Ordering::SeqCst);
        to
    }
}

#[Object(name = "School")]
impl Counted {
    async fn brin(&self) -> &str {
        &self.0
    }

    async fn counted(&self) -> i32 {
        self.1
    }
}

#[tokio::test]
async fn after_a_change_at_a_partners_nobody_is_told_what_was_known_before() -> Result<()> {
    let hub = hub().await?;
    let schema = Schema::build(Counting, Counts, EmptySubscription).data(AtomicI32::new(1));
    let partner = TestSubgraph::serve(schema.enable_federation().finish()).await?;
    let settings: SubgraphSettings = serde_json::from_value(json!({
        "name": "counts", "url": partner.settings("c").url, "timeout": "60s", "retries": 0, "entity_cache": "3600s",
    }))?;
    let graph = hub.graph_within(&LimitSettings::default());
    let (federation, _) = Federation::of(graph, &FederationSettings::default(), &Metrics::default())
        .joined(&[settings], CancellationToken::new())
        .await?;
    ensure!(federation.is_joined(), "the partner's graph cannot be joined");
    let counted = async || -> Result<i64> {
        let answer = federation.execute(Request::new("{ schools(first: 2) { nodes { counted } } }")).await;
        let answer = serde_json::to_value(answer)?;
        answer["data"]["schools"]["nodes"][1]["counted"].as_i64().with_context(|| answer.to_string())
    };
    let change = async |to: i32| -> Result<()> {
        let answer = federation.execute(Request::new(format!("mutation {{ count(to: {to}) }}"))).await;
        ensure!(answer.errors.is_empty(), "{answer:?}");
        Ok(())
    };
    assert_eq!(counted().await?, 1);
    let before = partner.asked();
    assert_eq!((counted().await?, partner.asked()), (1, before), "it is kept");
    change(2).await?;
    assert_eq!(counted().await?, 2, "whoever asks after a change sees it");
    let before = partner.asked();
    assert_eq!((counted().await?, partner.asked()), (2, before), "and that is kept in its turn");
    // A change that nobody heard the end of may have been made.
    partner.be_in_turn([Mood::CutOff]);
    assert!(change(3).await.is_err());
    let before = partner.asked();
    counted().await?;
    assert_eq!(partner.asked(), before + 1);
    // What was being told while something changed is shared with nobody who asks afterwards, and not kept for them.
    change(4).await?;
    partner.be_in_turn([Mood::Held]);
    let early = counted();
    let later = async {
        until("the first is held", async || partner.at_once() == 1).await?;
        change(5).await?;
        let told = counted().await?;
        partner.release(1);
        anyhow::Ok(told)
    };
    let (early, later) = futures::join!(early, later);
    assert_eq!(later?, 5);
    early?;
    let before = partner.asked();
    assert_eq!((counted().await?, partner.asked()), (5, before));
    Ok(())
}
