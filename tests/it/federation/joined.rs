//! The hub's own graph and a partner's at one address.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use async_graphql::{EmptyMutation, EmptySubscription, Executor, ID, Object, Request, Schema, SimpleObject, Variables};
use axum::http::HeaderValue;
use connectors::sandbox::System;
use connectors::settings::{OAuthSettings, Secret, SubgraphSettings};
use connectors::sync::RunOptions;
use entity::journal::Journal;
use entity::vocabulary::ChangeAction;
use entity::{Clock, school};
use futures::StreamExt;
use gateway::auth::{Identity, Organisation};
use gateway::config::{CacheSettings, FederationSettings, LimitSettings, Settings};
use gateway::federation::Federation;
use gateway::graphql::Caller;
use gateway::telemetry::Metrics;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use tests::gateway::{TestGateway, told};
use tests::hub::TestHub;
use tests::store::Backend;
use tests::subgraph::TestSubgraph;
use tokio_util::sync::CancellationToken;

/// Workshops: a partner's graph, which adds to schools.
pub(super) struct Query;

struct School(String);

#[derive(SimpleObject)]
struct Workshop {
    id: ID,
    title: String,
    price: Money,
    school: School,
}

#[derive(SimpleObject)]
#[graphql(shareable)]
struct Money {
    amount: i32,
    currency: String,
}

fn workshop(brin: &str, number: usize) -> Workshop {
    let price = Money { amount: 25_000, currency: "EUR".to_owned() };
    Workshop {
        id: format!("w{number}").into(),
        title: format!("Workshop {number}"),
        price,
        school: School(brin.to_owned()),
    }
}

#[Object]
impl Query {
    async fn workshop(&self, brin: String) -> Workshop {
        workshop(&brin, 1)
    }

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

    async fn workshops(&self) -> Vec<Workshop> {
        vec![workshop(&self.0, 1), workshop(&self.0, 2)]
    }

    async fn must(&self) -> async_graphql::Result<i32> {
        Err("it failed".into())
    }

    async fn may(&self) -> async_graphql::Result<Option<i32>> {
        Err("it failed".into())
    }
}

/// The partner's schema.
pub(super) fn workshops() -> Schema<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish()
}

/// A hub that has read everything, joined with workshops.
pub(super) struct Stage {
    pub(super) hub: TestHub,
    federation: Federation,
    pub(super) gateway: TestGateway,
    pub(super) partner: TestSubgraph<Schema<Query, EmptyMutation, EmptySubscription>>,
    pub(super) brin: String,
}

impl Stage {
    pub(super) async fn set() -> Result<Self> {
        Self::within("1s").await
    }

    /// With a partner that may take so long.
    pub(super) async fn within(time: &str) -> Result<Self> {
        let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
        hub.sync(&RunOptions::default()).await?;
        let partner = TestSubgraph::serve(workshops()).await?;
        let mut settings = partner.settings("workshops");
        settings.timeout = match time {
            "200ms" => std::time::Duration::from_millis(200),
            _ => std::time::Duration::from_secs(10),
        };
        settings.max_answer_bytes = 100_000;
        let graph = hub.graph_within(&LimitSettings::default()).caching(&CacheSettings::default(), None);
        let federation = FederationSettings::default();
        let (federation, _) = Federation::of(graph, &federation, &Metrics::default())
            .joined(&[settings], CancellationToken::new())
            .await?;
        ensure!(federation.is_joined(), "the partner's graph does not compose with the hub's");
        let db = &hub.store.db;
        let feed = hub.feed.clone();
        let gateway =
            TestGateway::serve(federation.clone(), db, feed, &Settings::default(), gateway::http::graphql::anybody())
                .await?;
        let brin = hub.sandbox.sample_brin();
        Ok(Self { hub, federation, gateway, partner, brin })
    }

    pub(super) async fn ask(&self, query: &str) -> Result<Value> {
        let variables = json!({ "brin": self.brin });
        Ok(self.gateway.ask(&json!({ "query": query, "variables": variables })).await?.1)
    }
}

#[tokio::test]
async fn one_query_shows_what_is_stored_and_what_is_live() -> Result<()> {
    let stage = Stage::set().await?;
    let own = "query ($brin: String!) { school(brin: $brin) { name municipality { name } summary { openNeeds } } }";
    let known = stage.hub.data(own, json!({ "brin": stage.brin })).await?["school"].take();
    let query =
        "query ($brin: String!) { school(brin: $brin) { summary { openNeeds } workshops { title price { amount }
        school { place: municipality { name } } } name } }";
    let answer = stage.ask(query).await?;
    let workshop = |number: usize| {
        let school = json!({ "place": known["municipality"] });
        json!({ "title": format!("Workshop {number}"), "price": { "amount": 25_000 }, "school": school })
    };
    let expected = json!({ "school": {
        "summary": known["summary"], "workshops": [workshop(1), workshop(2)], "name": known["name"],
    } });
    assert_eq!(answer["data"], expected, "{answer}");
    assert!(answer.get("errors").is_none(), "{answer}");
    assert!(answer["extensions"]["cost"]["actual"].as_i64() > Some(5), "{answer}");
    assert!(answer["extensions"]["freshness"]["complete"].is_boolean(), "{answer}");
    // From the partner to the hub, for many at once: two requests to the partner in all.
    let before = stage.partner.asked();
    let many = stage.ask("{ schools(first: 20) { nodes { brin workshops { id school { name } } } } }").await?;
    let nodes = many["data"]["schools"]["nodes"].as_array().context("schools")?;
    assert!(
        nodes.len() > 5 && nodes.iter().all(|school| school["workshops"][1]["school"]["name"].is_string()),
        "{many}"
    );
    assert_eq!(stage.partner.asked() - before, 1, "one request for all schools");
    Ok(())
}

#[tokio::test]
async fn what_is_the_hubs_own_is_answered_without_a_plan() -> Result<()> {
    let stage = Stage::set().await?;
    let before = stage.partner.asked();
    let query = "query ($brin: String!) { school(brin: $brin) { ...F } node(id: \"\") { id ... on School { name } } }
        fragment F on School { needs(first: 1) { nodes { title } } }";
    let whole = stage.ask(query).await?;
    let alone = stage.hub.ask(query, json!({ "brin": stage.brin })).await;
    assert_eq!((&whole["data"], &whole["errors"][0]["message"]), (&alone["data"], &alone["errors"][0]["message"]));
    // It is kept, as without partners.
    let kept = "{ municipalities(first: 2) { nodes { name } } }";
    let first = stage.gateway.post(json!({ "query": kept }).to_string()).await?;
    let second = stage.gateway.post(json!({ "query": kept }).to_string()).await?;
    assert!(first.headers().contains_key("etag") && second.headers().contains_key("etag"));
    // What gateways ask of the hub, they still may.
    let service = stage.ask("{ _service { sdl } }").await?;
    assert_eq!(service["data"]["_service"]["sdl"], json!(gateway::graphql::federation_sdl()), "{service}");
    assert_eq!(stage.partner.asked(), before);
    Ok(())
}

#[tokio::test]
async fn what_clients_are_promised_holds_for_the_whole() -> Result<()> {
    let stage = Stage::set().await?;
    let schema = stage
        .ask(
            "{ __type(name: \"School\") { kind fields { name } } q: __schema { queryType { fields { name type { kind \
             ofType { kind ofType { name } } } } } types { name } directives { name } } }",
        )
        .await?;
    let names = |fields: &Value| -> Vec<String> {
        fields.as_array().into_iter().flatten().filter_map(|field| Some(field["name"].as_str()?.to_owned())).collect()
    };
    let school = names(&schema["data"]["__type"]["fields"]);
    assert!(school.contains(&"workshops".to_owned()) && school.contains(&"needs".to_owned()), "{schema}");
    let types = names(&schema["data"]["q"]["types"]);
    assert!(types.contains(&"Workshop".to_owned()), "{types:?}");
    let internal = |name: &&String| name.starts_with("join__") || name.starts_with("link__") || **name == "_Any";
    assert_eq!(types.iter().find(internal), None);
    // Validation, variables, limits.
    let wrong = stage.ask("{ workshop(brin: \"a\") { title nothing } }").await?;
    assert_eq!(told(&wrong).0, "GRAPHQL_VALIDATION_FAILED", "{wrong}");
    assert!(wrong.get("data").is_none() && wrong["errors"][0]["locations"][0]["line"] == 1, "{wrong}");
    let request = json!({ "query": "query ($b: String!) { workshop(brin: $b) { id } }", "variables": { "b": 1 } });
    assert_eq!(told(&stage.gateway.ask(&request).await?.1).0, "BAD_USER_INPUT");
    let deep =
        format!("{{ workshop(brin: \"a\") {{ {} id {} }} }}", "school { workshops { ".repeat(9), "} }".repeat(9));
    assert_eq!(told(&stage.ask(&deep).await?), ("LIMIT_EXCEEDED", "depth"));
    Ok(())
}

#[tokio::test]
async fn a_partner_is_asked_with_tokens_of_the_hubs_own() -> Result<()> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    hub.sync(&RunOptions::default()).await?;
    let client = hub.sandbox.client(System::Workshops);
    let secret = Secret::Resolved(client.secret.to_owned());
    let oauth = OAuthSettings {
        scopes: vec![client.scope.to_owned()],
        ..OAuthSettings::client_credentials(hub.sandbox.token_url().parse()?, client.id, secret)
    };
    let url = format!("{}/graphql", hub.sandbox.system_url(System::Workshops));
    let settings: SubgraphSettings = serde_json::from_value(json!({ "name": "workshops", "url": url }))?;
    let settings = SubgraphSettings { oauth: Some(oauth.into()), ..settings };
    let graph = hub.graph_within(&LimitSettings::default());
    let federation = FederationSettings::default();
    let (federation, _) =
        Federation::of(graph, &federation, &Metrics::default()).joined(&[settings], CancellationToken::new()).await?;
    ensure!(federation.is_joined(), "the sandbox's graph does not compose with the hub's");
    let query = "query ($brin: String!) { school(brin: $brin) { name workshops { title price { amount } } } }";
    let ask = async || {
        let variables = Variables::from_json(json!({ "brin": hub.sandbox.sample_brin() }));
        serde_json::to_value(federation.execute(Request::new(query).variables(variables)).await)
    };
    let answer = ask().await?;
    assert_eq!(answer["data"]["school"]["workshops"].as_array().map(Vec::len), Some(3), "{answer}");
    let issued = hub.sandbox.counters().tokens_issued;
    ask().await?;
    assert_eq!(hub.sandbox.counters().tokens_issued, issued, "a token is used as long as it is good");
    // One that is refused is got anew, and the request sent again.
    hub.sandbox.forget_tokens();
    assert_eq!(ask().await?["data"], answer["data"]);
    assert_eq!(hub.sandbox.counters().tokens_issued, issued + 1);
    Ok(())
}

#[tokio::test]
async fn the_callers_token_is_passed_on_where_that_is_set_and_nowhere_else() -> Result<()> {
    let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
    for (forward, expected) in [(true, Some("Bearer a.good.token".to_owned())), (false, None)] {
        let partner = TestSubgraph::serve(workshops()).await?;
        let mut settings = serde_json::to_value(json!({ "name": "workshops", "url": partner.settings("w").url }))?;
        if forward {
            settings["oauth"] = json!({ "forward": true });
        }
        let settings: SubgraphSettings = serde_json::from_value(settings)?;
        let graph = hub.graph_within(&LimitSettings::default());
        let federation = FederationSettings::default();
        let (federation, _) = Federation::of(graph, &federation, &Metrics::default())
            .joined(&[settings], CancellationToken::new())
            .await?;
        let authorization = Some(HeaderValue::from_static("Bearer a.good.token"));
        let caller = Caller { authorization, ..Caller::default() };
        let answer = federation.execute(Request::new("{ workshop(brin: \"a\") { id } }").data(caller)).await;
        assert!(answer.errors.is_empty(), "{answer:?}");
        assert_eq!(partner.authorization(), expected);
    }
    Ok(())
}

#[tokio::test]
async fn an_event_of_the_hubs_is_completed_with_what_a_partner_knows() -> Result<()> {
    let stage = Stage::set().await?;
    let query = "subscription ($brin: String!) { schoolChanged(brin: $brin) { title: name workshops { id } may } }";
    let request = || Request::new(query).variables(Variables::from_json(json!({ "brin": stage.brin })));
    let mut events = stage.federation.execute_stream(request(), None);
    let db = &stage.hub.store.db;
    let here =
        school::Entity::find().filter(school::Column::Brin.eq(&stage.brin)).one(db).await?.context("a school")?;
    // The first change may come before anybody listens.
    let changing = async {
        for pupils in 1.. {
            let mut journal = Journal::begin(db, Clock::system().now()).await?;
            let changed = school::Model { pupils: Some(pupils), ..here.clone() };
            journal.save(vec![(ChangeAction::Updated, changed)]).await?;
            journal.commit().await?;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    let event = tokio::select! {
        event = events.next() => event.context("an event")?,
        ended = changing => { ended?; anyhow::bail!("nothing is told") }
    };
    let event = serde_json::to_value(event)?;
    let school = &event["data"]["schoolChanged"];
    assert!(school["title"].is_string(), "{event}");
    assert_eq!((&school["workshops"][1]["id"], &school["may"]), (&json!("w2"), &Value::Null), "{event}");
    assert_eq!(event["errors"][0]["path"], json!(["schoolChanged", "may"]), "{event}");
    // Partners' own roots are not subscribed to.
    let refused = stage.federation.execute(request()).await;
    assert!(!refused.errors.is_empty());
    Ok(())
}

#[tokio::test]
async fn operators_are_shown_the_plan_where_they_ask_for_it() -> Result<()> {
    let stage = Stage::set().await?;
    let asked = async |organisation: Option<Organisation>, asks: bool| {
        let identity = Identity {
            issuer: "https://login.example.nl".to_owned(),
            subject: None,
            client: None,
            organisation,
            scopes: Default::default(),
            expires_at: Clock::system().now() + chrono::TimeDelta::hours(1),
            ends: tokio::time::Instant::now() + std::time::Duration::from_secs(3_600),
        };
        let caller = Caller { identity: Some(Arc::new(identity)), ..Caller::default() };
        let query = "query ($brin: String!) { school(brin: $brin) { name workshops { id } } }";
        let variables = Variables::from_json(json!({ "brin": stage.brin }));
        let mut request = Request::new(query).variables(variables).data(caller);
        if asks {
            request.extensions.insert("queryPlan".to_owned(), true.into());
        }
        let answer = serde_json::to_value(stage.federation.execute(request).await)?;
        ensure!(answer["data"]["school"]["name"].is_string(), "{answer}");
        Ok(answer["extensions"]["queryPlan"].clone())
    };
    let operator = Some(Organisation::Operator);
    let plan = asked(operator.clone(), true).await?;
    assert_eq!(plan["kind"], "Sequence", "{plan}");
    let (first, second) = (&plan["nodes"][0], &plan["nodes"][1]);
    assert_eq!((&first["serviceName"], &second["serviceName"]), (&json!("hub"), &json!("workshops")), "{plan}");
    assert!(second["operation"].as_str().is_some_and(|operation| operation.contains("workshops")), "{plan}");
    assert!(second["paths"][0].as_str().is_some_and(|path| path.ends_with("_school")), "{plan}");
    assert_eq!(asked(operator, false).await?, Value::Null);
    assert_eq!(asked(None, true).await?, Value::Null, "not everybody's to know");
    Ok(())
}

#[tokio::test]
async fn a_partners_error_stands_at_its_place_and_names_the_partner() -> Result<()> {
    let stage = Stage::set().await?;
    let answer = stage.ask("query ($brin: String!) { s: school(brin: $brin) { name may } }").await?;
    assert!(answer["data"]["s"]["name"].is_string() && answer["data"]["s"]["may"].is_null(), "{answer}");
    let error = &answer["errors"][0];
    assert_eq!((&error["message"], &error["path"]), (&json!("it failed"), &json!(["s", "may"])), "{answer}");
    assert_eq!(error["extensions"]["serviceName"], "workshops");
    // What must not be null takes its parent with it, and no more errors than one come of it.
    let answer = stage.ask("query ($brin: String!) { s: school(brin: $brin) { name must } sources { id } }").await?;
    assert_eq!(answer["data"]["s"], Value::Null, "{answer}");
    assert!(answer["data"]["sources"].is_array(), "{answer}");
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
    Ok(())
}
