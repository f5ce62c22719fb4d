//! From the library's plan to steps of ours.

use async_graphql::Name;
use hive_router_query_planner::ast::operation::SubgraphFetchOperation;
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::SelectionSet;
use hive_router_query_planner::planner::plan_nodes::{
    BatchFetchNode, FetchNode, FetchNodePathSegment, FetchRewrite, FlattenNodePath, FlattenNodePathSegment, PlanNode,
};
use hive_router_query_planner::state::supergraph_state::OperationKind;

use super::{Asks, Batch, Change, Fetch, PathStep, PlanFailed, Requirement, Rewrite, Step};

const ENTITIES: &str = "_entities";
const REPRESENTATIONS: &str = "representations";

/// A step of the library's, as a step of ours.
pub(super) fn step(node: PlanNode) -> Result<Step, PlanFailed> {
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
    let is_mutation = document.operation.operation_kind == Some(OperationKind::Mutation);
    Fetch { subgraph, document: document.to_string().into(), is_mutation, variables, asks }
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
}
