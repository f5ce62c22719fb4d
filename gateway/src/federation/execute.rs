//! Executes a plan: asks subgraphs, each as soon as what it needs is known, and puts together what they tell. A subgraph
//! that fails costs its own fields, and an error that names it.

mod places;
mod representations;
mod rewrites;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, ServerError, Value, Variables};
use futures::future::{BoxFuture, FutureExt, join_all};

use self::places::{Place, common};
use self::representations::Representations;
use super::plan::{Asks, Batch, Fetch, Step};
use crate::graphql::definition::Definition;

const TYPE_NAME: &str = "__typename";

/// Asks subgraphs.
pub(super) trait Asking: Send + Sync {
    /// What a subgraph answers. One that does not answer gives no data, and an error without a path.
    fn ask<'a>(&'a self, fetch: &'a Fetch, variables: Variables) -> BoxFuture<'a, Told>;
}

/// What a subgraph has answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) data: Value,
    pub(super) errors: Vec<ServerError>,
    /// How long it may be told to others who ask the same. `None`: not at all.
    pub(super) kept_for: Option<Duration>,
}

/// Executes steps, one after another, on what is known already. Gives everything that was told, more than was asked for and
/// not in its order, and the errors.
pub(super) async fn execute(
    steps: &[Step],
    (known, errors): (Value, Vec<ServerError>),
    definition: &Definition,
    variables: &Variables,
    asking: &dyn Asking,
) -> (Value, Vec<ServerError>) {
    let execution = Execution { definition, variables, asking, data: Mutex::new(known), errors: Mutex::new(errors) };
    for step in steps {
        execution.step(step).await;
    }
    let data = execution.data.into_inner().unwrap_or_else(PoisonError::into_inner);
    (data, execution.errors.into_inner().unwrap_or_else(PoisonError::into_inner))
}

struct Execution<'a> {
    definition: &'a Definition,
    variables: &'a Variables,
    asking: &'a dyn Asking,
    /// What is known so far. Never held while a subgraph is waited for.
    data: Mutex<Value>,
    errors: Mutex<Vec<ServerError>>,
}

/// Entities of one batch: what is sent, and where what comes goes.
struct Asked<'a> {
    batch: &'a Batch,
    representations: Representations,
}

impl Execution<'_> {
    fn step<'s>(&'s self, step: &'s Step) -> BoxFuture<'s, ()> {
        async move {
            match step {
                Step::Sequence(steps) => {
                    for step in steps {
                        self.step(step).await;
                    }
                }
                Step::Parallel(steps) => {
                    join_all(steps.iter().map(|step| self.step(step))).await;
                }
                Step::Condition { variable, then, otherwise } => {
                    let holds = self.variables.get(variable) == Some(&Value::Boolean(true));
                    if let Some(step) = if holds { then } else { otherwise } {
                        self.step(step).await;
                    }
                }
                Step::Fetch(fetch) => self.fetch(fetch).await,
            }
        }
        .boxed()
    }

    async fn fetch(&self, fetch: &Fetch) {
        match &fetch.asks {
            Asks::Root { .. } => {
                let told = self.asking.ask(fetch, variables_of(fetch, self.variables)).await;
                let Told { data, errors, .. } = of_root(fetch, told, self.definition);
                self.tell(errors);
                merge(self.definition, &mut self.known(), data);
            }
            Asks::Entities(batches) => self.entities(fetch, batches).await,
        }
    }

    async fn entities(&self, fetch: &Fetch, batches: &[Batch]) {
        let mut variables = variables_of(fetch, self.variables);
        let mut asked = Vec::with_capacity(batches.len());
        {
            let data = self.known();
            for batch in batches {
                let mut representations = Representations::of(batch, self.definition, &data);
                variables.insert(batch.variable.clone(), Value::List(representations.take()));
                asked.push(Asked { batch, representations });
            }
        }
        if asked.iter().all(|asked| asked.representations.is_empty()) {
            return;
        }
        let Told { data, errors, .. } = self.asking.ask(fetch, variables).await;
        self.tell(errors.into_iter().flat_map(|error| placed(error, &asked)));
        let Value::Object(mut answers) = data else { return };
        let mut known = self.known();
        for Asked { batch, representations } in asked {
            let Some(Value::List(entities)) = answers.swap_remove(&batch.key) else { continue };
            for (index, mut entity) in entities.into_iter().enumerate() {
                for rewrite in &batch.after {
                    rewrites::apply(rewrite, self.definition, &mut entity);
                }
                let places = representations.places(index);
                let last = places.len().saturating_sub(1);
                for (number, place) in places.iter().enumerate() {
                    let Some(target) = places::at(&mut known, place) else { continue };
                    // The last may have it without a copy.
                    merge(
                        self.definition,
                        target,
                        if number == last { std::mem::take(&mut entity) } else { entity.clone() },
                    );
                }
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Value> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, errors: impl IntoIterator<Item = ServerError>) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).extend(errors);
    }
}

/// The client's variables that a fetch uses.
pub(super) fn variables_of(fetch: &Fetch, variables: &Variables) -> Variables {
    let used = fetch.variables.iter().filter_map(|name| Some((name.clone(), variables.get(name)?.clone())));
    let mut of_fetch = Variables::default();
    of_fetch.extend(used);
    of_fetch
}

/// What was told of fields of the root, as it is taken: an error about none of them is about each.
pub(super) fn of_root(fetch: &Fetch, mut told: Told, definition: &Definition) -> Told {
    let Asks::Root { keys, after } = &fetch.asks else { return told };
    for rewrite in after {
        rewrites::apply(rewrite, definition, &mut told.data);
    }
    let key_of = |error: &ServerError| match error.path.first() {
        Some(PathSegment::Field(key)) => keys.iter().any(|known| known == key),
        _ => false,
    };
    let errors = std::mem::take(&mut told.errors);
    let (placed, unplaced): (Vec<_>, Vec<_>) = errors.into_iter().partition(key_of);
    let at_keys = unplaced.into_iter().flat_map(|error| {
        keys.iter().map(move |key| ServerError { path: vec![PathSegment::Field(key.to_string())], ..error.clone() })
    });
    Told { errors: placed.into_iter().chain(at_keys).collect(), ..told }
}

/// An error about entities, at each of the places where its entity goes; one about no entity, at what they have in common.
fn placed(error: ServerError, asked: &[Asked<'_>]) -> Vec<ServerError> {
    if let [PathSegment::Field(key), PathSegment::Index(index), rest @ ..] = error.path.as_slice()
        && let Some(asked) = asked.iter().find(|asked| asked.batch.key == *key)
    {
        let at =
            |place: &Place| ServerError { path: place.path().chain(rest.iter().cloned()).collect(), ..error.clone() };
        let places = asked.representations.places(*index);
        if !places.is_empty() {
            return places.iter().map(at).collect();
        }
    }
    let mut path = common(asked.iter().flat_map(|asked| asked.representations.all()));
    // Some libraries leave out which entity it was. Where there is but one, that is it.
    if let [PathSegment::Field(key), rest @ ..] = error.path.as_slice()
        && let [asked] = asked
        && asked.batch.key == *key
        && asked.representations.all().count() == 1
    {
        path.extend(rest.iter().cloned());
    }
    vec![ServerError { path, ..error }]
}

/// Puts what was told into what is known. What is null adds nothing, nor does the name of an interface, which an object is
/// called where nobody knows what it is: who knows more has told so, or will.
fn merge(definition: &Definition, known: &mut Value, told: Value) {
    match (known, told) {
        (_, Value::Null) => {}
        (Value::Object(known), Value::Object(told)) => {
            for (key, value) in told {
                match known.get_mut(&key) {
                    Some(_) if key == TYPE_NAME && is_interface(definition, &value) => {}
                    Some(known) => merge(definition, known, value),
                    None => {
                        known.insert(key, value);
                    }
                }
            }
        }
        (Value::List(known), Value::List(told)) if known.len() == told.len() => {
            for (known, told) in known.iter_mut().zip(told) {
                merge(definition, known, told);
            }
        }
        (known, told) => *known = told,
    }
}

fn is_interface(definition: &Definition, name: &Value) -> bool {
    match name {
        Value::String(name) => definition.interfaces.contains_key(name.as_str()),
        Value::Enum(name) => definition.interfaces.contains_key(name),
        _ => false,
    }
}

/// The type that an object says it is of.
fn type_name(object: &IndexMap<Name, Value>) -> Option<&str> {
    match object.get(TYPE_NAME) {
        Some(Value::String(name)) => Some(name),
        Some(Value::Enum(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn what_is_told_is_added_and_null_adds_nothing() {
        let mut known = value!({ "a": { "x": 1 }, "list": [{ "x": 1 }, null], "gone": null, "kept": 1 });
        let definition = Definition::of("interface I { x: Int } type A implements I { x: Int }");
        merge(
            &definition,
            &mut known,
            value!({ "a": { "y": 2 }, "list": [{ "y": 2 }, { "y": 3 }], "gone": 1, "kept": null }),
        );
        let expected =
            value!({ "a": { "x": 1, "y": 2 }, "list": [{ "x": 1, "y": 2 }, { "y": 3 }], "gone": 1, "kept": 1 });
        assert_eq!(known, expected);
        for (before, told, after) in [("A", "I", "A"), ("I", "A", "A"), ("I", "I", "I"), ("A", "Hidden", "Hidden")] {
            let mut known = value!({ "__typename": before });
            merge(&definition, &mut known, value!({ "__typename": told }));
            assert_eq!(known, value!({ "__typename": after }), "{before} {told}");
        }
    }
}
