//! `hub schema`: prints the GraphQL schema. Needs no configuration and no store.

use std::process::ExitCode;

use clap::Args;

use super::output::Output;

/// What `hub schema` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: &Arguments, output: &mut Output) -> anyhow::Result<ExitCode> {
    output.line(crate::graphql::sdl().trim_end());
    Ok(ExitCode::SUCCESS)
}
