//! A hub as a process, on servers of the test's own, and the ways to ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use connectors::sandbox::System;
use connectors::sync::RunOptions;
use entity::{Clock, school, school_board};
use futures::stream::{FuturesUnordered, StreamExt};
use reqwest::Client;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tests::gateway::client;
use tests::hub::TestHub;
use tests::issuer::{AUDIENCE, Key, TestIssuer, claims, header, with};
use tests::process::Process;
use tests::store::TestStore;

/// What the hub allows a request, which clients may rely on.
const LIMIT: Duration = Duration::from_secs(5);
/// How much longer it may take here, on a machine that has much to do.
const SLACK: Duration = Duration::from_secs(20);
/// Within this the hub must be back, beside `TIMES` times what the same requests take when nothing is wrong.
pub(super) const BACK: Duration = Duration::from_secs(5);
pub(super) const TIMES: u32 = 10;
/// So often it is tried whether it is back, whatever became of the attempts before.
const ATTEMPTS: Duration = Duration::from_millis(200);
/// Nobody waits longer for it to come back.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// What a request came to.
pub(super) enum Told {
    /// It was answered.
    Answer {
        data: Value,
        /// How long ago it was last known to be so. `None`: it is.
        stale_for: Option<Duration>,
    },
    /// It was told to come again, with 503 and `Retry-After`.
    Later,
}

/// A hub that serves.
pub(super) struct Stage {
    process: Process,
    address: String,
    settings: String,
    client: Client,
    issuer: Arc<TestIssuer>,
    token: String,
    brin: String,
    asked: AtomicUsize,
}

impl Stage {
    /// A hub on this database, which is filled first, and this Redis.
    pub(super) async fn set(database: &str, redis: Option<&str>, more: &str) -> Result<Self> {
        let hub = TestHub::on(TestStore::at(database).await?).await?;
        hub.engine.run(&hub.source(System::Duo), &RunOptions::default()).await?;
        let schools = school::Entity::find().filter(school::Column::SchoolBoardId.is_not_null());
        let school = schools.order_by_asc(school::Column::Brin).one(&hub.store.db).await?.context("a school")?;
        let board = school_board::Entity::find_by_id(school.school_board_id.context("its board")?);
        let board = board.one(&hub.store.db).await?.context("a board")?;
        let TestHub { store, .. } = hub;
        store.db.close().await?;

        let key = Key::ec();
        let issuer = TestIssuer::start(vec![key.public("k")]).await?;
        let claims = with(&claims(&issuer, &Clock::system()), "hub_org", json!(format!("board:{}", board.number)));
        let token = key.sign(&header("ES256", "k"), &with(&claims, "scope", json!("alliance:read needs:write")));
        let mut settings = format!(
            "[database]\nurl = \"{database}\"\n{more}[auth]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\nrequest_timeout_secs = {}\n[limits]\nexecution_ms = 3000\n",
            issuer.url,
            LIMIT.as_secs()
        );
        if let Some(url) = redis {
            settings += &format!("[redis]\nurl = \"{url}\"\n");
        }
        Self::serve(settings, Arc::new(issuer), token, school.brin).await
    }

    /// Another hub on the same servers.
    pub(super) async fn beside(&self) -> Result<Self> {
        Self::serve(self.settings.clone(), Arc::clone(&self.issuer), self.token.clone(), self.brin.clone()).await
    }

    async fn serve(settings: String, issuer: Arc<TestIssuer>, token: String, brin: String) -> Result<Self> {
        let process = Process::start(&["serve"], &settings)?;
        let address = process.address().await?;
        Ok(Self { process, address, settings, client: client(), issuer, token, brin, asked: AtomicUsize::new(0) })
    }

    /// Asks what is asked again and again and no write of the load changes: the answer is kept.
    pub(super) async fn ask_kept(&self) -> Result<Told> {
        let query = "query ($brin: String!) { school(brin: $brin) { name board { name } } }";
        self.ask(json!({ "query": query, "variables": { "brin": self.brin } }), None).await
    }

    /// Asks what nobody asked before.
    pub(super) async fn ask_fresh(&self) -> Result<Told> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let query = format!("query ($brin: String!) {{ school(brin: $brin) {{ n{number}: name }} }}");
        self.ask(json!({ "query": query, "variables": { "brin": self.brin } }), None).await
    }

    /// Asks for the titles of the school's needs, as anybody is told them; with what `ask_fresh` adds, so that the answer is
    /// not kept, or as it is asked each time.
    pub(super) async fn titles(&self, is_kept: bool) -> Result<(Vec<String>, bool)> {
        let number = if is_kept { 0 } else { 1 + self.asked.fetch_add(1, Ordering::Relaxed) };
        let query = format!(
            "query ($brin: String!) {{ school(brin: $brin) {{ n{number}: name needs(first: 100) {{ nodes {{ title }} }} }} }}"
        );
        match self.ask(json!({ "query": query, "variables": { "brin": self.brin } }), None).await? {
            Told::Answer { data, stale_for } => {
                let nodes = data["school"]["needs"]["nodes"].as_array().context("needs")?;
                Ok((
                    nodes.iter().filter_map(|node| node["title"].as_str().map(str::to_owned)).collect(),
                    stale_for.is_some(),
                ))
            }
            Told::Later => bail!("told to come again:\n{}", self.log()),
        }
    }

    /// What it says of itself at a path.
    pub(super) async fn told(&self, path: &str) -> Result<String> {
        Ok(self.client.get(format!("{}{path}", self.address)).timeout(LIMIT + SLACK).send().await?.text().await?)
    }

    /// The figure of this name and these labels. 0 where there is none.
    pub(super) async fn figure(&self, name: &str) -> Result<u64> {
        let told = self.told("/metrics").await?;
        let line = told.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        Ok(line.unwrap_or(0))
    }

    /// The settings that it was started with.
    pub(super) fn settings(&self) -> &str {
        &self.settings
    }

    /// Asks for a need, as it is asked each time or as nobody asked before.
    pub(super) async fn ask_need(&self, id: &str, is_kept: bool) -> Result<Told> {
        let number = if is_kept { 0 } else { 1 + self.asked.fetch_add(1, Ordering::Relaxed) };
        let query =
            format!("query ($id: ID!) {{ node(id: $id) {{ n{number}: id ... on Need {{ title description }} }} }}");
        self.ask(json!({ "query": query, "variables": { "id": id } }), None).await
    }

    /// Writes a need; the id that it was given.
    pub(super) async fn create(&self, title: &str, key: Option<&str>) -> Result<Option<String>> {
        let query =
            "mutation ($input: CreateNeedInput!) { createNeed(input: $input) { need { id } userErrors { message } } }";
        let input = json!({ "school": self.brin, "title": title, "themes": ["STRATEGIC_HR"] });
        let Told::Answer { data, .. } =
            self.ask(json!({ "query": query, "variables": { "input": input } }), Some(key)).await?
        else {
            return Ok(None);
        };
        ensure!(data["createNeed"]["userErrors"] == json!([]), "{data}");
        Ok(Some(data["createNeed"]["need"]["id"].as_str().context("an id")?.to_owned()))
    }

    /// Asks: as anybody, or as the board with this key for sending it again.
    pub(super) async fn ask(&self, body: Value, board: Option<Option<&str>>) -> Result<Told> {
        let mut request = self.client.post(format!("{}/graphql", self.address)).json(&body);
        if let Some(key) = board {
            request = request.bearer_auth(&self.token);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
        }
        let began = Instant::now();
        let answer = request.timeout(LIMIT + SLACK).send().await.context("no answer within the time limit")?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let answer: Value = answer.json().await?;
        ensure!(began.elapsed() < LIMIT + SLACK, "answered after {:?}: {answer}", began.elapsed());
        match status {
            200 if answer.get("errors").is_none() => {
                let status = headers.get("cache-status").and_then(|told| told.to_str().ok()).unwrap_or_default();
                let stale_for = status.strip_suffix("; detail=store-away").and_then(|told| told.split_once("; ttl=-"));
                let stale_for = stale_for.and_then(|(_, seconds)| seconds.parse().ok()).map(Duration::from_secs);
                ensure!(stale_for.is_some() || status.is_empty(), "{status}");
                Ok(Told::Answer { data: answer["data"].clone(), stale_for })
            }
            503 => {
                let after = headers.get("retry-after").and_then(|after| after.to_str().ok()?.parse::<u64>().ok());
                ensure!(after.is_some(), "503 without Retry-After: {answer}");
                Ok(Told::Later)
            }
            other => bail!("{other}: {answer}"),
        }
    }

    /// Whether `/readyz` says that it can serve.
    pub(super) async fn is_ready(&self) -> Result<bool> {
        let answer = self.client.get(format!("{}/readyz", self.address)).timeout(LIMIT + SLACK).send().await?;
        match answer.status().as_u16() {
            200 => Ok(true),
            503 if answer.headers().contains_key("retry-after") => Ok(false),
            other => bail!("/readyz: {other}"),
        }
    }

    /// Waits until everything is answered again, says how long that took since `since`, and holds it to what it may take.
    /// Attempts do not wait for each other: what hangs from before says nothing of what is asked now.
    pub(super) async fn comes_back(&self, after: &str, since: Instant) -> Result<()> {
        let mut attempts = FuturesUnordered::new();
        let took = loop {
            attempts.push(self.is_back());
            let next = tokio::time::sleep(ATTEMPTS);
            tokio::pin!(next);
            let is_back = loop {
                tokio::select! {
                    () = &mut next => break false,
                    Some(is_back) = attempts.next() => if is_back? { break true },
                }
            };
            if is_back {
                break since.elapsed();
            }
            ensure!(since.elapsed() < GIVEN_UP, "not back {GIVEN_UP:?} after {after}:\n{}", self.log());
        };
        while let Some(attempt) = attempts.next().await {
            attempt?;
        }
        let usual = self.usual().await?;
        println!("back {took:?} after {after}; {usual:?} is usual");
        ensure!(took <= BACK + TIMES * usual, "back only {took:?} after {after}:\n{}", self.log());
        Ok(())
    }

    /// What an attempt takes when nothing is wrong.
    pub(super) async fn usual(&self) -> Result<Duration> {
        let began = Instant::now();
        ensure!(self.is_back().await?, "it was back and is not:\n{}", self.log());
        Ok(began.elapsed())
    }

    async fn is_back(&self) -> Result<bool> {
        let is_answered = matches!(self.ask_fresh().await?, Told::Answer { stale_for: None, .. });
        let is_current = matches!(self.ask_kept().await?, Told::Answer { stale_for: None, .. });
        let title = format!("Terug {}", self.asked.fetch_add(1, Ordering::Relaxed));
        let is_written = is_answered && is_current && self.create(&title, Some(&title)).await?.is_some();
        Ok(self.is_ready().await? && is_written)
    }

    /// What it has logged, for who wants to know why.
    pub(super) fn log(&self) -> String {
        self.process.log().join("\n")
    }
}
