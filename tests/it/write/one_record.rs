//! What a party writes through the hub and what the hub reads from its system is one record, and the latest status
//! stands whoever says it.

use anyhow::{Context, Result};
use connectors::sandbox::System;
use connectors::sandbox::sample::{key_of, need_id};
use connectors::sync::RunOptions;
use entity::global_id::{GlobalId, Kind};
use entity::vocabulary::{CommitmentStatus, NeedStatus, OfferStatus};
use entity::{commitment, need, offer, partner, refusal, school, school_board};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use tests::store::Backend;

use super::{Stage, caller};

async fn pull(stage: &Stage, system: System) -> Result<()> {
    read(stage, system, RunOptions::default()).await
}

async fn read(stage: &Stage, system: System, options: RunOptions) -> Result<()> {
    let report = stage.hub.engine.run(&stage.hub.source(system), &options).await?;
    anyhow::ensure!(report.error.is_none(), "{report:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_offer_that_is_pushed_and_pulled_is_one(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let count = offer::Entity::find().count(stage.db()).await?;
    let pulled = offer::Entity::find()
        .filter(offer::Column::SourceId.eq("partners"))
        .filter(offer::Column::Status.eq(OfferStatus::Published))
        .all(stage.db())
        .await?;
    let partners = partner::Entity::find().filter(partner::Column::Kvk.is_not_null()).all(stage.db()).await?;
    let with_number = |offer: &&offer::Model| partners.iter().find(|partner| partner.id == offer.partner_id);
    let offer = pulled.iter().find(|offer| with_number(offer).is_some()).context("an offer")?;
    let owner = with_number(&offer).context("its partner")?;
    let sender = caller(&format!("partner:{}", owner.kvk.as_deref().context("a number")?));
    let name = offer.external_id.as_deref().context("a name")?;
    let input = json!({ "offers": [{ "externalId": name, "title": "Zo heet het", "themes": ["STRATEGIC_HR"] }] });
    let pushed = stage.mutate(&sender, "upsertOffers", input).await?;
    assert_eq!(pushed["results"][0]["outcome"], json!("UPDATED"), "{pushed}");
    assert_eq!(pushed["offers"][0]["id"], json!(GlobalId::new(Kind::Offer, offer.id).to_string()));
    let stands = async || -> Result<offer::Model> {
        offer::Entity::find_by_id(offer.id).one(stage.db()).await?.context("the offer")
    };
    // Its own word goes first; what it says nothing of, the system tells.
    let row = stands().await?;
    assert_eq!((row.title.as_str(), row.description), ("Zo heet het", offer.description.clone()));
    pull(&stage, System::Partners).await?;
    assert_eq!(stands().await?.title, "Zo heet het");
    assert_eq!(offer::Entity::find().count(stage.db()).await?, count);

    // The latest status stands, and a system that says what it said before says nothing new.
    stage.mutate(&sender, "withdrawOffers", json!({ "externalIds": [name] })).await?;
    pull(&stage, System::Partners).await?;
    assert_eq!(stands().await?.status, OfferStatus::Ended);
    let number = key_of(name).context("a number")?;
    stage.hub.sandbox.edit(|sample| assert!(sample.offers.change(number, |offer| offer.status = "temporarily closed")));
    pull(&stage, System::Partners).await?;
    assert_eq!(stands().await?.status, OfferStatus::Paused);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_board_accepts_what_a_system_proposed_and_that_systems_next_step_comes_through(
    #[case] backend: Backend,
) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let proposed = commitment::Entity::find()
        .filter(commitment::Column::Status.eq(CommitmentStatus::Proposed))
        .filter(commitment::Column::OfferId.is_null())
        .one(stage.db())
        .await?
        .or(commitment::Entity::find()
            .filter(commitment::Column::Status.eq(CommitmentStatus::Proposed))
            .filter(commitment::Column::CapacityAmount.is_null())
            .one(stage.db())
            .await?)
        .context("a proposal")?;
    let school = school::Entity::find_by_id(proposed.school_id).one(stage.db()).await?.context("a school")?;
    let board = school_board::Entity::find_by_id(school.school_board_id.context("a board")?);
    let board = caller(&format!("board:{}", board.one(stage.db()).await?.context("a board")?.number));
    let id = json!(GlobalId::new(Kind::Commitment, proposed.id).to_string());
    let accepted = stage.step(&board, &id, "ACCEPTED").await?;
    assert_eq!(accepted["commitment"]["status"], json!("ACCEPTED"), "{accepted}");
    let stands = async || -> Result<commitment::Model> {
        commitment::Entity::find_by_id(proposed.id).one(stage.db()).await?.context("the commitment")
    };
    // Whose record it is has not changed with that.
    assert_eq!(
        (stands().await?.source_id.as_str(), stands().await?.external_id),
        ("partners", proposed.external_id.clone())
    );
    pull(&stage, System::Partners).await?;
    assert_eq!(stands().await?.status, CommitmentStatus::Accepted);
    let number = key_of(proposed.external_id.as_deref().context("a name")?).context("a number")?;
    stage
        .hub
        .sandbox
        .edit(|sample| assert!(sample.commitments.change(number, |commitment| commitment.status = "ACTIVE")));
    pull(&stage, System::Partners).await?;
    assert_eq!(stands().await?.status, CommitmentStatus::Active);
    // Nobody tells of it any more: a step alone is no record.
    stage.hub.sandbox.edit(|sample| assert!(sample.commitments.remove(number)));
    read(&stage, System::Partners, RunOptions { full: true, ..RunOptions::default() }).await?;
    assert!(stands().await?.deleted_at.is_some());
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_board_writes_over_what_its_system_says_of_a_need_field_by_field(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let pulled = need::Entity::find()
        .filter(need::Column::Status.eq(NeedStatus::Open))
        .filter(need::Column::DeletedAt.is_null())
        .one(stage.db())
        .await?
        .context("a need")?;
    let school = school::Entity::find_by_id(pulled.school_id).one(stage.db()).await?.context("a school")?;
    let board = school_board::Entity::find_by_id(school.school_board_id.context("a board")?);
    let board = caller(&format!("board:{}", board.one(stage.db()).await?.context("a board")?.number));
    let id = GlobalId::new(Kind::Need, pulled.id).to_string();
    let number = key_of(pulled.external_id.as_deref().context("a name")?).context("a number")?;
    stage.mutate(&board, "updateNeed", json!({ "id": id, "title": "Zelf gezegd" })).await?;
    stage.hub.sandbox.edit(|sample| {
        sample.needs.change(number, |need| {
            need.overlay.set("title", "Van het systeem");
            need.overlay.set("description", "Ook van het systeem");
        });
    });
    pull(&stage, System::Boards).await?;
    let row = need::Entity::find_by_id(pulled.id).one(stage.db()).await?.context("the need")?;
    assert_eq!((row.title.as_str(), row.description.as_deref()), ("Zelf gezegd", Some("Ook van het systeem")));
    // A need of that name at that school is that need.
    let name = pulled.external_id.as_deref();
    let made = json!({ "school": school.brin, "title": "Nog eens", "themes": ["STRATEGIC_HR"], "externalId": name });
    let made = stage.mutate(&board, "createNeed", made).await?;
    assert_eq!(made["need"]["id"], json!(id), "{made}");
    // When the system lets go of it, what the board wrote in full stands by itself.
    stage.hub.sandbox.edit(|sample| assert!(sample.needs.remove(number)));
    pull(&stage, System::Boards).await?;
    let row = need::Entity::find_by_id(pulled.id).one(stage.db()).await?.context("the need")?;
    assert!(row.deleted_at.is_none() && row.source_id.starts_with("api-board-"), "{row:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_citizen_number_in_a_pulled_record_is_refused_and_kept_nowhere(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let mut changed = None;
    stage.hub.sandbox.edit(|sample| {
        let number = sample.needs.live().next().expect("a need").number;
        sample.needs.change(number, |need| need.overlay.set("title", "Hulp voor 999990019"));
        changed = Some(need_id(number));
    });
    // So many of the few that changed that the run is partial.
    stage.hub.engine.run(&stage.hub.source(System::Boards), &RunOptions::default()).await?;
    let refused = refusal::Entity::find().all(stage.db()).await?;
    let [refused] = refused.as_slice() else { anyhow::bail!("{refused:?}") };
    assert_eq!(refused.external_id, changed);
    assert!(refused.reasons.0[0].contains("BSN"), "{refused:?}");
    assert!(!refused.payload.as_deref().unwrap_or_default().contains("999990019"), "{refused:?}");
    let stands = need::Entity::find().filter(need::Column::ExternalId.eq(changed)).one(stage.db()).await?;
    assert!(stands.is_some_and(|need| !need.title.contains("999990019")));
    Ok(())
}
