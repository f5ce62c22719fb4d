//! What each page answers with, in both languages and on both databases.

use anyhow::{Context, Result};
use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH, LOCATION,
    SET_COOKIE,
};
use rstest::rstest;
use serde_json::{Value, json};
use tests::gateway::client;
use tests::store::Backend;

use super::{card, on_sqlite, pages, served, visit};

/// What a card may weigh over the wire with everything it needs, in bytes.
const CARD_BYTES: usize = 150_000;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_card_shows_what_the_api_tells(#[case] backend: Backend) -> Result<()> {
    let Some((hub, gateway)) = served(backend).await? else { return Ok(()) };
    let (page, statements) = hub.statements(visit(&gateway, &card(&hub), "nl")).await;
    let page = page?;
    assert_eq!(page.status(), StatusCode::OK);
    let html = page.text().await?;
    assert_eq!(statements, 23, "a card's statements are fixed by its request");
    let query = "query ($brin: String!) { school(brin: $brin) {
        name
        board { name }
        needs(first: 30, orderBy: { field: URGENCY, direction: DESC }) {
            nodes { title suggestedOffers(first: 3) { offer { title } reasons { explanation } } }
        }
        committedPartners(first: 30) { edges { node { name } commitments { title } } }
        housingOptions(first: 12, filter: { statuses: [AVAILABLE] }) { edges { node { title applyUrl } } }
    } }";
    let data = hub.data(query, json!({ "brin": hub.sandbox.sample_brin() })).await?;
    let mut told = Vec::new();
    texts(&data["school"], &mut told);
    assert!(told.len() > 40, "{told:?}");
    let shown = unescaped(&html);
    for text in told {
        assert!(shown.contains(text), "{text} is not on the page");
    }
    for text in ["Hulpvragen", "Passend aanbod", "Woningen voor leerkrachten", "Laatst gezien"] {
        assert!(html.contains(text), "{text}");
    }
    Ok(())
}

/// Every text of an answer.
fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// A page's text with its characters as they were.
fn unescaped(html: &str) -> String {
    let pairs = [("&#38;", "&"), ("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'")];
    pairs.iter().rev().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[tokio::test]
async fn every_page_has_the_headers_that_keep_it_to_itself() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let mut paths = pages(&hub).await?;
    paths.extend(["/schools/99ZZ99", "/nothing"].map(str::to_owned));
    for path in &paths {
        let page = visit(&gateway, path, "nl").await?;
        let headers = page.headers();
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        let policy = headers["content-security-policy"].to_str()?;
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{path}: {policy}");
        let html = page.text().await?;
        assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick"), "{path}");
        for (attribute, start) in [(" src=\"", "/assets/"), ("<link rel=\"stylesheet\" href=\"", "/assets/")] {
            for part in html.split(attribute).skip(1) {
                assert!(part.starts_with(start), "{path}: {}", &part[..60.min(part.len())]);
            }
        }
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_page_costs_what_its_request_costs(#[case] backend: Backend) -> Result<()> {
    let Some((hub, gateway)) = served(backend).await? else { return Ok(()) };
    let mut costs = std::collections::BTreeMap::new();
    for path in pages(&hub).await? {
        let (page, statements) = hub.statements(visit(&gateway, &path, "en")).await;
        let page = page?;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        let html = page.text().await?;
        assert!(html.contains("<html lang=\"en\">") && html.contains("Show the query"), "{path}");
        assert!(html.len() < 150_000, "{path}: {} bytes", html.len());
        let kind = path.trim_end_matches(|last: char| last.is_ascii_digit() || last.is_ascii_uppercase());
        costs.insert(kind.trim_end_matches("99AA").to_owned(), statements);
    }
    // SQLite looks up which words share a stem first.
    let search = if backend == Backend::Sqlite { 5 } else { 4 };
    let expected = [
        ("/", 15),
        ("/boards/", 10),
        ("/knowledge", 6),
        ("/knowledge/systems", 2),
        ("/municipalities", 8),
        ("/municipalities/", 14),
        ("/schools", 6),
        ("/schools/", 23),
        ("/schools?q=a", search),
        ("/sources", 3),
    ];
    assert_eq!(costs, expected.map(|(path, cost)| (path.to_owned(), cost)).into());
    Ok(())
}

#[tokio::test]
async fn where_needs_go_unmet_is_told_as_the_api_tells_it() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let query = "{ municipalities(first: 4, filter: { isG4: true }) { nodes {
        code coverage { openNeeds unmetNeeds committedNeeds publishedOffers } schools { nodes { brin } }
    } } }";
    let data = hub.data(query, json!({})).await?;
    for municipality in data["municipalities"]["nodes"].as_array().context("cities")? {
        let code = municipality["code"].as_str().context("a code")?;
        let html = visit(&gateway, &format!("/municipalities/{code}"), "nl").await?.text().await?;
        let rows: Vec<_> = html.split("</svg></th>").skip(1).collect();
        let coverage = municipality["coverage"].as_array().context("coverage")?;
        assert_eq!(rows.len(), coverage.len(), "{code}");
        for (row, theme) in rows.iter().zip(coverage) {
            let row = row.split("</tr>").next().unwrap_or_default();
            let shown: Vec<i64> = row.split('>').filter_map(|part| part.split('<').next()?.parse().ok()).collect();
            let told = ["openNeeds", "unmetNeeds", "committedNeeds", "publishedOffers"];
            assert_eq!(shown, told.map(|name| theme[name].as_i64().unwrap_or(-1)), "{code}");
        }
        for school in municipality["schools"]["nodes"].as_array().context("schools")? {
            let brin = school["brin"].as_str().context("a code")?;
            assert!(html.contains(&format!("href=\"/schools/{brin}\"")), "{brin}");
        }
    }
    for path in ["/municipalities/GM9999", "/municipalities/x", "/boards/00000", "/boards/x"] {
        assert_eq!(visit(&gateway, path, "nl").await?.status(), StatusCode::NOT_FOUND, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn knowledge_is_found_by_theme_and_by_text() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let data = hub.data("{ initiatives { nodes { name } } }", json!({})).await?;
    let names: Vec<_> = data["initiatives"]["nodes"].as_array().context("initiatives")?.iter().collect();
    let html = visit(&gateway, "/knowledge", "nl").await?.text().await?;
    assert_eq!(html.matches("class=\"item\"").count(), names.len());
    let html = visit(&gateway, "/knowledge?q=goIT&theme=", "nl").await?.text().await?;
    assert!(html.contains("TCS goIT") && html.matches("class=\"item\"").count() == 1);
    let html = visit(&gateway, "/knowledge?theme=TALENT_DEVELOPMENT", "nl").await?.text().await?;
    let (found, all) = (html.matches("class=\"item\"").count(), names.len());
    assert!((1..all).contains(&found), "{found} of {all}");
    assert!(html.contains("value=\"TALENT_DEVELOPMENT\" selected"));
    let html = visit(&gateway, "/knowledge/systems?element=CLASS_SIZE&q=fin", "nl").await?.text().await?;
    assert!(html.contains("<dt>Finland</dt>") && !html.contains("<dt>Japan</dt>"), "{html}");
    assert_eq!(html.matches("<h2").count(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_people_and_json_for_programs() -> Result<()> {
    let (_hub, gateway) = on_sqlite().await?;
    for path in ["/schools/99ZZ99", "/schools/nonsense", "/schools/%3Cscript%3E", "/nothing", "/assets/none.css"] {
        let page = visit(&gateway, path, "nl").await?;
        assert_eq!(page.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store", "{path}");
        assert!(page.headers().contains_key("x-request-id"), "{path}");
        assert!(page.text().await?.contains("Deze pagina is er niet"), "{path}");
        let json: Value = client().get(gateway.url(path)).send().await?.json().await?;
        assert_eq!(json["errors"][0]["extensions"]["code"], "NOT_FOUND", "{path}");
    }
    // What was packed before it became a page is not said to be packed.
    let request = client().get(gateway.url("/schools/99ZZ99")).header(ACCEPT, "text/html");
    let page = request.header(ACCEPT_ENCODING, "gzip").send().await?;
    assert!(!page.headers().contains_key(CONTENT_ENCODING));
    assert!(page.text().await?.contains("Deze pagina is er niet"));
    let refused = client().post(gateway.url("/schools")).header(ACCEPT, "text/html").send().await?;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(refused.headers().contains_key("allow"));
    // Who asks the API is answered by the API, whatever else it would take.
    let refused = client().post(gateway.url("/graphql")).header(ACCEPT, "text/html, application/json").send().await?;
    assert_eq!(refused.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
    Ok(())
}

#[tokio::test]
async fn a_store_that_fails_is_told_of_in_a_page_without_its_words() -> Result<()> {
    use sea_orm::ConnectionTrait;
    let (hub, gateway) = on_sqlite().await?;
    hub.store.db.execute_unprepared("ALTER TABLE school RENAME COLUMN name TO its_name").await?;
    let page = visit(&gateway, "/schools", "en").await?;
    assert_eq!(page.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let html = page.text().await?;
    assert!(html.contains("The hub is at fault") && !html.contains("its_name") && !html.contains("column"), "{html}");
    Ok(())
}

#[tokio::test]
async fn the_language_follows_the_browser_until_somebody_chooses() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let card = card(&hub);
    for (language, expected) in [("nl", "Hulpvragen"), ("en-GB, nl;q=0.5", "Needs by theme"), ("fr", "Hulpvragen")] {
        let html = visit(&gateway, &card, language).await?.text().await?;
        assert!(html.contains(expected), "{language}");
    }
    let html = visit(&gateway, &card, "nl").await?.text().await?;
    assert!(html.contains(&format!("href=\"{card}?language=en\"")) && html.contains("<html lang=\"nl\">"));
    let chosen = visit(&gateway, &format!("{card}?language=en"), "nl").await?;
    assert_eq!((chosen.status(), chosen.headers()[LOCATION].to_str()?), (StatusCode::SEE_OTHER, card.as_str()));
    let cookie = chosen.headers()[SET_COOKIE].to_str()?;
    assert!(cookie.starts_with("hub_language=en;") && cookie.contains("SameSite=Lax"), "{cookie}");
    let request = client().get(gateway.url(&card)).header(ACCEPT, "text/html").header(COOKIE, "hub_language=en");
    assert!(request.send().await?.text().await?.contains("<html lang=\"en\">"));
    // Nowhere else than on this host.
    let elsewhere = visit(&gateway, "//evil.example/?language=en", "nl").await?;
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_school_is_found_by_name_place_and_code(#[case] backend: Backend) -> Result<()> {
    let Some((hub, gateway)) = served(backend).await? else { return Ok(()) };
    let brin = hub.sandbox.sample_brin();
    let query = "query ($brin: String!) { school(brin: $brin) { name municipality { name } } }";
    let data = hub.data(query, json!({ "brin": brin })).await?;
    let name = data["school"]["name"].as_str().context("a name")?;
    let place = data["school"]["municipality"]["name"].as_str().context("a place")?;
    let typed: String = name.chars().take(name.chars().count() - 1).collect();
    for text in [name, &typed, &brin, &brin.to_lowercase()] {
        let request = client().get(gateway.url("/schools/suggestions")).query(&[("q", text)]);
        let found: Value = request.send().await?.json().await?;
        let found = found.as_array().context("a list")?;
        assert!(found.iter().any(|school| school["brin"] == *brin), "{text}: {found:?}");
        assert!(found.len() <= 8);
    }
    let html = visit(&gateway, &format!("/schools?q={place}"), "nl").await?.text().await?;
    assert!(html.matches("<a href=\"/schools/99").count() > 1, "{place}");
    // Whoever knows the code is led to its card.
    let led = visit(&gateway, &format!("/schools?q={brin}"), "nl").await?;
    assert_eq!(led.headers()[LOCATION], format!("/schools/{brin}"));
    for text in ["", "zzzzqqqq"] {
        let request = client().get(gateway.url("/schools/suggestions")).query(&[("q", text)]);
        assert_eq!(request.send().await?.json::<Value>().await?, json!([]), "{text}");
    }
    let nothing = visit(&gateway, "/schools?q=zzzzqqqq", "nl").await?.text().await?;
    assert!(nothing.contains("Geen school gevonden."));
    let long = visit(&gateway, &format!("/schools?q={}", "a".repeat(5_000)), "nl").await?;
    assert_eq!(long.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn the_list_of_schools_goes_on_to_its_end() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let all = hub.data("{ schools { totalCount } }", json!({})).await?["schools"]["totalCount"].as_u64();
    let (mut path, mut found) = ("/schools".to_owned(), std::collections::BTreeSet::new());
    for _ in 0..10 {
        let html = visit(&gateway, &path, "nl").await?.text().await?;
        found.extend(html.split("<a href=\"/schools/").skip(1).map(|part| part[..6].to_owned()));
        let Some((_, rest)) = html.split_once("class=\"more\" href=\"") else { break };
        path = rest.split('"').next().context("an address")?.replace("&#38;", "&");
    }
    assert_eq!(Some(found.len() as u64), all);
    let broken = visit(&gateway, "/schools?after=nonsense", "nl").await?;
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn a_card_is_light_and_is_not_sent_twice() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let packed = |path: &str| {
        let request = client().get(gateway.url(path)).header(ACCEPT, "text/html").header(ACCEPT_ENCODING, "gzip");
        async move { anyhow::Ok(request.send().await?) }
    };
    let card = card(&hub);
    let html = visit(&gateway, &card, "nl").await?.text().await?;
    let page = packed(&card).await?;
    assert_eq!(page.headers()[CONTENT_ENCODING], "gzip");
    let tag = page.headers()[ETAG].clone();
    let mut bytes = page.bytes().await?.len();
    let mut assets = 0;
    for part in html.split("\"/assets/").skip(1) {
        let name = part.split('"').next().context("an address")?;
        let asset = packed(&format!("/assets/{name}")).await?;
        assert_eq!(asset.status(), StatusCode::OK, "{name}");
        assert!(asset.headers()[CACHE_CONTROL].to_str()?.contains("immutable"), "{name}");
        bytes += asset.bytes().await?.len();
        assets += 1;
    }
    assert_eq!(assets, 3);
    assert!(bytes < CARD_BYTES, "{bytes} bytes");
    let again = client().get(gateway.url(&card)).header(ACCEPT, "text/html").header(IF_NONE_MATCH, tag).send().await?;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    Ok(())
}

#[tokio::test]
async fn the_request_behind_a_page_opens_in_the_explorer() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    for (path, name) in [("/", "front"), ("/schools", "schools"), ("/schools?q=a", "find"), (&card(&hub), "school")] {
        let html = visit(&gateway, path, "nl").await?.text().await?;
        let (_, link) = html.split_once("href=\"/explorer?").context("a link to the explorer")?;
        let link = link.split('"').next().context("an address")?.replace("&#38;", "&");
        let asked: std::collections::HashMap<_, _> = url::form_urlencoded::parse(link.as_bytes()).collect();
        assert_eq!(asked["document"], name);
        let document = client().get(gateway.url(&format!("/explorer/pages/{name}.graphql"))).send().await?;
        assert_eq!(document.status(), StatusCode::OK);
        let variables: Value = serde_json::from_str(&asked["variables"])?;
        let body = json!({ "query": document.text().await?, "variables": variables });
        let (status, answer) = gateway.ask(&body).await?;
        assert!(status == 200 && answer.get("errors").is_none(), "{name}: {answer}");
    }
    let none = client().get(gateway.url("/explorer/pages/none.graphql")).send().await?;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn the_readmes_samples_stand_in_the_explorer_and_are_valid() -> Result<()> {
    let (hub, gateway) = on_sqlite().await?;
    let samples: Vec<String> = client().get(gateway.url("/explorer/samples.json")).send().await?.json().await?;
    let named = |text: &String| text.split(['(', ' ', '{']).nth(1).unwrap_or_default().to_owned();
    assert_eq!(
        samples.iter().map(named).collect::<Vec<_>>(),
        ["SchoolCard", "Changes", "UpsertOffers", "CreateWebhookEndpoint"]
    );
    for sample in &samples {
        // A subscription is answered by its first event; that it is one shows that it was found valid.
        let variables = json!({ "brin": hub.sandbox.sample_brin(), "offers": [] });
        let (_, answer) = gateway.ask(&json!({ "query": sample, "variables": variables })).await?;
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default();
        assert!(!["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"].contains(&code), "{sample}: {answer}");
    }
    Ok(())
}
