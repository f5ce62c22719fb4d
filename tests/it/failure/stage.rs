//! A hub as a process, on servers of the test's own, and the ways to ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use connectors::sandbox::System;
use connectors::sync::RunOptions;
use entity::{Clock, school, school_board};
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
/// Within this the hub must be back. It is to take 5 seconds; that is printed.
const BACK: Duration = Duration::from_secs(60);

/// What a request came to.
pub(super) enum Told {
    /// It was answered.
    Answer {
        data: Value,
        /// Whether as it was last known.
        is_stale: bool,
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
            Told::Answer { data, is_stale } => {
                let nodes = data["school"]["needs"]["nodes"].as_array().context("needs")?;
                Ok((nodes.iter().filter_map(|node| node["title"].as_str().map(str::to_owned)).collect(), is_stale))
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
    async fn ask(&self, body: Value, board: Option<Option<&str>>) -> Result<Told> {
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
                let is_stale = status.contains("; ttl=-") && status.ends_with("; detail=store-away");
                ensure!(is_stale || status.is_empty(), "{status}");
                Ok(Told::Answer { data: answer["data"].clone(), is_stale })
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

    /// Waits until everything is answered again, and prints how long that took since `since`.
    pub(super) async fn comes_back(&self, after: &str, since: Instant) -> Result<()> {
        loop {
            let is_answered = matches!(self.ask_fresh().await?, Told::Answer { .. });
            let is_current = matches!(self.ask_kept().await?, Told::Answer { is_stale: false, .. });
            let title = format!("Terug {}", self.asked.fetch_add(1, Ordering::Relaxed));
            let is_written = self.create(&title, Some(&title)).await?.is_some();
            if self.is_ready().await? && is_answered && is_current && is_written {
                break;
            }
            ensure!(since.elapsed() < BACK, "not back {BACK:?} after {after}:\n{}", self.process.log().join("\n"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("back {:?} after {after}", since.elapsed());
        Ok(())
    }

    /// What it has logged, for who wants to know why.
    pub(super) fn log(&self) -> String {
        self.process.log().join("\n")
    }
}
