//! Guards of partners' fields, `@authenticated`, `@requiresScopes` and `@policy`, whole: schemas that are composed here,
//! requests over HTTP with tokens, and what partners are asked.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use connectors::settings::SubgraphSettings;
use connectors::sync::RunOptions;
use entity::Clock;
use gateway::config::{FederationSettings, LimitSettings, PolicySettings, Settings};
use gateway::federation::Federation;
use gateway::http::graphql::anybody;
use gateway::telemetry::Metrics;
use serde_json::{Value, json};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::issuer::{Key, TestIssuer, claims, header, with};
use tests::store::Backend;
use tests::subgraph::TestSubgraph;
use tokio_util::sync::CancellationToken;

use super::joined::{Query, workshops};

type Workshops = async_graphql::Schema<Query, async_graphql::EmptyMutation, async_graphql::EmptySubscription>;

/// A hub that is joined with a partner that guards what it tells, and asks for tokens.
struct Stage {
    hub: TestHub,
    partner: TestSubgraph<Workshops>,
    gateway: TestGateway,
    issuer: TestIssuer,
    key: Key,
}

impl Stage {
    /// With a partner that says this of its schema.
    async fn set(sdl: &str, policies: BTreeMap<String, PolicySettings>) -> Result<Self> {
        let hub = TestHub::start(Backend::Sqlite).await?.context("SQLite is always there")?;
        hub.sync(&RunOptions::default()).await?;
        let partner = TestSubgraph::serve(workshops()).await?;
        let folder = tempfile::tempdir()?;
        let schema = folder.path().join("workshops.graphql");
        let imports = "\"@key\", \"@shareable\", \"@override\", \"@authenticated\", \"@requiresScopes\", \"@policy\"";
        let link = format!(
            "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.9\", import: [{imports}])\n{sdl}"
        );
        std::fs::write(&schema, link)?;
        let url = partner.settings("workshops").url;
        let settings: SubgraphSettings =
            serde_json::from_value(json!({ "name": "workshops", "url": url, "schema": schema, "timeout": "20s" }))?;
        let federating = FederationSettings { policies, ..FederationSettings::default() };
        let graph = hub.graph_within(&LimitSettings::default());
        let (federation, _) = Federation::of(graph, &federating, &Metrics::default())
            .joined(&[settings], CancellationToken::new())
            .await?;
        ensure!(federation.is_joined(), "the partner's schema does not compose with the hub's");
        let key = Key::rsa(0);
        let issuer = TestIssuer::start(vec![key.public("k")]).await?;
        let settings = Settings { auth: issuer.settings(), ..Settings::default() };
        let gateway = TestGateway::serve(federation, &hub.store.db, hub.feed.clone(), &settings, anybody()).await?;
        Ok(Self { hub, partner, gateway, issuer, key })
    }

    /// Asks in the name of a token with these scopes. `None`: without one. Also gives whether the partner was asked.
    async fn ask(&self, query: &str, scopes: Option<&str>) -> Result<(Value, bool)> {
        let before = self.partner.asked();
        let variables = json!({ "brin": self.hub.sandbox.sample_brin() });
        let mut request = client().post(self.gateway.url("/graphql"));
        request = request.json(&json!({ "query": query, "variables": variables }));
        if let Some(scopes) = scopes {
            let claims = with(&claims(&self.issuer, &Clock::system()), "scope", json!(scopes));
            request = request.bearer_auth(self.key.sign(&header("RS256", "k"), &claims));
        }
        let answer = request.send().await?.json().await?;
        Ok((answer, self.partner.asked() > before))
    }
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

const SHARED: &str = "type Query { workshop(brin: String!): Workshop } \
    type School @key(fields: \"brin\") { brin: String! workshops: [Workshop!]! } \
    type Workshop { id: ID! title: String! price: Money school: School! } \
    type Money @shareable { amount: Int! @requiresScopes(scopes: [[\"prices\"]]) currency: String! @authenticated }";

#[tokio::test]
async fn what_a_partner_shares_is_held_to_its_guards_whoever_tells_it() -> Result<()> {
    let stage = Stage::set(SHARED, BTreeMap::new()).await?;
    let query = "{ workshop(brin: \"a\") { title price { amount currency } } }";
    let expected = json!({ "title": "Workshop 1", "price": { "amount": 25_000, "currency": "EUR" } });
    let (answer, was_asked) = stage.ask(query, Some("prices")).await?;
    assert_eq!((&answer["data"]["workshop"], was_asked), (&expected, true), "{answer}");
    for (scopes, code_of) in [(None, "FORBIDDEN"), (Some("alliance:read"), "FORBIDDEN")] {
        let (answer, _) = stage.ask(query, scopes).await?;
        assert_eq!(answer["data"]["workshop"], json!({ "title": "Workshop 1", "price": null }), "{answer}");
        assert_eq!(answer["errors"][0]["path"], json!(["workshop", "price", "amount"]), "{answer}");
        assert_eq!(code(&answer), code_of, "{answer}");
        assert!(!stage.partner.document().contains("amount"), "it is not even asked for: {}", stage.partner.document());
    }
    let (answer, _) = stage.ask("{ workshop(brin: \"a\") { price { currency } } }", None).await?;
    assert_eq!((&answer["data"]["workshop"]["price"], code(&answer)), (&Value::Null, "UNAUTHENTICATED"), "{answer}");
    // The guards of all who have a field hold together: also where the hub tells it, and nobody else is asked.
    let own = "{ housingOptions(first: 1) { nodes { serviceCosts { currency } rentPerMonth { amount } } } }";
    let (answer, was_asked) = stage.ask(own, Some("prices")).await?;
    assert!(answer["data"]["housingOptions"]["nodes"][0]["rentPerMonth"]["amount"].is_i64(), "{answer}");
    assert!(!was_asked);
    let (answer, _) = stage.ask(own, Some("alliance:read")).await?;
    assert_eq!(code(&answer), "FORBIDDEN", "{answer}");
    // What is the hub's alone is as it was.
    let (answer, _) = stage.ask("{ housingOptions(first: 1) { nodes { title } } }", None).await?;
    assert!(answer["data"]["housingOptions"]["nodes"][0]["title"].is_string(), "{answer}");
    Ok(())
}

#[tokio::test]
async fn what_a_partner_has_taken_over_is_held_to_its_guards() -> Result<()> {
    // The partner answers, as it has no such field, with an error of its own: that it was asked shows whom it is left to.
    let sdl = "type Query { workshop(brin: String!): Workshop } type Workshop { id: ID! } \
        type School @key(fields: \"brin\") { brin: String! \
          website: String @override(from: \"hub\") @requiresScopes(scopes: [[\"sites\"]]) }";
    let stage = Stage::set(sdl, BTreeMap::new()).await?;
    let query = "query ($brin: String!) { school(brin: $brin) { name website } }";
    let (answer, was_asked) = stage.ask(query, Some("alliance:read")).await?;
    assert!(answer["data"]["school"]["name"].is_string() && answer["data"]["school"]["website"].is_null(), "{answer}");
    assert_eq!((code(&answer), &answer["errors"][0]["path"]), ("FORBIDDEN", &json!(["school", "website"])), "{answer}");
    assert!(!was_asked, "what may not be read is not fetched");
    let (answer, was_asked) = stage.ask(query, Some("sites")).await?;
    assert!(answer["data"]["school"]["name"].is_string(), "{answer}");
    assert_eq!(answer["errors"][0]["extensions"]["serviceName"], "workshops", "{answer}");
    assert!(was_asked && stage.partner.document().contains("website"), "{}", stage.partner.document());
    Ok(())
}

#[tokio::test]
async fn who_holds_a_policy_is_as_configuration_says() -> Result<()> {
    let sdl = "type Query { workshop(brin: String!): Workshop @policy(policies: [[\"trainer\", \"known\"], [\"board\"]]) } \
        type Workshop { id: ID! title: String! @policy(policies: [[\"unheard-of\"]]) }";
    let policy = |scopes: &[&str]| PolicySettings {
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        organisations: Vec::new(),
    };
    let policies = [("trainer", &["train"][..]), ("known", &["known:a", "known:b"]), ("board", &["boards"])];
    let policies = policies.map(|(name, scopes)| (name.to_owned(), policy(scopes)));
    let stage = Stage::set(sdl, BTreeMap::from(policies)).await?;
    let query = "{ workshop(brin: \"a\") { id } sources { id } }";
    for (scopes, is_held) in [
        (None, false),
        (Some("train"), false),
        (Some("train known:a"), false),
        (Some("train known:a known:b"), true),
        (Some("boards"), true),
        (Some("board trainer known"), false),
    ] {
        let (answer, was_asked) = stage.ask(query, scopes).await?;
        assert_eq!(was_asked, is_held, "{scopes:?}: {answer}");
        assert!(answer["data"]["sources"].is_array(), "the rest is answered: {answer}");
        let expected = if is_held { json!({ "id": "w1" }) } else { Value::Null };
        assert_eq!(answer["data"]["workshop"], expected, "{scopes:?}: {answer}");
        assert_eq!(code(&answer), if is_held { "" } else { "FORBIDDEN" }, "{scopes:?}: {answer}");
    }
    // One that nothing is said of is held by nobody.
    let (answer, _) = stage.ask("{ workshop(brin: \"a\") { id title } }", Some("boards train known:a known:b")).await?;
    assert_eq!((&answer["data"]["workshop"], code(&answer)), (&Value::Null, "FORBIDDEN"), "{answer}");
    Ok(())
}
