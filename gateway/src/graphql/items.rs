//! Lists in answers.

use std::borrow::Cow;
use std::future::poll_fn;
use std::ops::Deref;
use std::task::Poll;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use futures::future::BoxFuture;

/// A list in an answer: `[T!]!` where `T` is never null.
///
/// As `Vec` is to async-graphql, but that futures are boxed before they are joined: one join serves the lists of all
/// types, where `Vec` has a dozen generic types compiled for each. An extension hears of a list's fields, not of its
/// places.
#[derive(Clone, Debug)]
pub(crate) struct Items<T>(Vec<T>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> From<Vec<T>> for Items<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T> IntoIterator for Items<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> FromIterator<T> for Items<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T> Deref for Items<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: OutputType> OutputType for Items<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("[{}]", T::qualified_type_name()))
    }

    fn qualified_type_name() -> String {
        format!("[{}]!", T::qualified_type_name())
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry);
        Self::qualified_type_name()
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let mut resolving: Vec<BoxFuture<'_, ServerResult<Value>>> = Vec::with_capacity(self.0.len());
        for (index, item) in self.0.iter().enumerate() {
            let ctx = ctx.with_index(index);
            resolving.push(Box::pin(async move {
                item.resolve(&ctx, field).await.map_err(|error| ctx.set_error_path(error))
            }));
        }
        join(resolving).await
    }
}

/// Waits for all, or for the first that fails. All are asked on, each time one of them may go on: those of a level wait
/// for the same statement.
async fn join(mut resolving: Vec<BoxFuture<'_, ServerResult<Value>>>) -> ServerResult<Value> {
    let mut values: Vec<Option<Value>> = vec![None; resolving.len()];
    poll_fn(|task| -> Poll<ServerResult<()>> {
        let mut waits = false;
        for (value, future) in values.iter_mut().zip(&mut resolving) {
            if value.is_none() {
                match future.as_mut().poll(task) {
                    Poll::Ready(resolved) => *value = Some(resolved?),
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(Ok(())) }
    })
    .await?;
    Ok(Value::List(values.into_iter().map(Option::unwrap_or_default).collect()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use async_graphql::{EmptyMutation, EmptySubscription, Enum, Object, Schema, value};

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn numbers(&self) -> Items<i32> {
            vec![3, 1, 2].into()
        }

        async fn none(&self) -> Items<i32> {
            Items::default()
        }

        async fn maybe(&self) -> Option<Items<Option<Place>>> {
            Some(vec![Some(Place(0)), None, Some(Place(2))].into())
        }

        async fn places(&self) -> Items<Place> {
            (0..50).map(Place).collect()
        }
    }

    #[derive(Clone, Copy, PartialEq, Eq, Enum)]
    enum Parity {
        Even,
        Odd,
    }

    /// How many wait at once.
    static WAITING: AtomicUsize = AtomicUsize::new(0);

    struct Place(usize);

    #[Object]
    impl Place {
        async fn parity(&self) -> Parity {
            if self.0.is_multiple_of(2) { Parity::Even } else { Parity::Odd }
        }

        /// Waits, the later ones shorter.
        async fn together(&self) -> usize {
            WAITING.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(60 - self.0 as u64)).await;
            WAITING.load(Ordering::SeqCst)
        }

        async fn odd_fails(&self) -> async_graphql::Result<usize> {
            if self.0.is_multiple_of(2) { Ok(self.0) } else { Err("odd".into()) }
        }
    }

    fn schema() -> Schema<Query, EmptyMutation, EmptySubscription> {
        Schema::new(Query, EmptyMutation, EmptySubscription)
    }

    #[tokio::test]
    async fn items_stand_in_their_order_with_their_nulls() {
        let answer = schema().execute("{ numbers none maybe { parity } }").await;
        let expected = value!({
            "numbers": [3, 1, 2], "none": [], "maybe": [{ "parity": "EVEN" }, null, { "parity": "EVEN" }]
        });
        assert_eq!(answer.into_result().unwrap().data, expected);
    }

    #[test]
    fn the_schema_says_what_a_vec_says() {
        let sdl = schema().sdl();
        for line in ["numbers: [Int!]!", "maybe: [Place]", "places: [Place!]!"] {
            assert!(sdl.contains(line), "{sdl}");
        }
    }

    #[tokio::test]
    async fn items_are_resolved_side_by_side() {
        let data = schema().execute("{ places { together } }").await.into_result().unwrap().data;
        let places = data.into_json().unwrap()["places"].as_array().unwrap().clone();
        assert!(places.iter().all(|place| place["together"] == 50), "{places:?}");
    }

    #[tokio::test]
    async fn an_error_says_at_which_place() {
        let answer = schema().execute("{ places { oddFails } }").await;
        let path = serde_json::to_value(&answer.errors[0].path).unwrap();
        assert_eq!(path, serde_json::json!(["places", 1, "oddFails"]));
    }
}
