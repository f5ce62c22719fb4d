//! `changes`: everything missed, then what is new; no gap, nothing twice, and always the present.

use anyhow::Result;
use entity::Clock;
use entity::journal::Journal;
use entity::vocabulary::ChangeAction;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use sea_orm::Statement;
use serde_json::{Value, json};
use tests::gateway::TestGateway;
use tests::socket::Socket;
use tests::store::Backend;

use super::{CHANGES, only_told, settings_of, source, write};

fn sequence(payload: &Value) -> u32 {
    payload["data"]["changes"]["sequence"].as_str().expect("a change").parse().expect("a number")
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_missed_comes_first_then_what_is_new_while_sixteen_write(#[case] backend: Backend) -> Result<()> {
    const WRITERS: u32 = 16;
    const EACH: u32 = 12;
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    // More than a page lies behind the cursor.
    write(&store.db, 1..=150).await?;
    let gateway = TestGateway::on_store(&store.db, &settings_of(backend)).await?;
    let mut first = Socket::acknowledged(gateway.address).await?;
    let query = "{ changes(first: 1) { pageInfo { endCursor } } }";
    first.subscribe("q", query, json!({})).await?;
    let mut after = first.next("q").await?["data"]["changes"]["pageInfo"]["endCursor"].take();
    assert_eq!(first.hear().await?, json!({ "type": "complete", "id": "q" }));

    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let db = store.db.clone();
            tokio::spawn(async move {
                for turn in 0..EACH {
                    let number = 1000 + writer * 1000 + turn * 2;
                    write(&db, [number, number + 1]).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let last = 150 + WRITERS * EACH * 2;
    let mut expected = 2..=last;
    // Some follow from the beginning to the end; one is cut off again and again, and goes on where it was.
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("1", CHANGES, json!({ "after": after })).await?;
    let whole = tokio::spawn(async move {
        for expected in 2..=last {
            assert_eq!(sequence(&socket.next("1").await?), expected);
        }
        anyhow::Ok(())
    });
    while !expected.is_empty() {
        let mut socket = Socket::acknowledged(gateway.address).await?;
        socket.subscribe("1", CHANGES, json!({ "after": after })).await?;
        for expected in expected.by_ref().take(97) {
            let payload = socket.next("1").await?;
            assert_eq!(sequence(&payload), expected);
            assert_eq!(payload["extensions"]["cursor"], payload["data"]["changes"]["cursor"]);
            after = payload["data"]["changes"]["cursor"].clone();
        }
    }
    for writer in writers {
        writer.await??;
    }
    whole.await?
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn without_a_cursor_it_begins_now_and_shows_what_was_asked_for(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    write(&store.db, 1..=3).await?;
    let gateway = TestGateway::on_store(&store.db, &settings_of(backend)).await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("all", CHANGES, json!({})).await?;
    socket.subscribe("schools", "subscription { changes(types: [SCHOOL]) { cursor } }", json!({})).await?;
    // Both have begun once a query behind them is answered.
    socket.subscribe("q", "{ __typename }", json!({})).await?;
    socket.next("q").await?;
    assert_eq!(socket.hear().await?["type"], "complete");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    write(&store.db, 4..=5).await?;
    for expected in 4..=5 {
        assert_eq!(sequence(&socket.next("all").await?), expected);
    }
    let silence = tokio::time::timeout(std::time::Duration::from_millis(300), socket.hear()).await;
    assert!(silence.is_err(), "{silence:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn each_event_sees_the_present(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    source(&store.db).await?;
    write(&store.db, [1]).await?;
    let boards = write(&store.db, [2, 3]).await?;
    let gateway = TestGateway::on_store(&store.db, &settings_of(backend)).await?;
    let query = "subscription($after: String) { changes(after: $after) {
        sequence action record { ... on SchoolBoard { name } } source { lastSucceededAt } } }";
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("q", "{ changes(first: 1) { pageInfo { endCursor } } }", json!({})).await?;
    let after = socket.next("q").await?["data"]["changes"]["pageInfo"]["endCursor"].take();
    socket.hear().await?;

    // Deleted since: all that is told of it is that it is gone.
    let now = Clock::system().now();
    let gone = entity::school_board::Model { deleted_at: Some(now), ..boards[0].clone() };
    let mut journal = Journal::begin(&store.db, now).await?;
    journal.save(vec![(ChangeAction::Deleted, gone)]).await?;
    journal.commit().await?;
    socket.subscribe("1", query, json!({ "after": after })).await?;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(socket.next("1").await?["data"]["changes"].take());
    }
    let of = |sequence: &str, action: &str, record: Value| json!({ "sequence": sequence, "action": action, "record": record, "source": { "lastSucceededAt": null } });
    let there = json!({ "name": boards[1].name });
    let expected = [of("2", "DELETED", Value::Null), of("3", "CREATED", there), of("4", "DELETED", Value::Null)];
    assert_eq!(told, expected);

    // The source has changed, and so has the record, since the subscription began.
    let sql = "UPDATE source SET last_succeeded_at = '2026-01-01T00:00:00Z' WHERE id = 'test'";
    let backend = store.db.get_database_backend();
    store.db.execute_raw(Statement::from_string(backend, sql)).await?;
    let renamed = entity::school_board::Model { name: "Stichting Anders".to_owned(), ..boards[1].clone() };
    let mut journal = Journal::begin(&store.db, now).await?;
    journal.save(vec![(ChangeAction::Updated, renamed)]).await?;
    journal.commit().await?;
    let told = socket.next("1").await?;
    assert_eq!(told["data"]["changes"]["record"]["name"], "Stichting Anders");
    assert_eq!(told["data"]["changes"]["source"]["lastSucceededAt"], "2026-01-01T00:00:00+00:00");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_makes_no_sense_is_refused_before_it_begins(#[case] backend: Backend) -> Result<()> {
    let Some(store) = backend.store().await? else { return Ok(()) };
    let gateway = TestGateway::on_store(&store.db, &only_told()).await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    for (query, expected) in [
        ("subscription { changes(after: \"x\") { cursor } }", "`after` is no cursor of the change feed."),
        // change:7, of a feed that has none yet.
        (
            "subscription { changes(after: \"Y2hhbmdlOjc\") { cursor } }",
            "`after` lies behind the feed's end: the store was put back. Read everything again.",
        ),
        ("subscription { schoolChanged(brin: \"99ZZ98\") { name } }", "`brin`: there is no school 99ZZ98."),
        (
            "subscription { a: changes { cursor } b: changes { cursor } }",
            "A subscription has one field at its root. Subscribe to each on its own.",
        ),
    ] {
        socket.subscribe("1", query, json!({})).await?;
        let message = socket.hear().await?;
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["payload"][0]["message"], expected);
        assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
    Ok(())
}
