//! Needs, written by the board of the school.

use anyhow::Result;
use entity::{need, source};
use futures::future::join_all;
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use tests::store::Backend;

use super::{Stage, caller, fault, faults, mutate, scoped};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_board_asks_changes_and_closes_and_its_source_is_never_late(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let draft =
        stage.need(json!({ "status": "DRAFT", "description": "Lang", "fteAsked": 0.5, "externalId": "eigen-1" }));
    let draft = draft.await?;
    assert_eq!((&draft["status"], &draft["version"]), (&json!("DRAFT"), &json!(1)));
    let id = draft["id"].clone();
    let board = stage.board();
    // Null takes back what was said; what is absent stays.
    let change = json!({ "id": id, "title": "Anders", "description": null, "expectedVersion": 1 });
    let changed = stage.mutate(&board, "updateNeed", change).await?;
    let need = &changed["need"];
    assert_eq!(
        (&need["title"], &need["description"], &need["fteAsked"]),
        (&json!("Anders"), &Value::Null, &json!(0.5))
    );
    assert_eq!(need["version"], json!(2));
    for (status, version) in [("OPEN", 3), ("FULFILLED", 4)] {
        let step = stage.mutate(&board, "setNeedStatus", json!({ "id": id, "status": status })).await?;
        assert_eq!((&step["need"]["status"], &step["need"]["version"]), (&json!(status), &json!(version)), "{step}");
    }
    let over = stage.mutate(&board, "setNeedStatus", json!({ "id": id, "status": "OPEN" })).await?;
    assert_eq!(faults(&over), fault("status", "STEP_NOT_ALLOWED"));
    let over = stage.mutate(&board, "updateNeed", json!({ "id": id, "title": "Te laat" })).await?;
    assert_eq!(faults(&over), fault("id", "CONFLICT"));

    let source_id = format!("api-board-{}", stage.board.number);
    let query = "query ($id: String!) { source(id: $id) { name kind health recordCount } }";
    // Configuration is read again, and switches the source of a party not off.
    connectors::sync::register(stage.db(), &stage.hub.sources()).await?;
    let source = stage.ask(&board, query, json!({ "id": source_id })).await["data"]["source"].clone();
    assert_eq!(source["health"], json!("HEALTHY"), "{source}");
    assert_eq!((&source["name"], &source["kind"]), (&json!(stage.board.name), &json!("SCHOOL_BOARD")));
    assert!(source::Entity::find_by_id(source_id).one(stage.db()).await?.is_some_and(|source| source.enabled));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_is_told_and_nothing_is_written(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let needs = need::Entity::find().count(stage.db()).await?;
    let board = stage.board();
    let good = json!({ "school": stage.school.brin, "title": "Goed", "themes": ["STRATEGIC_HR"] });
    let wrong = async |part: Value| -> Result<Vec<(String, String)>> {
        let mut input = good.clone();
        super::merge(&mut input, part);
        Ok(faults(&stage.mutate(&board, "createNeed", input).await?))
    };
    assert_eq!(wrong(json!({ "school": "niets" })).await?, fault("school", "INVALID"));
    assert_eq!(wrong(json!({ "school": "99ZZ98" })).await?, fault("school", "NOT_FOUND"));
    // Another board's school is as if it were not there.
    assert_eq!(wrong(json!({ "school": stage.elsewhere.brin })).await?, fault("school", "NOT_FOUND"));
    assert_eq!(wrong(json!({ "title": "  " })).await?, fault("title", "INVALID"));
    assert_eq!(wrong(json!({ "title": "x".repeat(201) })).await?, fault("title", "INVALID"));
    assert_eq!(wrong(json!({ "themes": [] })).await?, fault("themes", "INVALID"));
    assert_eq!(wrong(json!({ "description": "Voor leerling 999990019" })).await?, fault("description", "INVALID"));
    assert_eq!(wrong(json!({ "contact": { "email": "geen adres" } })).await?, fault("contact.email", "INVALID"));
    assert_eq!(wrong(json!({ "startsOn": "2027-02-01", "endsOn": "2027-01-01" })).await?, fault("endsOn", "INVALID"));
    assert_eq!(wrong(json!({ "status": "COMMITTED" })).await?, fault("status", "STEP_NOT_ALLOWED"));
    assert_eq!(wrong(json!({ "fteAsked": -1, "hoursPerWeekAsked": 0 })).await?.len(), 2);

    // Who may not.
    let partner = stage.mutate(&stage.partner(), "createNeed", good.clone()).await?;
    assert_eq!(faults(&partner), fault("", "FORBIDDEN"));
    let nobody = stage.mutate(&caller("board:00999"), "createNeed", good.clone()).await?;
    assert_eq!(faults(&nobody), fault("", "FORBIDDEN"));
    let app = stage.mutate(&caller("none"), "createNeed", good.clone()).await?;
    assert_eq!(faults(&app), fault("", "FORBIDDEN"));
    let query = "mutation ($input: CreateNeedInput!) { createNeed(input: $input) { need { id } } }";
    let unscoped = scoped(&format!("board:{}", stage.board.number), &["alliance:read", "offers:write"]);
    let answer = stage.ask(&unscoped, query, json!({ "input": good })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], json!("FORBIDDEN"), "{answer}");
    assert_eq!(need::Entity::find().count(stage.db()).await?, needs);

    // Of a need that is another board's, no more is told than of one that is not there.
    let foreign = need::Entity::find().filter(need::Column::SchoolId.ne(stage.school.id)).all(stage.db()).await?;
    let own_schools = entity::school::Entity::find()
        .filter(entity::school::Column::SchoolBoardId.eq(stage.board.id))
        .all(stage.db())
        .await?;
    let foreign = foreign.iter().find(|need| own_schools.iter().all(|school| school.id != need.school_id));
    let foreign = entity::global_id::GlobalId::new(entity::global_id::Kind::Need, foreign.expect("a need").id);
    for id in [foreign.to_string(), "bmVlZDp4".to_owned()] {
        let answer = stage.mutate(&board, "updateNeed", json!({ "id": id, "title": "Gekaapt" })).await?;
        assert_eq!(faults(&answer), fault("id", "NOT_FOUND"));
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_that_change_one_version_one_wins(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let need = stage.need(json!({})).await?;
    let (board, graph) = (stage.board(), stage.hub.graph());
    let change = async |number: usize| {
        let title = format!("Versie van {number}");
        let input = json!({ "id": need["id"], "title": title, "expectedVersion": 1 });
        mutate(&graph, &board, "updateNeed", input).await
    };
    let answers = join_all((0..20).map(change)).await.into_iter().collect::<Result<Vec<_>>>()?;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["userErrors"] == json!([]));
    assert_eq!(won.len(), 1, "{won:?}");
    assert!(lost.iter().all(|answer| faults(answer) == fault("expectedVersion", "CONFLICT")), "{lost:?}");
    let message = lost[0]["userErrors"][0]["message"].as_str().expect("a sentence");
    assert!(message.contains("version is 2"), "{message}");
    Ok(())
}
