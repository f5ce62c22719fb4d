//! The store itself: migrations, constraints, the journal.

use anyhow::Result;
use entity::journal::Journal;
use entity::vocabulary::ChangeAction;
use entity::{Clock, change, school};
use gateway::database::schema;
use migration::{Migrator, MigratorTrait};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryOrder, Statement};
use tests::invented::{commitment, need, offer, partner, school, source};
use tests::store::Backend;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn migrations_go_up_down_and_up_again(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.empty().await? else { return Ok(()) };
    // As the hub does it, in one transaction: a connection of SQLite that has not seen the tables go would not let them be
    // made again.
    schema::up(&store.db).await?;
    schema::down(&store.db, u32::try_from(Migrator::migrations().len())?).await?;
    let tables = tables(&store.db).await?;
    assert!(tables.iter().all(|table| table.starts_with("seaql_")), "left behind: {tables:?}");
    schema::up(&store.db).await?;
    source(&store.db).await?;
    Ok(())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_commitment_cannot_answer_a_need_of_another_school(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let (here, there, giver) = (school("99AA00"), school("99AB00"), partner(None));
    let asked = need(here.id);
    let mut journal = Journal::begin(&store.db, Clock::system().now()).await?;
    journal.save(vec![(ChangeAction::Created, here.clone()), (ChangeAction::Created, there.clone())]).await?;
    journal.save(vec![(ChangeAction::Created, giver.clone())]).await?;
    journal.save(vec![(ChangeAction::Created, asked.clone())]).await?;
    journal.commit().await?;

    let mut journal = Journal::begin(&store.db, Clock::system().now()).await?;
    let wrong = commitment(giver.id, there.id, Some(asked.id));
    assert!(journal.save(vec![(ChangeAction::Created, wrong)]).await.is_err());
    drop(journal);
    let mut journal = Journal::begin(&store.db, Clock::system().now()).await?;
    let right = commitment(giver.id, here.id, Some(asked.id));
    journal.save(vec![(ChangeAction::Created, right)]).await?;
    journal.commit().await?;
    Ok(())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_offers_of_one_partner_cannot_share_an_external_id(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let giver = partner(None);
    let mut journal = Journal::begin(&store.db, Clock::system().now()).await?;
    journal.save(vec![(ChangeAction::Created, giver.clone())]).await?;
    journal.save(vec![(ChangeAction::Created, offer(giver.id, "a"))]).await?;
    assert!(journal.save(vec![(ChangeAction::Created, offer(giver.id, "a"))]).await.is_err());
    Ok(())
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_journal_that_is_dropped_leaves_nothing(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let mut journal = Journal::begin(&store.db, Clock::system().now()).await?;
    journal.save(vec![(ChangeAction::Created, school("99AA00"))]).await?;
    drop(journal);
    assert!(school::Entity::find().one(&store.db).await?.is_none());
    assert!(change::Entity::find().one(&store.db).await?.is_none());
    Ok(())
}

/// Invariant 4: a follower that reads the feed again and again, while many write, sees every change once, in an order
/// that never gains an earlier entry later.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_follower_sees_each_change_once_and_in_order(#[case] backend: Backend) -> Result<()> {
    const WRITERS: usize = 6;
    const EACH: usize = 15;
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let db = store.db.clone();
            tokio::spawn(async move {
                for turn in 0..EACH {
                    let mut journal = Journal::begin(&db, Clock::system().now()).await?;
                    let brin = format!("{writer:02}AA{turn:02}");
                    journal.save(vec![(ChangeAction::Created, school(&brin))]).await?;
                    tokio::task::yield_now().await;
                    journal.commit().await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let mut followed: Vec<i64> = Vec::new();
    while followed.len() < WRITERS * EACH {
        let after = followed.last().copied().unwrap_or(0);
        let all_ended = writers.iter().all(|writer| writer.is_finished());
        let seen = change::Entity::find().order_by_asc(change::Column::Sequence).all(&store.db).await?;
        let earlier: Vec<i64> = seen.iter().map(|row| row.sequence).filter(|sequence| *sequence <= after).collect();
        assert_eq!(earlier, followed, "an earlier entry turned up behind one that had been read");
        followed.extend(seen.iter().map(|row| row.sequence).filter(|sequence| *sequence > after));
        anyhow::ensure!(!all_ended || seen.len() == WRITERS * EACH, "a writer failed");
    }
    for writer in writers {
        writer.await??;
    }
    assert_eq!(followed, (1..=i64::try_from(WRITERS * EACH)?).collect::<Vec<_>>());
    Ok(())
}

async fn tables(db: &DatabaseConnection) -> Result<Vec<String>> {
    let backend = db.get_database_backend();
    let sql = match backend {
        sea_orm::DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        _ => "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()",
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    Ok(rows.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()?)
}
