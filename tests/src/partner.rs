//! A scripted partner system on loopback: it serves a list of records in the shape of one of three standards, commits
//! whatever fault it is told to at whichever request, and counts what it is asked.

mod script;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, Utc};
use connectors::settings::{OAuthSettings, Secret, SourceSettings};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use script::{Change, Event, Fault, Script};

/// The shape in which records are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// Needs, over OneRoster: read by what changed, deletions are marked.
    OneRoster,
    /// Organizations, over HSDS: read in full, what is gone is absent.
    Hsds,
    /// Homes, over VERA: read in full, what is gone is absent.
    Vera,
}

/// A record of the partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its identifier.
    pub id: String,
    /// What it says.
    pub title: String,
    /// When it last changed, by the partner's clock.
    pub modified: DateTime<Utc>,
    /// Whether it is marked as deleted.
    pub gone: bool,
    /// Whether it holds a value that its standard does not have.
    pub invalid: bool,
}

/// What the partner has been asked.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests for records.
    pub requests: AtomicU64,
    /// Requests for tokens.
    pub tokens: AtomicU64,
    /// Requests for records that were answered with 401.
    pub refused: AtomicU64,
    /// Requests under way.
    under_way: AtomicU64,
    /// The most requests that were under way at a time.
    pub most: AtomicU64,
}

/// All that a request needs to know.
pub(crate) struct Inner {
    pub(crate) standard: Standard,
    pub(crate) page_size: usize,
    pub(crate) entries: Mutex<Vec<Entry>>,
    script: Mutex<Script>,
    counters: Counters,
    killed: Notify,
    /// The token that is good.
    token: Mutex<String>,
}

/// A partner system.
pub struct Partner {
    url: String,
    inner: Arc<Inner>,
}

impl Partner {
    /// A partner that serves nothing yet, so many records a page.
    pub async fn start(standard: Standard, page_size: usize) -> Result<Self> {
        let inner = Arc::new(Inner {
            standard,
            page_size,
            entries: Mutex::default(),
            script: Mutex::default(),
            counters: Counters::default(),
            killed: Notify::new(),
            token: Mutex::new("t0".to_owned()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, inner })
    }

    /// The partner as a source of the hub's.
    #[must_use]
    pub fn source(&self) -> SourceSettings {
        let connector = match self.inner.standard {
            Standard::OneRoster => "school_board",
            Standard::Hsds => "partner",
            Standard::Vera => "municipal",
        };
        let described = json!({ "id": "partner", "connector": connector, "base_url": self.url, "requests_at_once": 2 });
        let settings: SourceSettings = serde_json::from_value(described).expect("a source's settings");
        let token_url = format!("{}/token", self.url).parse().expect("an address");
        let secret = Secret::Resolved("not-a-secret".to_owned());
        let oauth = OAuthSettings::client_credentials(token_url, "hub", secret);
        SourceSettings { oauth: Some(oauth), ..settings }
    }

    /// Changes what the partner has.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
        change(&mut lock(&self.inner.entries))
    }

    /// Tells the partner what to do at which of the requests to come, counted from 0.
    pub fn follow(&self, script: Script) {
        *lock(&self.inner.script) = script;
    }

    /// What it has been asked.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Requests since the script began.
    #[must_use]
    pub fn scripted(&self) -> u64 {
        lock(&self.inner.script).asked()
    }

    /// Waits for [`Event::Kill`].
    pub async fn killed(&self) {
        self.inner.killed.notified().await;
    }

    /// From now on another token is good.
    pub fn revoke_tokens(&self) {
        self.inner.revoke_tokens();
    }

    /// What the hub should say of it: title by identifier, of all that is there.
    #[must_use]
    pub fn expected(&self) -> BTreeMap<String, String> {
        let entries = lock(&self.inner.entries);
        entries.iter().filter(|entry| !entry.gone).map(|entry| (entry.id.clone(), entry.title.clone())).collect()
    }

    /// What a store says of it: title by identifier, of all that is not deleted.
    pub async fn stored(&self, db: &DatabaseConnection) -> Result<BTreeMap<String, String>> {
        let (table, title) = self.table();
        let sql = format!(
            "SELECT external_id, {title} AS title FROM {table} WHERE source_id = 'partner' AND deleted_at IS NULL"
        );
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        let mut stored = BTreeMap::new();
        for row in rows {
            let (id, title): (String, String) = (row.try_get("", "external_id")?, row.try_get("", "title")?);
            anyhow::ensure!(stored.insert(id.clone(), title).is_none(), "{id} is there twice");
        }
        Ok(stored)
    }

    /// The hub's table of what the partner serves, and its column for what a record says.
    #[must_use]
    pub fn table(&self) -> (&'static str, &'static str) {
        match self.inner.standard {
            Standard::OneRoster => ("need", "title"),
            Standard::Hsds => ("partner", "name"),
            Standard::Vera => ("housing_option", "title"),
        }
    }
}

impl Inner {
    fn revoke_tokens(&self) {
        let mut token = lock(&self.token);
        let number: u64 = token.trim_start_matches('t').parse().unwrap_or(0);
        *token = format!("t{}", number + 1);
    }

    fn grant(&self) -> Response {
        let token = lock(&self.token).clone();
        Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 2_592_000 })).into_response()
    }

    fn is_good(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get("authorization").and_then(|value| value.to_str().ok());
        sent.and_then(|text| text.strip_prefix("Bearer ")) == Some(lock(&self.token).as_str())
    }
}

impl Counters {
    /// Requests under way.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::SeqCst)
    }
}

/// Counts a request while it is under way.
struct UnderWay<'a>(&'a Counters);

impl<'a> UnderWay<'a> {
    fn begin(counters: &'a Counters) -> Self {
        let now = counters.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        counters.most.fetch_max(now, Ordering::SeqCst);
        Self(counters)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(State(inner): State<Arc<Inner>>, headers: HeaderMap, uri: Uri) -> Response {
    if uri.path() == "/token" {
        let number = inner.counters.tokens.fetch_add(1, Ordering::SeqCst);
        let fault = lock(&inner.script).token_fault(number);
        return match fault {
            Some(fault) => fault.spoil(inner.grant()).await,
            None => inner.grant(),
        };
    }
    let _under_way = UnderWay::begin(&inner.counters);
    inner.counters.requests.fetch_add(1, Ordering::SeqCst);
    let events = lock(&inner.script).next();
    let mut fault = None;
    for event in events {
        match event {
            Event::Fault(planned) => fault = Some(planned),
            Event::Edit(change) => change(&mut lock(&inner.entries)),
            Event::Revoke => inner.revoke_tokens(),
            Event::Kill => {
                inner.killed.notify_one();
                // The hub is gone before an answer comes.
                std::future::pending::<()>().await;
            }
            Event::Wait(gate) => gate.notified().await,
        }
    }
    if !inner.is_good(&headers) {
        inner.counters.refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let response = wire::page(&inner, &uri, fault.as_ref());
    match fault {
        Some(fault) => fault.spoil(response).await,
        None => response,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store that has what the partner's records refer to.
pub async fn prepare(db: &DatabaseConnection, source: &SourceSettings) -> Result<()> {
    let sources = std::slice::from_ref(source);
    connectors::sync::register(db, sources).await.context("the source cannot be registered")
}
