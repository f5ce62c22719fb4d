//! A hub that works for an hour: clients ask, parties write, systems change and are read, and somebody follows the feed.
//! Its memory may not grow, and when it is over store, feed and partner systems must be in step. Prints what it measured;
//! ends with 1 where something does not hold.
//!
//! ```text
//! cargo build --release && cargo bench -p tests --bench soak -- [--minutes 60] [--hub PATH] [--postgres]
//! ```
//!
//! Ten minutes every night, an hour by hand before a release, two to see whether it still runs
//! (`cargo bench --profile dev … -- --minutes 2`, on the debug binary). SQLite, or with `--postgres` the server that
//! `HUB_TEST_DATABASE_URL` names.

#![expect(clippy::print_stdout, reason = "what was measured is for whoever runs it")]

mod feed;
mod load;
mod memory;
mod step;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use connectors::settings::SourceSettings;
use connectors::sync::RunOptions;
use tests::hub::TestHub;
use tests::issuer::{AUDIENCE, Key, TestIssuer};
use tests::process::{Process, binary};
use tests::store::Backend;
use tokio::time::{Instant, sleep};

use self::load::Load;
use self::memory::Memory;

/// How often the hub reads each system.
const EVERY: Duration = Duration::from_secs(15);
/// How long it may take until all that was changed is read, at the end.
const IN_STEP: Duration = Duration::from_secs(180);

/// What it was told to do.
struct Told {
    minutes: u64,
    hub: PathBuf,
    backend: Backend,
}

impl Told {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut told = Self { minutes: 60, hub: PathBuf::new(), backend: Backend::Sqlite };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--minutes" => told.minutes = arguments.next().context("how many minutes?")?.parse()?,
                "--hub" => told.hub = arguments.next().context("which hub?")?.into(),
                "--postgres" => told.backend = Backend::Postgres,
                // What `cargo bench` says to every bench.
                "--bench" => {}
                other => bail!("`{other}` is none of --minutes N, --hub PATH, --postgres"),
            }
        }
        ensure!(told.minutes > 0, "--minutes must be at least 1");
        if told.hub.as_os_str().is_empty() {
            told.hub = binary()?;
        }
        Ok(told)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let told = Told::read(std::env::args().skip(1))?;
    let lasts = Duration::from_secs(told.minutes * 60);
    let hub = TestHub::start(told.backend).await?.context("there is no such database on this machine")?;
    for source in hub.sources() {
        // When it is read next is noted with this run.
        hub.engine.run(&SourceSettings { every: EVERY, ..source }, &RunOptions::default()).await?;
    }
    let key = Key::ec();
    let issuer = TestIssuer::start(vec![key.public("k")]).await?;
    let folder = tempfile::tempdir()?;
    let settings = std::fs::read_to_string(hub.configuration(folder.path(), Some(&format!("{}s", EVERY.as_secs())))?)?
        + &format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[auth]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\n\
             [subscriptions]\nping_secs = 5\n[telemetry]\nlog = \"warn,gateway::commands=info\"\n",
            issuer.url
        );
    let process = Process::start_program(&told.hub, &["serve", "--with-worker"], &settings)?;
    let address = process.address().await?;
    println!("{} for {} minutes on {:?}", told.hub.display(), told.minutes, told.backend);

    let load = Arc::new(Load::new(&hub, &address, &issuer, &key).await?);
    let feed = feed::follow(&address).await?;
    let began = Instant::now();
    let mut clients = load.begin(&hub);
    let mut memory = Memory::default();
    let mut told_at = began;
    while began.elapsed() < lasts {
        sleep(Duration::from_secs(1)).await;
        memory.take(began.elapsed(), process.memory()?);
        if let Some(ended) = clients.try_join_next() {
            ended??;
            bail!("a client went away");
        }
        if told_at.elapsed() >= Ord::max(lasts / 12, Duration::from_secs(10)) {
            told_at = Instant::now();
            println!("{:>5} s  {:>7} KiB  {}", began.elapsed().as_secs(), memory.last(), load.figures());
        }
        // Outside of the clients: it has the sandbox.
        load.edit(&hub);
    }
    load.end();
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    println!("{}", load.figures());
    let grown = memory.tell(lasts);
    let stepped = step::in_step(&hub, IN_STEP).await;
    load.is_kept(&hub).await?;
    let heard = feed.end(&hub).await;
    let log = process.log();
    let (status, _) = process.stop().await?;
    ensure!(status.success(), "it did not stop in order:\n{}", log.join("\n"));
    stepped.with_context(|| log.join("\n"))?;
    heard?;
    grown
}
