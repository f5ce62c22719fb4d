//! The standards' examples, described in configuration: what is made of them must be what the connectors that were
//! written for them make.

mod hostile;
mod interface;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use connectors::sandbox::System;
use connectors::settings::SourceSettings;
use connectors::sync::{RunOptions, check, register};
use connectors::{Mapped, systems};
use entity::Clock;
use entity::vocabulary::SyncStatus;
use gateway::config::{Environment, Settings};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::partner::{Entry, Partner, Standard};
use tests::store::Backend;

/// A description's streams, each with that of the system's own connector.
type Streams = &'static [(&'static str, &'static str)];

/// A description, the system that it describes, and its streams with those of the system's own connector.
const DESCRIBED: [(&str, System, &str, Streams); 3] = [
    (
        "oneroster",
        System::Boards,
        "school_board",
        &[("school_boards", "orgs"), ("schools", "orgs"), ("needs", "needs")],
    ),
    (
        "vera",
        System::Housing,
        "municipal",
        &[("housing_schemes", "housing_schemes"), ("housing_options", "housing_options")],
    ),
    (
        "hsds",
        System::Partners,
        "partner",
        &[("partners", "organizations"), ("offers", "services"), ("commitments", "commitments")],
    ),
];

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A source as an operator would write it.
fn described(name: &str) -> Result<SourceSettings> {
    let none: [(&str, &str); 0] = [];
    let file = fixtures().join("declarative").join(name).with_extension("toml");
    let settings = Settings::load(Some(&file), &Environment::given(none))?;
    settings.sources.into_iter().next().context("a source")
}

/// What a record says, without what says nothing: a list in which nothing is, and that a thing is not so.
fn said(mapped: &Mapped) -> Result<Value> {
    Ok(match mapped {
        Mapped::Record { external_id, modified_at, record } => {
            json!({ "id": external_id, "at": modified_at, "record": without_nothing(serde_json::to_value(record)?) })
        }
        other => json!(format!("{other:?}")),
    })
}

fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| *value != json!([]) && *value != json!(false))
            .map(|(key, value)| (key, without_nothing(value)))
            .collect(),
        value => value,
    }
}

/// Every page of the fixtures, through both.
#[test]
fn the_standards_examples_become_the_same_records_either_way() -> Result<()> {
    for (name, _, system, streams) in DESCRIBED {
        let settings: SourceSettings = serde_json::from_value(
            json!({ "id": "written", "connector": system, "base_url": "https://written.example.nl" }),
        )?;
        let (written, described) = (systems::connector(&settings)?, systems::connector(&described(name)?)?);
        let mut compared = 0;
        for (stream, of_written) in streams {
            let page = fs::read(fixtures().join(system).join(of_written).join("page-1.json"))?;
            let page: Value = serde_json::from_slice(&page)?;
            let list = page.as_array().or_else(|| page.as_object()?.values().find_map(Value::as_array));
            for raw in list.context("a list")? {
                let mapped = described.map(stream, raw);
                if matches!(mapped, Ok(Mapped::Ignored(_))) {
                    continue;
                }
                let (mapped, expected) = (mapped.map_err(refused)?, written.map(of_written, raw).map_err(refused)?);
                ensure!(said(&mapped)? == said(&expected)?, "{name} {stream}:\n{mapped:?}\n{expected:?}");
                compared += 1;
            }
        }
        ensure!(compared > streams.len(), "{name}: {compared} records were compared");
    }
    Ok(())
}

/// The README's example is one that works.
#[test]
fn the_worked_example_is_taken_and_takes_its_standards_example() -> Result<()> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"))?;
    let example = readme.split("```toml\n").find(|block| block.contains("[source.interface]")).context("an example")?;
    let example = example.split("```").next().context("its end")?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("hub.toml");
    fs::write(&file, example)?;
    let none: [(&str, &str); 0] = [];
    let source = Settings::load(Some(&file), &Environment::given(none))?.sources.remove(0);
    let connector = systems::connector(&source)?;
    let mut taken = 0;
    for (stream, page) in [("partners", "organizations"), ("offers", "services")] {
        let page: Value =
            serde_json::from_slice(&fs::read(fixtures().join("partner").join(page).join("page-1.json"))?)?;
        for raw in page["contents"].as_array().context("a list")? {
            connector.map(stream, raw).map_err(refused)?;
            taken += 1;
        }
    }
    ensure!(taken > 4, "{taken} records");
    Ok(())
}

fn refused(refused: connectors::Refused) -> anyhow::Error {
    anyhow::anyhow!("{refused:?}")
}

/// The columns that say what a record is, and not which it is in this store.
const TABLES: [(&str, &str); 8] = [
    (
        "school",
        "brin, name, street, house_number, postcode, city, latitude, longitude, pupils, disadvantage_score, website, \
         (SELECT number FROM school_board WHERE school_board.id = school.school_board_id)",
    ),
    ("school_board", "number, name, kvk"),
    ("partner", "external_id, name, kind, kvk, website, description, contact_name, contact_email, contact_phone"),
    (
        "need",
        "external_id, title, description, themes, support_kinds, barriers, urgency, status, fte_asked, \
         hours_per_week_asked, starts_on, ends_on, contact_name, contact_email, contact_phone, \
         (SELECT brin FROM school WHERE school.id = need.school_id)",
    ),
    (
        "offer",
        "external_id, title, description, themes, support_kinds, inputs, status, national, latitude, longitude, \
         radius_km, capacity_amount, capacity_unit, starts_on, ends_on, requires_vog, vog_in_order, languages, \
         (SELECT name FROM partner WHERE partner.id = offer.partner_id), \
         (SELECT COUNT(*) FROM offer_municipality WHERE offer_municipality.offer_id = offer.id), \
         (SELECT COUNT(*) FROM offer_region WHERE offer_region.offer_id = offer.id)",
    ),
    (
        "commitment",
        "external_id, title, status, capacity_amount, capacity_unit, starts_on, ends_on, \
         (SELECT external_id FROM need WHERE need.id = commitment.need_id), \
         (SELECT external_id FROM offer WHERE offer.id = commitment.offer_id)",
    ),
    (
        "housing_option",
        "external_id, title, municipality_code, neighbourhood, street, house_number, postcode, city, latitude, \
         longitude, housing_type, segment, status, homes, rent_cents, service_costs_cents, floor_area_m2, rooms, \
         available_from, respond_before, contract_months, apply_url, teachers_only, minimum_hours_per_week, \
         maximum_income_cents, minimum_income_cents, starters_only, maximum_distance_km, \
         (SELECT name FROM housing_scheme WHERE housing_scheme.id = housing_option.scheme_id)",
    ),
    (
        "housing_scheme",
        "external_id, name, municipality_code, status, valid_from, valid_until, quota, used, segments, teachers_only, \
         minimum_fte, minimum_hours_per_week, maximum_income_cents, minimum_income_cents, starters_only, via_employer, \
         maximum_distance_km, eligibility_notes, registration_url, information_url",
    ),
];

/// What the store says of its records.
async fn contents(db: &DatabaseConnection) -> Result<BTreeMap<&'static str, BTreeSet<String>>> {
    let mut contents = BTreeMap::new();
    for (table, columns) in TABLES {
        let line: Vec<String> = split(columns).map(|column| format!("coalesce(CAST({column} AS TEXT), '')")).collect();
        let sql = format!("SELECT {} AS line FROM {table} WHERE deleted_at IS NULL", line.join(" || '|' || "));
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        let lines =
            rows.iter().map(|row| row.try_get::<String>("", "line")).collect::<Result<_, _>>().context(table)?;
        contents.insert(table, lines);
    }
    Ok(contents)
}

/// The columns of a list; a subquery holds no comma.
fn split(columns: &str) -> impl Iterator<Item = &str> {
    columns.split(',').map(str::trim)
}

fn described_sources(hub: &TestHub) -> Result<Vec<SourceSettings>> {
    let mut sources = vec![hub.source(System::Duo)];
    for (name, system, ..) in DESCRIBED {
        let own = hub.source(system);
        let described = described(name)?;
        sources.push(SourceSettings {
            connector: described.connector,
            interface: described.interface,
            streams: None,
            ..own
        });
    }
    Ok(sources)
}

/// The whole of the simulated systems, through the engine, with tokens, paging and references.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn described_systems_leave_the_store_as_written_connectors_do(#[case] backend: Backend) -> Result<()> {
    let Some(written) = TestHub::start(backend).await? else { return Ok(()) };
    let Some(store) = backend.store().await? else { return Ok(()) };
    connectors::sync::install_reference(&store.db, &Clock::system()).await?;
    let sources = described_sources(&written)?;
    register(&store.db, &sources).await?;
    let engine = tests::hub::engine(&store.db)?;
    written.sync(&RunOptions::default()).await?;
    for source in &sources {
        let report = engine.run(source, &RunOptions::default()).await?;
        assert_eq!((report.status, report.tally.refused), (SyncStatus::Succeeded, 0), "{report:?}");
    }
    let (expected, found) = (contents(&written.store.db).await?, contents(&store.db).await?);
    for (table, lines) in &expected {
        assert!(!lines.is_empty(), "{table} is empty");
        let differ: Vec<_> = lines.symmetric_difference(&found[table]).take(4).collect();
        assert!(differ.is_empty(), "{table}: {differ:#?}");
    }
    // What changed is asked for, and nothing has.
    for source in &sources[1..] {
        let report = engine.run(source, &RunOptions::default()).await?;
        let tally = &report.tally;
        assert_eq!((tally.created, tally.updated, tally.deleted, tally.refused), (0, 0, 0, 0), "{report:?}");
    }
    Ok(())
}

fn entry(id: &str) -> Entry {
    let modified = "2026-11-01T09:00:00Z".parse().expect("an instant");
    Entry { id: id.to_owned(), title: format!("Titel {id}"), modified, gone: false, invalid: false }
}

/// Pages that are numbered, whose records come, go and are marked as gone.
#[rstest]
#[case("oneroster", Standard::OneRoster, "need")]
#[case("hsds", Standard::Hsds, "partner")]
#[tokio::test]
async fn a_described_source_follows_its_system(
    #[case] name: &str,
    #[case] standard: Standard,
    #[case] table: &str,
) -> Result<()> {
    let Some(store) = Backend::Sqlite.store().await? else { return Ok(()) };
    let partner = Partner::start(standard, 3).await?;
    let interface = described(name)?.interface;
    let source = SourceSettings { connector: "declarative".to_owned(), interface, ..partner.source() };
    register(&store.db, std::slice::from_ref(&source)).await?;
    let engine = tests::hub::engine(&store.db)?;
    partner.edit(|entries| entries.extend((0..10).map(|number| entry(&format!("r{number}")))));
    let full = RunOptions { full: true, ..RunOptions::default() };
    let report = engine.run(&source, &full).await?;
    assert_eq!(report.status, SyncStatus::Succeeded, "{report:?}");
    assert_eq!(contents(&store.db).await?[table].len(), 10);
    partner.edit(|entries| {
        entries[0].title = "Anders".to_owned();
        match standard {
            Standard::OneRoster => entries[1].gone = true,
            _ => {
                entries.remove(1);
            }
        }
    });
    let report = engine.run(&source, &full).await?;
    assert_eq!((report.tally.updated, report.tally.deleted), (1, 1), "{report:?}");
    let lines = &contents(&store.db).await?[table];
    assert!(lines.len() == 9 && lines.iter().any(|line| line.contains("Anders")), "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn a_sample_shows_five_records_and_what_would_be_refused_and_nobodys_contact() -> Result<()> {
    let partner = Partner::start(Standard::Hsds, 10).await?;
    partner.edit(|entries| {
        entries.extend((0..7).map(|number| entry(&format!("r{number}"))));
        entries.push(Entry { invalid: true, ..entry("wrong") });
    });
    let interface = described("hsds")?.interface;
    let source = SourceSettings { connector: "declarative".to_owned(), interface, ..partner.source() };
    let checked = check(&source, None, &Clock::system()).await?;
    assert!(checked.found.starts_with("partners: 8 on the first page, 1 refused"), "{}", checked.found);
    let lines: Vec<&str> = checked.sample.iter().map(String::as_str).collect();
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(lines[0].starts_with("partners r0: {") && lines[0].contains("\"name\":\"Titel r0\""), "{}", lines[0]);
    assert_eq!(lines[5], "partners wrong: refused: `name` is missing");
    assert!(!lines.concat().contains("iemand@partner.example"), "{lines:#?}");
    Ok(())
}
