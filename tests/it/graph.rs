//! The graph on what was synced: the same answers on both databases, at a cost that the query's shape fixes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use async_graphql::{Executor, Request};
use connectors::sandbox::Sandbox;
use connectors::sync::RunOptions;
use entity::GeoPoint;
use gateway::graphql::{Caller, Language};
use gateway::http::SCHOOL_CARD;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;

async fn synced(backend: Backend) -> Result<Option<TestHub>> {
    let Some(hub) = TestHub::start(backend).await? else { return Ok(None) };
    hub.sync(&RunOptions::default()).await?;
    Ok(Some(hub))
}

fn brin(sandbox: &Sandbox) -> Value {
    json!({ "brin": sandbox.sample_brin() })
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_query_shows_needs_partners_and_homes(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = synced(backend).await? else { return Ok(()) };
    let (data, statements) = hub.statements(hub.data(SCHOOL_CARD, brin(&hub.sandbox))).await;
    let school = data?["school"].take();
    assert!(!school["needs"]["nodes"].as_array().expect("needs").is_empty(), "{school}");
    assert!(!school["committedPartners"]["edges"].as_array().expect("partners").is_empty(), "{school}");
    let homes = school["housingOptions"]["edges"].as_array().expect("homes");
    assert!(!homes.is_empty(), "{school}");
    assert_eq!(homes[0]["node"]["provenance"]["isStale"], json!(false), "{school}");
    let distances: Vec<f64> = homes.iter().filter_map(|home| home["distanceKm"].as_f64()).collect();
    assert!(distances.is_sorted(), "{distances:?}");
    // The school with its municipality, needs, commitments with their partners, committed partners with what they
    // committed to, homes, sources.
    assert_eq!(statements, 6);
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_card_costs_the_same_for_one_need_and_for_fifty(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = synced(backend).await? else { return Ok(()) };
    let mut costs = Vec::new();
    for first in [1, 50] {
        let query = SCHOOL_CARD.replace("needs(first: 20)", &format!("needs(first: {first})"));
        let (data, statements) = hub.statements(hub.data(&query, brin(&hub.sandbox))).await;
        data?;
        costs.push(statements);
    }
    // And for many schools at once.
    let body = SCHOOL_CARD.split_once("school(brin: $brin) {").expect("the card's root").1;
    let many = format!("query {{ schools(first: 1) {{ nodes {{ {body} }}").replacen("\n}\n", "\n}", 1);
    for first in [1, 50] {
        let query = many.replace("schools(first: 1)", &format!("schools(first: {first})"));
        let (answer, statements) = hub.statements(hub.ask(&query, json!({}))).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        costs.push(statements);
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[2], costs[3]);
    Ok(())
}

/// What comes beside a list's rows is what would be loaded after them: the first to ask for a list decides what it is read
/// with, so one that asks for less leaves the rest to be loaded.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_comes_beside_rows_is_what_would_be_loaded_after_them(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = synced(backend).await? else { return Ok(()) };
    let query = |first: bool| {
        let less =
            |list: &str| if first { format!("less: {list} {{ pageInfo {{ hasNextPage }} }}") } else { String::new() };
        let (needs, commitments) = ("needs(first: 2)", "commitments(first: 2)");
        let (partners, homes) = ("committedPartners(first: 3)", "housingOptions(first: 3)");
        format!(
            "{{ schools(first: 40) {{ nodes {{ brin board {{ name }} municipality {{ name }}
                {} {needs} {{ totalCount nodes {{ title school {{ brin }}
                    {} {commitments} {{ totalCount nodes {{ title partner {{ name }} school {{ brin }} }} }} }} }}
                {} {partners} {{ totalCount edges {{ node {{ name }} commitments {{ id title partner {{ name }} }} }} }}
                {} {homes} {{ totalCount edges {{ distanceKm node {{ title municipality {{ name }} provider {{ name }}
                    scheme {{ name }} }} }} }} }} }} }}",
            less(needs),
            less(commitments),
            less(partners).replace("less", "lessPartners"),
            less(homes).replace("less", "lessHomes"),
        )
    };
    let (beside, few) = hub.statements(hub.data(&query(false), json!({}))).await;
    let (after, more) = hub.statements(hub.data(&query(true), json!({}))).await;
    let mut after = after?;
    without(&mut after, "less");
    assert_eq!(beside?, after);
    assert!(few < more, "{few} statements beside, {more} after");
    Ok(())
}

/// Takes away every field whose name begins so.
fn without(value: &mut Value, beginning: &str) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with(beginning));
            fields.values_mut().for_each(|value| without(value, beginning));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| without(value, beginning)),
        _ => {}
    }
}

/// Walks a list page by page, forwards and backwards. It is a field of the root (`...`), or of what goes by
/// the name `parent`.
async fn walk(
    hub: &TestHub,
    parent: &str,
    field: &str,
    arguments: &str,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>, i64)> {
    let mut forwards: Vec<Value> = Vec::new();
    let mut backwards: Vec<Value> = Vec::new();
    let mut total = 0;
    for (found, length, cursor, more, end) in [
        (&mut forwards, "first", "after", "hasNextPage", "endCursor"),
        (&mut backwards, "last", "before", "hasPreviousPage", "startCursor"),
    ] {
        let mut place = Value::Null;
        loop {
            let query = format!(
                "query ($place: String) {{ {parent} {{ list: {field}({arguments} {length}: 7, {cursor}: $place) \
                 {{ totalCount pageInfo {{ {more} {end} }} nodes {{ key: {key} }} }} }} }}"
            );
            let data = hub.data(&query, json!({ "place": place })).await?;
            let list = &data.get("parent").unwrap_or(&data)["list"];
            total = list["totalCount"].as_i64().expect("a count");
            let mut keys: Vec<Value> =
                list["nodes"].as_array().expect("nodes").iter().map(|node| node["key"].clone()).collect();
            if length == "last" {
                keys.reverse();
            }
            found.extend(keys);
            if list["pageInfo"][more] != json!(true) {
                break;
            }
            place = list["pageInfo"][end].clone();
        }
    }
    backwards.reverse();
    Ok((forwards, backwards, total))
}

#[rstest]
#[case("schools", "", "brin")]
#[case("schools", "orderBy: {field: PUPILS, direction: DESC},", "brin")]
#[case("schools", "orderBy: {field: DISADVANTAGE_SCORE, direction: ASC},", "brin")]
#[case("schools", "orderBy: {field: OPEN_NEEDS, direction: DESC},", "brin")]
#[case("needs", "", "title")]
#[case("needs", "orderBy: {field: STARTS_ON, direction: DESC},", "title")]
#[case("needs", "orderBy: {field: CREATED_AT, direction: ASC},", "title")]
#[case("commitments", "orderBy: {field: ENDS_ON, direction: ASC},", "title")]
#[case("partners", "orderBy: {field: LIVE_COMMITMENTS, direction: DESC},", "name")]
#[case("offers", "filter: {themes: [TEACHER_HOUSING, STRATEGIC_HR]},", "title")]
#[case("housingOptions", "filter: {near: {latitude: 52.37, longitude: 4.9, withinKm: 30}},", "title")]
#[case("housingOptions", "orderBy: {field: FLOOR_AREA, direction: DESC},", "title")]
#[case("municipalities", "", "code")]
#[case("schoolBoards", "", "number")]
#[tokio::test]
async fn pages_hold_each_record_once_both_ways_on_both_databases(
    #[case] field: &str,
    #[case] arguments: &str,
    #[case] key: &str,
) -> Result<()> {
    let mut walks = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(hub) = synced(backend).await? else { continue };
        let (forwards, backwards, total) = walk(&hub, "...", field, arguments, key).await?;
        assert_eq!(i64::try_from(forwards.len())?, total);
        assert!(total > 0, "nothing to walk");
        assert_eq!(forwards, backwards);
        let mut keys: Vec<String> = forwards.iter().map(Value::to_string).collect();
        keys.sort();
        walks.push(keys);
    }
    if let [sqlite, postgres] = &walks[..] {
        assert_eq!(sqlite, postgres);
    }
    Ok(())
}

/// Homes are found in two ways, and some in both.
#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn homes_of_a_school_are_those_in_its_municipality_and_near_it_each_once(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = synced(backend).await? else { return Ok(()) };
    // Some lie nobody knows where.
    hub.store
        .db
        .execute_unprepared(
            "UPDATE housing_option SET latitude = NULL, longitude = NULL, geo_x = NULL, geo_y = NULL, geo_z = NULL \
         WHERE title LIKE '%3%'",
        )
        .await?;
    let place = "municipality { code } location { latitude longitude }";
    let all = format!(
        "{{ schools(first: 100) {{ nodes {{ brin {place} }} }} one: housingOptions(first: 100) {{ nodes {{ id {place} }} }} \
         other: housingOptions(last: 100) {{ totalCount nodes {{ id {place} }} }} }}"
    );
    let all = hub.data(&all, json!({})).await?;
    let nodes = |list: &str| all[list]["nodes"].as_array().expect("nodes").clone();
    let homes: BTreeMap<String, Value> =
        nodes("one").into_iter().chain(nodes("other")).map(|home| (home["id"].to_string(), home)).collect();
    assert_eq!(all["other"]["totalCount"], json!(homes.len()));
    let near = "{ schools(first: 100) { nodes { brin housingOptions(withinKm: 60, first: 100) \
                { totalCount edges { distanceKm node { id } } } } } }";
    let near = hub.data(near, json!({})).await?;
    let mut met = [0; 4];
    for (school, found) in nodes("schools").iter().zip(near["schools"]["nodes"].as_array().expect("schools")) {
        let mut expected = BTreeSet::new();
        for (id, home) in &homes {
            let is_here = home["municipality"] == school["municipality"];
            let km = point(home).zip(point(school)).map(|(home, school)| home.distance_km(school));
            let is_near = km.is_some_and(|km| km <= 60.0);
            met[usize::from(is_here) * 2 + usize::from(is_near)] += 1;
            if is_here || is_near {
                expected.insert(id.clone());
            }
        }
        let edges = found["housingOptions"]["edges"].as_array().expect("edges");
        let ids: Vec<String> = edges.iter().map(|edge| edge["node"]["id"].to_string()).collect();
        assert_eq!(ids.len(), expected.len(), "each once: {found}");
        assert_eq!(BTreeSet::from_iter(ids), expected, "{}", school["brin"]);
        assert_eq!(found["housingOptions"]["totalCount"], json!(expected.len()));
        let km = edges.iter().map(|edge| edge["distanceKm"].as_f64().unwrap_or(f64::INFINITY));
        assert!(km.is_sorted(), "the nearest first, and last those that lie nobody knows where: {found}");
    }
    assert!(met.iter().all(|count| *count > 0), "of both ways, of each and of none: {met:?}");

    // Page by page they are the same.
    let schools = near["schools"]["nodes"].as_array().expect("schools").iter();
    let count = |school: &&Value| school["housingOptions"]["totalCount"].as_i64();
    let some = schools.filter(|school| count(school) > Some(14)).min_by_key(count).expect("a school with three pages");
    let parent = format!("parent: school(brin: {})", some["brin"]);
    let (forwards, backwards, _) = walk(&hub, &parent, "housingOptions", "withinKm: 60,", "id").await?;
    let whole = some["housingOptions"]["edges"].as_array().expect("edges").iter();
    assert_eq!(forwards, whole.map(|edge| edge["node"]["id"].clone()).collect::<Vec<_>>());
    assert_eq!(forwards, backwards);
    Ok(())
}

fn point(of: &Value) -> Option<GeoPoint> {
    let location = &of["location"];
    GeoPoint::new(location["latitude"].as_f64()?, location["longitude"].as_f64()?)
}

#[tokio::test]
async fn a_page_begins_behind_its_cursor_though_records_come_and_go() -> Result<()> {
    let Some(hub) = synced(Backend::Sqlite).await? else { return Ok(()) };
    let query = "query ($after: String) { needs(first: 10, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) \
                 { pageInfo { endCursor } nodes { id } } }";
    let first = hub.data(query, json!({})).await?;
    let cursor = first["needs"]["pageInfo"]["endCursor"].clone();
    let next = hub.data(query, json!({ "after": cursor })).await?;
    hub.sandbox.edit(|sample| {
        for need in sample.needs.live().map(|need| need.number).take(3).collect::<Vec<_>>() {
            sample.needs.remove(need);
        }
    });
    hub.sync(&RunOptions::default()).await?;
    let again = hub.data(query, json!({ "after": cursor })).await?;
    let ids = |page: &Value| -> Vec<Value> { page["needs"]["nodes"].as_array().expect("nodes").clone() };
    let gone: Vec<_> = ids(&next).into_iter().filter(|id| !ids(&again).contains(id)).collect();
    // What was on the page and is still there is still on it.
    assert!(ids(&again).len() == 10 && gone.len() <= 3, "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn texts_are_in_the_language_of_the_argument_or_else_of_the_request() -> Result<()> {
    let Some(hub) = synced(Backend::Sqlite).await? else { return Ok(()) };
    let query =
        "{ themes { plain: label nl: label(language: NL) en: label(language: EN) none: label(language: null) } }";
    let english = Caller { language: Language::En, ..Caller::default() };
    for (caller, plain) in [(Caller::default(), "nl"), (english, "en")] {
        let request = Request::new(query).data(caller);
        let answer = serde_json::to_value(hub.graph().execute(request).await)?;
        let theme = &answer["data"]["themes"][0];
        assert_ne!(theme["nl"], theme["en"], "{answer}");
        assert_eq!(theme["plain"], theme[plain], "{answer}");
        assert_eq!(theme["none"], theme[plain], "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn any_of_the_urgencies_asked_for_is_found() -> Result<()> {
    let Some(hub) = synced(Backend::Sqlite).await? else { return Ok(()) };
    let count = async |urgencies: Value| -> Result<i64> {
        let query = "query ($u: [Urgency!]) { needs(filter: {urgency: $u}) { totalCount } }";
        Ok(hub.data(query, json!({ "u": urgencies })).await?["needs"]["totalCount"].as_i64().expect("a count"))
    };
    let (high, low) = (count(json!(["HIGH"])).await?, count(json!(["LOW"])).await?);
    assert!(high > 0 && low > 0);
    assert_eq!(count(json!(["HIGH", "LOW"])).await?, high + low);
    Ok(())
}

#[tokio::test]
async fn bad_input_is_told_and_the_rest_stands() -> Result<()> {
    let Some(hub) = synced(Backend::Sqlite).await? else { return Ok(()) };
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    assert_eq!(hub.data("{ school(brin: \"99ZZ98\") { name } }", json!({})).await?["school"], Value::Null);
    let malformed = hub.ask("{ school(brin: \"no\") { name } }", json!({})).await;
    assert_eq!(code(&malformed), json!("BAD_USER_INPUT"));
    let many = hub.ask("{ schools(first: 100000) { totalCount } }", json!({})).await;
    assert_eq!(code(&many), json!("BAD_USER_INPUT"));
    assert!(many["errors"][0]["message"].as_str().expect("a sentence").contains("100"), "{many}");
    // A list must not be null, so the whole answer is.
    assert_eq!(many["data"], Value::Null);
    let unordered = hub.ask("{ housingOptions(orderBy: {field: DISTANCE, direction: ASC}) { totalCount } }", json!({}));
    assert_eq!(code(&unordered.await), json!("BAD_USER_INPUT"));
    let secret = hub.ask("{ sources { id runs { totalCount } } }", json!({})).await;
    assert_eq!(code(&secret), json!("FORBIDDEN"));
    assert_eq!(secret["data"]["sources"][0]["runs"], Value::Null);
    assert!(secret["data"]["sources"][0]["id"].is_string(), "{secret}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn reference_records_numbers_and_nodes_are_there(#[case] backend: Backend) -> Result<()> {
    let Some(hub) = synced(backend).await? else { return Ok(()) };
    let data = hub
        .data(
            "{ themes { theme label(language: EN) openNeeds } supportKinds { label }
               educationSystems { country name elements { element text } }
               initiatives { totalCount nodes { slug summary partners { name } municipality { name } schools { totalCount } } }
               municipality(code: \"GM0363\") { name isG4 region { slug } housingSchemes { name status }
                 coverage { theme openNeeds committedNeeds unmetNeeds publishedOffers } schools(first: 2) { totalCount } }
               schoolBoards(first: 2) { nodes { name coverage { openNeeds } schools(first: 1) { totalCount } } }
               sources { id health recordCount refusedCount }
               viewer { isAuthenticated scopes }
               changes(first: 5) { totalCount nodes { id: recordId action record { id __typename } source { id } } } }",
            json!({}),
        )
        .await?;
    assert_eq!(data["themes"].as_array().map(Vec::len), Some(10));
    assert_eq!(data["supportKinds"].as_array().map(Vec::len), Some(9));
    assert_eq!(data["educationSystems"].as_array().map(Vec::len), Some(7));
    assert_eq!(data["educationSystems"][0]["elements"].as_array().map(Vec::len), Some(13));
    assert_eq!(data["initiatives"]["totalCount"], json!(6));
    assert_eq!(data["municipality"]["name"], json!("Amsterdam"));
    let sum = |field: &str| -> i64 {
        let themes = data["municipality"]["coverage"].as_array().expect("coverage");
        themes.iter().filter_map(|theme| theme[field].as_i64()).sum()
    };
    assert!(sum("openNeeds") >= sum("unmetNeeds") && sum("unmetNeeds") > 0 && sum("publishedOffers") > 0);
    let id = data["changes"]["nodes"][0]["id"].clone();
    let node =
        hub.data("query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }", json!({ "id": id })).await?;
    assert_eq!(node["node"]["id"], node["nodes"][0]["id"]);
    Ok(())
}
