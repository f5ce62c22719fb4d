//! Commitments: who takes which step, what follows for the need, and that no offer is overdrawn.

use anyhow::{Context, Result};
use entity::commitment;
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::CommitmentStatus;
use futures::future::join_all;
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use tests::store::Backend;

use super::{Stage, caller, fault, faults, mutate};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn each_side_takes_its_steps_and_the_need_follows(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let (board, partner) = (stage.board(), stage.partner());
    let need = stage.need(json!({ "fteAsked": 1.0 })).await?;
    let half =
        |title: &str| json!({ "need": need["id"], "title": title, "capacity": { "amount": 0.5, "unit": "FTE" } });
    let (first, second) = (stage.proposal(half("Een")).await?, stage.proposal(half("Twee")).await?);
    assert_eq!(stage.need_status(&need["id"]).await?, json!("OPEN"));

    // Not the partner's step, not in the life cycle, and not theirs at all.
    let own = stage.step(&partner, &first["id"], "ACCEPTED").await?;
    assert_eq!(faults(&own), fault("status", "FORBIDDEN"));
    let early = stage.step(&board, &first["id"], "CONFIRMED").await?;
    assert_eq!(faults(&early), fault("status", "STEP_NOT_ALLOWED"));
    let message = early["userErrors"][0]["message"].as_str().context("a sentence")?;
    assert!(message.contains("ACCEPTED or DECLINED"), "{message}");
    let other = caller(&format!("partner:{}", stage.other_partner.kvk.as_deref().context("a number")?));
    assert_eq!(faults(&stage.step(&other, &first["id"], "WITHDRAWN").await?), fault("id", "NOT_FOUND"));

    let with_note = json!({ "id": first["id"], "status": "ACCEPTED", "note": "Graag!", "expectedVersion": 1 });
    let accepted = stage.mutate(&board, "setCommitmentStatus", with_note).await?;
    assert_eq!(accepted["commitment"]["version"], json!(2), "{accepted}");
    assert_eq!(stage.need_status(&need["id"]).await?, json!("PARTLY_COMMITTED"));
    stage.step(&board, &second["id"], "ACCEPTED").await?;
    assert_eq!(stage.need_status(&need["id"]).await?, json!("COMMITTED"));
    let late = json!({ "school": stage.school.brin, "title": "Te laat", "need": need["id"] });
    assert_eq!(faults(&stage.mutate(&partner, "proposeCommitment", late).await?), fault("need", "CONFLICT"));
    stage.step(&partner, &second["id"], "WITHDRAWN").await?;
    assert_eq!(stage.need_status(&need["id"]).await?, json!("PARTLY_COMMITTED"));

    stage.step(&partner, &first["id"], "ACTIVE").await?;
    stage.step(&partner, &first["id"], "COMPLETED").await?;
    let confirmed = stage.step(&board, &first["id"], "CONFIRMED").await?;
    let history = confirmed["commitment"]["history"].as_array().context("a history")?;
    let steps: Vec<_> = history.iter().filter_map(|step| step["status"].as_str()).collect();
    assert_eq!(steps, ["PROPOSED", "ACCEPTED", "ACTIVE", "COMPLETED", "CONFIRMED"]);
    assert_eq!((&history[1]["by"], &history[1]["note"]), (&json!(stage.board.name), &json!("Graag!")));
    assert_eq!(history[2]["by"], json!(stage.partner.name));
    assert_eq!(stage.need_status(&need["id"]).await?, json!("OPEN"));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_proposal_must_fit_school_need_offer_and_partner(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let need = stage.need(json!({})).await?;
    let draft = stage.need(json!({ "status": "DRAFT" })).await?;
    stage.proposal(json!({ "externalId": "c-1" })).await?;
    let foreign = GlobalId::new(Kind::Partner, stage.other_partner.id).to_string();
    for (part, field, code) in [
        (json!({ "school": stage.elsewhere.brin, "need": need["id"] }), "need", "INVALID"),
        (json!({ "school": "99ZZ98" }), "school", "NOT_FOUND"),
        (json!({ "need": draft["id"] }), "need", "NOT_FOUND"),
        (json!({ "offer": need["id"] }), "offer", "NOT_FOUND"),
        (json!({ "partner": foreign }), "partner", "NOT_FOUND"),
        (json!({ "externalId": "c-1" }), "externalId", "CONFLICT"),
        (json!({ "capacity": { "amount": 0, "unit": "FTE" } }), "capacity.amount", "INVALID"),
    ] {
        let mut input = json!({ "school": stage.school.brin, "title": "Een toezegging" });
        super::merge(&mut input, part);
        let answer = stage.mutate(&stage.partner(), "proposeCommitment", input).await?;
        assert_eq!(faults(&answer), fault(field, code), "{answer}");
    }
    let board = json!({ "school": stage.school.brin, "title": "Een toezegging" });
    assert_eq!(faults(&stage.mutate(&stage.board(), "proposeCommitment", board).await?), fault("", "FORBIDDEN"));
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_that_want_the_last_place_one_gets_it(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let offer = stage.offer("laatste-plaats", 3.0).await?;
    let global = GlobalId::new(Kind::Offer, offer.id).to_string();
    let places = |amount: f64| json!({ "offer": global, "capacity": { "amount": amount, "unit": "PLACES" } });
    let taken = stage.proposal(places(2.0)).await?;
    stage.step(&stage.board(), &taken["id"], "ACCEPTED").await?;
    let mut proposals = Vec::new();
    for _ in 0..50 {
        proposals.push(stage.proposal(places(1.0)).await?["id"].clone());
    }
    let board = stage.board();
    // One graph for all: making fifty would take longer than anybody waits for a connection.
    let graph = stage.hub.graph();
    let accept = |id: &Value| {
        let input = json!({ "id": id, "status": "ACCEPTED" });
        let (graph, board) = (&graph, &board);
        async move { mutate(graph, board, "setCommitmentStatus", input).await }
    };
    let answers = join_all(proposals.iter().map(accept)).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>>>()?;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["userErrors"] == json!([]));
    assert_eq!(won.len(), 1, "{won:?}");
    assert!(lost.iter().all(|answer| faults(answer) == fault("status", "CONFLICT")), "{lost:?}");
    let message = lost[0]["userErrors"][0]["message"].as_str().context("a sentence")?;
    assert!(message.contains("has 0 PLACES left"), "{message}");
    let live = commitment::Entity::find()
        .filter(commitment::Column::OfferId.eq(offer.id))
        .filter(commitment::Column::Status.eq(CommitmentStatus::Accepted));
    assert_eq!(live.count(stage.db()).await?, 2);
    Ok(())
}
