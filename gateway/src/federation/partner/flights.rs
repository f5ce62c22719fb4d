//! Requests under way, which queries that are the same in everything share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderName, HeaderValue};
use bytes::Bytes;
use connectors::api::Asked;
use futures::future::{BoxFuture, FutureExt, WeakShared};

use crate::federation::execute::Told;

type Work = BoxFuture<'static, Arc<Told>>;

/// What is asked, and in whose name: the document, the variables, and all that is sent beside them, but for the trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    body: Bytes,
    headers: Vec<(HeaderName, HeaderValue)>,
    age: u64,
}

impl Key {
    /// Of what is sent, before it tells of a trace, to a partner that was last changed at this age.
    pub(super) fn of(asked: &Asked, age: u64) -> Self {
        let headers = asked.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        Self { body: asked.body.clone(), headers: headers.collect(), age }
    }
}

/// The requests to one subgraph that are under way. One is given up when the last who waits for it goes away.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<Flying>>);

#[derive(Default)]
struct Flying {
    begun: u64,
    /// Each with a number of its own.
    by_key: HashMap<Key, (u64, WeakShared<Work>)>,
}

/// Makes room when its request ends, whatever way.
struct Landing {
    flights: Flights,
    key: Key,
    number: u64,
}

impl Flights {
    /// Joins whoever asks the same, or begins. Gives whether it was somebody else's.
    pub(super) fn join<F>(&self, key: Key, begin: impl FnOnce() -> F) -> (BoxFuture<'static, Told>, bool)
    where
        F: Future<Output = Told> + Send + 'static,
    {
        let mut flying = self.flying();
        let under_way = flying.by_key.get(&key).and_then(|(_, flight)| flight.upgrade());
        let is_shared = under_way.is_some();
        let flight = under_way.unwrap_or_else(|| {
            flying.begun += 1;
            let landing = Landing { flights: self.clone(), key: key.clone(), number: flying.begun };
            let work = begin();
            let flight = async move {
                let _landing = landing;
                Arc::new(work.await)
            };
            let flight = flight.boxed().shared();
            if let Some(weak) = flight.downgrade() {
                let number = flying.begun;
                flying.by_key.insert(key, (number, weak));
            }
            flight
        });
        let told = async move { Arc::try_unwrap(flight.await).unwrap_or_else(|told| Told::clone(&told)) };
        (told.boxed(), is_shared)
    }

    fn flying(&self) -> MutexGuard<'_, Flying> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flying = self.flights.flying();
        // One that was given up may have a successor by now.
        if flying.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            flying.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;
    use axum::http::HeaderMap;
    use tokio::sync::oneshot;

    use super::*;

    fn key(body: &'static str, tenant: Option<&'static str>) -> Key {
        let mut headers = HeaderMap::new();
        if let Some(tenant) = tenant {
            headers.insert("x-tenant", HeaderValue::from_static(tenant));
        }
        Key::of(&Asked { body: Bytes::from_static(body.as_bytes()), headers, is_repeatable: true }, 0)
    }

    fn said(number: i32) -> Told {
        Told { data: value!({ "n": number }), ..Told::default() }
    }

    #[tokio::test]
    async fn those_who_ask_the_same_in_the_same_name_are_told_the_same() {
        let flights = Flights::default();
        let (tell, heard) = oneshot::channel::<()>();
        let (one, is_shared) = flights.join(key("a", None), || async move {
            heard.await.ok();
            said(1)
        });
        assert!(!is_shared);
        let (other, is_shared) = flights.join(key("a", None), || async { unreachable!() });
        assert!(is_shared);
        let later = Key { age: 1, ..key("a", None) };
        for different in [key("b", None), key("a", Some("t")), later] {
            let (different, is_shared) = flights.join(different, || async { said(2) });
            assert!(!is_shared);
            assert_eq!(different.await.data, said(2).data);
        }
        tell.send(()).unwrap();
        assert_eq!((one.await.data, other.await.data), (said(1).data, said(1).data));
        assert!(flights.flying().by_key.is_empty());
        let (later, is_shared) = flights.join(key("a", None), || async { said(3) });
        assert!(!is_shared);
        assert_eq!(later.await.data, said(3).data);
    }

    #[tokio::test]
    async fn who_goes_away_takes_nothing_from_the_others_and_the_last_takes_all() {
        let flights = Flights::default();
        let (tell, heard) = oneshot::channel::<()>();
        let work = async move {
            heard.await.ok();
            said(1)
        };
        let (first, _) = flights.join(key("a", None), || work);
        let (second, _) = flights.join(key("a", None), || async { unreachable!() });
        let first = tokio::spawn(first);
        tokio::task::yield_now().await;
        first.abort();
        tell.send(()).unwrap();
        assert_eq!(second.await.data, said(1).data);
        let (tell, heard) = oneshot::channel::<()>();
        let (alone, _) = flights.join(key("a", None), || async move {
            heard.await.ok();
            said(1)
        });
        drop(alone);
        assert!(tell.is_closed() && flights.flying().by_key.is_empty());
        let (anew, is_shared) = flights.join(key("a", None), || async { said(2) });
        assert!(!is_shared);
        assert_eq!(anew.await.data, said(2).data);
    }
}
