//! Plans by Hive Router's planner. It has places where it panics: whatever it is asked, that ends here.

mod run;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use async_graphql::Pos;
use async_graphql::parser::types::ExecutableDocument;
use graphql_tools::parser::parse_query;
use graphql_tools::static_graphql::{query, schema};
use graphql_tools::validation::rules::default_rules_validation_plan;
use graphql_tools::validation::validate::{ValidationPlan, validate};
use hive_router_query_planner::ast::normalization::error::NormalizationError;
use hive_router_query_planner::ast::normalization::{normalize_operation, normalize_operation_mut};
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::planner::{Planner, QueryPlannerOptions};
use hive_router_query_planner::utils::cancellation::CancellationToken;

use self::run::Run;
use super::conditions::decide;
use super::cuts::Cutter;
use super::entries::with_entries;
use super::hidden::Hidden;
use super::keys::written;
use super::refused::prune;
use super::{Chosen, Mistake, Plan, PlanFailed, Planning};

/// Planning takes microseconds; what takes this long will not end.
const LONGEST: Duration = Duration::from_secs(1);

/// Hive Router's planner over one supergraph.
pub(in crate::federation) struct HivePlanner {
    planner: Planner,
    rules: ValidationPlan,
    supergraph: schema::Document,
    cutter: Cutter,
    hidden: Hidden,
    /// Plans parts of operations, from the first that has to be cut on.
    entered: OnceLock<Option<Entered>>,
}

/// A planner that can begin at entities.
struct Entered {
    planner: Planner,
    /// The types that it can begin at.
    types: BTreeSet<String>,
}

impl HivePlanner {
    /// The planner of a supergraph.
    ///
    /// # Errors
    /// A sentence for the operator, where it is no supergraph.
    pub(in crate::federation) fn new(supergraph: &str) -> Result<Self, String> {
        let read = caught(|| {
            let document = graphql_tools::parser::parse_schema::<String>(supergraph)
                .map_err(|error| format!("it is no schema: {error}"))?
                .into_static();
            let planner = Planner::new_from_supergraph(&document, QueryPlannerOptions::default());
            Ok((planner.map_err(|error| error.to_string())?, document))
        });
        let (planner, supergraph) = read.unwrap_or_else(|| Err("the planner cannot read it".to_owned()))?;
        let (rules, cutter) = (default_rules_validation_plan(), Cutter::of(&supergraph));
        let hidden = Hidden::of(&supergraph);
        Ok(Self { planner, rules, supergraph, cutter, hidden, entered: OnceLock::new() })
    }
}

/// What `work` gives. `None` where it panicked.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // What the planner holds is not changed by planning.
    catch_unwind(AssertUnwindSafe(work)).ok()
}

impl Planning for HivePlanner {
    fn public_sdl(&self) -> String {
        let mut document = (*self.planner.consumer_schema.document).clone();
        // Introspection is every schema's.
        document.definitions.retain(|definition| match definition {
            schema::Definition::TypeDefinition(definition) => !name_of(definition).starts_with("__"),
            schema::Definition::DirectiveDefinition(_) => false,
            _ => true,
        });
        for definition in &mut document.definitions {
            if let schema::Definition::TypeDefinition(schema::TypeDefinition::Object(object)) = definition {
                object.fields.retain(|field| !field.name.starts_with("__"));
            }
        }
        document.to_string()
    }

    fn subgraphs(&self) -> Vec<(String, String)> {
        let addresses = &self.planner.supergraph.subgraph_endpoint_map;
        addresses.iter().map(|(name, url)| (name.clone(), url.clone())).collect()
    }

    fn shares(&self) -> Vec<u64> {
        self.planner.supergraph.progressive_overrides.percentages.iter().copied().collect()
    }

    fn validate(&self, document: &str) -> Result<(), Vec<Mistake>> {
        let mistake = |message: String| vec![Mistake { message, at: Vec::new() }];
        let document = parsed(document).map_err(mistake)?;
        let errors = caught(|| validate(&self.planner.consumer_schema.document, &document, &self.rules));
        let Some(errors) = errors else { return Err(mistake("The document cannot be validated.".to_owned())) };
        if errors.is_empty() {
            return Ok(());
        }
        let at = |pos: &graphql_tools::parser::Pos| Pos { line: pos.line, column: pos.column };
        Err(errors
            .into_iter()
            .map(|error| Mistake { at: error.locations.iter().map(at).collect(), message: error.message })
            .collect())
    }

    fn plan(
        &self,
        document: &ExecutableDocument,
        operation: Option<&str>,
        chosen: &Chosen,
    ) -> Result<Plan, PlanFailed> {
        caught(|| self.planned(document, operation, chosen)).unwrap_or(Err(PlanFailed::Panicked))
    }
}

impl HivePlanner {
    fn planned(
        &self,
        document: &ExecutableDocument,
        operation: Option<&str>,
        chosen: &Chosen,
    ) -> Result<Plan, PlanFailed> {
        let mut document = parsed(&written(document)).map_err(PlanFailed::Refused)?;
        decide(&mut document, &chosen.conditions);
        if let Some(refusals) = &chosen.refused {
            prune(&mut document, refusals);
        }
        // Twice: what it merges last may hold fragments that can be merged then.
        let refused = |error: NormalizationError| PlanFailed::Refused(error.to_string());
        let supergraph = &self.planner.supergraph;
        normalize_operation_mut(supergraph, &mut document, operation, None, None).map_err(refused)?;
        for definition in &mut document.definitions {
            self.hidden.ask(definition, &self.cutter);
            in_one_order(definition);
        }
        let mut normalized = normalize_operation(supergraph, &document, operation).map_err(refused)?;
        // What tells of the schema is answered here.
        let is_asked =
            |item: &SelectionItem| !matches!(item, SelectionItem::Field(field) if field.name.starts_with("__"));
        normalized.operation.selection_set.items.retain(is_asked);
        if normalized.operation.selection_set.items.is_empty() {
            return Ok(Plan(Vec::new()));
        }
        let planning = Run { hive: self, chosen, token: CancellationToken::with_timeout(LONGEST) };
        Ok(Plan(planning.whole(&self.planner, &normalized.operation)?.steps))
    }

    fn entered(&self) -> Option<&Entered> {
        let entered = self.entered.get_or_init(|| {
            let (document, types) = with_entries(self.supergraph.clone());
            let planner = caught(|| Planner::new_from_supergraph(&document, QueryPlannerOptions::default()).ok());
            Some(Entered { planner: planner.flatten()?, types })
        });
        entered.as_ref()
    }
}

/// Puts what is asked of types behind what is asked of all, in the order of the types' names. Where two types have a field
/// of one name with different types, the planner gives one of them another name, by which comes first: it must be the same
/// one wherever they meet.
fn in_one_order(definition: &mut query::Definition) {
    if let query::Definition::Operation(operation) = definition {
        order(match operation {
            query::OperationDefinition::SelectionSet(set) => set,
            query::OperationDefinition::Query(query) => &mut query.selection_set,
            query::OperationDefinition::Mutation(mutation) => &mut mutation.selection_set,
            query::OperationDefinition::Subscription(subscription) => &mut subscription.selection_set,
        });
    }
}

fn order(set: &mut query::SelectionSet) {
    set.items.sort_by_key(|selection| match selection {
        query::Selection::InlineFragment(fragment) => fragment.type_condition.as_ref().map(ToString::to_string),
        _ => None,
    });
    for selection in &mut set.items {
        match selection {
            query::Selection::Field(field) => order(&mut field.selection_set),
            query::Selection::InlineFragment(fragment) => order(&mut fragment.selection_set),
            query::Selection::FragmentSpread(_) => {}
        }
    }
}

fn parsed(document: &str) -> Result<query::Document, String> {
    Ok(parse_query::<String>(document).map_err(|error| error.to_string())?.into_static())
}

fn name_of(definition: &schema::TypeDefinition) -> &str {
    match definition {
        schema::TypeDefinition::Scalar(scalar) => &scalar.name,
        schema::TypeDefinition::Object(object) => &object.name,
        schema::TypeDefinition::Interface(interface) => &interface.name,
        schema::TypeDefinition::Union(union) => &union.name,
        schema::TypeDefinition::Enum(values) => &values.name,
        schema::TypeDefinition::InputObject(input) => &input.name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::*;

    const JOINED: &str = r#"
        enum join__Graph { A @join__graph(name: "a", url: "") B @join__graph(name: "b", url: "") }
        type Query @join__type(graph: A) @join__type(graph: B) { course: Course @join__field(graph: A) }
        type Course @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") {
          id: ID!
          title: String! @join__field(graph: A) @join__field(graph: B, external: true)
          level: String @join__field(graph: A)
          label: String @join__field(graph: B, requires: "title")
          next: [Course!]! @join__field(graph: B)
        }"#;

    fn fetches<'s>(steps: &'s [Step], found: &mut Vec<&'s super::super::Fetch>) {
        for step in steps {
            match step {
                Step::Sequence(steps) | Step::Parallel(steps) => fetches(steps, found),
                Step::Fetch(fetch) => found.push(fetch),
                Step::Condition { .. } => {}
            }
        }
    }

    #[test]
    fn what_is_required_again_below_an_object_of_its_own_type_is_planned_in_parts() {
        let planner = HivePlanner::new(JOINED).unwrap();
        for (text, of_entities) in [
            ("{ course { label } }", 1),
            ("{ course { next { label level title } } }", 4),
            ("{ course { label next { ... on Course { x: label next { label } } } } }", 7),
        ] {
            let document = async_graphql::parser::parse_query(text).unwrap();
            let plan =
                planner.plan(&document, None, &Chosen::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
            let mut found = Vec::new();
            fetches(&plan.0, &mut found);
            assert!(found.iter().all(|fetch| ["a", "b"].contains(&fetch.subgraph.as_str())), "{text}: {plan:#?}");
            let entities = |fetch: &&&super::super::Fetch| matches!(fetch.asks, super::super::Asks::Entities(_));
            assert_eq!(found.iter().filter(entities).count(), of_entities, "{text}: {plan:#?}");
            assert_eq!(planner.entered.get().is_some(), text.contains("next"), "{text}");
        }
    }

    #[test]
    fn what_is_no_supergraph_is_refused() {
        for text in ["", "type Query {", "type A { a: Int }", "<html>"] {
            assert!(HivePlanner::new(text).is_err(), "{text}");
        }
    }
}
