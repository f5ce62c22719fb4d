//! What operations cost, on the hub's own schema.

use async_graphql::parser::parse_query;
use async_graphql::{Response, value};
use serde_json::{Value as Json, json};

use super::*;

fn price(document: &str, variables: Json) -> Result<Price, Json> {
    let limits = LimitSettings::default();
    let definition = Definition::of(&crate::graphql::sdl());
    let document = parse_query(document).unwrap();
    let operation = document.operations.iter().next().unwrap().1;
    let checked = check(&definition, &document, operation, &Variables::from_json(variables), &limits);
    checked.map_err(|refused| serde_json::to_value(&Response::from(refused).errors[0]).unwrap())
}

fn estimate(document: &str) -> usize {
    price(document, json!({})).unwrap().estimate
}

#[test]
fn a_field_costs_as_often_as_the_lists_above_it_are_long() {
    assert_eq!(estimate("{ school(brin: \"99AA00\") { name brin } }"), 3);
    assert_eq!(estimate("{ schools { totalCount } }"), 2);
    assert_eq!(estimate("{ schools { nodes { name } } }"), 2 + 20);
    assert_eq!(estimate("{ schools(first: 7) { nodes { name } edges { cursor node { name } } } }"), 3 + 7 + 3 * 7);
    assert_eq!(estimate("{ schools(last: 3) { nodes { needs(first: 5) { nodes { title } } } } }"), 2 + 3 * (2 + 5));
    assert_eq!(estimate("{ schools(first: -1) { nodes { name } } }"), 2);
    // What is too much is for the resolver to tell, with its own words.
    assert_eq!(estimate("{ schools(first: 100000) { nodes { name } } }"), 2 + 100);
    assert_eq!(estimate("{ changes(first: 400) { nodes { action } } }"), 2 + 400);
    assert_eq!(estimate("{ nodes(ids: [\"a\", \"b\"]) { id } }"), 1 + 2);
}

#[test]
fn lengths_come_from_variables_and_their_defaults() {
    let document = "query ($n: Int = 4) { schools(first: $n) { nodes { name } } }";
    assert_eq!(price(document, json!({})).unwrap().estimate, 2 + 4);
    assert_eq!(price(document, json!({ "n": 9 })).unwrap().estimate, 2 + 9);
    assert_eq!(price(document, json!({ "n": null })).unwrap().estimate, 2 + 20);
}

#[test]
fn fragments_cost_where_they_are_spread() {
    let document = "{ a: schools(first: 2) { ...S } b: schools(first: 3) { ...S } } \
                    fragment S on SchoolConnection { nodes { ... { name } ... on School { brin } } }";
    assert_eq!(estimate(document), 4 + 2 * (2 + 3));
}

#[test]
fn fields_that_are_asked_for_again_and_again_cost_each_time() {
    let document = format!("{{ schools(first: 100) {{ nodes {{ {} }} }} }}", "name ".repeat(1_100));
    let error = price(&document, json!({})).unwrap_err();
    let expected = json!({
        "code": "LIMIT_EXCEEDED", "limit": "cost", "value": 110_002, "maximum": 100_000,
        "path": ["schools", "nodes", "name"],
    });
    assert_eq!(error["extensions"], expected);
    assert_eq!(error["locations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn each_limit_names_the_field_that_exceeds_it() {
    let deep =
        format!("{{ school(brin: \"\") {} }}", "{ board { schools { nodes ".repeat(6) + "{ name " + &"}".repeat(19));
    let aliases =
        format!("{{ school(brin: \"\") {{ {} }} }}", (0..31).map(|n| format!("a{n}: name ")).collect::<String>());
    let roots = format!("{{ {} }}", "viewer { subject } ".repeat(21));
    for (document, limit, value, path) in [
        (deep.as_str(), "depth", 17, None),
        (aliases.as_str(), "aliases", 31, Some(json!(["school", "a30"]))),
        (roots.as_str(), "root_fields", 21, Some(json!(["viewer"]))),
        ("{ viewer { subject @a @b @c @d @e } }", "directives", 5, Some(json!(["viewer"]))),
        ("query @a @b @c @d @e { viewer { subject } }", "directives", 5, None),
    ] {
        let extensions = price(document, json!({})).unwrap_err()["extensions"].take();
        assert_eq!((&extensions["limit"], &extensions["value"]), (&json!(limit), &json!(value)), "{extensions}");
        if let Some(path) = path {
            assert_eq!(extensions["path"], path);
        }
    }
}

#[test]
fn the_schema_may_be_asked_for_and_not_followed_in_circles() {
    let type_ref = "kind name ".to_owned() + &"ofType { kind name ".repeat(9) + &"}".repeat(9);
    let value = format!("name description type {{ {type_ref} }} defaultValue isDeprecated deprecationReason");
    let document = format!(
        "{{ __schema {{ description queryType {{ name }} mutationType {{ name }} types {{ kind name description \
         specifiedByURL isOneOf fields(includeDeprecated: true) {{ name description args {{ {value} }} \
         type {{ {type_ref} }} isDeprecated deprecationReason }} inputFields {{ {value} }} interfaces {{ {type_ref} }} \
         enumValues {{ name description isDeprecated deprecationReason }} possibleTypes {{ {type_ref} }} }} \
         directives {{ name description isRepeatable locations args {{ {value} }} }} }} viewer {{ subject }} }}"
    );
    assert_eq!(estimate(&document), 2);

    let circle = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(price(circle, json!({})).unwrap_err()["extensions"]["limit"], "introspection_depth");
    let again = format!("{{ __schema {{ types {{ fields {{ {} }} }} }} }}", "name ".repeat(1000));
    assert_eq!(price(&again, json!({})).unwrap_err()["extensions"]["limit"], "introspection");
}

#[test]
fn the_answer_is_counted_without_the_schema() {
    let price = price("{ a: __schema { types { name } } viewer { scopes } }", json!({})).unwrap();
    let data =
        value!({ "a": { "types": [{ "name": "x" }] }, "viewer": { "scopes": ["a", "b"] }, "b": [{ "c": 1 }, null] });
    assert_eq!(price.actual(&data), 2 + 2);
}
