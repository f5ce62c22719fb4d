//! A partner system that serves one page of the fixtures, or whatever a test wants it to say.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use connectors::api::{self, Api};
use connectors::systems::{self, DECLARATIVE, SYSTEMS};
use connectors::{Connector, Error, Mapped, ReadRequest, Refused, SourceSettings, StreamSpec};
use gateway::config::{Environment, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// More pages than any of the fixtures leads to.
const ENDLESS: usize = 20;

/// A stream of a system, and one of its fixtures.
pub(super) struct Case {
    pub(super) system: String,
    pub(super) stream: StreamSpec,
    fixture: PathBuf,
    settings: SourceSettings,
    connector: Arc<dyn Connector>,
}

/// What the system says, whatever it is asked for.
#[derive(Clone)]
pub(super) enum Answer {
    /// The fixture; the first time. Then the same with nothing in it.
    Fixture { full: Vec<u8>, empty: Vec<u8> },
    /// These bytes, with success.
    Body(Vec<u8>),
    /// This status, with nothing to say.
    Status(StatusCode),
}

/// A description's streams, each with that of the system's own connector.
type Streams = &'static [(&'static str, &'static str)];

/// The descriptions of `tests/fixtures/declarative`, each with the system whose pages it reads, and its streams with
/// the system's.
const DESCRIBED: [(&str, &str, Streams); 3] = [
    ("hsds", "partner", &[("partners", "organizations"), ("offers", "services"), ("commitments", "commitments")]),
    ("oneroster", "school_board", &[("school_boards", "orgs"), ("schools", "orgs"), ("needs", "needs")]),
    ("vera", "municipal", &[("housing_schemes", "housing_schemes"), ("housing_options", "housing_options")]),
];

/// Every stream of every system, and of every description, with each of its fixtures.
///
/// # Errors
/// When a stream has none, or a folder belongs to no stream.
pub(super) fn cases() -> Result<Vec<Case>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases = Vec::new();
    for entry in SYSTEMS.iter().filter(|entry| entry.manifest.id != DECLARATIVE) {
        let folder = fixtures.join(entry.manifest.id);
        let streams = &entry.manifest.streams;
        for path in entries(&folder)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            ensure!(streams.iter().any(|stream| stream.name == name), "{} belongs to no stream", path.display());
        }
        for stream in streams.iter() {
            let found = entries(&folder.join(stream.name))?;
            ensure!(!found.is_empty(), "{} has no fixtures of {}", entry.manifest.id, stream.name);
            for fixture in found {
                cases.push(Case::new(entry.manifest.id, settings(entry.manifest.id)?, *stream, fixture)?);
            }
        }
    }
    for (name, system, streams) in DESCRIBED {
        let settings = described(name)?;
        let connector = systems::connector(&settings)?;
        ensure!(connector.manifest().streams.len() == streams.len(), "{name} describes other streams");
        for stream in connector.manifest().streams.iter() {
            let (_, read) = streams.iter().find(|(described, _)| *described == stream.name).context(stream.name)?;
            for fixture in entries(&fixtures.join(system).join(read))? {
                cases.push(Case::new(&format!("declarative-{name}"), settings.clone(), *stream, fixture)?);
            }
        }
    }
    Ok(cases)
}

/// A source of a description, as an operator would write it.
pub(super) fn described(name: &str) -> Result<SourceSettings> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/declarative").join(name).with_extension("toml");
    let none: [(&str, &str); 0] = [];
    let settings = Settings::load(Some(&file), &Environment::given(none))?;
    let source = settings.sources.into_iter().next().context("a source")?;
    Ok(SourceSettings { base_url: Some("http://127.0.0.1:9".parse()?), ..source })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = fs::read_dir(folder).with_context(|| format!("{} is missing", folder.display()))?;
    let mut found = found.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

/// What a source of any connector needs: each takes of these what it knows.
fn settings(connector: &str) -> Result<SourceSettings> {
    let url = "http://127.0.0.1:9";
    let described = json!({
        "id": "conformance", "connector": connector,
        "base_url": url, "locations": format!("{url}/locations"), "boards": format!("{url}/boards"),
    });
    Ok(serde_json::from_value(described)?)
}

/// The same source, whose system is at `url`.
fn at(url: &str, settings: &SourceSettings) -> Result<SourceSettings> {
    Ok(SourceSettings {
        base_url: Some(url.parse()?),
        locations: settings.locations.is_some().then(|| format!("{url}/locations")),
        boards: settings.boards.is_some().then(|| format!("{url}/boards")),
        request_timeout: Duration::from_secs(10),
        ..settings.clone()
    })
}

impl Case {
    fn new(system: &str, settings: SourceSettings, stream: StreamSpec, fixture: PathBuf) -> Result<Self> {
        let connector = systems::connector(&settings)?;
        Ok(Self { system: system.to_owned(), stream, fixture, settings, connector })
    }

    /// Its name as a snapshot's.
    pub(super) fn name(&self) -> String {
        let form = self.fixture.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        format!("{}-{}-{form}", self.system, self.stream.name)
    }

    pub(super) fn is_json(&self) -> bool {
        self.fixture.extension().is_some_and(|extension| extension == "json")
    }

    pub(super) fn fixture(&self) -> Result<Vec<u8>> {
        Ok(fs::read(&self.fixture)?)
    }

    pub(super) fn map(&self, raw: &Value) -> Result<Mapped, Refused> {
        self.connector.map(self.stream.name, raw)
    }

    /// The raw records of the fixture, read as the engine reads.
    pub(super) async fn records(&self) -> Result<Vec<Value>> {
        let asked = self.read(self.pages()?, None).await?;
        asked.1.with_context(|| format!("{self} cannot be read"))
    }

    /// What the system was asked for, from the first page to the last.
    pub(super) async fn asked_for(&self, since: Option<DateTime<Utc>>) -> Result<String> {
        let (asked, records) = self.read(self.pages()?, since).await?;
        records?;
        Ok(asked.join(" "))
    }

    /// What reading fails with when the system says this.
    pub(super) async fn failure(&self, answer: Answer) -> Result<Error> {
        match self.read(answer, None).await?.1 {
            Ok(records) => anyhow::bail!("{self}: {} records were read", records.len()),
            Err(error) => Ok(error),
        }
    }

    fn pages(&self) -> Result<Answer> {
        let full = self.fixture()?;
        let empty =
            if self.is_json() { serde_json::to_vec(&emptied(serde_json::from_slice(&full)?))? } else { full.clone() };
        Ok(Answer::Fixture { full, empty })
    }

    async fn read(
        &self,
        answer: Answer,
        since: Option<DateTime<Utc>>,
    ) -> Result<(Vec<String>, Result<Vec<Value>, Error>)> {
        let (url, asked) = serve(answer).await?;
        let settings = at(&url, &self.settings)?;
        let (connector, api) = (systems::connector(&settings)?, Api::new(&api::client()?, &settings, None)?);
        let mut records = Vec::new();
        let mut tokens: Vec<Option<String>> = vec![None];
        let read = loop {
            let token = tokens.last().cloned().flatten();
            let request = ReadRequest { stream: self.stream.name, since, token: token.as_deref() };
            match connector.read(&api, request).await {
                Ok(page) => {
                    records.extend(page.records);
                    if page.next.is_none() {
                        break Ok(records);
                    }
                    ensure!(!tokens.contains(&page.next), "{self}: the same page token twice");
                    ensure!(tokens.len() < ENDLESS, "{self}: reading does not end");
                    tokens.push(page.next);
                }
                Err(error) => break Err(error),
            }
        };
        let asked = asked.lock().map(|asked| asked.clone()).unwrap_or_default();
        Ok((asked, read))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The page with no record in it.
fn emptied(page: Value) -> Value {
    match page {
        Value::Array(_) => json!([]),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| if value.is_array() { (key, json!([])) } else { (key, value) })
            .collect(),
        other => other,
    }
}

/// Says `answer` on loopback; gives its address and what it has been asked for.
async fn serve(answer: Answer) -> Result<(String, Arc<Mutex<Vec<String>>>)> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    let router = Router::new().fallback(async move |uri: Uri| {
        let is_first = heard.lock().is_ok_and(|mut heard: std::sync::MutexGuard<'_, Vec<String>>| {
            heard.push(uri.to_string());
            heard.len() == 1
        });
        said(&answer, is_first)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, asked))
}

fn said(answer: &Answer, is_first: bool) -> Response {
    match answer {
        Answer::Fixture { full, .. } if is_first => full.clone().into_response(),
        Answer::Fixture { empty, .. } => empty.clone().into_response(),
        Answer::Body(body) => body.clone().into_response(),
        Answer::Status(status) => status.into_response(),
    }
}
