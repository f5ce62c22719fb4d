//! Queries are read from a standby that has come far enough, and from the primary where none has: one whose replay stands
//! still, is gone, or goes on from another history shows nobody anything old. While the primary is away the standby answers.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::postgres_server::PostgresServer;
use tests::process::binary;
use tests::relay::Relay;
use tests::until;

use super::stage::{Stage, Told};

const USED: &str = "hub_replica_queries_total{outcome=\"used\"}";
const BEHIND: &str = "hub_replica_queries_total{outcome=\"behind\"}";
const UP: &str = "hub_replica_up";

/// A hub on a primary, with a standby to read from.
struct Pair {
    primary: PostgresServer,
    standby: PostgresServer,
    relay: Relay,
    stage: Stage,
}

impl Pair {
    /// `None` where this machine has no PostgreSQL.
    async fn set() -> Result<Option<Self>> {
        let Some(primary) = PostgresServer::start(&[]).await? else { return Ok(None) };
        let standby = primary.standby("standby").await?;
        let relay = Relay::to(primary.port).await?;
        let replica = format!("replica_url = \"{}\"\n", standby.url());
        let stage = Stage::set(&format!("postgres://hub@{}/postgres", relay.address), None, &replica).await?;
        let pair = Self { primary, standby, relay, stage };
        pair.is_used().await?;
        Ok(Some(pair))
    }

    /// Waits until a query is read from the standby.
    async fn is_used(&self) -> Result<()> {
        let before = self.stage.figure(USED).await?;
        until("a query is read from the standby", async || {
            self.stage.titles(false).await.is_ok() && self.stage.figure(USED).await.is_ok_and(|used| used > before)
        })
        .await
        .with_context(|| self.stage.log())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_read_from_the_standby() -> Result<()> {
    let Some(pair) = Pair::set().await? else { return Ok(()) };
    let statements = "hub_database_statements_total{pool=\"queries\",outcome=\"ok\"}";
    let (on_primary, used) = (pair.stage.figure(statements).await?, pair.stage.figure(USED).await?);
    for _ in 0..20 {
        pair.stage.titles(false).await?;
    }
    let used = pair.stage.figure(USED).await? - used;
    ensure!(used >= 15, "{used} of 20 queries were read from the standby");
    let on_primary = pair.stage.figure(statements).await? - on_primary;
    ensure!(on_primary <= 5 * (20 - used), "{on_primary} statements were made at the primary");
    let scans = "SELECT sum(idx_scan + seq_scan) FROM pg_stat_user_tables WHERE relname = 'need'";
    until("the standby counts them", async || {
        pair.standby.ask(scans).await.is_ok_and(|scans| scans.parse::<u64>().is_ok_and(|scans| scans >= used))
    })
    .await?;

    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("hub.toml"), pair.stage.settings())?;
    let check = tokio::process::Command::new(binary()?).arg("check").current_dir(folder.path()).output().await?;
    let told = String::from_utf8(check.stdout)?;
    ensure!(told.contains("ok    replica        PostgreSQL, a standby that is"), "{told}");
    let turned = pair.stage.settings().replace(&pair.standby.url(), &pair.primary.url());
    std::fs::write(folder.path().join("hub.toml"), turned)?;
    let check = tokio::process::Command::new(binary()?).arg("check").current_dir(folder.path()).output().await?;
    let told = String::from_utf8(check.stdout)?;
    ensure!(told.contains("FAIL  replica") && told.contains("it is no standby: it takes writes"), "{told}");
    Ok(())
}

/// Its replay stands still and goes on at any moment, while two hubs take writes and show them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_lags_shows_nobody_anything_old() -> Result<()> {
    let Some(pair) = Pair::set().await? else { return Ok(()) };
    let other = pair.stage.beside().await?;
    let hubs = [&pair.stage, &other];
    let mut written: Vec<String> = Vec::new();
    for round in 0..6 {
        pair.standby.execute("SELECT pg_wal_replay_pause()").await?;
        for number in 0..4 {
            let (writer, reader) = (hubs[(round + number) % 2], hubs[number / 2]);
            let title = format!("Onder druk {round}-{number}");
            ensure!(writer.create(&title, None).await?.is_some(), "the primary is there");
            written.push(title);
            for is_kept in [true, false, true] {
                let (titles, is_stale) = reader.titles(is_kept).await?;
                ensure!(!is_stale, "the primary is there");
                for title in &written {
                    ensure!(titles.contains(title), "{title} is missing in {titles:?}:\n{}", reader.log());
                }
            }
        }
        pair.standby.execute("SELECT pg_wal_replay_resume()").await?;
        for number in 0..4 {
            let title = format!("Weer bij {round}-{number}");
            ensure!(hubs[number % 2].create(&title, None).await?.is_some(), "the primary is there");
            written.push(title);
            for hub in hubs {
                let (titles, _) = hub.titles(number % 2 == 0).await?;
                ensure!(written.iter().all(|title| titles.contains(title)), "{titles:?} of {written:?}");
            }
        }
    }
    for hub in hubs {
        let (used, behind) = (hub.figure(USED).await?, hub.figure(BEHIND).await?);
        println!("{used} queries were read from the standby, for {behind} it had not come far enough");
        ensure!(behind > 0, "it was never asked while it stood still");
    }
    pair.is_used().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_gone_or_frozen_is_read_around() -> Result<()> {
    let Some(mut pair) = Pair::set().await? else { return Ok(()) };
    let goes_on = async |pair: &Pair, what: &str| -> Result<()> {
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        // Whoever reads is answered, now and when it is known.
        for _ in 0..20 {
            let asked = Instant::now();
            ensure!(!pair.stage.titles(false).await?.1, "the primary is there");
            longest = Ord::max(longest, asked.elapsed());
        }
        until("metrics say so", async || {
            pair.stage.titles(false).await.is_ok() && pair.stage.figure(UP).await.is_ok_and(|up| up == 0)
        })
        .await?;
        println!("{what}: known after {:?}, nobody waited longer than {longest:?}", began.elapsed());
        ensure!(pair.stage.is_ready().await?, "it can serve");
        let ready = pair.stage.told("/readyz").await?;
        ensure!(ready.contains("the replica does not answer"), "{ready}");
        ensure!(pair.stage.create(what, None).await?.is_some(), "the primary is there");
        ensure!(pair.stage.titles(false).await?.0.contains(&what.to_owned()));
        Ok(())
    };
    pair.standby.kill().await?;
    goes_on(&pair, "it was killed").await?;
    pair.standby.restart().await?;
    pair.is_used().await?;
    ensure!(pair.stage.told("/readyz").await? == r#"{"status":"ready"}"#);
    pair.standby.freeze()?;
    goes_on(&pair, "it was frozen").await?;
    pair.standby.thaw()?;
    pair.is_used().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_gone_leaves_what_is_stored_to_be_read() -> Result<()> {
    let Some(mut pair) = Pair::set().await? else { return Ok(()) };
    ensure!(pair.stage.create("Bewaard", None).await?.is_some(), "the primary is there");
    pair.is_used().await?;
    pair.primary.kill().await?;
    until("it is known that the primary is away", async || {
        pair.stage.titles(false).await.is_ok_and(|(_, is_stale)| is_stale)
    })
    .await
    .with_context(|| pair.stage.log())?;
    for is_kept in [false, true, false] {
        let (titles, is_stale) = pair.stage.titles(is_kept).await?;
        ensure!(is_stale, "nobody knows whether it is so still");
        ensure!(titles.contains(&"Bewaard".to_owned()), "{titles:?}");
    }
    ensure!(pair.stage.create("Verloren", None).await?.is_none(), "written to nowhere");
    ensure!(pair.stage.is_ready().await?, "it can serve who reads");
    let ready = pair.stage.told("/readyz").await?;
    ensure!(ready.contains("the database does not answer: what is stored is read from its replica"), "{ready}");

    pair.primary.restart().await?;
    pair.stage.comes_back("the primary was started again", Instant::now()).await?;
    pair.is_used().await?;
    ensure!(!pair.stage.titles(false).await?.0.contains(&"Verloren".to_owned()));

    // The standby takes its place; nothing is left then that only reads.
    pair.primary.kill().await?;
    pair.standby.promote().await?;
    pair.relay.lead_to(pair.standby.port);
    pair.stage.comes_back("the standby was promoted", Instant::now()).await?;
    until("what was a standby is none", async || {
        pair.stage.titles(false).await.is_ok() && pair.stage.figure(UP).await.is_ok_and(|up| up == 0)
    })
    .await?;
    ensure!(pair.stage.create("Verder", None).await?.is_some(), "the new primary is there");
    ensure!(pair.stage.titles(false).await?.0.contains(&"Verder".to_owned()));
    Ok(())
}

/// Another standby was promoted, and this one still follows the primary before: what it has replayed is of a history that
/// goes on elsewhere, however much it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_of_the_history_before_a_failover_is_not_read() -> Result<()> {
    let Some(pair) = Pair::set().await? else { return Ok(()) };
    let heir = pair.primary.standby("heir").await?;
    // More of the history that ends here than the new one will have for a while.
    pair.primary.execute("CREATE TABLE ballast AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)").await?;
    let end = pair.primary.ask("SELECT pg_current_wal_flush_lsn()").await?;
    let follows = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn");
    until("the heir follows", async || heir.ask(&follows).await.is_ok_and(|follows| follows == "true")).await?;
    // Promoted, it would first replay all that it has received: it receives nothing more.
    heir.execute("ALTER SYSTEM SET primary_conninfo = ''").await?;
    heir.execute("SELECT pg_reload_conf()").await?;
    let receives = "SELECT count(*) FROM pg_stat_wal_receiver";
    until("the heir receives nothing more", async || heir.ask(receives).await.is_ok_and(|count| count == "0")).await?;
    pair.primary.execute("INSERT INTO ballast SELECT repeat('x', 1000) FROM generate_series(1, 30000)").await?;
    let end = pair.primary.ask("SELECT pg_current_wal_flush_lsn()").await?;
    let follows = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn");
    until("the standby follows", async || pair.standby.ask(&follows).await.is_ok_and(|follows| follows == "true"))
        .await?;
    pair.primary.freeze()?;
    heir.promote().await?;
    pair.relay.lead_to(heir.port);
    pair.stage.comes_back("another standby was promoted", Instant::now()).await?;
    let used = pair.stage.figure(USED).await?;
    for number in 0..5 {
        let title = format!("Verder {number}");
        ensure!(pair.stage.create(&title, None).await?.is_some(), "the new primary is there");
        ensure!(matches!(pair.stage.ask_fresh().await?, Told::Answer { stale_for: None, .. }));
        ensure!(pair.stage.titles(false).await?.0.contains(&title));
    }
    ensure!(pair.stage.figure(USED).await? == used, "it was read from another history");
    Ok(())
}
