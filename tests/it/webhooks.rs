//! Webhooks: what endpoints hear and what they do not, how it is signed, what happens when they fail, and what hostile
//! ones can do. Time is the test's own; HTTP is real.

mod command;
mod delivering;
mod hearing;
mod hostile;
mod killed;
mod registering;
mod rights;
mod signing;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_graphql::{Executor, Request, Variables};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use connectors::pace::Pace;
use connectors::settings::Secret;
use entity::global_id::{GlobalId, Kind};
use entity::journal::{Journal, Record};
use entity::vocabulary::{ChangeAction, Theme};
use entity::{Clock, commitment, need, offer, partner, school, school_board};
use gateway::auth::Identity;
use gateway::config::{LimitSettings, WebhookSettings};
use gateway::feed::Feed;
use gateway::graphql::{Caller, Graph, Writes};
use gateway::webhooks::{Courier, Hooks};
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tests::invented;
use tests::receiver::Receiver;
use tests::store::{Backend, TestStore};
use uuid::Uuid;

/// What a partner's token holds.
const SCOPES: &str = "alliance:read commitments:write webhooks:read webhooks:write";
const NEED: &str = "query ($id: ID!, $offers: [ID!]!) { node(id: $id) { ... on Need { title contact { email } } } \
                    nodes(ids: $offers) { ... on Offer { externalId } } }";
const COMMITMENT: &str = "query ($id: ID!) { node(id: $id) { ... on Commitment { title status } } }";

/// A hub with a partner, its offer, a school, and time that passes as a test says.
struct Stage {
    store: TestStore,
    now: Arc<Mutex<DateTime<Utc>>>,
    graph: Graph,
    courier: Courier,
    board: school_board::Model,
    school: school::Model,
    partner: partner::Model,
    other_partner: partner::Model,
    offer: offer::Model,
}

fn settings() -> WebhookSettings {
    WebhookSettings {
        encryption_key: Some(Secret::Resolved(STANDARD.encode([7; 32]))),
        allow_http: true,
        private_networks: vec!["127.0.0.0/8".parse().expect("a network")],
        timeout_secs: 5,
        ..WebhookSettings::default()
    }
}

impl Stage {
    async fn set(backend: Backend) -> Result<Option<Self>> {
        Self::with(backend, settings()).await
    }

    async fn with(backend: Backend, settings: WebhookSettings) -> Result<Option<Self>> {
        let Some(store) = backend.store().await? else { return Ok(None) };
        invented::source(&store.db).await?;
        let now = Arc::new(Mutex::new(Clock::system().now()));
        let told = Arc::clone(&now);
        let clock = Clock::from_fn(move || *told.lock().expect("a clock"));
        let hooks = Hooks::open(&settings)?.context("a key")?;
        let feed = Feed::new(store.db.clone(), Duration::from_millis(50));
        let writes = Writes { hooks: Some(hooks.clone()), ..Writes::default() };
        let graph = Graph::new(store.db.clone(), clock.clone(), feed, &LimitSettings::default()).writing(writes);
        // No chance: waits are as the schedule has them.
        let pace = Pace::from_fns(|_| Box::pin(std::future::ready(())), || 0.0);
        let courier = Courier::new(store.db.clone(), graph.clone(), hooks, clock.clone())?.pacing(pace);
        let at = clock.now();
        let board = school_board::Model {
            id: Uuid::now_v7(),
            number: "90001".to_owned(),
            name: "Stichting Verzonnen Scholen".to_owned(),
            kvk: None,
            source_id: "test".to_owned(),
            external_id: None,
            version: 1,
            created_at: at,
            updated_at: at,
            deleted_at: None,
        };
        let school = school::Model { school_board_id: Some(board.id), ..invented::school("99AA00") };
        let (partner, other_partner) = (invented::partner(Some("90000001")), invented::partner(Some("90000002")));
        let offer = invented::offer(partner.id, "o-1");
        let stage = Self { store, now, graph, courier, board, school, partner, other_partner, offer };
        stage.write(vec![stage.board.clone()]).await?;
        stage.write(vec![stage.school.clone()]).await?;
        stage.write(vec![stage.partner.clone(), stage.other_partner.clone()]).await?;
        stage.write(vec![stage.offer.clone()]).await?;
        Ok(Some(stage))
    }

    fn db(&self) -> &DatabaseConnection {
        &self.store.db
    }

    fn at(&self) -> DateTime<Utc> {
        *self.now.lock().expect("a clock")
    }

    fn pass(&self, time: TimeDelta) {
        *self.now.lock().expect("a clock") += time;
    }

    fn partner(&self) -> Caller {
        caller("partner:90000001", SCOPES)
    }

    /// Writes records that are new, as a sync does.
    async fn write<R: Record>(&self, rows: Vec<R>) -> Result<()> {
        self.change(ChangeAction::Created, rows).await
    }

    async fn change<R: Record>(&self, action: ChangeAction, rows: Vec<R>) -> Result<()> {
        let mut journal = Journal::begin(self.db(), self.at()).await?;
        journal.save(rows.into_iter().map(|row| (action, row)).collect()).await?;
        journal.commit().await?;
        Ok(())
    }

    /// An open need that the offer fits, not written yet.
    fn need(&self, title: &str) -> need::Model {
        let themes = [Theme::StrategicHr].into_iter().collect();
        need::Model { title: title.to_owned(), themes, ..invented::need(self.school.id) }
    }

    /// A commitment of the partner to the school, under way, not written yet.
    fn commitment(&self) -> commitment::Model {
        invented::commitment(self.partner.id, self.school.id, None)
    }

    /// Registers an endpoint that hears of everything.
    async fn register(&self, caller: &Caller, receiver: &Receiver) -> Result<Registered> {
        self.register_for(caller, receiver, &[("NEED_FITS", NEED), ("COMMITMENT_CHANGED", COMMITMENT)]).await
    }

    async fn register_for(&self, caller: &Caller, receiver: &Receiver, hears: &[(&str, &str)]) -> Result<Registered> {
        let selections: Vec<Value> =
            hears.iter().map(|(event, query)| json!({ "event": event, "query": query })).collect();
        let input = json!({ "url": receiver.url(), "selections": selections });
        let made = self.mutate(caller, "createWebhookEndpoint", input).await?;
        ensure!(made["userErrors"] == json!([]), "{made}");
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        Ok(Registered { id: text(&made["endpoint"]["id"])?, secret: text(&made["secret"])? })
    }

    async fn ask(&self, caller: &Caller, query: &str, variables: Value) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables)).data(caller.clone());
        serde_json::to_value(self.graph.execute(request).await).expect("an answer is JSON")
    }

    /// The one field of a mutation's answer, where it was executed.
    async fn mutate(&self, caller: &Caller, mutation: &str, input: Value) -> Result<Value> {
        let mut kind = mutation.to_owned();
        kind[..1].make_ascii_uppercase();
        let own = match mutation {
            "createWebhookEndpoint" | "rotateWebhookSecret" => "endpoint { id version status scopes } secret",
            "deleteWebhookEndpoint" => "deletedId",
            _ => "endpoint { id version status statusReason scopes }",
        };
        let query = format!(
            "mutation ($input: {kind}Input!) {{ done: {mutation}(input: $input) {{ {own} userErrors {{ field message code }} }} }}"
        );
        let mut answer = self.ask(caller, &query, json!({ "input": input })).await;
        ensure!(answer.get("errors").is_none(), "{answer}");
        Ok(answer["data"]["done"].take())
    }

    /// Makes deliveries and sends all that is due.
    async fn deliver(&self) -> Result<usize> {
        self.courier.plan().await?;
        Ok(self.courier.deliver_due().await?)
    }

    /// An endpoint and its messages, the latest first, as its owner sees them.
    async fn endpoint(&self, id: &str) -> Result<Value> {
        let query = "query ($id: ID!) { webhookEndpoint(id: $id) { status statusReason failingSince scopes \
                     secrets { createdAt endsAt } deliveries { totalCount nodes { id messageId event action status \
                     statusReason nextAttemptAt attempts { at statusCode error } } } } }";
        let mut answer = self.ask(&self.partner(), query, json!({ "id": id })).await;
        ensure!(answer.get("errors").is_none(), "{answer}");
        Ok(answer["data"]["webhookEndpoint"].take())
    }
}

struct Registered {
    id: String,
    secret: String,
}

fn caller(organisation: &str, scopes: &str) -> Caller {
    let identity = Identity {
        issuer: "https://login.example".to_owned(),
        subject: Some("somebody".to_owned()),
        client: Some("a-client".to_owned()),
        organisation: organisation.parse().ok(),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
        expires_at: DateTime::from_timestamp(4_000_000_000, 0).expect("an instant"),
        ends: tokio::time::Instant::now() + Duration::from_secs(600),
    };
    Caller { identity: Some(Arc::new(identity)), ..Caller::default() }
}

fn global(kind: Kind, id: Uuid) -> String {
    GlobalId::new(kind, id).to_string()
}

/// What messages tell of, and of what title.
fn told(messages: &[Value]) -> Vec<(&str, &str, &str)> {
    messages
        .iter()
        .map(|message| {
            let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
            (text("/type"), text("/about/action"), text("/data/node/title"))
        })
        .collect()
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
