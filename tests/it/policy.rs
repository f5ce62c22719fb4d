//! Who sees what: every role, every type of record, every status, every way to reach it, on both databases. What each
//! role should see is written down here once more, in other words than the hub's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_graphql::{Executor, Request, Variables};
use chrono::DateTime;
use entity::vocabulary::{CommitmentStatus, HousingStatus, NeedStatus, OfferStatus};
use entity::{Clock, Code};
use gateway::auth::{Identity, Organisation};
use gateway::config::LimitSettings;
use gateway::feed::Feed;
use gateway::graphql::{Caller, Graph};
use rstest::rstest;
use serde_json::{Value, json};
use tests::records::{Fixture, Kind, Record};
use tests::store::Backend;

/// A role: the organisation and the scopes of its token; `None`: without a token.
struct Role {
    name: &'static str,
    organisation: Option<&'static str>,
    scopes: Option<&'static str>,
}

const READ: &str = "alliance:read";

const ROLES: [Role; 12] = [
    Role { name: "nobody", organisation: None, scopes: None },
    Role { name: "an app", organisation: None, scopes: Some(READ) },
    Role { name: "an app without scopes", organisation: None, scopes: Some("") },
    Role { name: "own board", organisation: Some("board:90001"), scopes: Some(READ) },
    Role { name: "own board without the scope", organisation: Some("board:90001"), scopes: Some("needs:write") },
    Role { name: "unknown board", organisation: Some("board:99999"), scopes: Some(READ) },
    Role { name: "own municipality", organisation: Some("municipality:GM0363"), scopes: Some(READ) },
    Role { name: "own partner by KvK", organisation: Some("partner:00010001"), scopes: Some(READ) },
    Role { name: "own partner by its own id", organisation: Some("partner:giver-0"), scopes: Some(READ) },
    Role {
        name: "own partner without the scope",
        organisation: Some("partner:00010001"),
        scopes: Some("offers:write"),
    },
    Role { name: "ambiguous partner", organisation: Some("partner:twins"), scopes: Some(READ) },
    Role { name: "operator", organisation: Some("operator"), scopes: Some("alliance:read sync:read") },
];

impl Role {
    fn caller(&self) -> Caller {
        let identity = self.scopes.map(|scopes| {
            Arc::new(Identity {
                issuer: "https://login.example".to_owned(),
                subject: Some(self.name.to_owned()),
                client: Some("a-client".to_owned()),
                organisation: self.organisation.map(|text| text.parse::<Organisation>().expect("an organisation")),
                scopes: scopes.split_whitespace().map(str::to_owned).collect(),
                expires_at: DateTime::UNIX_EPOCH,
                ends: tokio::time::Instant::now() + std::time::Duration::from_secs(600),
            })
        });
        Caller { identity, ..Caller::default() }
    }

    /// What it is the own one of, as it should come out.
    fn own(&self) -> &'static str {
        match self.name {
            "own board" => "board",
            "own municipality" => "municipality",
            "own partner by KvK" | "own partner by its own id" => "partner",
            _ => "",
        }
    }

    /// Whether it should see a record.
    fn sees(&self, record: &Record) -> bool {
        let status = record.status.as_str();
        let is_public = match record.kind {
            Kind::Need => !matches!(status, "DRAFT" | "WITHDRAWN"),
            Kind::Offer => status == "PUBLISHED",
            Kind::Commitment => !matches!(status, "PROPOSED" | "DECLINED" | "WITHDRAWN"),
            Kind::Home => status == "AVAILABLE",
        };
        let is_own = match (self.own(), record.kind) {
            ("board", Kind::Need | Kind::Commitment) => record.of_own_school,
            ("municipality", Kind::Need) => record.of_own_school && status == "DRAFT",
            ("municipality", Kind::Home) => record.of_own_municipality,
            ("partner", Kind::Offer | Kind::Commitment | Kind::Home) => record.of_own_partner,
            _ => false,
        };
        is_public || is_own
    }
}

struct Hub {
    graph: Graph,
    fixture: Fixture,
}

impl Hub {
    async fn start(backend: Backend) -> Result<Option<Self>> {
        let Some(fixture) = Fixture::new(backend).await? else { return Ok(None) };
        let feed = Feed::new(fixture.store.db.clone(), Duration::from_millis(100));
        let graph = Graph::new(fixture.store.db.clone(), Clock::system(), feed, &LimitSettings::default());
        Ok(Some(Self { graph, fixture }))
    }

    async fn ask(&self, role: &Role, query: &str, variables: Value) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables)).data(role.caller());
        serde_json::to_value(self.graph.execute(request).await).expect("an answer is JSON")
    }

    async fn data(&self, role: &Role, query: &str, variables: Value) -> Value {
        let mut answer = self.ask(role, query, variables).await;
        assert!(answer.get("errors").is_none(), "{}: {query}: {answer}", role.name);
        answer["data"].take()
    }

    fn expected(&self, role: &Role, kind: Kind) -> BTreeSet<String> {
        self.fixture
            .records
            .iter()
            .filter(|record| record.kind == kind && role.sees(record))
            .map(|r| r.id.clone())
            .collect()
    }
}

/// The values of every `id` in lists called `nodes` directly below `at`, which may lie in lists.
fn ids(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(ids).collect(),
        Value::Object(members) => match members.get("key") {
            Some(id) => BTreeSet::from([id.as_str().expect("an id").to_owned()]),
            None => members.values().flat_map(ids).collect(),
        },
        _ => BTreeSet::new(),
    }
}

fn total(value: &Value) -> i64 {
    match value {
        Value::Array(items) => items.iter().map(total).sum(),
        Value::Object(members) => {
            members.get("totalCount").and_then(Value::as_i64).unwrap_or_else(|| members.values().map(total).sum())
        }
        _ => 0,
    }
}

/// Every way to a type of record, each of which gives all there are.
fn ways(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Need => &[
            "{ needs(first: 100) { totalCount nodes { key: id } } }",
            "{ needs(first: 100, filter: {statuses: [DRAFT, OPEN, PARTLY_COMMITTED, COMMITTED, FULFILLED, WITHDRAWN]}, \
             orderBy: {field: CREATED_AT, direction: DESC}) { totalCount edges { node { key: id } } } }",
            "{ schools(first: 9) { nodes { needs(first: 100) { totalCount nodes { key: id } } } } }",
            "{ municipalities(first: 9) { nodes { schools(first: 9) { nodes { needs(last: 50) { totalCount nodes { key: id } } } } } } }",
            "{ schoolBoards(first: 9) { nodes { schools(first: 9) { nodes { needs(first: 50) { totalCount nodes { key: id } } } } } } }",
            "{ search(text: \"hulpvraag\", types: [NEED], first: 100) { totalCount nodes { ... on Need { key: id } } } }",
        ],
        Kind::Offer => &[
            "{ offers(first: 100) { totalCount nodes { key: id } } }",
            "{ offers(last: 100, filter: {statuses: [PUBLISHED, PAUSED, EXHAUSTED, ENDED]}) { totalCount nodes { key: id } } }",
            "{ partners(first: 9) { nodes { offers(first: 100) { totalCount nodes { key: id } } } } }",
            "{ search(text: \"aanbod\", types: [OFFER], first: 100) { totalCount nodes { ... on Offer { key: id } } } }",
        ],
        Kind::Commitment => &[
            "{ commitments(first: 100) { totalCount nodes { key: id } } }",
            "{ schools(first: 9) { nodes { commitments(first: 100) { totalCount nodes { key: id } } } } }",
            "{ partners(first: 9) { nodes { commitments(first: 100) { totalCount nodes { key: id } } } } }",
        ],
        Kind::Home => &[
            "{ housingOptions(first: 100) { totalCount nodes { key: id } } }",
            "{ housingOptions(first: 100, filter: {statuses: [AVAILABLE, RESERVED, LET, WITHDRAWN]}) { totalCount nodes { key: id } } }",
            "{ municipalities(first: 9) { nodes { housingOptions(first: 100) { totalCount nodes { key: id } } } } }",
            "{ schools(first: 9) { nodes { housingOptions(first: 100, withinKm: 0) { totalCount nodes { key: id } } } } }",
        ],
    }
}

/// What the schema calls it.
fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Need => "Need",
        Kind::Offer => "Offer",
        Kind::Commitment => "Commitment",
        Kind::Home => "HousingOption",
    }
}

const KINDS: [Kind; 4] = [Kind::Need, Kind::Offer, Kind::Commitment, Kind::Home];

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn each_role_sees_what_is_its_own_and_nothing_else_whichever_way(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = Hub::start(backend).await? else { return Ok(()) };
    let counts = [NeedStatus::ALL.len() * 2, OfferStatus::ALL.len() * 2, CommitmentStatus::ALL.len() * 4];
    assert!(hub.fixture.records.len() > counts.iter().sum::<usize>() + HousingStatus::ALL.len());
    for role in &ROLES {
        for kind in KINDS {
            let expected = hub.expected(role, kind);
            for way in ways(kind) {
                let data = hub.data(role, way, json!({})).await;
                assert_eq!(ids(&data), expected, "{} {kind:?} by {way}", role.name);
                assert_eq!(total(&data), i64::try_from(expected.len())?, "{} {kind:?} counted by {way}", role.name);
            }
            let all: Vec<&str> = hub
                .fixture
                .records
                .iter()
                .filter(|record| record.kind == kind)
                .map(|record| record.id.as_str())
                .collect();
            let data =
                hub.data(role, "query ($ids: [ID!]!) { nodes(ids: $ids) { key: id } }", json!({ "ids": all })).await;
            assert_eq!(ids(&data), expected, "{} {kind:?} by nodes", role.name);
            let representation = |id: &str| json!({ "__typename": type_name(kind), "id": id });
            let representations: Vec<Value> = all.iter().map(|id| representation(id)).collect();
            let query = format!(
                "query ($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {} {{ key: id }} }} }}",
                type_name(kind)
            );
            let data = hub.data(role, &query, json!({ "r": representations })).await;
            for (id, entity) in all.iter().zip(data["_entities"].as_array().expect("entities")) {
                let expected = if expected.contains(*id) { json!({ "key": id }) } else { Value::Null };
                assert_eq!(*entity, expected, "{} {kind:?} as an entity", role.name);
            }
            let one = hub.data(role, "query ($id: ID!) { node(id: $id) { key: id } }", json!({ "id": all[0] })).await;
            assert_eq!(!one["node"].is_null(), expected.contains(all[0]), "{} {kind:?} by node", role.name);
        }
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_records_refer_to_is_hidden_as_the_records_are(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = Hub::start(backend).await? else { return Ok(()) };
    for role in &ROLES {
        let query = "{ commitments(first: 100) { nodes { need { key: id } offer { id } } } \
                     o: commitments(first: 100) { nodes { offer { key: id } } } }";
        let data = hub.data(role, query, json!({})).await;
        let needs: BTreeSet<String> = ids(&data["commitments"]);
        let offers: BTreeSet<String> = ids(&data["o"]);
        assert!(needs.is_subset(&hub.expected(role, Kind::Need)), "{}", role.name);
        assert!(offers.is_subset(&hub.expected(role, Kind::Offer)), "{}", role.name);
        assert_eq!(offers.contains(&hub.fixture.hidden_offer), role.own() == "partner", "{}", role.name);
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_feed_tells_of_what_one_sees_or_once_could_and_of_nothing_else(#[case] backend: Backend) -> Result<()> {
    let Some(mut hub) = Hub::start(backend).await? else { return Ok(()) };
    let query = "{ changes(first: 500) { totalCount nodes { action recordId record { key: id } } } }";
    let nobody = &ROLES[0];
    let of = |data: &Value| -> BTreeSet<String> {
        let nodes = data["changes"]["nodes"].as_array().expect("changes");
        nodes.iter().map(|change| change["recordId"].as_str().expect("an id").to_owned()).collect()
    };
    for role in &ROLES {
        let data = hub.data(role, query, json!({})).await;
        let told = of(&data);
        for record in &hub.fixture.records {
            let expected = role.sees(record);
            assert_eq!(ids(&data).contains(&record.id), expected, "{} {record:?}", role.name);
            // Its own that it may not see any more it may hear of; others' it may not.
            let may_hear =
                expected || (role.own() == "municipality" && record.kind == Kind::Need && record.of_own_school);
            assert!(told.contains(&record.id) == expected || may_hear, "{} {record:?}", role.name);
        }
        let count = data["changes"]["nodes"].as_array().expect("changes").len();
        assert_eq!(data["changes"]["totalCount"], json!(count), "{}", role.name);
    }
    // One that was public is told of when it is no longer; one that never was is not.
    let (open, draft) = hub.fixture.withdraw_open_and_draft().await?;
    let data = hub.data(nobody, query, json!({})).await;
    let last = |id: &str| {
        let nodes = data["changes"]["nodes"].as_array().expect("changes").clone();
        nodes.into_iter().rfind(|change| change["recordId"] == json!(id))
    };
    let told = last(&open).expect("the one that was open");
    assert_eq!((&told["action"], &told["record"]), (&json!("DELETED"), &Value::Null));
    assert!(last(&draft).is_none());
    Ok(())
}

/// Not even to those who may see a draft or a paused offer is it suggested.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn only_what_stands_open_is_suggested_to_anybody(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = Hub::start(backend).await? else { return Ok(()) };
    let of = |kind: Kind, statuses: &[&str]| -> BTreeSet<String> {
        let records = hub.fixture.records.iter().filter(|record| record.kind == kind);
        records.filter(|record| statuses.contains(&record.status.as_str())).map(|record| record.id.clone()).collect()
    };
    let (open, published) = (of(Kind::Need, &["OPEN", "PARTLY_COMMITTED"]), of(Kind::Offer, &["PUBLISHED"]));
    for role in &ROLES {
        let query = "{ offers(first: 100) { nodes { suggestedNeeds(first: 100) { need { key: id } } } } }";
        assert_eq!(ids(&hub.data(role, query, json!({})).await), open, "{}", role.name);
        let query = "{ needs(first: 100) { nodes { suggestedOffers(first: 100) { offer { key: id } } } } }";
        assert_eq!(ids(&hub.data(role, query, json!({})).await), published, "{}", role.name);
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn numbers_are_the_same_for_everybody(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = Hub::start(backend).await? else { return Ok(()) };
    let query = "{ schools(first: 9) { nodes { summary { openNeeds committedNeeds committedPartners availableHomes overdueCommitments } \
                 committedPartners(first: 9) { totalCount edges { commitments { id } } } } } \
                 municipalities(first: 9) { nodes { coverage { theme openNeeds committedNeeds unmetNeeds publishedOffers } } } \
                 schoolBoards(first: 9) { nodes { coverage { openNeeds publishedOffers } } } \
                 themes { openNeeds } partners(first: 9, filter: {themes: [STRATEGIC_HR]}) { totalCount nodes { id } } \
                 hiring: schools(filter: {hasOpenNeeds: true}) { totalCount } \
                 busiest: partners(orderBy: {field: LIVE_COMMITMENTS, direction: DESC}) { nodes { id } } }";
    let by_nobody = hub.data(&ROLES[0], query, json!({})).await;
    for role in &ROLES {
        assert_eq!(hub.data(role, query, json!({})).await, by_nobody, "{}", role.name);
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn contacts_need_the_scope_and_a_stake(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = Hub::start(backend).await? else { return Ok(()) };
    for (list, fixture) in [("needs", &hub.fixture.need_contacts), ("partners", &hub.fixture.partner_contacts)] {
        let query = format!("{{ {list}(first: 100) {{ nodes {{ id contact {{ name email phone }} }} }} }}");
        for role in &ROLES {
            let answer = hub.ask(role, &query, json!({})).await;
            let nodes = answer["data"][list]["nodes"].as_array().expect("the rest stands");
            let shown: BTreeSet<&str> =
                nodes.iter().filter(|node| !node["contact"].is_null()).filter_map(|node| node["id"].as_str()).collect();
            let expected: BTreeSet<&str> = fixture.get(role.own()).into_iter().flatten().map(String::as_str).collect();
            assert_eq!(shown, expected, "{} {list}", role.name);
            let may = role.scopes.is_some_and(|scopes| scopes.contains(READ));
            if may {
                assert!(answer.get("errors").is_none(), "{}: {answer}", role.name);
            } else {
                let errors = answer["errors"].as_array().expect("errors");
                assert_eq!(errors.len(), nodes.len(), "{}", role.name);
                assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN");
                assert_eq!(errors[0]["extensions"]["scopes"], json!([READ]));
                assert_eq!(errors[0]["path"].as_array().map(Vec::len), Some(4), "{answer}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn runs_and_refusals_need_their_scope_however_they_are_reached() -> Result<()> {
    let Some(hub) = Hub::start(Backend::Sqlite).await? else { return Ok(()) };
    let run = hub.fixture.sync_run.clone();
    let query = "query ($id: ID!) { source(id: \"test\") { id runs { totalCount } refusals { totalCount } } \
                 aliased: sources { mine: runs { nodes { ... on Node { id } status } } } \
                 node(id: $id) { id ... on SyncRun { status } } }";
    for role in &ROLES {
        let answer = hub.ask(role, query, json!({ "id": run })).await;
        let may = role.scopes.is_some_and(|scopes| scopes.contains("sync:read"));
        assert_eq!(answer["data"]["source"]["id"], "test");
        for seen in [&answer["data"]["source"]["runs"], &answer["data"]["source"]["refusals"], &answer["data"]["node"]]
        {
            assert_eq!(!seen.is_null(), may, "{}: {answer}", role.name);
        }
        assert_eq!(!answer["data"]["aliased"][0]["mine"].is_null(), may, "{}: {answer}", role.name);
        assert_eq!(answer.get("errors").is_none(), may, "{}: {answer}", role.name);
    }
    Ok(())
}

#[tokio::test]
async fn the_viewer_is_told_truly() -> Result<()> {
    let Some(hub) = Hub::start(Backend::Sqlite).await? else { return Ok(()) };
    let query = "{ viewer { isAuthenticated subject client organisation organisationKind scopes } }";
    for (role, kind) in [(3, "SCHOOL_BOARD"), (6, "MUNICIPALITY"), (7, "PARTNER"), (11, "OPERATOR"), (1, "APP")] {
        let role = &ROLES[role];
        let viewer = hub.data(role, query, json!({})).await["viewer"].take();
        assert_eq!(viewer["organisationKind"], kind);
        assert_eq!(viewer["organisation"], json!(role.organisation));
        assert_eq!(viewer["subject"], role.name);
        assert_eq!(viewer["isAuthenticated"], true);
        let scopes: Vec<_> = role.scopes.unwrap_or_default().split(' ').collect();
        assert_eq!(viewer["scopes"], json!(scopes));
    }
    let viewer = hub.data(&ROLES[0], query, json!({})).await["viewer"].take();
    let nobody = json!({ "isAuthenticated": false, "subject": null, "client": null, "organisation": null,
                         "organisationKind": null, "scopes": [] });
    assert_eq!(viewer, nobody);
    Ok(())
}
