//! `hub sandbox`: the simulated partner systems alone, for people who build a client.

use std::process::ExitCode;

use crate::http;
use anyhow::Context;
use clap::{Args, ValueEnum};
use connectors::sandbox::{Sandbox, SandboxSettings, Size, System};

use super::output::Output;

/// What `hub sandbox` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// How much there is
    #[arg(long, value_enum, default_value_t = Records::Small)]
    records: Records,
}

/// How much there is in the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Records {
    /// 40 schools in the four big cities
    Small,
    /// As much as the whole country has: 6,600 schools, 25,000 needs, 30,000 homes
    National,
}

impl From<Records> for Size {
    fn from(records: Records) -> Self {
        match records {
            Records::Small => Self::Small,
            Records::National => Self::National,
        }
    }
}

pub(super) async fn run(arguments: &Arguments, output: &mut Output) -> anyhow::Result<ExitCode> {
    let stop = http::stop_on_signal().context("signals cannot be heard")?;
    let settings =
        SandboxSettings { size: arguments.records.into(), port: arguments.port, ..SandboxSettings::default() };
    let sandbox = Sandbox::start(settings)
        .await
        .with_context(|| format!("cannot listen on port {}: choose another --port", arguments.port))?;
    output.line(format!(
        "The simulated partner systems listen at {} (everything in them is invented).",
        sandbox.base_url()
    ));
    output.line(format!("Tokens, by client credentials: {}", sandbox.token_url()));
    output.line(format!(
        "Or by what somebody lets a client in with (issuer {}): {}, revoked at {}",
        sandbox.systems_issuer_url(),
        sandbox.authorization_url(),
        sandbox.revocation_url()
    ));
    for system in System::ALL {
        let client = sandbox.client(system);
        output.line(format!(
            "{:<9} {}  client {} secret {} scope {}",
            system.name(),
            sandbox.system_url(system),
            client.id,
            client.secret,
            client.scope
        ));
    }
    output.line(format!(
        "Tokens for a hub whose auth.issuer is {} and whose auth.audience is {}, by client credentials:",
        sandbox.issuer_url(),
        sandbox.hub_audience()
    ));
    for (client, organisation) in sandbox.hub_clients() {
        output.line(format!(
            "{:<12}  client {} secret {} scopes {} ({})",
            client.name,
            client.id,
            client.secret,
            client.scopes,
            organisation.unwrap_or("no organisation")
        ));
    }
    output.line(format!("What they serve and how they fail can be changed: see {}/sandbox", sandbox.base_url()));
    stop.cancelled().await;
    sandbox.stop().await;
    Ok(ExitCode::SUCCESS)
}
