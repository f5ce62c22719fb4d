//! `hub rotate-keys`: what lies in the store encrypted under a previous key, encrypted under the current one.

use std::process::ExitCode;

use crate::config::Settings;
use crate::webhooks;
use clap::Args;

use super::output::Output;
use super::{graph, sources, store};

/// What `hub rotate-keys` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(_arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = store::open(&settings.database).await?;
    let mut code = ExitCode::SUCCESS;
    match sources::grants(&db, settings)? {
        None => output.line("grants: grants.encryption_key is not set"),
        Some(grants) => {
            let resealed = grants.reseal().await?;
            output.line(format!("grants: {} are encrypted under the current key", resealed.current));
            for id in resealed.lost {
                output.line(format!(
                    "    that of {id} is under neither key: set grants.previous_encryption_key, or run `hub connect {id}`"
                ));
                code = ExitCode::FAILURE;
            }
        }
    }
    match graph::hooks(settings)? {
        None => output.line("webhooks: webhooks.encryption_key is not set"),
        Some(hooks) => {
            let resealed = webhooks::reseal(&db, &hooks.vault).await?;
            output.line(format!("webhooks: {} secrets are encrypted under the current key", resealed.current));
            if resealed.lost > 0 {
                output.line(format!(
                    "    {} are under neither key: set webhooks.previous_encryption_key, or let their owners rotate them",
                    resealed.lost
                ));
                code = ExitCode::FAILURE;
            }
        }
    }
    db.close().await?;
    Ok(code)
}
