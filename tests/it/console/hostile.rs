//! What sources and visitors write is text, wherever it is shown.

use anyhow::{Context, Result};
use connectors::sync::RunOptions;
use gateway::config::Anonymous;
use sea_orm::ConnectionTrait;
use tests::hub::TestHub;

use super::sign_in::{Browser, open};
use super::{on_sqlite, pages, visit};

/// Ends attributes, elements, comments and scripts; and would load, run and lead elsewhere.
const HOSTILE: &str = "x\"'><img src=//evil.example/i onerror=alert(1)></a></title></script><script>alert(2)</script>\
                       <!-- {{7*7}} javascript:alert(3)";

/// Every text that a source tells of a record, by table: what people read, and addresses.
const TEXTS: [(&str, &[&str], &[&str]); 8] = [
    ("school", &["name", "street", "house_number", "postcode", "city", "denomination"], &["website"]),
    ("school_board", &["name"], &[]),
    ("municipality", &["name"], &[]),
    ("partner", &["name", "description", "contact_name"], &["website"]),
    ("need", &["title", "description", "contact_name", "contact_email"], &[]),
    ("offer", &["title", "description"], &[]),
    ("commitment", &["title"], &[]),
    (
        "housing_option",
        &["title", "neighbourhood", "street", "house_number", "postcode", "city", "eligibility_notes"],
        &["apply_url"],
    ),
];

async fn spoil(hub: &TestHub) -> Result<()> {
    let db = &hub.store.db;
    let schemes = [("housing_scheme", &["name"][..], &["registration_url", "information_url"][..])];
    let others = [("source", &["name"][..], &[][..]), ("region", &["name"], &[]), ("initiative", &["name"], &[])];
    for (table, texts, addresses) in TEXTS.into_iter().chain(schemes).chain(others) {
        let quoted = HOSTILE.replace('\'', "''");
        let set = texts.iter().map(|column| format!("{column} = '{quoted}'"));
        let lead = addresses.iter().map(|column| format!("{column} = 'javascript:alert(4)//http://{quoted}'"));
        let set: Vec<_> = set.chain(lead).collect();
        let sql = format!("UPDATE {table} SET {}", set.join(", "));
        db.execute_unprepared(&sql).await.with_context(|| sql)?;
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
