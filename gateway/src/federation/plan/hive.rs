//! Plans by Hive Router's planner. It has places where it panics: whatever it is asked, that ends here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use async_graphql::{Name, Pos};
use graphql_tools::parser::parse_query;
use graphql_tools::static_graphql::{query, schema};
use graphql_tools::validation::rules::default_rules_validation_plan;
use graphql_tools::validation::validate::{ValidationPlan, validate};
use hive_router_query_planner::ast::normalization::normalize_operation;
use hive_router_query_planner::ast::operation::SubgraphFetchOperation;
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::SelectionSet;
use hive_router_query_planner::graph::PlannerOverrideContext;
use hive_router_query_planner::planner::plan_nodes::{
    BatchFetchNode, FetchNode, FetchNodePathSegment, FetchRewrite, FlattenNodePath, FlattenNodePathSegment, PlanNode,
};
use hive_router_query_planner::planner::{Planner, PlannerError, QueryPlannerOptions};
use hive_router_query_planner::utils::cancellation::CancellationToken;

use super::aliases::set_apart;
use super::conditions::decide;
use super::refused::prune;
use super::{
    Asks, Batch, Change, Chosen, Fetch, Mistake, PathStep, Plan, PlanFailed, Planning, Requirement, Rewrite, Step,
};

/// Planning takes microseconds; what takes this long will not end.
const LONGEST: Duration = Duration::from_secs(1);
const ENTITIES: &str = "_entities";
const REPRESENTATIONS: &str = "representations";

/// Hive Router's planner over one supergraph.
pub(in crate::federation) struct HivePlanner {
    planner: Planner,
    rules: ValidationPlan,
}

impl HivePlanner {
    /// The planner of a supergraph.
    ///
    /// # Errors
    /// A sentence for the operator, where it is no supergraph.
    pub(in crate::federation) fn new(supergraph: &str) -> Result<Self, String> {
        let planner = caught(|| {
            let document = graphql_tools::parser::parse_schema::<String>(supergraph)
                .map_err(|error| format!("it is no schema: {error}"))?
                .into_static();
            Planner::new_from_supergraph(&document, QueryPlannerOptions::default()).map_err(|error| error.to_string())
        });
        let planner = planner.unwrap_or_else(|| Err("the planner cannot read it".to_owned()))?;
        Ok(Self { planner, rules: default_rules_validation_plan() })
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

    fn plan(&self, document: &str, operation: Option<&str>, chosen: &Chosen) -> Result<Plan, PlanFailed> {
        caught(|| self.planned(document, operation, chosen)).unwrap_or(Err(PlanFailed::Panicked))
    }
}

impl HivePlanner {
    fn planned(&self, document: &str, operation: Option<&str>, chosen: &Chosen) -> Result<Plan, PlanFailed> {
        let mut document = parsed(document).map_err(PlanFailed::Refused)?;
        decide(&mut document, &chosen.conditions);
        if let Some(refusals) = &chosen.refused {
            prune(&mut document, refusals);
        }
        set_apart(&mut document);
        let normalized = normalize_operation(&self.planner.supergraph, &document, operation);
        let mut normalized = normalized.map_err(|error| PlanFailed::Refused(error.to_string()))?;
        // What tells of the schema is answered here.
        let is_asked =
            |item: &SelectionItem| !matches!(item, SelectionItem::Field(field) if field.name.starts_with("__"));
        normalized.operation.selection_set.items.retain(is_asked);
        if normalized.operation.selection_set.items.is_empty() {
            return Ok(Plan(Vec::new()));
        }
        let overrides = PlannerOverrideContext::new(chosen.labels.clone(), chosen.place);
        let token = CancellationToken::with_timeout(LONGEST);
        let plan = self.planner.plan_from_normalized_operation(&normalized.operation, overrides, &token);
        let plan = plan.map_err(|error| match error {
            PlannerError::CancellationError(_) => PlanFailed::TookTooLong,
            other => PlanFailed::Refused(other.to_string()),
        })?;
        Ok(Plan(match plan.node.map(step).transpose()? {
            Some(Step::Sequence(steps)) => steps,
            Some(step) => vec![step],
            None => Vec::new(),
        }))
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

fn step(node: PlanNode) -> Result<Step, PlanFailed> {
    let steps = |nodes: Vec<PlanNode>| nodes.into_iter().map(step).collect::<Result<Vec<_>, _>>();
    let branch = |node: Option<Box<PlanNode>>| node.map(|node| step(*node).map(Box::new)).transpose();
    Ok(match node {
        PlanNode::Sequence(node) => Step::Sequence(steps(node.nodes)?),
        PlanNode::Parallel(node) => Step::Parallel(steps(node.nodes)?),
        PlanNode::Condition(node) => Step::Condition {
            variable: Name::new(node.condition),
            then: branch(node.if_clause)?,
            otherwise: branch(node.else_clause)?,
        },
        PlanNode::Fetch(node) => Step::Fetch(root(node)),
        PlanNode::Flatten(node) => match *node.node {
            PlanNode::Fetch(fetch) => Step::Fetch(entities(fetch, &node.path)),
            _ => return Err(PlanFailed::Refused("a path leads to something other than a fetch".to_owned())),
        },
        PlanNode::BatchFetch(node) => Step::Fetch(batches(node)),
        PlanNode::Subscription(node) => Step::Fetch(root(node.primary)),
        PlanNode::Defer(_) => return Err(PlanFailed::Refused("`@defer` is not taken".to_owned())),
    })
}

fn fetch(
    subgraph: String,
    operation: SubgraphFetchOperation,
    variables: Option<impl IntoIterator<Item = String>>,
    asks: Asks,
) -> Fetch {
    let mut document = operation.document;
    // What only conditions used is used no more, and a subgraph that validates refuses it.
    let parts = document.fragments.iter().map(ToString::to_string);
    let body = parts.fold(document.operation.selection_set.to_string(), |body, part| body + &part);
    let variables = variables.into_iter().flatten().filter(|name| uses(&body, name)).map(Name::new).collect();
    let defined = document.operation.variable_definitions.take().unwrap_or_default();
    let defined: Vec<_> = defined.into_iter().filter(|definition| uses(&body, &definition.name)).collect();
    document.operation.variable_definitions = (!defined.is_empty()).then_some(defined);
    Fetch { subgraph, document: document.to_string().into(), variables, asks }
}

/// Whether a selection uses a variable. In a text that looks like one it may seem to, which does no harm.
fn uses(body: &str, variable: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    body.match_indices('$').any(|(at, _)| body[at + 1..].strip_prefix(variable).is_some_and(ends))
}

fn root(node: FetchNode) -> Fetch {
    let key = |item: &SelectionItem| match item {
        SelectionItem::Field(field) => Some(Name::new(field.selection_identifier())),
        _ => None,
    };
    let keys = node.operation.document.operation.selection_set.items.iter().filter_map(key).collect();
    let asks = Asks::Root { keys, after: rewrites(node.output_rewrites) };
    fetch(node.service_name, node.operation, node.variable_usages, asks)
}

fn entities(node: FetchNode, path: &FlattenNodePath) -> Fetch {
    let Some(required) = &node.requires else {
        return root(node);
    };
    let batch = Batch {
        key: Name::new(ENTITIES),
        variable: Name::new(REPRESENTATIONS),
        paths: vec![self::path(path)],
        requires: requirements(required),
        before: rewrites(node.input_rewrites),
        after: rewrites(node.output_rewrites),
    };
    fetch(node.service_name, node.operation, node.variable_usages, Asks::Entities(vec![batch]))
}

fn batches(node: BatchFetchNode) -> Fetch {
    let batches = node.entity_batch.aliases.into_iter().map(|alias| Batch {
        key: Name::new(alias.alias),
        variable: Name::new(alias.representations_variable_name),
        paths: alias.merge_paths.iter().map(path).collect(),
        requires: requirements(&alias.requires),
        before: rewrites(alias.input_rewrites),
        after: rewrites(alias.output_rewrites),
    });
    let asks = Asks::Entities(batches.collect());
    fetch(node.service_name, node.operation, node.variable_usages, asks)
}

fn path(path: &FlattenNodePath) -> Vec<PathStep> {
    path.as_slice()
        .iter()
        .map(|segment| match segment {
            FlattenNodePathSegment::Field(name) => PathStep::Field(Name::new(name)),
            FlattenNodePathSegment::TypeCondition(types) => PathStep::Types(types.iter().map(Name::new).collect()),
            FlattenNodePathSegment::List => PathStep::List,
        })
        .collect()
}

fn requirements(set: &SelectionSet) -> Vec<Requirement> {
    let requirement = |item: &SelectionItem| match item {
        SelectionItem::Field(field) => Some(Requirement::Field {
            name: Name::new(&field.name),
            key: Name::new(field.selection_identifier()),
            below: requirements(&field.selections),
        }),
        SelectionItem::InlineFragment(fragment) => Some(Requirement::On {
            type_name: Name::new(&fragment.type_condition),
            below: requirements(&fragment.selections),
        }),
        SelectionItem::FragmentSpread(_) => None,
    };
    set.items.iter().filter_map(requirement).collect()
}

fn rewrites(rewrites: Option<Vec<FetchRewrite>>) -> Vec<Rewrite> {
    let path = |segments: Vec<FetchNodePathSegment>| {
        let step = |segment| match segment {
            FetchNodePathSegment::Key(key) => PathStep::Field(Name::new(key)),
            FetchNodePathSegment::TypenameEquals(types) => PathStep::Types(types.into_iter().map(Name::new).collect()),
        };
        segments.into_iter().map(step).collect()
    };
    let rewrite = |rewrite| match rewrite {
        FetchRewrite::ValueSetter(setter) => {
            Rewrite { path: path(setter.path), change: Change::Set(Name::new(setter.set_value_to)) }
        }
        FetchRewrite::KeyRenamer(renamer) => {
            Rewrite { path: path(renamer.path), change: Change::Rename(Name::new(renamer.rename_key_to)) }
        }
    };
    rewrites.into_iter().flatten().map(rewrite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_used_by_its_whole_name() {
        for (body, is_used) in
            [("{a(x: $no)}", true), ("{a @skip(if: $no)}", true), ("{a(x: $none) b(y: $_no)}", false)]
        {
            assert_eq!(uses(body, "no"), is_used, "{body}");
        }
    }

    #[test]
    fn what_is_no_supergraph_is_refused() {
        for text in ["", "type Query {", "type A { a: Int }", "<html>"] {
            assert!(HivePlanner::new(text).is_err(), "{text}");
        }
    }
}
