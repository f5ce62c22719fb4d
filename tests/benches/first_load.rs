//! How fast a source is read into PostgreSQL, beside a plain script that fetches the same pages over one kept-alive
//! connection and does one multi-row `INSERT … ON CONFLICT` a page, and nothing of what the hub does: no claims, no
//! journal, no checkpoint, no lease, no search. Both in one run, so that the ratio says something on any machine.
//!
//! `cargo bench -p tests --bench first_load` with `HUB_TEST_DATABASE_URL`; `-- 50000` for another number of records.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench is told and tells on a terminal")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use connectors::settings::SourceSettings;
use connectors::sync::{Engine, RunOptions, SyncSettings, register};
use entity::Clock;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};

/// Records on a page.
const PAGE: usize = 100;
/// Records, where nobody says otherwise.
const RECORDS: usize = 20_000;
/// Each way of reading is measured so often, and the best counts: what else the machine does only ever slows.
const ROUNDS: usize = 3;
/// The argument with which this binary is the partner system.
const SERVE: &str = "--serve";

/// What is read: a standard's collection, and the plain script's columns with where a record has them.
struct Kind {
    name: &'static str,
    connector: &'static str,
    path: &'static str,
    page: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "homes (VERA)",
        connector: "municipal",
        path: "publicaties",
        page: "pagina",
        columns: &[
            ("id", "/id"),
            ("status", "/status/code"),
            ("title", "/eenheden/0/naam"),
            ("street", "/eenheden/0/adres/straatnaam"),
            ("house_number", "/eenheden/0/adres/huisnummer"),
            ("postcode", "/eenheden/0/adres/postcode"),
            ("city", "/eenheden/0/adres/woonplaats/naam"),
            ("municipality", "/eenheden/0/adres/gemeente/code"),
            ("rent", "/eenheden/0/brutohuur"),
            ("rooms", "/eenheden/0/kamersAantal"),
            ("available_from", "/opleverdatum"),
            ("respond_before", "/einddatum"),
            ("apply_url", "/reactieUrl"),
        ],
    },
    Kind {
        name: "partners (HSDS)",
        connector: "partner",
        path: "organizations",
        page: "page",
        columns: &[
            ("id", "/id"),
            ("name", "/name"),
            ("description", "/description"),
            ("website", "/website"),
            ("email", "/email"),
            ("kvk", "/organization_identifiers/0/identifier"),
        ],
    },
];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let records = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(RECORDS);
    if arguments.iter().any(|argument| argument == SERVE) {
        return serve(records).await;
    }
    let Ok(server) = std::env::var("HUB_TEST_DATABASE_URL") else {
        println!("not measured: HUB_TEST_DATABASE_URL is not set");
        return Ok(());
    };
    let mut partner = Partner::start(records)?;
    println!("{records} records, {PAGE} a page; the best of {ROUNDS}");
    for kind in &KINDS {
        let (mut script, mut again, mut first, mut second) = (Best::new(), Best::new(), Best::new(), Best::new());
        for _ in 0..ROUNDS {
            let plain = Schema::make(&server).await?;
            script.note(plain_script(&plain.db, &partner.url, kind, records).await?);
            again.note(plain_script(&plain.db, &partner.url, kind, records).await?);
            plain.drop().await?;
            let hub = Schema::make(&server).await?;
            Migrator::up(&hub.db, None).await?;
            first.note(hub_run(&hub.db, &partner.url, kind, records).await?);
            second.note(hub_run(&hub.db, &partner.url, kind, records).await?);
            hub.drop().await?;
        }
        println!("{}", kind.name);
        script.tell("plain script, first run", records, None);
        again.tell("plain script, again", records, None);
        first.tell("hub, first run", records, Some(&script));
        second.tell("hub, nothing changed", records, Some(&again));
    }
    println!("peak memory of the process so far: {} MiB", peak_memory()? / 1024);
    partner.process.kill()?;
    Ok(())
}

/// The shortest of some times.
struct Best(Option<Duration>);

impl Best {
    fn new() -> Self {
        Self(None)
    }

    fn note(&mut self, time: Duration) {
        self.0 = Some(self.0.map_or(time, |best| best.min(time)));
    }

    fn tell(&self, what: &str, records: usize, beside: Option<&Self>) {
        let seconds = self.0.unwrap_or_default().as_secs_f64();
        let ratio = beside.and_then(|other| Some(other.0?.as_secs_f64() / seconds * 100.0));
        let ratio = ratio.map(|ratio| format!("  {ratio:.0} % of the script")).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many records")]
        let rate = records as f64 / seconds;
        println!("  {what:<26} {seconds:>7.3} s  {rate:>8.0} records/s{ratio}");
    }
}

/// The process's peak memory, in KiB.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// What the hub is measured against.
async fn plain_script(db: &DatabaseConnection, url: &str, kind: &Kind, records: usize) -> Result<Duration> {
    let columns: Vec<&str> = kind.columns.iter().map(|(name, _)| *name).collect();
    let table: Vec<String> = columns.iter().skip(1).map(|name| format!("{name} TEXT")).collect();
    let create = format!("CREATE TABLE IF NOT EXISTS plain (id TEXT PRIMARY KEY, {})", table.join(", "));
    db.execute_unprepared(&create).await?;
    let update: Vec<String> = columns.iter().skip(1).map(|name| format!("{name} = excluded.{name}")).collect();
    let client = reqwest::Client::new();
    let begun = Instant::now();
    let mut read = 0;
    for page in 1.. {
        let address = format!("{url}/{}?{}={page}&per_page={PAGE}", kind.path, kind.page);
        let body = client.get(address).send().await?.error_for_status()?.bytes().await?;
        let body: Value = serde_json::from_slice(&body)?;
        let list = body.as_array().or_else(|| body.get("contents")?.as_array()).context("a list")?;
        let mut values: Vec<sea_orm::Value> = Vec::with_capacity(list.len() * columns.len());
        let mut rows = Vec::with_capacity(list.len());
        for record in list {
            let row: Vec<String> = (0..columns.len()).map(|place| format!("${}", values.len() + place + 1)).collect();
            rows.push(format!("({})", row.join(",")));
            values.extend(kind.columns.iter().map(|(_, pointer)| {
                let value = record.pointer(pointer).filter(|value| !value.is_null());
                value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).into()
            }));
        }
        if !rows.is_empty() {
            let sql = format!(
                "INSERT INTO plain ({}) VALUES {} ON CONFLICT (id) DO UPDATE SET {}",
                columns.join(", "),
                rows.join(", "),
                update.join(", ")
            );
            db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
        }
        read += list.len();
        if read >= records || list.is_empty() {
            break;
        }
    }
    ensure!(read == records, "the script read {read}");
    Ok(begun.elapsed())
}

/// The hub itself.
async fn hub_run(db: &DatabaseConnection, url: &str, kind: &Kind, records: usize) -> Result<Duration> {
    let settings = json!({ "id": "bench", "connector": kind.connector, "base_url": url });
    let source: SourceSettings = serde_json::from_value(settings)?;
    register(db, std::slice::from_ref(&source)).await?;
    let worker = uuid::Uuid::now_v7().to_string();
    let engine = Engine::new(db.clone(), Clock::system(), SyncSettings::default(), worker, Vec::new())?;
    let begun = Instant::now();
    let report = engine.run(&source, &RunOptions::default()).await?;
    let time = begun.elapsed();
    ensure!(report.error.is_none(), "{report:?}");
    ensure!(usize::try_from(report.tally.read)? == records, "{report:?}");
    Ok(time)
}

/// A schema of its own.
struct Schema {
    name: String,
    server: String,
    db: DatabaseConnection,
}

impl Schema {
    async fn make(server: &str) -> Result<Self> {
        let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
        let admin = Database::connect(server).await?;
        admin.execute_unprepared(&format!("CREATE SCHEMA {name}")).await?;
        admin.close().await?;
        let separator = if server.contains('?') { '&' } else { '?' };
        let mut options = ConnectOptions::new(format!("{server}{separator}options=-c%20search_path%3D{name}"));
        options.max_connections(8).sqlx_logging(false);
        Ok(Self { name, server: server.to_owned(), db: Database::connect(options).await? })
    }

    async fn drop(self) -> Result<()> {
        self.db.close().await?;
        let admin = Database::connect(&self.server).await?;
        admin.execute_unprepared(&format!("DROP SCHEMA {} CASCADE", self.name)).await?;
        Ok(admin.close().await?)
    }
}

/// The partner system: another process, so that what it costs is nobody's.
struct Partner {
    process: Child,
    url: String,
}

impl Partner {
    fn start(records: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([SERVE, &records.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .context("the partner system")?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }
}

/// Pages as they go over the wire.
struct Pages {
    records: usize,
    homes: Vec<Vec<u8>>,
    partners: Vec<Vec<u8>>,
}

async fn serve(records: usize) -> Result<()> {
    let pages = |record: fn(usize) -> Value, page: fn(Vec<Value>, usize) -> Value| {
        let numbers: Vec<usize> = (0..records).collect();
        numbers
            .chunks(PAGE)
            .map(|chunk| page(chunk.iter().map(|n| record(*n)).collect(), records).to_string().into_bytes())
            .collect()
    };
    let homes = pages(home, |records, _| Value::Array(records));
    let partners = pages(partner, |records, total| json!({ "contents": records, "total_items": total }));
    let state = Arc::new(Pages { records, homes, partners });
    let router = Router::new().fallback(answer).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

async fn answer(
    State(pages): State<Arc<Pages>>,
    uri: axum::http::Uri,
    Query(query): Query<std::collections::HashMap<String, String>>,
) -> Response {
    let (of, empty) = match uri.path() {
        "/publicaties" => (&pages.homes, &b"[]"[..]),
        "/organizations" => (&pages.partners, &br#"{"contents":[]}"#[..]),
        "/services" => return ([(header::CONTENT_TYPE, "application/json")], r#"{"contents":[]}"#).into_response(),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let number =
        query.get("pagina").or_else(|| query.get("page")).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    let body = of.get(number.saturating_sub(1)).map_or_else(|| empty.to_vec(), Clone::clone);
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    response.headers_mut().insert("x-parameters-aantal", HeaderValue::from(pages.records));
    response
}

fn home(number: usize) -> Value {
    let city = ["Amsterdam", "Rotterdam", "Den Haag", "Utrecht"][number % 4];
    let code = ["0363", "0599", "0518", "0344"][number % 4];
    json!({
        "id": format!("pub-{number:06}"), "status": { "code": "GEP", "naam": "Gepubliceerd" },
        "begindatum": "2026-11-02T00:00:00Z", "einddatum": "2026-11-30T00:00:00Z", "opleverdatum": "2027-01-15T00:00:00Z",
        "aantalEenheden": 1, "reactieUrl": format!("https://wonen.example/aanbod/{number}/reageer"),
        "modules": [{ "code": "SOC", "naam": "Sociale huur" }],
        "eenheden": [{
            "naam": format!("Verzonnen Kade {number}, {city}"), "soort": { "code": "WOO" }, "detailSoort": { "code": "POF" },
            "zelfstandig": true, "kamersAantal": 2 + number % 3, "brutohuur": 700.5 + (number % 300) as f64,
            "oppervlakten": [{ "soort": { "code": "GBO" }, "waarde": 40 + number % 50 }],
            "adres": {
                "straatnaam": "Verzonnen Kade", "huisnummer": number.to_string(), "postcode": "1099ZZ",
                "woonplaats": { "naam": city }, "gemeente": { "code": code, "naam": city }, "wijk": { "naam": "Voorbeeldwijk" },
                "geometrie": { "lengtegraad": 4.9 + (number % 100) as f64 / 1e3, "breedtegraad": 52.3 },
            },
            "voorwaarden": { "maximuminkomen": 49669 },
        }],
    })
}

fn partner(number: usize) -> Value {
    json!({
        "id": format!("org-{number:06}"), "name": format!("Stichting Verzonnen {number}"),
        "description": format!("Een bedachte stichting, nummer {number}, die mentoren uit de wijk met basisscholen verbindt en leerkrachten begeleidt."),
        "website": format!("https://www.verzonnen-{number}.example"), "email": format!("info@verzonnen-{number}.example"),
        "organization_identifiers": [{ "identifier_scheme": "NL-KVK", "identifier": format!("{:08}", number + 1) }],
        "contacts": [{ "name": "A. Voorbeeld", "email": format!("a@verzonnen-{number}.example") }],
        "attributes": [{ "taxonomy_term": { "code": "FOUNDATION", "taxonomy": "onderwijsalliantie:partner_kind" } }],
    })
}
