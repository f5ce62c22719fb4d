//! Random schedules of faults, kills and changes of the source, on the real engine and a real SQLite file, by a clock of
//! their own. Whatever happened on the way, the store ends up as the source is.
//!
//! A seed decides everything but the order in which the machine does what is under way at a time. `HUB_SIMULATION_SEEDS`
//! says how many are run (100 where absent), `HUB_SIMULATION_FIRST` where they begin.

mod edits;
mod world;

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use tests::partner::Standard;

use world::World;

/// Seeds run where nobody says how many.
const SEEDS: u64 = 100;

#[rstest]
#[case::one_roster(Standard::OneRoster, 0)]
#[case::hsds(Standard::Hsds, 1)]
#[case::vera(Standard::Vera, 2)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_schedule_of_faults_ends_in_equality(#[case] standard: Standard, #[case] remainder: u64) -> Result<()> {
    let (first, count) = (setting("HUB_SIMULATION_FIRST", 0), setting("HUB_SIMULATION_SEEDS", SEEDS));
    let mut wrong = Vec::new();
    for seed in (first..first + count).filter(|seed| seed % 3 == remainder) {
        if let Err(error) = simulate(standard, seed).await {
            wrong.push(format!("seed {seed}: {error:#}"));
        }
    }
    ensure!(wrong.is_empty(), "{} schedules went wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

async fn simulate(standard: Standard, seed: u64) -> Result<()> {
    let mut world = World::new(standard, seed).await?;
    for step in 0..world.steps() {
        world.step().await.with_context(|| format!("step {step}"))?;
    }
    world.settle().await
}

#[expect(clippy::disallowed_methods, reason = "how many seeds are run is said by who runs the tests")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
