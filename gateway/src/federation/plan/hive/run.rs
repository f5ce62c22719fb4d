//! The planning of one operation: as a whole where the planner can, else in parts that begin at entities.

use std::collections::VecDeque;

use hive_router_query_planner::ast::operation::OperationDefinition;
use hive_router_query_planner::ast::selection_item::SelectionItem;
use hive_router_query_planner::ast::selection_set::{FieldSelection, SelectionSet};
use hive_router_query_planner::graph::PlannerOverrideContext;
use hive_router_query_planner::planner::plan_nodes::PlanNode;
use hive_router_query_planner::planner::{Planner, PlannerError};
use hive_router_query_planner::state::supergraph_state::OperationKind;
use hive_router_query_planner::utils::cancellation::CancellationToken;

use super::{HivePlanner, caught};
use crate::federation::plan::cuts::{Part, mixes_up, moved};
use crate::federation::plan::entries::{ENTRY, entry};
use crate::federation::plan::steps::step;
use crate::federation::plan::{Chosen, PlanFailed, Step};

/// What was planned.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    /// Where it begins at an entity: the keys by which that must be known.
    keys: Vec<String>,
}

/// The planning of one operation.
pub(super) struct Run<'r> {
    pub(super) hive: &'r HivePlanner,
    pub(super) chosen: &'r Chosen,
    pub(super) token: CancellationToken,
}

impl Run<'_> {
    /// An operation's steps, be it in parts.
    pub(super) fn whole(&self, planner: &Planner, operation: &OperationDefinition) -> Result<Steps, PlanFailed> {
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
