//! `hub migrate`: the schema of the store.

use std::process::ExitCode;

use crate::config::Settings;
use crate::database::{self, schema};
use anyhow::Context;
use clap::{Args, Subcommand};

use super::output::Output;

/// What `hub migrate` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Debug, Subcommand)]
enum Direction {
    /// Takes every step that is missing
    Up,
    /// Takes steps back; what their tables held is lost
    Down {
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
    },
    /// Tells which steps the database has taken
    Status,
}

pub(super) async fn run(arguments: &Arguments, settings: &Settings, output: &mut Output) -> anyhow::Result<ExitCode> {
    let db = database::connect(&settings.database).await?;
    match arguments.direction {
        Direction::Up => {
            let steps = schema::up(&db).await.context("nothing was changed")?;
            tell(output, "taken", &steps, "The schema was up to date already.");
        }
        Direction::Down { steps } => {
            let steps = schema::down(&db, steps).await.context("nothing was changed")?;
            tell(output, "taken back", &steps, "There was nothing to take back.");
        }
        Direction::Status => {
            for step in schema::status(&db).await? {
                let state = match (step.applied, step.known) {
                    (true, true) => "taken",
                    (true, false) => "taken, by a later release",
                    (false, _) => "missing",
                };
                output.line(format!("{}  {state}", step.name));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(output: &mut Output, state: &str, steps: &[String], nothing: &str) {
    for step in steps {
        output.line(format!("{step}  {state}"));
    }
    if steps.is_empty() {
        output.line(nothing);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ConnectionUrl, DatabaseSettings};
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn up_status_and_down_tell_each_step() {
        let directory = TempDir::new().unwrap();
        let url = ConnectionUrl::from(format!("sqlite://{}/hub.db?mode=rwc", directory.path().display()));
        let database = DatabaseSettings::at(url, None);
        let settings = Settings { database, ..Settings::default() };
        let mut said = Vec::new();
        for direction in [
            Direction::Status,
            Direction::Up,
            Direction::Up,
            Direction::Status,
            Direction::Down { steps: 99 },
            Direction::Down { steps: 1 },
        ] {
            let mut output = Output::Lines(Vec::new());
            run(&Arguments { direction }, &settings, &mut output).await.unwrap();
            let Output::Lines(lines) = output else { panic!("the output is kept") };
            said.push(lines.first().unwrap().split("  ").last().unwrap().to_owned());
        }
        assert_eq!(
            said,
            [
                "missing",
                "taken",
                "The schema was up to date already.",
                "taken",
                "taken back",
                "There was nothing to take back."
            ]
        );
    }
}
