//! `hub connect` and `hub disconnect`: somebody lets the hub into a source, at the system's own page, and takes that back.

use std::process::ExitCode;
use std::time::Duration;

use crate::audit::{self, Actor, Deed};
use crate::auth::scope;
use crate::config::{Environment, Settings};
use anyhow::Context;
use clap::Args;
use connectors::oauth::{self, Connecting, Disconnected};
use connectors::settings::{GrantType, OAuthSettings, parse_duration};
use connectors::sync::register;
use entity::Clock;
use entity::audit_entry::{AuditAction, AuditStatus};
use sea_orm::DatabaseConnection;
use serde_json::json;

use super::output::Output;
use super::{BadUse, sources, store};

/// What `hub connect` takes.
#[derive(Debug, Args)]
pub(super) struct Connect {
    /// The source that the hub is let into
    source: String,
    /// How long to wait for somebody to do so: a number and s, m or h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = patience)]
    timeout: Duration,
    /// Who does so, for those who look later [default: the user of this machine]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What `hub disconnect` takes.
#[derive(Debug, Args)]
pub(super) struct Disconnect {
    /// The source
    source: String,
}

fn patience(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "expected a number and s, m or h, as 5m".to_owned())
}

pub(super) async fn connect(arguments: &Connect, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let (id, oauth) = delegated(settings, &arguments.source)?;
    let db = store::open(&settings.database).await?;
    let grants = sources::grants(&db, settings)?.context("grants.encryption_key is not set")?;
    register(&db, &settings.sources).await?;
    let connecting = Connecting::begin(oauth).await?;
    output.line("Open this address in a browser on this machine, and let the hub in:");
    output.line(connecting.url());
    output.line(format!("Waiting for {} s.", arguments.timeout.as_secs()));
    let granted = connecting.finish(arguments.timeout).await?;
    let by = arguments.by.clone().unwrap_or_else(user);
    oauth::connect(&grants, id, &granted, &by).await?;
    note(&db, settings, id, AuditAction::Created).await?;
    let scopes = granted.scopes.map(|scopes| format!(" for {scopes}")).unwrap_or_default();
    output.line(format!("{id}: connected by {by}{scopes}; `hub sync {id}` reads it, or a worker does"));
    db.close().await?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn disconnect(
    arguments: &Disconnect,
    settings: &Settings,
    output: &mut Output,
) -> anyhow::Result<ExitCode> {
    let (id, oauth) = delegated(settings, &arguments.source)?;
    let db = store::open(&settings.database).await?;
    let grants = sources::grants(&db, settings)?.context("grants.encryption_key is not set")?;
    let outcome = oauth::disconnect(&grants, id, oauth, Clock::system()).await?;
    if !matches!(outcome, Disconnected::WasNot) {
        note(&db, settings, id, AuditAction::Deleted).await?;
    }
    db.close().await?;
    let not_revoked = |why: String| format!("{id}: disconnected here, but not revoked: {why}; revoke it at the system");
    let (line, code) = match outcome {
        Disconnected::WasNot => (format!("{id}: was not connected"), ExitCode::SUCCESS),
        Disconnected::Revoked => (format!("{id}: disconnected, and revoked at the system"), ExitCode::SUCCESS),
        Disconnected::NotRevoked(None) => {
            (not_revoked("the system has no address for that (oauth.revocation_url)".to_owned()), ExitCode::FAILURE)
        }
        Disconnected::NotRevoked(Some(error)) => (not_revoked(error.to_string()), ExitCode::FAILURE),
    };
    output.line(line);
    Ok(code)
}

/// The source of this name, which somebody lets the hub into.
fn delegated<'a>(settings: &'a Settings, id: &str) -> Result<(&'a str, &'a OAuthSettings), BadUse> {
    let chosen = sources::choose(&settings.sources, &[id.to_owned()])?;
    let oauth = chosen.first().and_then(|source| Some((source.id.as_str(), source.oauth.as_ref()?)));
    oauth.filter(|(_, oauth)| oauth.grant == GrantType::AuthorizationCode).ok_or_else(|| {
        BadUse(format!("nobody needs to let the hub into `{id}`: its oauth.grant is not \"authorization_code\""))
    })
}

/// Who uses this machine, as it knows them.
fn user() -> String {
    let known = ["USER", "LOGNAME"].iter().find_map(|name| Environment::Process.get(name));
    known.unwrap_or_else(|| "an operator".to_owned())
}

/// Gives account of what an operator did at this machine.
async fn note(db: &DatabaseConnection, settings: &Settings, id: &str, action: AuditAction) -> anyhow::Result<()> {
    let deed = Deed {
        activity: scope::SYNC_RUN,
        action,
        status: AuditStatus::Ok,
        record: None,
        details: Some(json!({ "grant": id })),
    };
    let actor = Actor { client: Some("hub connect".to_owned()), ..Actor::default() };
    let register = &settings.audit.processing_activities;
    audit::append(db, &[deed.by(&actor, Clock::system().now(), register)]).await?;
    Ok(())
}
