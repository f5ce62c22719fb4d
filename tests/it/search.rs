//! Full-text search: the same records on both databases, whoever wrote them, and never one that is hidden.

mod cost;

use anyhow::{Context, Result, ensure};
use connectors::sync::RunOptions;
use entity::journal::{Journal, Record};
use entity::vocabulary::{ChangeAction, NeedStatus, OfferStatus};
use entity::{Clock, municipality, need, offer_municipality, partner, school};
use migration::{Migrator, MigratorTrait};
use rstest::rstest;
use sea_orm::{ActiveValue, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, Statement, TransactionTrait};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::invented;
use tests::store::Backend;

const SEARCH: &str = "query ($text: String!, $types: [SearchType!], $first: Int, $after: String) {
  search(text: $text, types: $types, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
    edges { cursor score node { __typename ... on School { id title: name } ... on Partner { id title: name }
      ... on Need { id title } ... on Offer { id title } ... on Initiative { id title: name } } }
  }
}";

/// Saves records as any writer does.
async fn save<R: Record>(hub: &TestHub, rows: Vec<R>) -> Result<()> {
    let mut journal = Journal::begin(&hub.store.db, Clock::system().now()).await?;
    journal.save(rows.into_iter().map(|row| (ChangeAction::Updated, row)).collect()).await?;
    journal.commit().await?;
    Ok(())
}

/// A hub with the reference records, two schools, a partner, and what is asked and offered.
struct Scene {
    hub: TestHub,
    school: school::Model,
    partner: partner::Model,
    need: need::Model,
}

async fn scene(backend: Backend) -> Result<Option<Scene>> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
    invented::source(&hub.store.db).await?;
    for (code, name) in [("GM9901", "Zuidwolde"), ("GM9902", "Noordwolde")] {
        let row = municipality::Model {
            code: code.to_owned(),
            name: name.to_owned(),
            is_g4: false,
            region_slug: None,
            priority: 1,
        };
        municipality::Entity::insert(row.into_active_model()).exec_without_returning(&hub.store.db).await?;
    }
    let school = school::Model {
        name: "De Zilveren Ree\u{308}ks".to_owned(),
        city: Some("Sint Nergens".to_owned()),
        municipality_code: Some("GM9901".to_owned()),
        ..invented::school("99QX07")
    };
    let other = school::Model { name: "Het Zilvermeer".to_owned(), ..invented::school("99QX08") };
    save(&hub, vec![school.clone(), other]).await?;
    let partner = partner::Model { name: "Stichting Kwikstaart".to_owned(), ..invented::partner(None) };
    save(&hub, vec![partner.clone()]).await?;
    let need = need::Model {
        title: "Twee leerkrachten voor rekenkringen".to_owned(),
        description: Some("Wie helpt onze café-middagen? Ook kwikzilver is welkom.".to_owned()),
        ..invented::need(school.id)
    };
    save(&hub, vec![need.clone()]).await?;
    let mut offer = invented::offer(partner.id, "x");
    offer.title = "Zilveren handen in de klas".to_owned();
    save(&hub, vec![offer]).await?;
    Ok(Some(Scene { hub, school, partner, need }))
}

/// The titles that are found, best first, and how many there are said to be.
async fn titles(hub: &TestHub, text: &str) -> Result<(Vec<String>, i64)> {
    let found = hub.data(SEARCH, json!({ "text": text, "first": 100 })).await?;
    let edges = found["search"]["edges"].as_array().context("edges")?.clone();
    let titles = edges.iter().filter_map(|edge| edge["node"]["title"].as_str().map(str::to_owned)).collect();
    Ok((titles, found["search"]["totalCount"].as_i64().context("a count")?))
}

async fn finds(hub: &TestHub, text: &str, expected: &[&str]) -> Result<()> {
    let (titles, count) = titles(hub, text).await?;
    ensure!(titles == expected, "`{text}` finds {titles:?}, and not {expected:?}");
    ensure!(usize::try_from(count)? == titles.len(), "`{text}`: {count} counted");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_record_is_found_by_any_form_of_its_words(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, .. }) = scene(backend).await? else { return Ok(()) };
    let (school, other, need) = ("De Zilveren Ree\u{308}ks", "Het Zilvermeer", "Twee leerkrachten voor rekenkringen");
    let offer = "Zilveren handen in de klas";
    // Stems, case, accents however they are written, and marks.
    finds(&hub, "LEERKRACHT rekenkring ", &[need]).await?;
    finds(&hub, "reëks!", &[school, need]).await?;
    finds(&hub, "Café ", &[need]).await?;
    finds(&hub, "cafe-middag?", &[need]).await?;
    // The beginning of a word, the last one only, and the shorter title first.
    finds(&hub, "zilver", &[other, school, offer, need]).await?;
    finds(&hub, "zilv meer", &[]).await?;
    finds(&hub, "rekenkri", &[need]).await?;
    finds(&hub, "rekenkri ", &[]).await?;
    // Names and codes: the school before its needs.
    finds(&hub, "99qx07", &[school, need]).await?;
    finds(&hub, "99QX", &[other, school, need]).await?;
    finds(&hub, "zuidwolde", &[school, need]).await?;
    finds(&hub, "sint nergens leerkracht", &[need]).await?;
    finds(&hub, "kwikstaart handen", &[offer]).await?;
    finds(&hub, "kwikstaart", &["Stichting Kwikstaart", offer]).await?;
    // Every word counts, but for those that say nothing.
    finds(&hub, "zilveren kwikstaart amsterdam", &[]).await?;
    finds(&hub, "de kwikstaart van het", &["Stichting Kwikstaart", offer]).await?;
    let typed = hub.data(SEARCH, json!({ "text": "zilver", "types": ["OFFER", "SCHOOL"] })).await?;
    assert_eq!(typed["search"]["totalCount"], json!(3), "{typed}");
    let nothing = hub.data(SEARCH, json!({ "text": "zilver", "types": [] })).await?;
    assert_eq!(nothing["search"]["totalCount"], json!(0), "{nothing}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn documents_follow_every_writer(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, school, partner, need }) = scene(backend).await? else { return Ok(()) };
    let title = need.title.as_str();
    // A bulk upsert, a raw statement, and records whose names others carry.
    save(&hub, vec![need::Model { title: "Hulp bij sterrenkunde".to_owned(), ..need.clone() }]).await?;
    finds(&hub, "rekenkringen", &[]).await?;
    finds(&hub, "sterrenkunde", &["Hulp bij sterrenkunde"]).await?;
    let raw = async |sql: &str| hub.store.db.execute_unprepared(sql).await;
    raw(&format!("UPDATE need SET title = '{title}', description = NULL")).await?;
    finds(&hub, "sterrenkunde", &[]).await?;
    finds(&hub, "rekenkringen", &[title]).await?;
    save(&hub, vec![school::Model { name: "Koraalrif".to_owned(), ..school.clone() }]).await?;
    finds(&hub, "zilveren reeks", &[]).await?;
    finds(&hub, "koraal", &["Koraalrif", title]).await?;
    raw("UPDATE municipality SET name = 'Westwolde' WHERE code = 'GM9901'").await?;
    finds(&hub, "zuidwolde", &[]).await?;
    finds(&hub, "westwolde", &["Koraalrif", title]).await?;
    save(&hub, vec![partner::Model { name: "Vereniging Ibis".to_owned(), ..partner.clone() }]).await?;
    finds(&hub, "kwikstaart", &[]).await?;
    finds(&hub, "ibis", &["Vereniging Ibis", "Zilveren handen in de klas"]).await?;
    let offer_id = entity::offer::Entity::find().all(&hub.store.db).await?;
    let offer_id = offer_id.iter().find(|offer| offer.partner_id == partner.id).context("the offer")?.id;
    let reach = offer_municipality::Model { offer_id, municipality_code: "GM9902".to_owned() };
    offer_municipality::Entity::insert(reach.into_active_model()).exec_without_returning(&hub.store.db).await?;
    finds(&hub, "noordwolde", &["Zilveren handen in de klas"]).await?;
    raw("DELETE FROM offer_municipality").await?;
    finds(&hub, "noordwolde", &[]).await?;
    // What is gone is not found, and what comes back is.
    let now = Clock::system().now();
    save(&hub, vec![need::Model { deleted_at: Some(now), ..need.clone() }]).await?;
    finds(&hub, "rekenkringen", &[]).await?;
    save(&hub, vec![need.clone()]).await?;
    finds(&hub, "rekenkringen", &[title]).await?;
    raw("DELETE FROM need").await?;
    finds(&hub, "rekenkringen", &[]).await?;
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_text_of_any_size_can_be_written(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, need, .. }) = scene(backend).await? else { return Ok(()) };
    for description in [
        "x".repeat(3_000_000),
        (0..300_000).map(|number| format!("w{number} ")).collect::<String>(),
        "it's a:1A,b & !c | (d) <-> \\ \u{a0}\u{2003}\u{3000}\u{200b}\u{1f600}\u{feff} '_x':*".to_owned(),
    ] {
        save(&hub, vec![need::Model { description: Some(description), ..need.clone() }]).await?;
        finds(&hub, "rekenkringen", &[&need.title]).await?;
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_hidden_is_neither_found_nor_counted(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, school, partner, .. }) = scene(backend).await? else { return Ok(()) };
    for (status, visible) in [
        (NeedStatus::Draft, false),
        (NeedStatus::Withdrawn, false),
        (NeedStatus::Open, true),
        (NeedStatus::Fulfilled, true),
    ] {
        let title = format!("Pinguïns {status:?}");
        let need = need::Model { title: title.clone(), status, ..invented::need(school.id) };
        save(&hub, vec![need]).await?;
        let expected: Vec<&str> = visible.then_some(title.as_str()).into_iter().collect();
        finds(&hub, &title, &expected).await?;
    }
    assert_eq!(titles(&hub, "pinguins").await?.1, 2);
    for status in [OfferStatus::Paused, OfferStatus::Ended, OfferStatus::Exhausted] {
        let mut offer = invented::offer(partner.id, &format!("{status:?}"));
        (offer.title, offer.status) = ("Walrus".to_owned(), status);
        save(&hub, vec![offer]).await?;
    }
    finds(&hub, "walrus", &[]).await
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn no_operator_reaches_the_database(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, .. }) = scene(backend).await? else { return Ok(()) };
    for text in [
        "kwikstaart OR 1=1",
        "\"kwikstaart",
        "kwikstaart*",
        "title:kwikstaart",
        "{title} : kwikstaart",
        "^kwikstaart",
        "NEAR(kwikstaart stichting, 2)",
        "kwikstaart' --",
        "kwikstaart & !stichting",
        "'_x':*",
        "a:* | b",
        "kwikstaart\\",
        "(kwikstaart",
        "kwik\u{0}staart",
        "-kwikstaart",
        "kwikstaart <-> stichting",
        "$1 ? ?? @@ kwikstaart",
        "²³ª ß ﬀ İ",
        "日本語",
        "مدرسة",
        "🦆 kwikstaart",
        &"w ".repeat(100),
    ] {
        let answer = hub.ask(SEARCH, json!({ "text": text })).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        assert!(code.is_null() || code == "BAD_USER_INPUT", "{text}: {answer}");
    }
    // An operator is a word like any other, or none at all.
    finds(&hub, "NOT kwikstaart", &[]).await?;
    finds(&hub, "-kwikstaart !handen", &["Zilveren handen in de klas"]).await?;
    for (text, told) in
        [("  ", "no word"), ("?!*", "no word"), (&"x".repeat(201), "200"), ("a b c d e f g h i j k l m", "12")]
    {
        let answer = hub.ask(SEARCH, json!({ "text": text })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], json!("BAD_USER_INPUT"), "{answer}");
        assert!(answer["errors"][0]["message"].as_str().context("a sentence")?.contains(told), "{answer}");
    }
    let cursor = hub.ask(SEARCH, json!({ "text": "zilver", "after": "bm90IG1pbmU" })).await;
    assert_eq!(cursor["errors"][0]["extensions"]["code"], json!("BAD_USER_INPUT"), "{cursor}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn pages_hold_each_record_once_while_records_come_and_go(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, school, .. }) = scene(backend).await? else { return Ok(()) };
    let needs: Vec<need::Model> = (0..25)
        .map(|number| {
            let title = format!("Zeilboot{} op het wad", " lang".repeat(number % 3));
            need::Model { title, ..invented::need(school.id) }
        })
        .collect();
    save(&hub, needs.clone()).await?;
    let before = hub.data(SEARCH, json!({ "text": "zeilboten", "first": 100 })).await?;
    let ids = |page: &Value| -> Vec<Value> {
        page["search"]["edges"].as_array().into_iter().flatten().map(|edge| edge["node"]["id"].clone()).collect()
    };
    let all = ids(&before);
    assert_eq!(all.len(), 25);
    let mut walked: Vec<Value> = Vec::new();
    let mut after = Value::Null;
    for turn in 0.. {
        let page = hub.data(SEARCH, json!({ "text": "zeilboten", "first": 4, "after": after })).await?;
        walked.extend(ids(&page));
        after = page["search"]["pageInfo"]["endCursor"].clone();
        assert_eq!(page["search"]["pageInfo"]["hasPreviousPage"], json!(turn > 0));
        if page["search"]["pageInfo"]["hasNextPage"] != json!(true) {
            break;
        }
        // Many come that change how common each word is, one of them better than all; one goes that was read.
        let better = need::Model { title: "Zeilboot".to_owned(), ..invented::need(school.id) };
        let common = (0..5).map(|_| need::Model { title: "Op het wad".to_owned(), ..invented::need(school.id) });
        save(&hub, common.chain([better]).collect()).await?;
        let now = Clock::system().now();
        let read = needs.iter().find(|need| need.title == needs[0].title && need.deleted_at.is_none());
        if let (0, Some(read)) = (turn, read) {
            save(&hub, vec![need::Model { deleted_at: Some(now), ..read.clone() }]).await?;
        }
    }
    let missing: Vec<&Value> = all.iter().filter(|id| !walked.contains(id)).collect();
    assert!(missing.len() <= 1, "{missing:?} were passed over");
    let mut once = walked.clone();
    once.sort_by_key(ToString::to_string);
    once.dedup();
    assert_eq!(once.len(), walked.len());
    Ok(())
}

/// A short page may be full of records that have every word in their title, a long one is not: both must order alike.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn short_pages_are_the_parts_of_a_long_one(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
    hub.sync(&RunOptions::default()).await?;
    let mut mixed = 0;
    for text in ["school", "leerkrachten", "amsterdam school", "coach werkdruk", "st"] {
        let whole = hub.data(SEARCH, json!({ "text": text, "first": 100 })).await?;
        let whole = whole["search"]["edges"].as_array().context("edges")?.clone();
        let best = whole.iter().filter(|edge| edge["score"].as_f64() >= Some(0.99)).count();
        mixed += usize::from((1..whole.len()).contains(&best));
        let mut walked = Vec::new();
        let mut after = Value::Null;
        while walked.len() < whole.len() {
            let page = hub.data(SEARCH, json!({ "text": text, "first": 9, "after": after })).await?;
            let edges = page["search"]["edges"].as_array().context("edges")?;
            assert!(!edges.is_empty(), "{text}: {} of {}", walked.len(), whole.len());
            walked.extend(edges.iter().cloned());
            after = page["search"]["pageInfo"]["endCursor"].clone();
        }
        walked.truncate(whole.len());
        assert_eq!(walked, whole, "{text}");
    }
    assert!(mixed >= 2, "{mixed} texts stand in some titles and in other places too");
    Ok(())
}

/// Invariant 10, for words from the sample's names, titles and texts.
#[tokio::test]
async fn both_databases_find_the_same_and_score_alike() -> Result<()> {
    let mut hubs = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(hub) = TestHub::start(backend).await? else { return Ok(()) };
        hub.sync(&RunOptions::default()).await?;
        hubs.push(hub);
    }
    let statement = Statement::from_string(DbBackend::Sqlite, "SELECT term FROM search_vocabulary ORDER BY term");
    let rows = hubs[0].store.db.query_all_raw(statement).await?;
    let words = rows.iter().map(|row| row.try_get::<String>("", "term")).collect::<Result<Vec<_>, _>>()?;
    assert!(words.len() > 500, "{} words", words.len());
    let pairs = words.windows(2).step_by(23).map(|pair| pair.join(" "));
    let beginnings = words.iter().step_by(19).map(|word| word.chars().take(3).collect());
    let whole = words.iter().step_by(3).map(|word| format!("{word} "));
    let texts: Vec<String> = whole.chain(pairs).chain(beginnings).collect();
    // A request may have 30 aliases.
    for batch in texts.chunks(5) {
        let fields: String = batch
            .iter()
            .enumerate()
            .map(|(number, text)| {
                format!(
                    "s{number}: search(text: {}, first: 40) {{ totalCount edges {{ score node {{
                       ... on School {{ key: brin }} ... on Partner {{ key: name }} ... on Need {{ key: title }}
                       ... on Offer {{ key: title }} ... on Initiative {{ key: name }} }} }} }} ",
                    json!(text)
                )
            })
            .collect();
        let query = format!("{{ {fields} }}");
        let mut answers = Vec::new();
        for hub in &hubs {
            answers.push(hub.data(&query, json!({})).await?);
        }
        for (number, text) in batch.iter().enumerate() {
            let [sqlite, postgres] = [0, 1].map(|hub: usize| &answers[hub][format!("s{number}")]);
            assert_eq!(sqlite["totalCount"], postgres["totalCount"], "{text}");
            let edges = |found: &Value, part: &str| -> Vec<String> {
                found["edges"].as_array().into_iter().flatten().map(|edge| edge[part].to_string()).collect()
            };
            assert_eq!(edges(sqlite, "score"), edges(postgres, "score"), "{text}");
            if sqlite["totalCount"].as_i64() <= Some(40) {
                // Among equals the identity decides, and each hub gives its own.
                let [mut one, mut other] = [edges(sqlite, "node"), edges(postgres, "node")];
                one.sort();
                other.sort();
                assert_eq!(one, other, "{text}");
            }
        }
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_store_that_was_there_before_is_searchable_at_once(#[case] backend: Backend) -> Result<()> {
    let Some(Scene { hub, .. }) = scene(backend).await? else { return Ok(()) };
    let steps = Migrator::get_migration_files();
    let newer = steps.iter().position(|step| step.name().contains("search")).context("the migration")?;
    Migrator::down(&hub.store.db, Some(u32::try_from(steps.len() - newer)?)).await?;
    hub.store
        .db
        .execute_unprepared("UPDATE partner SET name = 'Genootschap Wulp' WHERE name = 'Stichting Kwikstaart'")
        .await?;
    Migrator::up(&hub.store.db, None).await?;
    finds(&hub, "wulp", &["Genootschap Wulp", "Zilveren handen in de klas"]).await
}

/// Who writes a need while another renames its school must not leave the old name behind.
#[tokio::test]
async fn a_name_that_changes_while_a_record_is_written_is_the_new_one() -> Result<()> {
    let Some(Scene { hub, school, need, .. }) = scene(Backend::Postgres).await? else { return Ok(()) };
    for turn in 0..20 {
        let name = format!("Naam{turn}");
        let renaming = hub.store.db.begin().await?;
        renaming.execute_unprepared(&format!("UPDATE school SET name = '{name}' WHERE brin = '99QX07'")).await?;
        let late = need::Model { title: format!("Laat {turn}"), ..invented::need(school.id) };
        let writing = {
            let db = hub.store.db.clone();
            let late = late.clone();
            tokio::spawn(async move {
                let mut active = late.into_active_model();
                active.external_id = ActiveValue::Set(None);
                need::Entity::insert(active).exec_without_returning(&db).await
            })
        };
        tokio::task::yield_now().await;
        renaming.commit().await?;
        writing.await??;
        finds(&hub, &format!("{name} laat {turn}"), &[&late.title]).await?;
        finds(&hub, &format!("{name} rekenkringen"), &[&need.title]).await?;
    }
    Ok(())
}
