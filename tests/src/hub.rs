//! A whole hub on loopback: the simulated partner systems, an engine that reads them over HTTP with real tokens, and the
//! graph on the store it writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_graphql::{Executor, Request, Variables};
use connectors::sandbox::{Sandbox, SandboxSettings, Size, System};
use connectors::settings::{OAuthSettings, Secret, SourceSettings};
use connectors::sync::{Engine, Observer, RunOptions, RunReport, SyncSettings, install_reference, register};
use entity::Clock;
use gateway::config::{LimitSettings, Settings};
use gateway::feed::Feed;
use gateway::graphql::Graph;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};

use crate::gateway::TestGateway;
use crate::store::{Backend, TestStore};

/// How often a hub's feed looks by itself.
const POLL: Duration = Duration::from_millis(100);

/// The systems, in the order in which they refer to each other.
const SYSTEMS: [System; 4] = [System::Duo, System::Boards, System::Housing, System::Partners];

/// Partner systems, a store, and what joins them.
pub struct TestHub {
    /// The partner systems.
    pub sandbox: Sandbox,
    /// The store.
    pub store: TestStore,
    /// What reads the systems into the store.
    pub engine: Arc<Engine>,
    /// Where its change feed ends.
    pub feed: Feed,
    statements: Arc<AtomicUsize>,
}

impl TestHub {
    /// A hub that has read nothing yet. `None` where this machine has no such database.
    pub async fn start(backend: Backend) -> Result<Option<Self>> {
        let Some(store) = backend.store().await? else { return Ok(None) };
        Self::on(store).await.map(Some)
    }

    /// A hub on this store that has read nothing yet.
    pub async fn on(mut store: TestStore) -> Result<Self> {
        let statements = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&statements);
        store.db.set_metric_callback(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let sandbox = Sandbox::start(SandboxSettings { size: Size::Small, ..SandboxSettings::default() }).await?;
        install_reference(&store.db, &Clock::system()).await?;
        let feed = Feed::new(store.db.clone(), POLL);
        let engine = engine_told(&store.db, vec![Arc::new(feed.clone())])?;
        let hub = Self { sandbox, store, engine, feed, statements };
        register(&hub.store.db, &hub.sources()).await?;
        Ok(hub)
    }

    /// A hub on SQLite that has read nothing yet, and a gateway that serves it within the limits that are set by default.
    pub async fn served() -> Result<(Self, TestGateway)> {
        let hub = Self::start(Backend::Sqlite).await?.context("SQLite is always there")?;
        let gateway = hub.serve(LimitSettings::default()).await?;
        Ok((hub, gateway))
    }

    /// The sources, in the order in which they refer to each other.
    #[must_use]
    pub fn sources(&self) -> Vec<SourceSettings> {
        SYSTEMS.map(|system| self.source(system)).to_vec()
    }

    /// How the hub is configured to read a system.
    #[must_use]
    pub fn source(&self, system: System) -> SourceSettings {
        let (id, connector) = match system {
            System::Duo => ("duo", "school_register"),
            System::Boards => ("school-boards", "school_board"),
            System::Housing => ("housing", "municipal"),
            System::Partners => ("partners", "partner"),
            System::Workshops => unreachable!("a live graph is asked, and read by no connector"),
        };
        let url = self.sandbox.system_url(system);
        let mut described = json!({ "id": id, "connector": connector });
        if system == System::Duo {
            described["locations"] = json!(format!("{url}/alle-vestigingen-basisonderwijs.csv"));
            described["boards"] = json!(format!("{url}/bevoegde-gezagen-basisonderwijs.csv"));
            described["priority"] = json!(10);
        } else {
            described["base_url"] = json!(url);
        }
        let client = self.sandbox.client(system);
        let settings: SourceSettings = serde_json::from_value(described).expect("a source's settings");
        SourceSettings {
            oauth: Some(OAuthSettings {
                scopes: vec![client.scope.to_owned()],
                ..OAuthSettings::client_credentials(
                    self.sandbox.token_url().parse().expect("an address"),
                    client.id,
                    Secret::Resolved(client.secret.to_owned()),
                )
            }),
            ..settings
        }
    }

    /// A configuration for a hub in a process of its own that reads the systems into this store, in this folder; each so often,
    /// as `10s`. `None`: as often as is set by default.
    pub fn configuration(&self, folder: &Path, every: Option<&str>) -> Result<PathBuf> {
        let mut text = format!("[database]\nurl = \"{}\"\n", self.store.url);
        for (source, system) in self.sources().iter().zip(SYSTEMS) {
            let client = self.sandbox.client(system);
            let secret = folder.join(client.id);
            std::fs::write(&secret, client.secret)?;
            text += &format!("[[source]]\nid = \"{}\"\nconnector = \"{}\"\n", source.id, source.connector);
            text += &format!("priority = {}\n", source.priority);
            if let Some(every) = every {
                text += &format!("every = \"{every}\"\n");
            }
            for (key, value) in [("locations", &source.locations), ("boards", &source.boards)] {
                if let Some(value) = value {
                    text += &format!("{key} = \"{value}\"\n");
                }
            }
            if let Some(url) = &source.base_url {
                text += &format!("base_url = \"{url}\"\n");
            }
            text += &format!(
                "[source.oauth]\ntoken_url = \"{}\"\nclient_id = \"{}\"\nclient_secret = {{ file = \"{}\" }}\n\
                 scopes = [\"{}\"]\n",
                self.sandbox.token_url(),
                client.id,
                secret.display(),
                client.scope
            );
        }
        let file = folder.join("hub.toml");
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// Reads every system once.
    pub async fn sync(&self, options: &RunOptions) -> Result<Vec<RunReport>> {
        let mut reports = Vec::new();
        for source in self.sources() {
            reports.push(self.engine.run(&source, options).await?);
        }
        Ok(reports)
    }

    /// The graph on the store.
    #[must_use]
    pub fn graph(&self) -> Graph {
        Graph::new(self.store.db.clone(), Clock::system(), self.feed.clone(), &LimitSettings::default())
    }

    /// The graph on the store, within these limits.
    #[must_use]
    pub fn graph_within(&self, limits: &LimitSettings) -> Graph {
        Graph::new(self.store.db.clone(), Clock::system(), self.feed.clone(), limits)
    }

    /// A gateway that serves the graph, within these limits.
    pub async fn serve(&self, limits: LimitSettings) -> Result<TestGateway> {
        let db = &self.store.db;
        let settings = Settings { limits, ..Settings::default() };
        TestGateway::within(db, &settings, |feed| Graph::new(db.clone(), Clock::system(), feed, &settings.limits)).await
    }

    /// Asks the graph: the whole answer.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables));
        serde_json::to_value(self.graph().execute(request).await).expect("an answer is JSON")
    }

    /// Asks the graph: the data, where there was no error.
    pub async fn data(&self, query: &str, variables: Value) -> Result<Value> {
        let mut answer = self.ask(query, variables).await;
        ensure!(answer.get("errors").is_none(), "{answer}");
        Ok(answer["data"].take())
    }

    /// How many statements `work` costs.
    pub async fn statements<T>(&self, work: impl Future<Output = T>) -> (T, usize) {
        let before = self.statements.load(Ordering::Relaxed);
        let done = work.await;
        (done, self.statements.load(Ordering::Relaxed) - before)
    }

    /// What the store says, without what differs between two hubs that read the same: identities and instants.
    pub async fn contents(&self) -> Result<BTreeMap<String, Vec<String>>> {
        contents(&self.store.db).await
    }
}

/// An engine on a store, with a name of its own, as in another process.
pub fn engine(db: &DatabaseConnection) -> Result<Arc<Engine>> {
    engine_told(db, Vec::new())
}

fn engine_told(db: &DatabaseConnection, observers: Vec<Arc<dyn Observer>>) -> Result<Arc<Engine>> {
    let worker = uuid::Uuid::now_v7().to_string();
    Ok(Arc::new(Engine::new(db.clone(), Clock::system(), SyncSettings::default(), worker, observers)?))
}

/// What the store says of its records, each as a line, without identities and instants.
pub async fn contents(db: &DatabaseConnection) -> Result<BTreeMap<String, Vec<String>>> {
    const LINES: [(&str, &str); 8] = [
        ("school", "brin || '|' || name || '|' || coalesce(municipality_code, '') || '|' || version"),
        ("school_board", "number || '|' || name || '|' || version"),
        ("partner", "name || '|' || kind || '|' || version"),
        ("need", "coalesce(external_id, '') || '|' || title || '|' || status || '|' || themes || '|' || version"),
        ("offer", "coalesce(external_id, '') || '|' || title || '|' || status || '|' || version"),
        ("commitment", "coalesce(external_id, '') || '|' || title || '|' || status || '|' || version"),
        ("housing_option", "coalesce(external_id, '') || '|' || title || '|' || rent_cents || '|' || version"),
        ("housing_scheme", "coalesce(external_id, '') || '|' || name || '|' || status || '|' || version"),
    ];
    let mut contents = BTreeMap::new();
    for (table, line) in LINES {
        let sql = format!("SELECT {line} AS line FROM {table} WHERE deleted_at IS NULL");
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        let mut lines =
            rows.iter().map(|row| row.try_get::<String>("", "line")).collect::<Result<Vec<_>, _>>().context(table)?;
        lines.sort();
        contents.insert(table.to_owned(), lines);
    }
    Ok(contents)
}
