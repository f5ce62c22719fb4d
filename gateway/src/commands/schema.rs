//! `hub schema`: prints the GraphQL schema. Needs no configuration and no store.

use std::process::ExitCode;

use clap::Args;

use super::output::Output;

/// What `hub schema` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// With federation's directives, as gateways compose it
    #[arg(long)]
    federation: bool,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> anyhow::Result<ExitCode> {
    if arguments.federation {
        output.line(crate::graphql::federation_sdl().trim_end());
    } else {
        output.line(crate::graphql::sdl().trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
