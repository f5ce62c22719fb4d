//! What clients, parties and systems do to the hub, and what they were told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use entity::global_id::{GlobalId, Kind};
use entity::{Clock, need, offer, partner, school, school_board};
use gateway::http::SCHOOL_CARD;
use reqwest::Client;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tests::gateway::client;
use tests::hub::TestHub;
use tests::issuer::{Key, TestIssuer, claims, header, with};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What the title of everything that is written through the interface holds.
pub(crate) const OWN: &str = "Duurproef";
/// Clients that read.
const READERS: usize = 4;
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(20);
/// Offers that the partner sends again and again, and in one call.
const OFFERS: usize = 200;
const AT_ONCE: usize = 25;
/// Needs that the board has at most: after that it changes those that it has.
const NEEDS: usize = 100;

/// The load.
pub(crate) struct Load {
    client: Client,
    address: String,
    board: String,
    partner: String,
    brins: Vec<String>,
    has_ended: AtomicBool,
    read: AtomicUsize,
    written: AtomicUsize,
    pushed: AtomicUsize,
    edited: AtomicUsize,
    /// The title that each need was last told to have, by global id.
    needs: Mutex<HashMap<String, String>>,
    /// The title that each offer was last told to have, by the partner's identifier.
    offers: Mutex<HashMap<String, String>>,
}

impl Load {
    /// A load on the hub at this address.
    pub(crate) async fn new(hub: &TestHub, address: &str, issuer: &TestIssuer, key: &Key) -> Result<Self> {
        let db = &hub.store.db;
        let schools = school::Entity::find().filter(school::Column::SchoolBoardId.is_not_null());
        let schools = schools.order_by_asc(school::Column::Brin).all(db).await?;
        let board = schools.first().and_then(|school| school.school_board_id).context("a school with a board")?;
        let board = school_board::Entity::find_by_id(board).one(db).await?.context("its board")?;
        let partner = partner::Entity::find().order_by_asc(partner::Column::Id).one(db).await?.context("a partner")?;
        let partner = GlobalId::new(Kind::Partner, partner.id);
        let token = |organisation: String, scopes: &str| {
            let claims = with(&claims(issuer, &Clock::system()), "hub_org", json!(organisation));
            let until = Clock::system().now().timestamp() + 4 * 60 * 60;
            let claims = with(&with(&claims, "exp", json!(until)), "scope", json!(scopes));
            key.sign(&header("ES256", "k"), &claims)
        };
        Ok(Self {
            client: client(),
            address: address.to_owned(),
            board: token(format!("board:{}", board.number), "alliance:read needs:write"),
            partner: token(format!("partner:{partner}"), "alliance:read offers:write"),
            brins: schools.into_iter().map(|school| school.brin).collect(),
            has_ended: AtomicBool::new(false),
            read: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
            pushed: AtomicUsize::new(0),
            edited: AtomicUsize::new(0),
            needs: Mutex::default(),
            offers: Mutex::default(),
        })
    }

    /// Begins. Each client goes on until it is told to end, or something does not hold.
    pub(crate) fn begin(self: &Arc<Self>, hub: &TestHub) -> JoinSet<Result<()>> {
        let mut clients = JoinSet::new();
        for place in 0..READERS {
            let load = Arc::clone(self);
            clients.spawn(async move { load.read(place).await });
        }
        let (writer, pusher) = (Arc::clone(self), Arc::clone(self));
        let brin = hub.sandbox.sample_brin();
        clients.spawn(async move { writer.write().await });
        clients.spawn(async move { pusher.push(&brin).await });
        clients
    }

    /// Tells all to end.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    /// Changes something in each system.
    pub(crate) fn edit(&self, hub: &TestHub) {
        let number = self.edited.fetch_add(1, Ordering::Relaxed);
        hub.sandbox.edit(|sample| {
            let needs: Vec<u32> = sample.needs.live().map(|need| need.number).collect();
            if let Some(need) = needs.get(number % needs.len().max(1)) {
                sample.needs.change(*need, |need| need.title = format!("Anders {number}").into());
            }
            let homes: Vec<u32> = sample.homes.live().map(|home| home.number).collect();
            if let Some(home) = homes.get(number % homes.len().max(1)) {
                sample
                    .homes
                    .change(*home, |home| home.rent_cents = 60_000 + u32::try_from(number % 20_000).unwrap_or(0));
            }
            let offers: Vec<u32> = sample.offers.live().map(|offer| offer.number).collect();
            if let Some(offer) = offers.get(number % offers.len().max(1)) {
                sample.offers.change(*offer, |offer| offer.title = format!("Anders {number}").into());
            }
        });
    }

    /// What was done so far.
    pub(crate) fn figures(&self) -> String {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        format!(
            "{} read, {} written, {} pushed, {} edits in systems",
            of(&self.read),
            of(&self.written),
            of(&self.pushed),
            3 * of(&self.edited)
        )
    }

    async fn read(&self, place: usize) -> Result<()> {
        const SHAPES: [&str; 6] = [
            "query ($brin: String!) { school(brin: $brin) { name needs(first: 20) { totalCount nodes { title status } } } }",
            "{ schools(first: 50) { nodes { brin name board { name } municipality { name } } } }",
            "{ needs(first: 50) { totalCount nodes { title school { name } suggestedOffers(first: 3) { score } } } }",
            "{ partners(first: 20) { nodes { name offers(first: 5) { nodes { title } } } } }",
            "{ search(text: \"school\", first: 20) { edges { node { __typename } } } }",
            "{ sources { id health lastSucceededAt } changes(first: 20) { nodes { sequence action } } }",
        ];
        let mut number = place;
        while !self.has_ended() {
            let brin = &self.brins[number % self.brins.len()];
            let query = if number.is_multiple_of(3) { SCHOOL_CARD } else { SHAPES[(number / 3) % SHAPES.len()] };
            let variables = if query.contains("$brin") { json!({ "brin": brin }) } else { json!({}) };
            self.ask(None, query, variables, None).await?;
            self.read.fetch_add(1, Ordering::Relaxed);
            number += READERS + 1;
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn write(&self) -> Result<()> {
        let brin = self.brins.first().context("a school")?;
        let mut number = 0_usize;
        let mut ids: Vec<String> = Vec::new();
        while !self.has_ended() {
            let title = format!("{OWN} {number}");
            let key = format!("write {number}");
            let id = if ids.len() < NEEDS {
                let query = "mutation ($input: CreateNeedInput!) { createNeed(input: $input) { need { id } userErrors { message } } }";
                let input = json!({ "school": brin, "title": title, "themes": ["STRATEGIC_HR"] });
                let data = self.ask(Some(&self.board), query, json!({ "input": input }), Some(&key)).await?;
                ensure!(data["createNeed"]["userErrors"] == json!([]), "{data}");
                let id = data["createNeed"]["need"]["id"].as_str().context("an id")?.to_owned();
                ids.push(id.clone());
                id
            } else {
                let id = ids[number % NEEDS].clone();
                let query = "mutation ($input: UpdateNeedInput!) { updateNeed(input: $input) { need { id } userErrors { message } } }";
                let input = json!({ "id": id, "title": title });
                let data = self.ask(Some(&self.board), query, json!({ "input": input }), Some(&key)).await?;
                ensure!(data["updateNeed"]["userErrors"] == json!([]), "{data}");
                id
            };
            // The writer's next read, kept or not.
            let query = "query ($id: ID!) { node(id: $id) { ... on Need { title } } }";
            let data = self.ask(None, query, json!({ "id": id }), None).await?;
            ensure!(data["node"]["title"] == json!(title), "{title} was written, and read is {data}");
            lock(&self.needs).insert(id, title);
            self.written.fetch_add(1, Ordering::Relaxed);
            number += 1;
            sleep(10 * PAUSE).await;
        }
        Ok(())
    }

    async fn push(&self, brin: &str) -> Result<()> {
        let query = "mutation ($input: UpsertOffersInput!) { upsertOffers(input: $input) { results { outcome } userErrors { message } } }";
        let mut number = 0_usize;
        while !self.has_ended() {
            let of = |place: usize| format!("duurproef-{}", (number * AT_ONCE + place) % OFFERS);
            let title = format!("{OWN} {number}");
            let offers: Vec<Value> = (0..AT_ONCE)
                .map(|place| json!({ "externalId": of(place), "title": title, "themes": ["STRATEGIC_HR"] }))
                .collect();
            let key = format!("push {number}");
            let data =
                self.ask(Some(&self.partner), query, json!({ "input": { "offers": offers } }), Some(&key)).await?;
            let pushed = &data["upsertOffers"];
            ensure!(pushed["userErrors"] == json!([]), "{data}");
            ensure!(pushed["results"].as_array().is_some_and(|results| results.len() == AT_ONCE), "{data}");
            lock(&self.offers).extend((0..AT_ONCE).map(|place| (of(place), title.clone())));
            self.pushed.fetch_add(AT_ONCE, Ordering::Relaxed);
            number += 1;
            self.ask(None, SCHOOL_CARD, json!({ "brin": brin }), None).await?;
            sleep(25 * PAUSE).await;
        }
        Ok(())
    }

    /// Asks, and has an answer without errors: nothing fails here.
    async fn ask(&self, token: Option<&str>, query: &str, variables: Value, key: Option<&str>) -> Result<Value> {
        let mut request = self.client.post(format!("{}/graphql", self.address));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", format!("\"{key}\""));
        }
        let answer = request.json(&json!({ "query": query, "variables": variables })).send().await?;
        let status = answer.status();
        let mut answer: Value = answer.json().await?;
        ensure!(status.is_success() && answer.get("errors").is_none(), "{status}: {answer}");
        Ok(answer["data"].take())
    }

    /// Holds what was told to be written against what is stored.
    pub(crate) async fn is_kept(&self, hub: &TestHub) -> Result<()> {
        let db = &hub.store.db;
        let stored = need::Entity::find().filter(need::Column::Title.contains(OWN)).all(db).await?;
        let stored: HashMap<String, String> =
            stored.into_iter().map(|need| (GlobalId::new(Kind::Need, need.id).to_string(), need.title)).collect();
        ensure!(stored == *lock(&self.needs), "needs are not as they were told to be written");
        let stored = offer::Entity::find().filter(offer::Column::Title.contains(OWN)).all(db).await?;
        let count = stored.len();
        let stored: HashMap<String, String> =
            stored.into_iter().filter_map(|offer| Some((offer.external_id?, offer.title))).collect();
        ensure!(
            stored == *lock(&self.offers) && count == stored.len(),
            "offers are not as they were told to be written"
        );
        println!("writes: {} needs and {count} offers are as they were last told to be", lock(&self.needs).len());
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
