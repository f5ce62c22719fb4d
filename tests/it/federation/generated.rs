//! Generated queries over three subgraphs, each against one schema that has everything: the answers are the same.

use anyhow::{Result, ensure};
use async_graphql::{Executor, Request, Variables};
use gateway::config::{FederationSettings, LimitSettings};
use gateway::federation::Federation;
use gateway::telemetry::Metrics;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tests::hub::TestHub;
use tests::store::Backend;
use tests::subgraph::TestSubgraph;
use tokio_util::sync::CancellationToken;

use super::world::{catalogue, reviews, rooms, schema, whole};

/// A field: its name, its arguments, and the type below it; empty for a leaf.
type Field = (&'static str, &'static str, &'static str);

/// The fields of each type.
const TYPES: [(&str, &[Field]); 6] = [
    (
        "Query",
        &[
            ("courses", "", "Course"),
            ("course", "(id: $course)", "Course"),
            ("course", "(id: \"c3\")", "Course"),
            ("course", "(id: \"nothing\")", "Course"),
            ("people", "", "Person"),
            ("things", "", "Thing"),
            ("rooms", "", "Room"),
            ("reviews", "", "Review"),
        ],
    ),
    (
        "Course",
        &[
            ("id", "", ""),
            ("title", "", ""),
            ("level", "", ""),
            ("room", "", "Room"),
            ("related", "", "Course"),
            ("words", "(first: 1)", ""),
            ("words", "(first: $first)", ""),
            ("mean", "", ""),
            ("label", "", ""),
            ("reviews", "", "Review"),
        ],
    ),
    ("Person", &[("id", "", ""), ("name", "", ""), ("mentor", "", "Person"), ("reviews", "", "Review")]),
    ("Room", &[("id", "", ""), ("name", "", ""), ("size", "", ""), ("courses", "", "Course")]),
    ("Review", &[("id", "", ""), ("stars", "", ""), ("course", "", "Course"), ("by", "", "Person")]),
    ("Thing", &[]),
];

/// Writes one document.
struct Writer<'r> {
    random: &'r mut StdRng,
    fragments: Vec<String>,
    aliases: usize,
}

impl Writer<'_> {
    fn document(random: &mut StdRng) -> String {
        let mut writer = Writer { random, fragments: Vec::new(), aliases: 0 };
        let set = writer.set("Query", 4);
        let fragments = writer.fragments.join(" ");
        // Every variable is used, or the document is not valid.
        let used = "_1: course(id: $course) { words(first: $first) id @skip(if: $yes) title @include(if: $no) }";
        format!("query ($course: ID!, $first: Int = 1, $yes: Boolean!, $no: Boolean!) {{ {used} {set} }} {fragments}")
    }

    fn set(&mut self, type_name: &str, depth: usize) -> String {
        // Of an object of which nothing is asked the one schema's library (async-graphql 7.2.1) gives null: whatever
        // conditions leave out, something stands in each set. It is not always what the planner asks for by itself.
        let first = match (type_name, self.random.random_range(0..3)) {
            (_, 0) | ("Query" | "Thing", _) => "__typename",
            (_, 1) => "id",
            _ => "a0: id",
        };
        let mut parts = vec![first.to_owned()];
        for _ in 0..self.random.random_range(1..4) {
            parts.push(self.selection(type_name, depth));
        }
        parts.join(" ")
    }

    fn selection(&mut self, type_name: &str, depth: usize) -> String {
        let condition = match self.random.random_range(0..12) {
            0 => " @skip(if: $no)",
            1 => " @include(if: $yes)",
            2 => " @skip(if: $yes)",
            3 => " @include(if: $no) @skip(if: $no)",
            _ => "",
        };
        if type_name == "Thing" {
            let on = if self.random.random() { "Course" } else { "Person" };
            return format!("__typename ... on {on}{condition} {{ {} }}", self.set(on, depth));
        }
        match self.random.random_range(0..10) {
            0 => format!("... on {type_name}{condition} {{ {} }}", self.set(type_name, depth)),
            1 => {
                let set = self.set(type_name, depth);
                let name = format!("F{}", self.fragments.len());
                self.fragments.push(format!("fragment {name} on {type_name} {{ {set} }}"));
                format!("...{name}{condition}")
            }
            2 => format!("__typename{condition}"),
            _ => self.field(type_name, condition, depth),
        }
    }

    fn field(&mut self, type_name: &str, condition: &str, depth: usize) -> String {
        let fields = TYPES.iter().find(|(name, _)| *name == type_name).expect("a type").1;
        let usable: Vec<&Field> = fields.iter().filter(|(.., below)| depth > 0 || below.is_empty()).collect();
        let (name, arguments, below) = usable.choose(self.random).expect("a field");
        // What has arguments has a name of its own, so that no two of one name differ.
        let alias = if !arguments.is_empty() || self.random.random_range(0..6) == 0 {
            self.aliases += 1;
            format!("a{}: ", self.aliases)
        } else {
            String::new()
        };
        let below = if below.is_empty() { String::new() } else { format!(" {{ {} }}", self.set(below, depth - 1)) };
        format!("{alias}{name}{arguments}{condition}{below}")
    }
}

/// Where two answers differ, and how.
fn difference(one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(ours), Value::Object(theirs)) if ours.len() == theirs.len() => {
            ours.iter().find_map(|(key, value)| match theirs.get(key) {
                Some(other) => difference(value, other).map(|below| format!("{key}.{below}")),
                None => Some(format!("{key} is not there")),
            })
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(index, (one, other))| difference(one, other).map(|below| format!("{index}.{below}")))
        }
        (one, other) if one == other => None,
        (one, other) => Some(format!(" {one} where {other} is right")),
    }
}

#[tokio::test]
async fn generated_queries_are_answered_as_by_one_schema() -> Result<()> {
    const QUERIES: usize = 2_000;
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let (catalogue, rooms, reviews) = (
        TestSubgraph::serve(schema(catalogue::Query)).await?,
        TestSubgraph::serve(schema(rooms::Query)).await?,
        TestSubgraph::serve(schema(reviews::Query)).await?,
    );
    let subgraphs = [catalogue.settings("catalogue"), rooms.settings("rooms"), reviews.settings("reviews")];
    let settings = FederationSettings { local: false, ..FederationSettings::default() };
    let limits = LimitSettings {
        cost: 10_000_000,
        depth: 30,
        aliases: 500,
        root_fields: 500,
        tokens: 100_000,
        ..LimitSettings::default()
    };
    let graph = hub.graph_within(&limits);
    let (federation, _joining) =
        Federation::of(graph, &settings, &Metrics::default()).joined(&subgraphs, CancellationToken::new()).await?;
    ensure!(federation.is_joined(), "the subgraphs do not compose");
    let whole = schema(whole::Query);
    let mut random = StdRng::seed_from_u64(7);
    let mut fetched = 0;
    for number in 0..QUERIES {
        let document = Writer::document(&mut random);
        let course = format!("c{}", random.random_range(0..13));
        let variables = json!({ "course": course, "first": random.random_range(0..3), "yes": true, "no": false });
        let request = || Request::new(document.clone()).variables(Variables::from_json(variables.clone()));
        let expected: Value = serde_json::to_value(Executor::execute(&whole, request()).await)?;
        ensure!(expected.get("errors").is_none(), "query {number} is wrong itself: {expected} {document}");
        let answer: Value = serde_json::to_value(federation.execute(request()).await)?;
        let asked = [catalogue.document(), rooms.document(), reviews.document()];
        ensure!(answer.get("errors").is_none(), "query {number}: {}\n{document}\n{asked:?}", answer["errors"]);
        let differs = difference(&answer["data"], &expected["data"]);
        ensure!(differs.is_none(), "query {number} differs: {differs:?}\n{document}");
        fetched += usize::from(document.len() > 200);
    }
    let asked = [catalogue.asked(), rooms.asked(), reviews.asked()];
    ensure!(asked.iter().all(|asked| *asked > QUERIES / 4), "{asked:?} of {fetched}");
    Ok(())
}
