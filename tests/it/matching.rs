//! Offers for needs and needs for offers: the same pairs from both sides, on both databases, and never one that cannot be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use async_graphql::{Executor, Request};
use chrono::Duration;
use connectors::sync::RunOptions;
use entity::code::CodeSet;
use entity::journal::{Journal, Record};
use entity::vocabulary::{CapacityUnit, ChangeAction, NeedStatus, OfferStatus, Theme};
use entity::{Clock, GeoPoint, municipality, need, offer, offer_municipality, offer_region, partner, school};
use gateway::config::{LimitSettings, MatchingSettings};
use gateway::feed::Feed;
use gateway::graphql::{Caller, Graph, Language};
use rstest::rstest;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel, Statement, TransactionTrait};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::invented;
use tests::store::Backend;

const OFFERS: &str = "{ needs(first: 40) { nodes { title suggestedOffers(first: 40) {
  offer { title } score distanceKm reasons { criterion score weight explanation } } } } }";
const NEEDS: &str = "{ offers(first: 40) { nodes { title suggestedNeeds(first: 40) {
  need { title school { brin } } score distanceKm reasons { criterion score weight explanation } } } } }";

async fn save<R: Record>(hub: &TestHub, rows: Vec<R>) -> Result<()> {
    let mut journal = Journal::begin(&hub.store.db, Clock::system().now()).await?;
    journal.save(rows.into_iter().map(|row| (ChangeAction::Updated, row)).collect()).await?;
    journal.commit().await?;
    Ok(())
}

/// A school in the middle of nowhere with a need, and a partner.
struct Scene {
    hub: TestHub,
    school: school::Model,
    partner: partner::Model,
    need: need::Model,
}

async fn scene(backend: Backend) -> Result<Option<Scene>> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
    invented::source(&hub.store.db).await?;
    // The reference records' own offers would be suggested as well.
    hub.store.db.execute_unprepared("UPDATE offer SET status = 'PAUSED'").await?;
    let row = municipality::Model {
        code: "GM9901".to_owned(),
        name: "Zuidwolde".to_owned(),
        is_g4: false,
        region_slug: Some("twente".to_owned()),
        priority: 1,
    };
    municipality::Entity::insert(row.into_active_model()).exec_without_returning(&hub.store.db).await?;
    let school = placed(school::Model {
        municipality_code: Some("GM9901".to_owned()),
        disadvantage_score: Some(100.0),
        ..invented::school("99QX07")
    });
    save(&hub, vec![school.clone()]).await?;
    let partner = invented::partner(None);
    save(&hub, vec![partner.clone()]).await?;
    let need = need::Model { title: "Vraag".to_owned(), fte_asked: Some(1.0), ..invented::need(school.id) };
    save(&hub, vec![need.clone()]).await?;
    Ok(Some(Scene { hub, school, partner, need }))
}

fn placed(school: school::Model) -> school::Model {
    let point = GeoPoint::new(52.2, 6.9).expect("a point on the earth");
    let [x, y, z] = point.on_unit_sphere().map(Some);
    school::Model {
        latitude: Some(point.latitude),
        longitude: Some(point.longitude),
        geo_x: x,
        geo_y: y,
        geo_z: z,
        ..school
    }
}

/// An offer on housing that reaches nobody yet.
fn offer(partner: &partner::Model, title: &str) -> offer::Model {
    offer::Model {
        title: title.to_owned(),
        themes: [Theme::TeacherHousing].into_iter().collect(),
        national: false,
        ..invented::offer(partner.id, title)
    }
}

fn circle(offer: offer::Model, latitude: f64, radius_km: f64) -> offer::Model {
    let point = GeoPoint::new(latitude, 6.9).expect("a point on the earth");
    let [x, y, z] = point.on_unit_sphere().map(Some);
    offer::Model {
        latitude: Some(latitude),
        longitude: Some(6.9),
        geo_x: x,
        geo_y: y,
        geo_z: z,
        radius_km: Some(radius_km),
        ..offer
    }
}

/// What is suggested, by the title of what it is suggested to.
async fn suggested(
    hub: &TestHub,
    query: &str,
    root: &str,
    field: &str,
    of: &str,
) -> Result<BTreeMap<String, Vec<Value>>> {
    let data = hub.data(query, json!({})).await?;
    let nodes = data[root]["nodes"].as_array().context("nodes")?;
    let matches = |node: &Value| -> Vec<Value> {
        let with_title = |found: &Value| {
            let mut found = found.clone();
            found["title"] = found[of]["title"].clone();
            found
        };
        node[field].as_array().into_iter().flatten().map(with_title).collect()
    };
    Ok(nodes.iter().map(|node| (node["title"].as_str().unwrap_or_default().to_owned(), matches(node))).collect())
}

async fn offers_of(hub: &TestHub) -> Result<Vec<Value>> {
    let mut suggested = suggested(hub, OFFERS, "needs", "suggestedOffers", "offer").await?;
    suggested.remove("Vraag").context("the need")
}

fn titles(matches: &[Value]) -> Vec<&str> {
    matches.iter().filter_map(|found| found["title"].as_str()).collect()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_nearest_offers_come_first_and_those_that_cannot_be_never(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, school, partner, need }) = scene(backend).await? else { return Ok(()) };
    let today = Clock::system().now().date_naive();
    let national = |title: &str| offer::Model { national: true, ..offer(&partner, title) };
    let full = |offer: offer::Model, amount: f64| offer::Model {
        capacity_amount: Some(amount),
        capacity_unit: Some(CapacityUnit::Fte),
        ..offer
    };
    let (here, region) = (offer(&partner, "gemeente"), offer(&partner, "regio"));
    let exhausted = full(national("op"), 2.0);
    save(
        &hub,
        vec![
            full(here.clone(), 1.0),
            region.clone(),
            national("land"),
            circle(offer(&partner, "cirkel"), 52.2, 5.0),
            circle(offer(&partner, "te ver"), 52.4, 20.0),
            circle(offer(&partner, "niets rondom"), 52.2001, 0.0),
            offer(&partner, "nergens"),
            offer::Model { themes: [Theme::StrategicHr].into_iter().collect(), ..national("ander thema") },
            offer::Model { status: OfferStatus::Paused, ..national("gepauzeerd") },
            offer::Model { status: OfferStatus::Exhausted, ..national("uitgeput") },
            offer::Model { deleted_at: Some(Clock::system().now()), ..national("weg") },
            offer::Model { ends_on: Some(today - Duration::days(1)), ..national("voorbij") },
            offer::Model { starts_on: Some(today + Duration::days(500)), ..national("ooit") },
            full(national("niets"), 0.0),
            exhausted.clone(),
        ],
    )
    .await?;
    let reach = offer_municipality::Model { offer_id: here.id, municipality_code: "GM9901".to_owned() };
    offer_municipality::Entity::insert(reach.into_active_model()).exec_without_returning(&hub.store.db).await?;
    let reach = offer_region::Model { offer_id: region.id, region_slug: "twente".to_owned() };
    offer_region::Entity::insert(reach.into_active_model()).exec_without_returning(&hub.store.db).await?;
    let mut taken = invented::commitment(partner.id, school.id, None);
    (taken.offer_id, taken.capacity_amount, taken.capacity_unit) =
        (Some(exhausted.id), Some(2.5), Some(CapacityUnit::Fte));
    save(&hub, vec![taken]).await?;

    let found = offers_of(&hub).await?;
    assert_eq!(titles(&found), ["gemeente", "cirkel", "regio", "land"], "{found:#?}");
    let scores: Vec<f64> = found.iter().filter_map(|found| found["score"].as_f64()).collect();
    assert_eq!(scores, [1.0, 0.95, 0.92, 0.89]);
    assert_eq!(found[1]["distanceKm"], json!(0.0));
    let said: Vec<&str> = found[0]["reasons"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reason| reason["explanation"].as_str())
        .collect();
    assert_eq!(
        said,
        [
            "Gaat over het thema van de hulpvraag: Geschikte huisvesting voor leerkrachten.",
            "De hulpvraag noemt geen soort ondersteuning: elke soort past.",
            "Is er voor de gemeente Zuidwolde.",
            "Is er de hele periode van de hulpvraag.",
            "Er is genoeg: 1 fte over, 1 fte gevraagd.",
            "Er is geen VOG nodig.",
        ]
    );
    // From the other side the same pairs, with the same scores.
    for (title, matches) in suggested(&hub, NEEDS, "offers", "suggestedNeeds", "need").await? {
        let forth = found.iter().find(|found| found["title"] == title.as_str());
        let back = matches.iter().find(|found| found["title"] == need.title.as_str());
        assert_eq!(forth.map(|found| &found["score"]), back.map(|found| &found["score"]), "{title}");
        assert_eq!(forth.map(|found| &found["reasons"]), back.map(|found| &found["reasons"]), "{title}");
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn among_equals_the_most_vulnerable_school_comes_first(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, partner, need, .. }) = scene(backend).await? else { return Ok(()) };
    save(&hub, vec![offer::Model { national: true, ..offer(&partner, "land") }]).await?;
    for (brin, disadvantage_score) in [("99QY01", None), ("99QY02", Some(400.5)), ("99QY03", Some(30.0))] {
        let school = placed(school::Model { disadvantage_score, ..invented::school(brin) });
        save(&hub, vec![school.clone()]).await?;
        let status = |status| need::Model { status, title: format!("{status:?}"), ..invented::need(school.id) };
        let open = need::Model { fte_asked: need.fte_asked, ..invented::need(school.id) };
        let gone = need::Model { deleted_at: Some(Clock::system().now()), ..invented::need(school.id) };
        let closed = [NeedStatus::Draft, NeedStatus::Committed, NeedStatus::Fulfilled, NeedStatus::Withdrawn];
        save(&hub, closed.map(status).into_iter().chain([open, gone]).collect()).await?;
    }
    let suggested = suggested(&hub, NEEDS, "offers", "suggestedNeeds", "need").await?;
    let brins: Vec<&Value> = suggested["land"].iter().map(|found| &found["need"]["school"]["brin"]).collect();
    assert_eq!(brins, ["99QY02", "99QX07", "99QY03", "99QY01"]);
    // A need that is met is suggested nothing.
    let met = hub.data(OFFERS, json!({})).await?;
    let committed = met["needs"]["nodes"].as_array().context("nodes")?.iter().find(|node| node["title"] == "Committed");
    assert_eq!(committed.context("a need that is met")?["suggestedOffers"], json!([]));
    Ok(())
}

/// What an index of candidates says is what the records say, whoever wrote them.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn candidates_follow_every_writer(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, partner, need, .. }) = scene(backend).await? else { return Ok(()) };
    let given = offer(&partner, "aanbod");
    save(&hub, vec![given.clone()]).await?;
    let housing: CodeSet<Theme> = [Theme::TeacherHousing].into_iter().collect();
    let housing = housing.bits();
    let raw = async |sql: &str| hub.store.db.execute_unprepared(sql).await;
    for (sql, fits) in [
        ("SELECT 1".to_owned(), false),
        ("UPDATE offer SET \"national\" = TRUE WHERE title = 'aanbod'".to_owned(), true),
        ("UPDATE offer SET themes = 1 WHERE title = 'aanbod'".to_owned(), false),
        ("UPDATE need SET themes = 3".to_owned(), true),
        (format!("UPDATE need SET themes = {housing}"), false),
        (format!("UPDATE offer SET themes = {housing} WHERE title = 'aanbod'"), true),
        ("UPDATE offer SET status = 'ENDED' WHERE title = 'aanbod'".to_owned(), false),
        ("UPDATE offer SET status = 'PUBLISHED', \"national\" = FALSE WHERE title = 'aanbod'".to_owned(), false),
        ("INSERT INTO offer_municipality SELECT id, 'GM9901' FROM offer WHERE title = 'aanbod'".to_owned(), true),
        ("DELETE FROM offer_municipality".to_owned(), false),
        ("INSERT INTO offer_region SELECT id, 'twente' FROM offer WHERE title = 'aanbod'".to_owned(), true),
        ("UPDATE municipality SET region_slug = NULL WHERE code = 'GM9901'".to_owned(), false),
        ("UPDATE municipality SET region_slug = 'twente' WHERE code = 'GM9901'".to_owned(), true),
        ("UPDATE need SET status = 'FULFILLED'".to_owned(), false),
        ("UPDATE need SET status = 'PARTLY_COMMITTED'".to_owned(), true),
    ] {
        raw(&sql).await?;
        assert_eq!(titles(&offers_of(&hub).await?).len(), usize::from(fits), "{sql}");
        let back = suggested(&hub, NEEDS, "offers", "suggestedNeeds", "need").await?;
        assert_eq!(back.get("aanbod").is_some_and(|found| !found.is_empty()), fits, "{sql}");
    }
    save(&hub, vec![circle(given, 52.25, 10.0)]).await?;
    raw("DELETE FROM offer_region").await?;
    let found = offers_of(&hub).await?;
    assert!(found[0]["distanceKm"].as_f64().is_some_and(|km| (km - 5.56).abs() < 0.1), "{found:#?}");
    save(&hub, vec![need::Model { deleted_at: Some(Clock::system().now()), ..need }]).await?;
    let back = suggested(&hub, NEEDS, "offers", "suggestedNeeds", "need").await?;
    assert!(back["aanbod"].is_empty(), "{back:#?}");
    Ok(())
}

/// Every pair that one side finds the other finds as well: two different ways through the store.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn both_sides_find_the_same_pairs_at_a_cost_that_the_query_fixes(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    // The graph as it is with room for every pair of the sample.
    let limits = LimitSettings { page_size: 500, cost: usize::MAX, ..LimitSettings::default() };
    let settings = MatchingSettings { candidates: 500, ..MatchingSettings::default() };
    let graph = Graph::new(hub.store.db.clone(), Clock::system(), hub.feed.clone(), &limits).matching(&settings);
    let pairs = async |query: &str, root: &str, field: &str, of: &str| -> Result<Vec<(String, String, String)>> {
        let answer = serde_json::to_value(graph.execute(Request::new(query)).await)?;
        let nodes = answer["data"][root]["nodes"].as_array().with_context(|| answer.to_string())?.clone();
        let mut pairs = Vec::new();
        for node in nodes {
            let scores: Vec<f64> =
                node[field].as_array().into_iter().flatten().filter_map(|found| found["score"].as_f64()).collect();
            assert!(scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
            for found in node[field].as_array().into_iter().flatten() {
                let sides = [&node["id"], &found[of]["id"]].map(ToString::to_string);
                let [need, offer] = if of == "offer" { sides } else { [sides[1].clone(), sides[0].clone()] };
                pairs.push((need, offer, found["score"].to_string()));
            }
        }
        pairs.sort();
        Ok(pairs)
    };
    let open = "filter: { statuses: [OPEN, PARTLY_COMMITTED] }";
    let forth = format!(
        "{{ needs(first: 400, {open}) {{ nodes {{ id suggestedOffers(first: 400) {{ score offer {{ id }} }} }} }} }}"
    );
    let back = "{ offers(first: 400) { nodes { id suggestedNeeds(first: 400) { score need { id } } } } }";
    let forth = pairs(&forth, "needs", "suggestedOffers", "offer").await?;
    let back = pairs(back, "offers", "suggestedNeeds", "need").await?;
    assert!(forth.len() > 200, "{} pairs", forth.len());
    assert_eq!(forth, back);
    for query in [
        "{ needs(first: 1) { nodes { suggestedOffers { score offer { title partner { name } } } } } }",
        "{ offers(first: 1) { nodes { suggestedNeeds { score need { title school { name } } } } } }",
    ] {
        let mut costs = Vec::new();
        for first in ["first: 5", "first: 60"] {
            let (answer, cost) = hub.statements(hub.ask(&query.replacen("first: 1", first, 1), json!({}))).await;
            assert!(answer.get("errors").is_none(), "{answer}");
            costs.push(cost);
        }
        assert_eq!(costs[0], costs[1], "{query}");
        assert!(costs[0] <= 12, "{costs:?}");
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_best_candidates_are_kept(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, partner, .. }) = scene(backend).await? else { return Ok(()) };
    let many = (0..30).map(|number| {
        let offer = offer::Model { national: true, requires_vog: true, ..offer(&partner, &format!("land {number}")) };
        offer::Model { vog_in_order: Some(number % 2 == 0), ..offer }
    });
    let near = circle(offer(&partner, "dichtbij"), 52.2, 3.0);
    save(&hub, many.chain([near]).collect()).await?;
    let settings = MatchingSettings { candidates: 3, ..MatchingSettings::default() };
    let graph = Graph::new(hub.store.db.clone(), Clock::system(), hub.feed.clone(), &LimitSettings::default())
        .matching(&settings);
    let query = "{ needs { nodes { suggestedOffers(first: 10) { offer { title vogInOrder } } } } }";
    let answer = serde_json::to_value(graph.execute(Request::new(query)).await)?;
    let found = answer["data"]["needs"]["nodes"][0]["suggestedOffers"].as_array().context("offers")?;
    assert_eq!(found.len(), 3);
    assert_eq!(found[0]["offer"]["title"], json!("dichtbij"));
    assert!(found[1..].iter().all(|found| found["offer"]["vogInOrder"] == json!(true)), "{answer}");
    // Other weights, another order.
    let settings = MatchingSettings { reach_weight: 0.0, vog_weight: 0.0, ..MatchingSettings::default() };
    let graph = Graph::new(hub.store.db.clone(), Clock::system(), hub.feed.clone(), &LimitSettings::default())
        .matching(&settings);
    let query = "{ needs { nodes { suggestedOffers(first: 40) { score reasons { criterion weight explanation(language: EN) } } } } }";
    let request = Request::new(query).data(Caller { language: Language::En, ..Caller::default() });
    let answer = serde_json::to_value(graph.execute(request).await)?;
    let found = answer["data"]["needs"]["nodes"][0]["suggestedOffers"].as_array().context("offers")?;
    assert_eq!(found.len(), 31);
    assert!(found.iter().all(|match_| match_["score"] == found[0]["score"]), "{answer}");
    assert_eq!(found[0]["reasons"][5]["weight"], json!(0.0));
    assert_eq!(found[0]["reasons"][3]["explanation"], json!("Is there for the need's whole period."));
    let too_many = hub.ask("{ needs { nodes { suggestedOffers(first: 101) { score } } } }", json!({})).await;
    assert_eq!(too_many["errors"][0]["extensions"]["code"], json!("BAD_USER_INPUT"), "{too_many}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn candidates_are_found_by_index(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let seen: Arc<Mutex<Vec<Statement>>> = Arc::default();
    let mut db = hub.store.db.clone();
    let sink = Arc::clone(&seen);
    db.set_metric_callback(move |info| sink.lock().expect("no panic").push(info.statement.clone()));
    let feed = Feed::new(db.clone(), std::time::Duration::from_secs(1));
    let graph = Graph::new(db, Clock::system(), feed, &LimitSettings::default());
    let query = "{ needs(first: 2) { nodes { suggestedOffers { score } } } offers(first: 2) { nodes { suggestedNeeds { score } } } }";
    assert!(graph.execute(Request::new(query)).await.errors.is_empty());
    let statements: Vec<Statement> = seen.lock().expect("no panic").clone();
    for (table, sqlite, postgres) in [
        ("offer_reach", "SEARCH offer_reach USING", "on offer_reach"),
        ("need_theme", "SEARCH need_theme USING", "on need_theme"),
    ] {
        let candidates = statements.iter().find(|each| each.sql.contains(table)).context("the statement")?;
        let transaction = hub.store.db.begin().await?;
        if backend == Backend::Postgres {
            // A sample this small is read whole faster than by any index.
            transaction.execute_unprepared("SET LOCAL enable_seqscan = off").await?;
        }
        let explain = if backend == Backend::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
        let explained = Statement { sql: format!("{explain} {}", candidates.sql), ..candidates.clone() };
        let rows = transaction.query_all_raw(explained).await?;
        let column = if backend == Backend::Sqlite { "detail" } else { "QUERY PLAN" };
        let plan = rows.iter().map(|row| row.try_get::<String>("", column)).collect::<Result<Vec<_>, _>>()?.join("\n");
        assert!(plan.contains(if backend == Backend::Sqlite { sqlite } else { postgres }), "{plan}");
        for whole in ["need", "offer", "school", "offer_reach", "need_theme"] {
            let scans = [format!("SCAN {whole}\n"), format!("Seq Scan on {whole} ")];
            assert!(!scans.iter().any(|scan| plan.contains(scan.as_str())), "{whole} is read whole: {plan}");
        }
    }
    Ok(())
}
