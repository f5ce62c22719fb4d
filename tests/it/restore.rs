//! Backups are restored, by the ways that `k8s/README.md` tells: from a dump, and from a base backup and the archived WAL
//! up to an instant. What is restored is a whole hub, which goes on.

use anyhow::{Context, Result, ensure};
use connectors::sync::RunOptions;
use entity::{change, need, school};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder};
use serde_json::{Value, json};
use tests::gateway::client;
use tests::hub::{TestHub, contents, engine};
use tests::postgres_server::{PostgresServer, give, program, succeed};
use tests::process::Process;
use tests::store::TestStore;
use tests::until;

const CARD: &str = "query ($brin: String!) { school(brin: $brin) { name needs { totalCount nodes { id title } }
    committedPartners { edges { node { name } } } housingOptions { edges { node { id title } } } } }";

/// A hub on this server that has read its sources.
async fn filled(server: &PostgresServer) -> Result<TestHub> {
    let hub = TestHub::on(TestStore::at(&server.url()).await?).await?;
    hub.sync(&RunOptions::default()).await?;
    Ok(hub)
}

/// The last change that the store tells of: where clients' cursors stand.
async fn last_change(db: &DatabaseConnection) -> Result<i64> {
    let last = change::Entity::find().order_by_desc(change::Column::Sequence).one(db).await?;
    Ok(last.context("a change")?.sequence)
}

/// The BRIN code of a school that has a need.
async fn needing(db: &DatabaseConnection) -> Result<String> {
    let need = need::Entity::find().order_by_asc(need::Column::Id).one(db).await?.context("a need")?;
    Ok(school::Entity::find_by_id(need.school_id).one(db).await?.context("its school")?.brin)
}

/// What a hub in a process of its own says of a school, once the runbook's commands have found nothing wrong.
async fn card(server: &PostgresServer, brin: &str) -> Result<Value> {
    let configuration = format!("[database]\nurl = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n", server.url());
    for command in [["migrate", "status"].as_slice(), &["sources"], &["runs"]] {
        let (status, log) = Process::start(command, &configuration)?.ended().await?;
        ensure!(status.success(), "hub {command:?}: {log:?}");
    }
    let process = Process::start(&["serve"], &configuration)?;
    let asked = client().post(format!("{}/graphql", process.address().await?));
    let answer: Value =
        asked.json(&json!({ "query": CARD, "variables": { "brin": brin } })).send().await?.json().await?;
    ensure!(answer.get("errors").is_none() && answer["data"]["school"]["needs"]["totalCount"] != json!(0), "{answer}");
    process.stop().await?;
    Ok(answer["data"].clone())
}

#[tokio::test]
async fn a_dump_is_restored_into_another_server_and_the_hub_goes_on() -> Result<()> {
    let Some(server) = PostgresServer::start(&[]).await? else { return Ok(()) };
    let hub = filled(&server).await?;
    let db = &hub.store.db;
    let (brin, stored, last) = (needing(db).await?, contents(db).await?, last_change(db).await?);
    let told = card(&server, &brin).await?;

    let folder = tempfile::tempdir()?;
    give(folder.path())?;
    let dump = folder.path().join("hub.dump");
    let mut dumping = program("pg_dump")?;
    dumping.args(["--format=custom", "--file"]).arg(&dump).arg(server.url());
    succeed(dumping).await.context("pg_dump")?;
    let other = PostgresServer::start(&[]).await?.context("a second server")?;
    let mut restoring = program("pg_restore")?;
    restoring.args(["--exit-on-error", "--single-transaction", "--no-owner", "--dbname", &other.url()]).arg(&dump);
    succeed(restoring).await.context("pg_restore")?;

    let restored = TestStore::at(&other.url()).await?.db;
    assert_eq!(contents(&restored).await?, stored);
    assert_eq!(card(&other, &brin).await?, told);
    goes_on(&hub, &restored, last).await
}

#[tokio::test]
async fn a_backup_is_recovered_up_to_an_instant_and_sources_tell_the_rest_again() -> Result<()> {
    let archive = tempfile::tempdir()?;
    give(archive.path())?;
    let archiving = format!("archive_command=cp %p {}/%f", archive.path().display());
    let Some(server) = PostgresServer::start(&["archive_mode=on", &archiving]).await? else { return Ok(()) };
    let hub = TestHub::on(TestStore::at(&server.url()).await?).await?;
    let backup = server.back_up().await?;

    // All that sources have told is in the archive alone.
    hub.sync(&RunOptions::default()).await?;
    let db = &hub.store.db;
    let (brin, stored, last) = (needing(db).await?, contents(db).await?, last_change(db).await?);
    let told = card(&server, &brin).await?;
    server.ask("SELECT pg_create_restore_point('before the accident')").await?;
    db.execute_unprepared("TRUNCATE need, commitment, housing_option CASCADE").await?;
    let accident = server.ask("SELECT pg_walfile_name(pg_current_wal_lsn())").await?;
    server.ask("SELECT pg_switch_wal()").await?;
    let file = archive.path().join(accident);
    until("the accident is archived", async || file.exists()).await?;

    let reading = format!("restore_command=cp {}/%f %p", archive.path().display());
    let target = ["recovery_target_name=before the accident", "recovery_target_action=promote"];
    let recovered = PostgresServer::recover(backup, &[&reading, target[0], target[1]]).await?;
    until("the recovered server takes writes", async || {
        recovered.ask("SELECT pg_is_in_recovery()").await.is_ok_and(|recovering| recovering == "false")
    })
    .await?;
    let restored = TestStore::at(&recovered.url()).await?.db;
    assert_eq!(contents(&restored).await?, stored);
    assert_eq!(card(&recovered, &brin).await?, told);
    goes_on(&hub, &restored, last).await
}

/// What sources tell next is read into the restored store, and told behind what had been told.
async fn goes_on(hub: &TestHub, restored: &DatabaseConnection, last: i64) -> Result<()> {
    assert_eq!(last_change(restored).await?, last);
    let engine = engine(restored)?;
    for source in hub.sources() {
        let report = engine.run(&source, &RunOptions { full: true, ..RunOptions::default() }).await?;
        ensure!(report.tally.created + report.tally.updated + report.tally.deleted == 0, "{report:?}");
    }
    assert_eq!(last_change(restored).await?, last, "nothing is told twice");
    hub.sandbox.edit(|sample| {
        let need = sample.needs.live().next().expect("a need").number;
        sample.needs.change(need, |need| need.overlay.set("title", "Een andere hulpvraag"));
    });
    for source in hub.sources() {
        engine.run(&source, &RunOptions::default()).await?;
    }
    assert_eq!(last_change(restored).await?, last + 1);
    Ok(())
}
