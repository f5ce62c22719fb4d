//! A plan as operators read it, in `extensions.queryPlan`: what is asked of whom, after what. Nothing of what is told.

use async_graphql::{Name, Value, value};

use super::{Asks, Fetch, PathStep, Step};

/// The steps of a plan.
pub(in crate::federation) fn shown(steps: &[Step]) -> Value {
    match steps {
        [step] => one(step),
        steps => value!({ "kind": "Sequence", "nodes": (all(steps)) }),
    }
}

fn all(steps: &[Step]) -> Value {
    Value::List(steps.iter().map(one).collect())
}

fn one(step: &Step) -> Value {
    match step {
        Step::Sequence(steps) => value!({ "kind": "Sequence", "nodes": (all(steps)) }),
        Step::Parallel(steps) => value!({ "kind": "Parallel", "nodes": (all(steps)) }),
        Step::Condition { variable, then, otherwise } => {
            let branch = |step: &Option<Box<Step>>| step.as_deref().map_or(Value::Null, one);
            value!({
                "kind": "Condition", "variable": (variable.to_string()), "then": (branch(then)), "else": (branch(otherwise)),
            })
        }
        Step::Fetch(fetch) => of(fetch),
    }
}

fn of(fetch: &Fetch) -> Value {
    let mut paths: Vec<Value> = Vec::new();
    if let Asks::Entities(batches) = &fetch.asks {
        paths.extend(batches.iter().flat_map(|batch| &batch.paths).map(|path| Value::String(place(path))));
    }
    value!({
        "kind": "Fetch",
        "serviceName": (fetch.subgraph.as_str()),
        "operation": (fetch.document.as_ref()),
        "paths": (Value::List(paths)),
    })
}

/// A path as text: `schools.@.needs`, with `|[School]` where only some types are meant.
fn place(path: &[PathStep]) -> String {
    let step = |step: &PathStep| match step {
        PathStep::Field(key) => key.to_string(),
        PathStep::Types(types) => format!("|[{}]", types.iter().map(Name::as_str).collect::<Vec<_>>().join("|")),
        PathStep::List => "@".to_owned(),
    };
    path.iter().map(step).collect::<Vec<_>>().join(".")
}
