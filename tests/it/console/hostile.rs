//! What sources and visitors write is text, wherever it is shown.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use connectors::sync::RunOptions;
use gateway::config::Anonymous;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tests::hub::TestHub;

use super::sign_in::{Browser, open};
use super::subgraphs::Joined;
use super::{on_sqlite, pages, visit};

/// Ends attributes, elements, comments and scripts; and would load, run and lead elsewhere.
const HOSTILE: &str = "x\"'><img src=//evil.example/i onerror=alert(1)></a></title></script><script>alert(2)</script>\
                       <!-- {{7*7}} javascript:alert(3)";

/// What a record has that is no text of anybody's: keys, codes and what the hub reads as such. Every other column that holds
/// text is spoiled, so that a new one is as well.
const CODES: [&str; 12] = [
    "brin",
    "number",
    "kvk",
    "municipality_code",
    "status",
    "kind",
    "housing_type",
    "segment",
    "capacity_unit",
    "source_id",
    "languages",
    "external_id",
];

/// What the hub keeps of sources beside their records, and knows itself.
const OTHERS: [(&str, &[&str]); 5] = [
    ("municipality", &["name"]),
    ("region", &["name"]),
    ("source", &["name"]),
    ("initiative", &["name", "summary_nl", "summary_en"]),
    ("commitment_step", &["by", "note"]),
];

/// The tables of records that sources tell of, whichever kind of source, with every column of each that holds text.
async fn texts(hub: &TestHub) -> Result<BTreeMap<String, Vec<String>>> {
    let sql = "SELECT t.name AS name, c.name AS told FROM sqlite_master t, pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name <> 'claim' AND c.type = 'TEXT' AND 3 = (
            SELECT count(*) FROM pragma_table_info(t.name) WHERE name IN ('source_id', 'external_id', 'deleted_at')
        )";
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in hub.store.db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await? {
        let column: String = row.try_get("", "told")?;
        if !CODES.contains(&column.as_str()) && !column.ends_with("_at") {
            texts.entry(row.try_get("", "name")?).or_default().push(column);
        }
    }
    Ok(texts)
}

async fn spoil(hub: &TestHub) -> Result<()> {
    let quoted = HOSTILE.replace('\'', "''");
    let mut texts = texts(hub).await?;
    let kinds: Vec<_> = texts.keys().map(String::as_str).collect();
    let known =
        ["commitment", "housing_option", "housing_scheme", "need", "offer", "partner", "school", "school_board"];
    ensure!(kinds == known, "a kind of record that no page was tried with: {kinds:?}");
    texts.extend(
        OTHERS.map(|(table, columns)| (table.to_owned(), columns.iter().map(|&name| name.to_owned()).collect())),
    );
    for (table, columns) in texts {
        let spoilt = columns.iter().map(|column| match column.as_str() {
            "website" => format!("{column} = 'javascript:alert(4)//http://{quoted}'"),
            name if name.ends_with("_url") => format!("{column} = 'javascript:alert(4)//http://{quoted}'"),
            _ => format!("\"{column}\" = '{quoted}'"),
        });
        let sql = format!("UPDATE {table} SET {}", spoilt.collect::<Vec<_>>().join(", "));
        hub.store.db.execute_unprepared(&sql).await.with_context(|| sql)?;
    }
    Ok(())
}

#[tokio::test]
async fn html_in_any_text_of_any_source_is_shown_and_does_nothing() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let mut spoiled = pages(&hub).await?;
    // What is told of education systems is the hub's own.
    spoiled.retain(|path| path != "/knowledge/systems" && path != "/schools?q=a");
    spoiled.push("/schools?q=evil".to_owned());
    spoil(&hub).await?;
    for path in spoiled {
        let page = visit(&gateway, &path, "nl").await?;
        assert_eq!(page.status(), 200, "{path}");
        let html = page.text().await?;
        assert!(html.contains("&#60;img src=//evil.example"), "{path}: it is shown as it was written");
        assert_inert(&path, &html);
    }
    Ok(())
}

#[tokio::test]
async fn what_operators_are_told_of_a_source_does_nothing_either() -> Result<()> {
    let (hub, gateway) = open(Anonymous::Public).await?;
    hub.sandbox.edit(|sample| {
        let need = sample.needs.live().next().map(|need| need.number).unwrap_or_default();
        sample.needs.change(need, |need| need.overlay.set("urgency", HOSTILE));
    });
    hub.sync(&RunOptions::default()).await?;
    // What came is among the reasons and in what is kept of the record; the rest is put there.
    let quoted = HOSTILE.replace('\'', "''");
    for sql in [
        format!("UPDATE refusal SET external_id = '{quoted}', stream = '{quoted}'"),
        format!("UPDATE sync_run SET error = '{quoted}', status = 'HELD' WHERE source_id = 'school-boards'"),
        format!("UPDATE source SET name = '{quoted}', connector = '{quoted}' WHERE id = 'school-boards'"),
    ] {
        hub.store.db.execute_unprepared(&sql).await.with_context(|| sql)?;
    }
    let mut operator = Browser::new(&gateway);
    operator.sign_in("demo-operator", "/sources").await?;
    for (path, least) in [("/sources", 2), ("/sources/school-boards", 7)] {
        let html = operator.get(path).await?.text().await?;
        let shown = html.matches("&#60;img src=//evil.example").count();
        assert!(shown >= least, "{path}: it is shown as it was written, {shown} times");
        assert_inert(path, &html);
    }
    Ok(())
}

#[tokio::test]
async fn what_operators_are_told_of_a_partners_graph_does_nothing_either() -> Result<()> {
    let joined = Joined::with(HOSTILE).await?;
    joined.refuse("workshops", HOSTILE).await?;
    joined.refuse(HOSTILE, HOSTILE).await?;
    let quoted = HOSTILE.replace('\'', "''");
    joined.hub.store.db.execute_unprepared(&format!("UPDATE subgraph SET fetch_problem = '{quoted}'")).await?;
    let mut operator = Browser::new(&joined.gateway);
    operator.sign_in("demo-operator", "/subgraphs").await?;
    let html = operator.get("/subgraphs").await?.text().await?;
    let shown = html.matches("&#60;img src=//evil.example").count();
    assert!(shown >= 6, "its name twice, and why it is not joined, as they were written: {shown} times");
    assert_inert("/subgraphs", &html);
    Ok(())
}

#[tokio::test]
async fn what_a_visitor_writes_into_an_address_does_nothing() -> Result<()> {
    let (_hub, gateway) = on_sqlite().await?;
    let written: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for path in [
        "/schools?q=",
        "/schools/",
        "/?",
        "/schools?language=",
        "/nothing/",
        "/assets/",
        "/knowledge?q=",
        "/knowledge?theme=",
        "/knowledge/systems?q=",
        "/boards/",
    ] {
        let html = visit(&gateway, &format!("{path}{written}"), "nl").await?.text().await?;
        assert_inert(path, &html);
    }
    Ok(())
}

/// Nothing that was written stands in the page as anything but text.
fn assert_inert(path: &str, html: &str) {
    assert!(!html.contains("<img"), "{path}: an element came through");
    assert!(!html.contains("onerror=alert(1)>"), "{path}: an attribute came through");
    assert_eq!(html.matches("<script").count(), 1, "{path}: a script came through");
    assert!(!html.contains("<!--"), "{path}: a comment came through");
    for part in html.split("href=\"").skip(1) {
        let address = part.split('"').next().unwrap_or_default();
        assert!(address.starts_with(['/', '#']), "{path}: {address} leads elsewhere");
    }
}
