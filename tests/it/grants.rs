//! Sources that somebody lets the hub into: how they do, that of many workers one refreshes, that no crash loses the way
//! in, and that it is given up for good.

mod command;
mod connecting;
mod keys;
mod refreshing;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use connectors::oauth::authorization::Granted;
use connectors::oauth::{Connecting, Grants, Tokens, connect};
use connectors::sandbox::System;
use connectors::settings::{GrantType, OAuthSettings, SourceSettings};
use connectors::sync::{Engine, RunOptions, RunReport, SyncSettings};
use connectors::vault::Vault;
use connectors::{Observer, Observers};
use entity::{Clock, source_grant};
use gateway::config::{ConnectionUrl, DatabaseSettings};
use reqwest::header::LOCATION;
use sea_orm::{DatabaseConnection, EntityTrait};
use tests::hub::TestHub;
use tests::store::Backend;
use url::Url;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A hub, and a housing system that lets it in only for somebody.
struct World {
    hub: TestHub,
    source: SourceSettings,
    clock: Clock,
    seconds: Arc<AtomicI64>,
}

impl World {
    async fn open(backend: Backend) -> Result<Option<Self>> {
        let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
        let source = hub.source(System::Housing);
        let oauth = source.oauth.clone().context("tokens")?;
        let oauth = OAuthSettings {
            grant: GrantType::AuthorizationCode,
            issuer: Some(hub.sandbox.systems_issuer_url().parse()?),
            ..oauth
        };
        let source = SourceSettings { oauth: Some(oauth), ..source };
        let seconds = Arc::new(AtomicI64::new(0));
        let passed = Arc::clone(&seconds);
        let system = Clock::system();
        let clock = Clock::from_fn(move || system.now() + TimeDelta::seconds(passed.load(Ordering::Relaxed)));
        // What is referred to is there.
        for system in [System::Duo, System::Boards] {
            hub.engine.run(&hub.source(system), &RunOptions::default()).await?;
        }
        Ok(Some(Self { hub, source, clock, seconds }))
    }

    /// A hub that somebody has let in.
    async fn connected(backend: Backend) -> Result<Option<Self>> {
        let Some(world) = Self::open(backend).await? else { return Ok(None) };
        world.connect().await?;
        Ok(Some(world))
    }

    async fn connect(&self) -> Result<()> {
        let granted = self.let_in("allow").await?;
        Ok(connect(&self.grants(), &self.source.id, &granted, "somebody").await?)
    }

    /// Goes to the system's page, decides so, and comes back.
    async fn let_in(&self, decision: &str) -> Result<Granted, connectors::Error> {
        let connecting = Connecting::begin(self.oauth()).await?;
        let url = connecting.url().clone();
        let visit = async move { come_back(&decide(&url, decision).await?).await };
        let (granted, visited) = tokio::join!(connecting.finish(PATIENCE), visit);
        visited.expect("the address on this machine answers");
        granted
    }

    fn oauth(&self) -> &OAuthSettings {
        self.source.oauth.as_ref().expect("it has tokens")
    }

    /// What lets it in, as a process of its own would keep it, on connections of this store.
    fn grants_on(&self, db: &DatabaseConnection) -> Grants {
        Grants::new(db.clone(), Arc::new(vault(7, None)), self.clock.clone())
    }

    fn grants(&self) -> Grants {
        self.grants_on(&self.hub.store.db)
    }

    /// Connections of their own to the store, as another process has.
    async fn another_connection(&self) -> Result<DatabaseConnection> {
        let url = ConnectionUrl::from(self.hub.store.url.as_str());
        Ok(gateway::database::connect(&DatabaseSettings::at(url, Some(8))).await?)
    }

    /// The tokens of a process of its own.
    fn tokens(&self, grants: &Grants, observers: Vec<Arc<dyn Observer>>) -> Result<Arc<Tokens>> {
        let client = connectors::api::client()?;
        let tokens = Tokens::new(&client, &self.source.id, self.oauth(), Some(grants), self.clock.clone())?;
        Ok(Arc::new(tokens.observed(Observers::from(observers))))
    }

    fn engine(&self, grants: Grants) -> Result<Arc<Engine>> {
        let (db, clock) = (self.hub.store.db.clone(), self.clock.clone());
        let engine = Engine::new(db, clock, SyncSettings::default(), "worker", Vec::new())?;
        Ok(Arc::new(engine.with_grants(Some(grants))))
    }

    async fn sync(&self) -> Result<RunReport> {
        Ok(self.engine(self.grants())?.run(&self.source, &RunOptions::default()).await?)
    }

    fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Past the end of every token that was given so far, and of every lease.
    fn expire(&self) {
        self.pass(3_700);
    }

    async fn grant(&self) -> Result<source_grant::Model> {
        let row = source_grant::Entity::find_by_id(&self.source.id).one(&self.hub.store.db).await?;
        row.context("the source is not connected")
    }
}

/// A vault with a key of this byte, and one before it.
fn vault(byte: u8, before: Option<u8>) -> Vault {
    let key = |byte: u8| STANDARD.encode([byte; 32]);
    Vault::new(&key(byte), before.map(key).as_deref()).expect("a key")
}

/// What the system's page leads to after this decision: the address to come back to.
async fn decide(url: &Url, decision: &str) -> Result<Url> {
    let mut url = url.clone();
    url.query_pairs_mut().append_pair("decision", decision);
    let answer = connectors::api::client()?.get(url).send().await?;
    let location = answer.headers().get(LOCATION).context("the system leads nowhere")?.to_str()?;
    Ok(location.parse()?)
}

/// Comes back: the status of the page that is shown.
async fn come_back(url: &Url) -> Result<u16> {
    Ok(connectors::api::client()?.get(url.clone()).send().await?.status().as_u16())
}

fn must_contain(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(text.contains(part), "`{part}` is not in: {text}");
    }
    Ok(())
}
