//! The commands of `hub`, and how they end: 0 done, 1 failed, 2 used or configured wrongly.
//!
//! # To add a command
//! Its file here with its arguments and its `run`, its variant in `Command`, its line in `execute`.

mod audit;
mod backstage;
mod check;
mod connect;
mod demo;
mod graph;
mod import;
mod listing;
mod migrate;
pub(crate) mod output;
mod progress;
mod refusals;
mod rotate_keys;
mod runs;
mod sandbox;
mod schema;
mod serve;
mod sources;
mod store;
mod subgraphs;
mod sync;
mod webhooks;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{ConfigError, Environment, Settings, TelemetrySettings};
use crate::telemetry::{self, Collector, Telemetry};
use clap::{Parser, Subcommand};
use output::Output;

/// Joins school boards, municipalities and partners in one GraphQL API.
#[derive(Debug, Parser)]
#[command(name = "hub", version, propagate_version = true)]
struct Hub {
    /// The configuration [default: hub.toml in the working directory, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything in one process on simulated partner systems: nothing to install
    Demo(demo::Arguments),
    /// Runs the gateway
    Serve(serve::Arguments),
    /// Runs the sync worker alone
    Worker(worker::Arguments),
    /// Reads sources now, and waits
    Sync(sync::Arguments),
    /// Tells how each source is, and what is to be done about it
    Sources(listing::Arguments),
    /// Lists what was read lately, and what came of it
    Runs(runs::Arguments),
    /// Lists records that could not be taken, and why
    Refusals(refusals::Arguments),
    /// Lets the hub into a source for somebody, at the system's own page
    Connect(connect::Connect),
    /// Forgets what lets the hub into a source, and revokes it at the system
    Disconnect(connect::Disconnect),
    /// Encrypts anew, under the current keys, what the store keeps under previous ones
    RotateKeys(rotate_keys::Arguments),
    /// Tells how each partner's live graph is, and why one is not joined
    Subgraphs(subgraphs::Arguments),
    /// Lists webhooks' endpoints and dead letters, and sends messages again
    Webhooks(webhooks::Arguments),
    /// Tries the configuration, the database, Redis and each source; a line each
    Check(check::Arguments),
    /// Brings the database's schema up to date, takes it back, or tells where it is
    Migrate(migrate::Arguments),
    /// Takes in reference data from files
    Import(import::Arguments),
    /// Prints the audit trail: who wrote and read what, a line of JSON each
    Audit(audit::Arguments),
    /// Prints the GraphQL schema
    Schema(schema::Arguments),
    /// Runs the simulated partner systems alone
    Sandbox(sandbox::Arguments),
}

/// The command is used wrongly: exit 2, as for arguments that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadUse(pub(crate) String);

/// Reads the arguments of this process, does what they say, and returns how it ended.
///
/// It is here whole, with the runtime it needs, and the binary only calls it: async code that is first awaited in another
/// crate is compiled there a second time.
#[must_use]
pub fn run() -> ExitCode {
    let hub = Hub::parse();
    // Two providers in one binary would panic at the first connection; this one is chosen before there can be any.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        output::problem("TLS was set up twice: this binary is built wrong");
        return ExitCode::FAILURE;
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(answer(hub)),
        Err(error) => {
            output::problem(format_args!("the asynchronous runtime cannot be started: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn answer(hub: Hub) -> ExitCode {
    match execute(hub, &Environment::Process, &mut Output::stdout()).await {
        Ok(code) => code,
        Err(error) => {
            if let Some(error) = error.downcast_ref::<ConfigError>() {
                error.problems.iter().for_each(output::problem);
            } else {
                format!("{error:#}").lines().for_each(output::problem);
            }
            code_of(&error)
        }
    }
}

async fn execute(hub: Hub, environment: &Environment, output: &mut Output) -> anyhow::Result<ExitCode> {
    // These need no configuration.
    match &hub.command {
        Command::Schema(arguments) => return schema::run(arguments, output),
        Command::Demo(arguments) => {
            let telemetry = telemetry::start(&quiet())?;
            let outcome = demo::run(arguments, output).await;
            telemetry.finish().await;
            return outcome;
        }
        Command::Sandbox(arguments) => {
            let telemetry = telemetry::start(&quiet())?;
            let outcome = sandbox::run(arguments, output).await;
            telemetry.finish().await;
            return outcome;
        }
        _ => {}
    }
    let settings = Settings::load(hub.config.as_deref(), environment);
    let started = match &settings {
        Ok(settings) => {
            let started = telemetry::start(&settings.telemetry)?;
            settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
            Some(started)
        }
        Err(_) => None,
    };
    let collector = started.as_ref().and_then(Telemetry::collector);
    let outcome = execute_with(hub.command, settings, collector, output).await;
    if let Some(started) = started {
        started.finish().await;
    }
    outcome
}

async fn execute_with(
    command: Command,
    settings: Result<Settings, ConfigError>,
    collector: Option<&Arc<Collector>>,
    output: &mut Output,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(arguments) => check::run(&arguments, settings, check::probe, output).await,
        Command::Connect(arguments) => connect::connect(&arguments, &settings?, output).await,
        Command::Disconnect(arguments) => connect::disconnect(&arguments, &settings?, output).await,
        Command::RotateKeys(arguments) => rotate_keys::run(&arguments, &settings?, output).await,
        Command::Serve(arguments) => serve::run(&arguments, &settings?, collector).await,
        Command::Migrate(arguments) => migrate::run(&arguments, &settings?, output).await,
        Command::Import(arguments) => import::run(&arguments, &settings?, output).await,
        Command::Audit(arguments) => audit::run(&arguments, &settings?, output).await,
        Command::Worker(arguments) => worker::run(&arguments, &settings?, collector).await,
        Command::Sync(arguments) => sync::run(&arguments, &settings?, output).await,
        Command::Sources(arguments) => listing::run(&arguments, &settings?, output).await,
        Command::Runs(arguments) => runs::run(&arguments, &settings?, output).await,
        Command::Refusals(arguments) => refusals::run(&arguments, &settings?, output).await,
        Command::Subgraphs(arguments) => subgraphs::run(&arguments, &settings?, output).await,
        Command::Webhooks(arguments) => webhooks::run(&arguments, &settings?, output).await,
        Command::Schema(_) | Command::Demo(_) | Command::Sandbox(_) => Ok(ExitCode::SUCCESS),
    }
}

/// The log of commands that tell a person what they do: only what goes wrong.
fn quiet() -> TelemetrySettings {
    TelemetrySettings { log: "warn".to_owned(), ..TelemetrySettings::default() }
}

fn code_of(error: &anyhow::Error) -> ExitCode {
    if error.is::<ConfigError>() || error.is::<BadUse>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Hub::command().debug_assert();
    }
}
