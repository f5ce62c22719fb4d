//! Writing through the graph: what each mutation does, what it refuses, and what happens when many write at once.

mod audit;
mod commitments;
mod idempotency;
mod kept;
mod needs;
mod offers;
mod one_record;
mod syncs;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use async_graphql::{Executor, Request, Variables};
use chrono::DateTime;
use connectors::sync::RunOptions;
use entity::{offer, partner, school, school_board};
use gateway::auth::Identity;
use gateway::graphql::{Caller, Graph};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;

/// Every scope that writes, and that which shows one's own.
const SCOPES: [&str; 7] =
    ["sync:read", "alliance:read", "needs:write", "offers:write", "commitments:write", "housing:write", "sync:run"];

/// A hub that has read everything once, and some of the parties in it.
struct Stage {
    hub: TestHub,
    board: school_board::Model,
    /// A school of that board.
    school: school::Model,
    /// A school of another.
    elsewhere: school::Model,
    partner: partner::Model,
    other_partner: partner::Model,
}

impl Stage {
    async fn set(backend: Backend) -> Result<Option<Self>> {
        let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
        hub.sync(&RunOptions::default()).await?;
        let db = &hub.store.db;
        let schools = school::Entity::find().order_by_asc(school::Column::Brin).all(db).await?;
        let school = schools.iter().find(|school| school.school_board_id.is_some()).context("a school")?.clone();
        let elsewhere = schools.iter().find(|other| other.school_board_id != school.school_board_id);
        let elsewhere = elsewhere.context("another school")?.clone();
        let board = school_board::Entity::find_by_id(school.school_board_id.context("a board")?).one(db).await?;
        let partners = partner::Entity::find().filter(partner::Column::Kvk.is_not_null());
        let mut partners = partners.order_by_asc(partner::Column::Kvk).all(db).await?.into_iter();
        let (partner, other_partner) = partners.next().zip(partners.next()).context("two partners")?;
        Ok(Some(Self { board: board.context("a board")?, school, elsewhere, partner, other_partner, hub }))
    }

    fn db(&self) -> &DatabaseConnection {
        &self.hub.store.db
    }

    fn board(&self) -> Caller {
        caller(&format!("board:{}", self.board.number))
    }

    fn partner(&self) -> Caller {
        caller(&format!("partner:{}", self.partner.kvk.as_deref().expect("a KvK number")))
    }

    /// Asks in somebody's name.
    async fn ask(&self, caller: &Caller, query: &str, variables: Value) -> Value {
        ask(&self.hub.graph(), caller, query, variables).await
    }

    /// The one field of a mutation's answer, where it was executed.
    async fn mutate(&self, caller: &Caller, mutation: &str, input: Value) -> Result<Value> {
        mutate(&self.hub.graph(), caller, mutation, input).await
    }

    /// An open need of the school.
    async fn need(&self, input: Value) -> Result<Value> {
        let mut whole = json!({ "school": self.school.brin, "title": "Een hulpvraag", "themes": ["TEACHER_HOUSING"] });
        merge(&mut whole, input);
        let made = self.mutate(&self.board(), "createNeed", whole).await?;
        ensure!(made["userErrors"] == json!([]), "{made}");
        Ok(made["need"].clone())
    }

    /// An offer of the partner with so many places.
    async fn offer(&self, name: &str, places: f64) -> Result<offer::Model> {
        let capacity = json!({ "amount": places, "unit": "PLACES" });
        let offer = json!({ "externalId": name, "title": "Aanbod", "themes": ["STRATEGIC_HR"], "capacity": capacity });
        let made = self.mutate(&self.partner(), "upsertOffers", json!({ "offers": [offer] })).await?;
        ensure!(made["results"][0]["outcome"] == "CREATED", "{made}");
        let stored = offer::Entity::find().filter(offer::Column::ExternalId.eq(name)).one(self.db()).await?;
        stored.context("the offer")
    }

    /// A proposal of the partner to the school.
    async fn proposal(&self, input: Value) -> Result<Value> {
        let mut whole = json!({ "school": self.school.brin, "title": "Een toezegging" });
        merge(&mut whole, input);
        let made = self.mutate(&self.partner(), "proposeCommitment", whole).await?;
        ensure!(made["userErrors"] == json!([]), "{made}");
        Ok(made["commitment"].clone())
    }

    async fn step(&self, caller: &Caller, id: &Value, status: &str) -> Result<Value> {
        self.mutate(caller, "setCommitmentStatus", json!({ "id": id, "status": status })).await
    }

    async fn need_status(&self, id: &Value) -> Result<Value> {
        let query = "query ($id: ID!) { node(id: $id) { ... on Need { status } } }";
        let answer = self.ask(&self.board(), query, json!({ "id": id })).await;
        Ok(answer["data"]["node"]["status"].clone())
    }
}

fn merge(whole: &mut Value, part: Value) {
    if let (Value::Object(whole), Value::Object(part)) = (whole, part) {
        whole.extend(part);
    }
}

/// Somebody with a token for this organisation.
fn caller(organisation: &str) -> Caller {
    scoped(organisation, &SCOPES)
}

fn scoped(organisation: &str, scopes: &[&str]) -> Caller {
    let identity = Identity {
        issuer: "https://login.example".to_owned(),
        subject: Some("somebody".to_owned()),
        client: Some("a-client".to_owned()),
        organisation: organisation.parse().ok(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        expires_at: DateTime::from_timestamp(4_000_000_000, 0).expect("an instant"),
        ends: tokio::time::Instant::now() + std::time::Duration::from_secs(600),
    };
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Caller { identity: Some(Arc::new(identity)), address, ..Caller::default() }
}

fn with_key(caller: &Caller, key: &str) -> Caller {
    Caller { idempotency_key: Some(key.to_owned()), ..caller.clone() }
}

async fn ask(graph: &Graph, caller: &Caller, query: &str, variables: Value) -> Value {
    let request = Request::new(query).variables(Variables::from_json(variables)).data(caller.clone());
    serde_json::to_value(graph.execute(request).await).expect("an answer is JSON")
}

async fn mutate(graph: &Graph, caller: &Caller, mutation: &str, input: Value) -> Result<Value> {
    let errors = "userErrors { field message code }";
    let need = "id status version title description fteAsked";
    let (kind, selection) = match mutation {
        "createNeed" => ("CreateNeedInput", format!("need {{ {need} }}")),
        "updateNeed" => ("UpdateNeedInput", format!("need {{ {need} }}")),
        "setNeedStatus" => ("SetNeedStatusInput", format!("need {{ {need} }}")),
        "proposeCommitment" => ("ProposeCommitmentInput", "commitment { id status version }".to_owned()),
        "setCommitmentStatus" => {
            ("SetCommitmentStatusInput", "commitment { id status version history { status by note } }".to_owned())
        }
        "upsertOffers" => (
            "UpsertOffersInput",
            format!("offers {{ id externalId }} results {{ externalId outcome record {{ id }} {errors} }}"),
        ),
        "withdrawOffers" => ("WithdrawOffersInput", "offers { id status }".to_owned()),
        "upsertHousingOptions" => (
            "UpsertHousingOptionsInput",
            format!(
                "housingOptions {{ id title municipality {{ code }} provider {{ id }} }} results {{ externalId outcome {errors} }}"
            ),
        ),
        "upsertHousingSchemes" => (
            "UpsertHousingSchemesInput",
            format!("housingSchemes {{ id name status }} results {{ externalId outcome {errors} }}"),
        ),
        "startSync" => ("StartSyncInput", "run { id status mode read created updated source { id } }".to_owned()),
        other => anyhow::bail!("no mutation {other}"),
    };
    let query = format!("mutation ($input: {kind}!) {{ done: {mutation}(input: $input) {{ {selection} {errors} }} }}");
    let mut answer = ask(graph, caller, &query, json!({ "input": input })).await;
    ensure!(answer.get("errors").is_none(), "{answer}");
    Ok(answer["data"]["done"].take())
}

/// The codes of what is wrong, each with where it is.
fn faults(answer: &Value) -> Vec<(String, String)> {
    let errors = answer["userErrors"].as_array().expect("userErrors");
    let path = |field: &Value| {
        let parts = field.as_array().cloned().unwrap_or_default();
        parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(".")
    };
    errors.iter().map(|error| (path(&error["field"]), error["code"].as_str().expect("a code").to_owned())).collect()
}

fn fault(field: &str, code: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), code.to_owned())]
}
