//! PostgreSQL stops, freezes, starts anew, moves to a standby, and runs out of connections and of disk.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use tests::postgres_server::{PostgresServer, give};
use tests::relay::Relay;
use tests::{skipped, until};

use super::load::Load;
use super::stage::{Stage, Told};

fn refused(load: &Load) -> &AtomicUsize {
    &load.refused
}

fn not_written(load: &Load) -> &AtomicUsize {
    &load.not_written
}

/// Waits until clients notice that the store is away: what was kept is given as it was, the rest is told to come again.
async fn is_away(stage: &Stage, load: &Load) -> Result<()> {
    tokio::try_join!(
        load.sees("a read is told to come again", refused),
        load.sees("a write is told to come again", not_written),
        // One that nothing changed just before: what the load reads may have.
        until("an answer is given as it was last known", async || {
            matches!(stage.ask_kept().await, Ok(Told::Answer { stale_for: Some(_), .. }))
        }),
    )?;
    until("/readyz says that it cannot serve", async || matches!(stage.is_ready().await, Ok(false))).await?;
    ensure!(matches!(stage.ask_fresh().await?, Told::Later), "answered from nowhere");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_stops_is_waited_for_and_nothing_is_lost() -> Result<()> {
    let Some(mut postgres) = PostgresServer::start(&[]).await? else { return Ok(()) };
    let stage = Stage::set(&postgres.url(), None, "").await?;
    let load = Load::default();
    load.during(&stage, async {
        load.writes(5).await?;
        postgres.stop().await?;
        is_away(&stage, &load).await?;
        postgres.restart().await?;
        stage.comes_back("PostgreSQL was started again", Instant::now()).await?;
        load.writes(5).await?;
        postgres.kill().await?;
        is_away(&stage, &load).await?;
        postgres.restart().await?;
        stage.comes_back("PostgreSQL was started after it was killed", Instant::now()).await?;
        load.writes(5).await?;
        postgres.kill().await?;
        postgres.restart().await?;
        stage.comes_back("PostgreSQL was killed and started at once", Instant::now()).await?;
        load.writes(5).await
    })
    .await?;
    load.is_kept_in(&postgres.connect().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_freezes_is_not_waited_for_longer_than_the_limit() -> Result<()> {
    let Some(postgres) = PostgresServer::start(&[]).await? else { return Ok(()) };
    let stage = Stage::set(&postgres.url(), None, "").await?;
    let load = Load::default();
    load.during(&stage, async {
        for _ in 0..2 {
            load.writes(5).await?;
            postgres.freeze()?;
            is_away(&stage, &load).await?;
            postgres.thaw()?;
            stage.comes_back("PostgreSQL was thawed", Instant::now()).await?;
        }
        load.writes(5).await
    })
    .await?;
    load.is_kept_in(&postgres.connect().await?).await
}

/// The primary's machine is gone without a word, and its address leads to the standby that was promoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_promoted_has_all_that_was_told_to_be_written() -> Result<()> {
    let Some(primary) = PostgresServer::start(&[]).await? else { return Ok(()) };
    let standby = primary.standby("standby").await?;
    // What is told to be written is then at the standby: with less, a failover may lose what was committed last.
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'").await?;
    primary.execute("SELECT pg_reload_conf()").await?;
    let is_followed = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    until("the standby follows", async || primary.ask(is_followed).await.is_ok_and(|count| count == "1")).await?;
    let relay = Relay::to(primary.port).await?;
    let stage = Stage::set(&format!("postgres://hub@{}/postgres", relay.address), None, "").await?;
    let load = Load::default();
    load.during(&stage, async {
        load.writes(20).await?;
        primary.freeze()?;
        is_away(&stage, &load).await?;
        // The address moves before there is a primary behind it: a standby must not be taken for one.
        relay.lead_to(standby.port);
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(!stage.is_ready().await?, "ready on a standby");
        standby.promote().await?;
        stage.comes_back("the standby was promoted", Instant::now()).await?;
        load.writes(20).await
    })
    .await?;
    load.is_kept_in(&standby.connect().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_gets_no_more_connections_goes_on_with_those_it_has() -> Result<()> {
    let Some(postgres) = PostgresServer::start(&["max_connections=20", "superuser_reserved_connections=0"]).await?
    else {
        return Ok(());
    };
    let stage = Stage::set(&postgres.url(), None, "").await?;
    ensure!(matches!(stage.ask_fresh().await?, Told::Answer { .. }), "{}", stage.log());
    let mut taken: Vec<DatabaseConnection> = Vec::new();
    // Those that it keeps open are opened one after another.
    until("it has its connections", async || {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hub'";
        postgres.ask(open).await.is_ok_and(|count| count.parse::<u32>().is_ok_and(|count| count >= 5))
    })
    .await?;
    while let Ok(Ok(connection)) = tokio::time::timeout(Duration::from_secs(2), postgres.connect()).await {
        taken.push(connection);
        ensure!(taken.len() <= 20, "there is no end to them");
    }
    let load = Load::default();
    load.during(&stage, async {
        load.writes(5).await.with_context(|| stage.log())?;
        for _ in 0..10 {
            ensure!(matches!(stage.ask_kept().await?, Told::Answer { .. }), "it has what it keeps");
        }
        ensure!(stage.is_ready().await?, "it can serve");
        for connection in taken.drain(..) {
            connection.close().await?;
        }
        stage.comes_back("connections were free again", Instant::now()).await?;
        load.writes(10).await
    })
    .await?;
    load.is_kept_in(&postgres.connect().await?).await
}

/// A small file system in memory. Gone when it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where this machine mounts none for this user.
    fn mount() -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"]).arg(folder.path()).output()?;
        if !mount.status.success() {
            skipped("a disk that is full: this machine mounts no tmpfs for this user");
            return Ok(None);
        }
        let disk = Self(folder);
        give(disk.path())?;
        Ok(Some(disk))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes what is left of it.
    fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.path().join("filled"))?;
        let block = vec![0; 4096];
        while file.write_all(&block).is_ok() {}
        Ok(())
    }

    fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path().join("filled"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: PostgreSQL may be about to end.
        Command::new("umount").arg("-l").arg(self.path()).status().ok();
    }
}

/// The disk with the tables, that is. Where the write-ahead log has no room PostgreSQL stops, which is another test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_without_room_is_read_and_not_written() -> Result<()> {
    let Some(disk) = SmallDisk::mount()? else { return Ok(()) };
    let Some(postgres) = PostgresServer::start(&[]).await? else { return Ok(()) };
    postgres.execute(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display())).await?;
    postgres.execute("ALTER DATABASE postgres SET default_tablespace = 'small'").await?;
    let stage = Stage::set(&postgres.url(), None, "").await?;
    let load = Load::default();
    load.during(&stage, async {
        load.writes(5).await?;
        disk.fill()?;
        load.sees("a write is told to come again", not_written).await?;
        for _ in 0..10 {
            ensure!(matches!(stage.ask_fresh().await?, Told::Answer { .. }), "what is stored can be read");
        }
        ensure!(stage.is_ready().await?, "it can serve who reads");
        disk.empty()?;
        stage.comes_back("there was room again", Instant::now()).await?;
        load.writes(20).await
    })
    .await?;
    load.is_kept_in(&postgres.connect().await?).await
}
