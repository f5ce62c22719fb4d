//! What operators see of partners' live graphs: which are joined, whether they are asked, and why one is not.

use anyhow::{Context, Result, ensure};
use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
use connectors::sync::RunOptions;
use entity::{Clock, subgraph};
use gateway::config::{Anonymous, FederationSettings};
use gateway::federation::Federation;
use gateway::feed::Feed;
use gateway::graphql::Graph;
use gateway::http::graphql::anybody;
use gateway::telemetry::Metrics;
use reqwest::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tests::gateway::TestGateway;
use tests::hub::TestHub;
use tests::store::Backend;
use tests::subgraph::{Mood, TestSubgraph};
use tokio_util::sync::CancellationToken;

use super::sign_in::{Browser, location, settings};
use super::visit;

/// A partner's graph.
pub(super) struct Query;

#[Object]
impl Query {
    async fn lessons(&self) -> i32 {
        3
    }
}

type Partner = TestSubgraph<Schema<Query, EmptyMutation, EmptySubscription>>;

/// A hub at which sample people can sign in, joined with one partner's graph while another's is down.
pub(super) struct Joined {
    pub(super) hub: TestHub,
    pub(super) gateway: TestGateway,
    workshops: Partner,
    _down: Partner,
}

impl Joined {
    /// The one that is down is called `down`.
    pub(super) async fn with(down: &str) -> Result<Self> {
        let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
        hub.sync(&RunOptions::default()).await?;
        let schema = || Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
        let (workshops, other) = (TestSubgraph::serve(schema()).await?, TestSubgraph::serve(schema()).await?);
        other.be(Mood::Down);
        let set = [workshops.settings("workshops"), other.settings(down)].map(|mut set| {
            set.retries = 0;
            set.breaker = serde_json::from_value(json!({ "failures": 1, "open_for": "3600s" })).expect("a breaker");
            set
        });
        let settings = settings(&hub, Anonymous::Public)?;
        let db = &hub.store.db;
        let feed = Feed::new(db.clone(), settings.subscriptions.poll());
        let graph = Graph::new(db.clone(), Clock::system(), feed.clone(), &settings.limits)
            .writing(super::sign_in::writes(&hub));
        // What a test notes of a subgraph stays: nobody looks again meanwhile.
        let seldom = FederationSettings { poll_secs: 3_600, ..FederationSettings::default() };
        let federation = Federation::of(graph, &seldom, &Metrics::default());
        let (federation, _) = federation.joined(&set, CancellationToken::new()).await?;
        ensure!(federation.is_joined());
        let gateway = TestGateway::serve(federation, db, feed, &settings, anybody()).await?;
        Ok(Self { hub, gateway, workshops, _down: other })
    }

    /// What a hub would have noted of a subgraph whose newest schema does not compose.
    pub(super) async fn refuse(&self, name: &str, why: &str) -> Result<()> {
        let noted = subgraph::Entity::update_many().col_expr(subgraph::Column::Problem, Expr::val(why));
        let changed = noted.filter(subgraph::Column::Name.eq(name)).exec(&self.hub.store.db).await?;
        ensure!(changed.rows_affected == 1, "{name}");
        Ok(())
    }
}

#[tokio::test]
async fn operators_see_which_partners_graphs_are_joined_and_why_one_is_not() -> Result<()> {
    let joined = Joined::with("stil").await?;
    let mut operator = Browser::new(&joined.gateway);
    // Who is not signed in is led to where they can, and back; nobody else is told of partners.
    let led = operator.get("/subgraphs").await?;
    assert_eq!((led.status(), location(&led)?), (StatusCode::SEE_OTHER, "/sign-in?back=%2Fsubgraphs"));
    assert!(!operator.get("/sources").await?.text().await?.contains("/subgraphs"));
    let mut board = Browser::new(&joined.gateway);
    board.sign_in("demo-board", "/sources").await?;
    let refused = board.get("/subgraphs").await?;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(!refused.text().await?.contains("workshops"));

    operator.sign_in("demo-operator", "/subgraphs").await?;
    assert!(operator.get("/sources").await?.text().await?.contains("href=\"/subgraphs\""));
    let (page, statements) = joined.hub.statements(operator.get("/subgraphs")).await;
    let html = page?.text().await?;
    assert_eq!(statements, 1, "one for whatever number of partners there is");
    for text in [
        "workshops <span class=\"tag tag--active\">aangesloten",
        "dicht: wordt bevraagd",
        "stil <span class=\"tag tag--broken\">niet aangesloten",
        "Het schema kon niet worden opgehaald",
        "/explorer?document=subgraphs",
    ] {
        assert!(html.contains(text), "{text}: {html}");
    }
    assert!(!html.contains("is geweigerd") && !html.contains("open: even met rust gelaten"), "{html}");

    joined.refuse("workshops", "[workshops] `School.name` is the hub's\n[workshops] two are one").await?;
    joined.workshops.be(Mood::Down);
    joined.gateway.ask(&json!({ "query": "{ lessons }" })).await?;
    let html = operator.get("/subgraphs").await?.text().await?;
    for text in [
        "aangesloten zoals eerder",
        "Het laatste schema is geweigerd",
        "De hub werkt verder met het schema van daarvoor",
        "<li>[workshops] `School.name` is the hub&#39;s</li><li>[workshops] two are one</li>",
        "open: even met rust gelaten",
    ] {
        assert!(html.contains(text), "{text}: {html}");
    }
    operator.cookies.insert("hub_language".to_owned(), "en".to_owned());
    let html = operator.get("/subgraphs").await?.text().await?;
    for text in ["live as before", "Its latest schema was refused", "open: left alone for a while"] {
        assert!(html.contains(text), "{text}: {html}");
    }
    Ok(())
}

#[tokio::test]
async fn where_nobody_can_sign_in_partners_graphs_are_told_to_nobody() -> Result<()> {
    let (_hub, gateway) = super::on_sqlite().await?;
    let refused = visit(&gateway, "/subgraphs", "en").await?;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.text().await?.contains("only for those who have signed in"));
    Ok(())
}
