//! Plans by Hive Router's planner. It has places where it panics: whatever it is asked, that ends here.

use std::collections::{BTreeSet, VecDeque};
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
use hive_router_query_planner::ast::operation::OperationDefinition;
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::{FieldSelection, SelectionSet};
use hive_router_query_planner::graph::PlannerOverrideContext;
use hive_router_query_planner::planner::plan_nodes::PlanNode;
use hive_router_query_planner::planner::{Planner, PlannerError, QueryPlannerOptions};
use hive_router_query_planner::state::supergraph_state::OperationKind;
use hive_router_query_planner::utils::cancellation::CancellationToken;

use super::conditions::decide;
use super::cuts::{Cutter, Part, mixes_up, moved};
use super::entries::{ENTRY, entry, with_entries};
use super::hidden::Hidden;
use super::keys::written;
use super::refused::prune;
use super::steps::step;
use super::{Chosen, Mistake, Plan, PlanFailed, Planning, Step};

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

/// What was planned.
#[derive(Default)]
struct Steps {
    steps: Vec<Step>,
    /// Where it begins at an entity: the keys by which that must be known.
    keys: Vec<String>,
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

/// The planning of one operation.
struct Run<'r> {
    hive: &'r HivePlanner,
    chosen: &'r Chosen,
    token: CancellationToken,
}

impl Run<'_> {
    /// An operation's steps, be it in parts.
    fn whole(&self, planner: &Planner, operation: &OperationDefinition) -> Result<Steps, PlanFailed> {
        let failed = match self.steps(planner, operation) {
            Ok(steps) if !steps.steps.iter().any(mixes_up) => return Ok(steps),
            Err(PlanFailed::TookTooLong) => return Err(PlanFailed::TookTooLong),
            Ok(_) => PlanFailed::Refused("the plan mixes up what two fields require".to_owned()),
            Err(failed) => failed,
        };
        let Some(entered) = self.hive.entered() else { return Err(failed) };
        let root = match &operation.operation_kind {
            Some(OperationKind::Mutation) => "Mutation",
            Some(OperationKind::Subscription) => "Subscription",
            _ => "Query",
        };
        let cutter = &self.hive.cutter;
        let parts = cutter.parts(&operation.selection_set, root, &entered.types);
        if parts.is_empty() {
            return Err(failed);
        }
        let (mut later, mut keys) = (Vec::new(), VecDeque::new());
        for part in parts {
            let part_of = self.part(&entered.planner, operation, &part)?;
            later.push(Step::Sequence(part_of.steps));
            keys.push_back(part_of.keys);
        }
        let selection_set = cutter.rest(&operation.selection_set, root, &entered.types, keys);
        let mut whole = self.steps(planner, &OperationDefinition { selection_set, ..operation.clone() })?;
        whole.steps.push(Step::Parallel(later));
        Ok(whole)
    }

    /// The steps for one part, once its objects are known by their keys.
    fn part(&self, planner: &Planner, whole: &OperationDefinition, part: &Part) -> Result<Steps, PlanFailed> {
        let entry = entry(&part.type_name);
        let field = SelectionItem::Field(part.field.clone());
        let begun = FieldSelection { name: entry.clone(), ..FieldSelection::new_typename() };
        let begun = FieldSelection { selections: SelectionSet { items: vec![field] }, ..begun };
        let operation = OperationDefinition {
            operation_kind: Some(OperationKind::Query),
            selection_set: SelectionSet { items: vec![SelectionItem::Field(begun)] },
            ..whole.clone()
        };
        let mut steps = self.whole(planner, &operation)?;
        if steps.keys.is_empty() || !steps.steps.iter_mut().all(|step| moved(step, &entry, &part.path)) {
            return Err(PlanFailed::Refused(format!("a part does not begin at `{}`", part.type_name)));
        }
        Ok(steps)
    }

    fn steps(&self, planner: &Planner, operation: &OperationDefinition) -> Result<Steps, PlanFailed> {
        let overrides = PlannerOverrideContext::new(self.chosen.labels.clone(), self.chosen.place);
        let planned = caught(|| planner.plan_from_normalized_operation(operation, overrides, &self.token));
        let plan = planned.ok_or(PlanFailed::Panicked)?.map_err(|error| match error {
            PlannerError::CancellationError(_) => PlanFailed::TookTooLong,
            other => PlanFailed::Refused(other.to_string()),
        })?;
        let mut nodes = match plan.node {
            Some(PlanNode::Sequence(sequence)) => sequence.nodes,
            node => node.into_iter().collect(),
        };
        let mut keys = Vec::new();
        if let Some(PlanNode::Fetch(fetch)) = nodes.first()
            && fetch.service_name == ENTRY
        {
            let begun = &fetch.operation.document.operation.selection_set;
            keys = begun.items.iter().flat_map(names_below).collect();
            nodes.remove(0);
        }
        Ok(Steps { steps: nodes.into_iter().map(step).collect::<Result<_, _>>()?, keys })
    }
}

fn names_below(item: &SelectionItem) -> Vec<String> {
    let SelectionItem::Field(field) = item else { return Vec::new() };
    let name = |item: &SelectionItem| match item {
        SelectionItem::Field(field) => Some(field.name.clone()),
        _ => None,
    };
    field.selections.items.iter().filter_map(name).collect()
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
