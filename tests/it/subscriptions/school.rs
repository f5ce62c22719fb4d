//! `schoolChanged`: told when its card changes, and only then.

use std::time::Duration;

use anyhow::{Context, Result};
use connectors::sync::RunOptions;
use entity::journal::{Journal, Record};
use entity::vocabulary::{ChangeAction, CommitmentStatus};
use entity::{
    Clock, commitment, housing_option, housing_scheme, need, offer, offer_municipality, offer_region, partner, school,
    school_board,
};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tests::gateway::TestGateway;
use tests::hub::TestHub;
use tests::socket::Socket;
use tests::store::Backend;
use tokio::time::timeout;

use super::settings_of;

const QUERY: &str = "subscription($brin: String!) { schoolChanged(brin: $brin) { brin name pupils } }";

/// Writes a record as it is: a change all the same.
async fn touch<R: Record>(hub: &TestHub, rows: Vec<R>) -> Result<()> {
    let mut journal = Journal::begin(&hub.store.db, Clock::system().now()).await?;
    journal.save(rows.into_iter().map(|row| (ChangeAction::Updated, row)).collect()).await?;
    journal.commit().await?;
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_school_is_told_of_whatever_changes_on_its_card_and_nothing_else(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let db = &hub.store.db;
    let brin = hub.sandbox.sample_brin();
    let here = school::Entity::find().filter(school::Column::Brin.eq(&brin)).one(db).await?.context("a school")?;
    let municipality = here.municipality_code.clone().context("its municipality")?;
    let gateway = TestGateway::on_store(db, &settings_of(backend)).await?;
    let mut socket = Socket::acknowledged(gateway.address).await?;
    socket.subscribe("1", QUERY, json!({ "brin": brin })).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;

    // What is on its card.
    touch(&hub, vec![school::Model { pupils: Some(321), ..here.clone() }]).await?;
    assert_eq!(socket.next("1").await?["data"]["schoolChanged"]["pupils"], 321);
    let needs = need::Entity::find().filter(need::Column::SchoolId.eq(here.id)).all(db).await?;
    assert!(needs.len() > 1, "the sample has needs");
    // Several at once are told once.
    touch(&hub, needs).await?;
    assert_eq!(socket.next("1").await?["data"]["schoolChanged"]["brin"], brin.as_str());
    let live = CommitmentStatus::LIVE;
    let commitments = commitment::Entity::find().filter(commitment::Column::SchoolId.eq(here.id)).all(db).await?;
    let bound = commitments.iter().find(|bound| live.contains(&bound.status)).context("a live commitment")?;
    touch(&hub, vec![bound.clone()]).await?;
    socket.next("1").await.context("a commitment")?;
    let giver = partner::Entity::find_by_id(bound.partner_id).one(db).await?.context("its partner")?;
    touch(&hub, vec![giver]).await?;
    socket.next("1").await.context("its partner")?;
    let homes = housing_option::Entity::find().all(db).await?;
    let home = homes.iter().find(|home| home.municipality_code == municipality).context("a home")?;
    touch(&hub, vec![home.clone()]).await?;
    socket.next("1").await.context("a home of its municipality")?;
    // In another municipality, but five kilometres away.
    let elsewhere = homes.iter().find(|home| home.municipality_code != municipality).context("a home elsewhere")?;
    let (north, east) = (here.latitude.context("degrees")? + 0.045, here.longitude.context("degrees")?);
    let point = entity::GeoPoint::new(north, east).context("a point")?.on_unit_sphere();
    let near = housing_option::Model {
        latitude: Some(north),
        longitude: Some(east),
        geo_x: Some(point[0]),
        geo_y: Some(point[1]),
        geo_z: Some(point[2]),
        ..elsewhere.clone()
    };
    touch(&hub, vec![near]).await?;
    socket.next("1").await.context("a home near it")?;
    let schemes = housing_scheme::Entity::find().all(db).await?;
    if let Some(scheme) = schemes.iter().find(|scheme| scheme.municipality_code == municipality) {
        touch(&hub, vec![scheme.clone()]).await?;
        socket.next("1").await.context("a scheme")?;
    }
    let board = here.school_board_id.context("its board")?;
    touch(&hub, vec![school_board::Entity::find_by_id(board).one(db).await?.context("its board")?]).await?;
    socket.next("1").await.context("its board")?;

    // An offer that may fit one of its needs.
    let needs = need::Entity::find().filter(need::Column::SchoolId.eq(here.id)).all(db).await?;
    let themes = needs.iter().fold(0, |themes, need| themes | need.themes.bits());
    let offers = offer::Entity::find().all(db).await?;
    let (fitting, other): (Vec<_>, Vec<_>) = offers.into_iter().partition(|offer| offer.themes.bits() & themes != 0);
    let fitting = fitting.into_iter().next().context("an offer on a theme of its needs")?;
    touch(&hub, vec![offer::Model { national: true, ..fitting.clone() }]).await?;
    socket.next("1").await.context("an offer")?;

    // What is not: an offer on other themes, or which is given nowhere.
    touch(&hub, other).await?;
    let nowhere = offer::Model { national: false, radius_km: None, ..fitting.clone() };
    offer_municipality::Entity::delete_many()
        .filter(offer_municipality::Column::OfferId.eq(fitting.id))
        .exec(db)
        .await?;
    offer_region::Entity::delete_many().filter(offer_region::Column::OfferId.eq(fitting.id)).exec(db).await?;
    touch(&hub, vec![nowhere]).await?;
    let other = school::Entity::find().filter(school::Column::Brin.ne(&brin)).all(db).await?;
    touch(&hub, other.into_iter().filter(|school| school.id != here.id).collect()).await?;
    let far = homes.iter().filter(|home| home.municipality_code != municipality && home.id != elsewhere.id);
    let centre = entity::GeoPoint::new(here.latitude.context("degrees")?, east).context("a point")?;
    let is_far = |home: &&housing_option::Model| {
        let point = home.latitude.zip(home.longitude).and_then(|(north, east)| entity::GeoPoint::new(north, east));
        point.is_none_or(|point| point.distance_km(centre) > 15.5)
    };
    let far: Vec<_> = far.filter(is_far).cloned().collect();
    assert!(!far.is_empty(), "the sample has homes elsewhere");
    touch(&hub, far).await?;
    let silence = timeout(Duration::from_millis(700), socket.hear()).await;
    assert!(silence.is_err(), "{silence:?}");

    // Gone: there is nothing more to tell.
    let gone = school::Model { deleted_at: Some(Clock::system().now()), ..here };
    touch(&hub, vec![gone]).await?;
    assert_eq!(socket.hear().await?, json!({ "type": "complete", "id": "1" }));
    Ok(())
}
