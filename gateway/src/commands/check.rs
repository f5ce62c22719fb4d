//! `hub check`: whether this hub could do its work, a line for each thing it needs.

use std::process::ExitCode;
use std::time::Duration;

use crate::config::{ConfigError, Settings};
use crate::database::{self, Replica, schema};
use clap::Args;
use connectors::oauth::Grants;
use connectors::settings::{GrantType, SourceSettings};
use connectors::sync::Checked;
use entity::Clock;
use futures::future::join_all;
use tokio::time::timeout;

use super::output::Output;
use super::sources;

/// How long the database may take.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);
/// How long Redis may take.
const REDIS_PATIENCE: Duration = Duration::from_secs(2);

/// What `hub check` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which sources to try [default: all]
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Show what the first records become, and what would be refused
    #[arg(long)]
    sample: bool,
}

/// What was found: a sentence either way.
type Finding = Result<String, String>;

/// Tries everything, `probe` for each source, and ends with 1 where something fails.
pub(super) async fn run(
    arguments: &Arguments,
    settings: Result<Settings, ConfigError>,
    probe: impl AsyncFn(&SourceSettings, Option<&Grants>) -> Result<Checked, connectors::Error>,
    output: &mut Output,
) -> anyhow::Result<ExitCode> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let findings = error.problems.iter().map(|problem| ("configuration".to_owned(), Err(problem.to_string())));
            return Ok(tell(findings.collect(), output));
        }
    };
    let chosen = sources::choose(&settings.sources, &arguments.sources)?;
    let read = format!("{} sources", settings.sources.len());
    let grants = grants(&settings, &chosen).await?;
    let grants = grants.as_ref();
    let (store, replica, cache, sources) = tokio::join!(
        try_database(&settings),
        try_replica(&settings),
        try_redis(&settings),
        join_all(
            chosen.into_iter().map(async |source| { (format!("source {}", source.id), probe(source, grants).await) })
        )
    );
    let mut samples = Vec::new();
    let sources = sources.into_iter().map(|(name, checked)| match checked {
        Ok(checked) => {
            samples.extend(checked.sample);
            (name, Ok(checked.found))
        }
        Err(error) => (name, Err(error.to_string())),
    });
    let mut findings = vec![("configuration".to_owned(), Ok(read)), ("database".to_owned(), store)];
    findings.extend(replica.map(|replica| ("replica".to_owned(), replica)));
    findings.push(("redis".to_owned(), cache));
    findings.extend(sources);
    let code = tell(findings, output);
    if arguments.sample {
        samples.into_iter().for_each(|line| output.line(line));
    }
    Ok(code)
}

/// Asks a source for a token and for the first page of every stream.
pub(super) async fn probe(settings: &SourceSettings, grants: Option<&Grants>) -> Result<Checked, connectors::Error> {
    connectors::sync::check(settings, grants, &Clock::system()).await
}

/// What lets the hub into these sources for somebody. `None`: nothing does, or the database does not tell.
async fn grants(settings: &Settings, chosen: &[&SourceSettings]) -> anyhow::Result<Option<Grants>> {
    let is_delegated = |source: &&SourceSettings| {
        source.oauth.as_ref().is_some_and(|oauth| oauth.grant == GrantType::AuthorizationCode)
    };
    if !chosen.iter().any(is_delegated) {
        return Ok(None);
    }
    match database::connect_within(&settings.database, DATABASE_PATIENCE).await {
        Ok(db) => sources::grants(&db, settings),
        Err(_) => Ok(None),
    }
}

async fn try_database(settings: &Settings) -> Finding {
    let db = database::connect_within(&settings.database, DATABASE_PATIENCE).await.map_err(chain)?;
    let kind = database::kind(&db);
    match timeout(DATABASE_PATIENCE, schema::is_current(&db)).await {
        Err(_) => Err(format!("{kind} does not answer within {} s", DATABASE_PATIENCE.as_secs())),
        Ok(Err(error)) => Err(chain(error)),
        Ok(Ok(true)) => Ok(format!("{kind}, the schema is up to date")),
        Ok(Ok(false)) if database::is_embedded(&db) => Ok(format!("{kind}, `hub serve` makes the schema")),
        Ok(Ok(false)) => Err(format!("{kind}, the schema is not up to date: run `hub migrate up`")),
    }
}

/// `None` where none is set.
async fn try_replica(settings: &Settings) -> Option<Finding> {
    let replica = Replica::open(&settings.database, DATABASE_PATIENCE, None);
    let replica = replica.map_err(|_| "database.replica_url is no address of a PostgreSQL".to_owned()).transpose()?;
    let found = async {
        let db = database::connect_within(&settings.database, DATABASE_PATIENCE).await.map_err(chain)?;
        match timeout(DATABASE_PATIENCE, replica?.check(&db)).await {
            Ok(Ok(0)) => Ok("PostgreSQL, a standby that is up to date".to_owned()),
            Ok(Ok(behind)) => Ok(format!("PostgreSQL, a standby that is {behind} bytes behind")),
            Ok(Err(error)) => Err(format!("queries would be read from the primary: {}", chain(error))),
            Err(_) => Err(format!("does not answer within {} s", DATABASE_PATIENCE.as_secs())),
        }
    };
    Some(found.await)
}

async fn try_redis(settings: &Settings) -> Finding {
    let Some(url) = &settings.redis.url else { return Ok("not set, the cache is in the process".to_owned()) };
    let ping = async {
        let client = redis::Client::open(url.reveal())?;
        // Its own bounds are shorter, and its words for them tell less.
        let bounds = redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&bounds).await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    match timeout(REDIS_PATIENCE, ping).await {
        Ok(Ok(_)) => Ok("answers".to_owned()),
        Ok(Err(error)) => Err(format!("does not answer as it should: {}", chain(error))),
        Err(_) => Err(format!("does not answer within {} s", REDIS_PATIENCE.as_secs())),
    }
}

fn tell(findings: Vec<(String, Finding)>, output: &mut Output) -> ExitCode {
    let width = findings.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut code = ExitCode::SUCCESS;
    for (name, finding) in findings {
        let (mark, text) = match finding {
            Ok(text) => ("ok", text),
            Err(text) => {
                code = ExitCode::FAILURE;
                ("FAIL", text)
            }
        };
        output.line(format!("{mark:<4}  {name:<width$}  {text}"));
    }
    code
}

/// An error with its causes, in one line.
fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into()).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::config::{ConnectionUrl, DatabaseSettings, Problem, RedisSettings};
    use connectors::ErrorKind;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::BadUse;
    use super::*;

    fn source(id: &str) -> SourceSettings {
        serde_json::from_value(json!({ "id": id, "connector": "municipal" })).unwrap()
    }

    fn settings(redis: Option<String>) -> Settings {
        Settings {
            database: DatabaseSettings::at("sqlite::memory:", None),
            redis: RedisSettings { url: redis.map(ConnectionUrl::from) },
            sources: vec![source("homes"), source("offers")],
            ..Settings::default()
        }
    }

    async fn probe(source: &SourceSettings, _: Option<&Grants>) -> Result<Checked, connectors::Error> {
        match source.id.as_str() {
            "homes" => {
                let sample = vec!["homes 1: {}".to_owned(), "homes 2: refused: `title` is missing".to_owned()];
                Ok(Checked { found: "first page read".to_owned(), sample })
            }
            _ => Err(connectors::Error::new(ErrorKind::TokenRefused, "the token endpoint refused the client")),
        }
    }

    async fn check(settings: Result<Settings, ConfigError>, sources: &[&str]) -> (String, Vec<String>) {
        check_with(settings, sources, false).await
    }

    async fn check_with(
        settings: Result<Settings, ConfigError>,
        sources: &[&str],
        sample: bool,
    ) -> (String, Vec<String>) {
        let mut output = Output::Lines(Vec::new());
        let arguments = Arguments { sources: sources.iter().map(|&id| id.to_owned()).collect(), sample };
        let code = run(&arguments, settings, probe, &mut output).await.unwrap();
        let Output::Lines(lines) = output else { panic!("the output is kept") };
        (format!("{code:?}"), lines)
    }

    #[tokio::test]
    async fn each_thing_has_its_line() {
        let (code, lines) = check(Ok(settings(None)), &[]).await;
        assert_eq!(
            lines,
            [
                "ok    configuration  2 sources",
                "ok    database       SQLite, `hub serve` makes the schema",
                "ok    redis          not set, the cache is in the process",
                "ok    source homes   first page read",
                "FAIL  source offers  the token endpoint refused the client",
            ]
        );
        assert_eq!(code, format!("{:?}", ExitCode::FAILURE));
        let (code, lines) = check(Ok(settings(None)), &["homes"]).await;
        assert_eq!(lines.len(), 4);
        let (_, lines) = check_with(Ok(settings(None)), &["homes"], true).await;
        assert_eq!(lines[4..], ["homes 1: {}", "homes 2: refused: `title` is missing"]);
        assert_eq!(code, format!("{:?}", ExitCode::SUCCESS));
    }

    #[tokio::test]
    async fn a_source_that_is_not_configured_is_bad_use() {
        let arguments = Arguments { sources: vec!["home".to_owned()], sample: false };
        let error = run(&arguments, Ok(settings(None)), probe, &mut Output::Lines(Vec::new())).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no source `home`; known are homes, offers");
        assert!(error.is::<BadUse>());
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_configuration_is_a_finding() {
        let problem = |key: &str| Problem { place: "hub.toml".to_owned(), key: key.to_owned(), what: "no".to_owned() };
        let (code, lines) = check(Err(ConfigError { problems: vec![problem("a"), problem("b")] }), &[]).await;
        assert_eq!(lines, ["FAIL  configuration  hub.toml: a: no", "FAIL  configuration  hub.toml: b: no"]);
        assert_eq!(code, format!("{:?}", ExitCode::FAILURE));
    }

    #[tokio::test]
    async fn redis_is_asked_and_not_waited_for_long() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://:hush@{}", listener.local_addr().unwrap());
        let answering = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = [0; 1024];
                // What opens a connection is answered with OK, and PING with PONG, however they are packed.
                while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                    for command in String::from_utf8_lossy(&bytes[..read]).split('*').skip(1) {
                        let answer = if command.contains("PING") { "+PONG\r\n" } else { "+OK\r\n" };
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            }
        });
        let (_, lines) = check(Ok(settings(Some(url.clone()))), &["homes"]).await;
        assert_eq!(lines[2], "ok    redis          answers");
        answering.abort();

        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://:hush@{}", silent.local_addr().unwrap());
        let (_, lines) = check(Ok(settings(Some(url))), &["homes"]).await;
        assert_eq!(lines[2], "FAIL  redis          does not answer within 2 s");
    }
}
