//! Asks a partner's graph, or subscribes to it, and makes of what it says what may be handed on.

mod flights;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_graphql::Variables;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use connectors::api::{Asked, NotSubscribed, Subgraph};
use connectors::{Error, ErrorKind};
use futures::stream::{self, BoxStream, StreamExt};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{Instrument, info_span, warn};

use self::flights::Flights;
use self::told::{failed, read, told};
use super::entities::{Entities, kept_for};
use super::execute::Told;
use super::plan::{Batch, Fetch};
use crate::error::{Code, Refused};
use crate::graphql::Caller;
use crate::telemetry::{Metrics, traces};

/// A partner's graph.
pub(super) struct Partner {
    subgraph: Subgraph,
    flights: Flights,
    /// Whether anything that it has told could be kept: else there is nothing to look for.
    may_be_kept: AtomicBool,
    /// Changes when something is changed there: what was told before, or is still being told, is told to nobody after.
    age: AtomicU64,
    metrics: Metrics,
}

#[derive(Serialize)]
struct Body<'a> {
    query: &'a str,
    variables: &'a Variables,
}

impl Partner {
    pub(super) fn new(subgraph: Subgraph, metrics: Metrics) -> Self {
        Self {
            subgraph,
            flights: Flights::default(),
            may_be_kept: AtomicBool::new(false),
            age: AtomicU64::new(new_age()),
            metrics,
        }
    }

    /// How it is set to be asked.
    pub(super) fn subgraph(&self) -> &Subgraph {
        &self.subgraph
    }

    /// Asks for a caller, with their token and their headers where it is to have them. Whatever becomes of it, something
    /// is told. A query that is the same in everything as one under way is not sent again: both are told the same.
    pub(super) async fn ask(
        self: &Arc<Self>,
        document: &str,
        variables: &Variables,
        caller: &Caller,
        is_mutation: bool,
    ) -> Told {
        let name = &self.subgraph.settings().name;
        let Some(asked) = self.asked(document, variables, caller, is_mutation) else {
            return failed(name, Code::Internal, "cannot be asked this");
        };
        if is_mutation {
            // Also where it is given up: it may have been done.
            let _changed = Changing::of(self);
            return self.send(asked).await;
        }
        if !self.subgraph.settings().deduplicate {
            return self.send(asked).await;
        }
        let key = flights::Key::of(&asked, self.age());
        let partner = Arc::clone(self);
        let (flight, is_shared) = self.flights.join(key, || async move { partner.send(asked).await });
        if is_shared {
            self.metrics.subgraphs().asked(name, "shared");
        }
        flight.await
    }

    /// Asks for entities, as [`Partner::ask`] does, but for those that are kept.
    pub(super) async fn ask_for(
        self: &Arc<Self>,
        entities: &Entities,
        (fetch, batches): (&Fetch, &[Batch]),
        mut variables: Variables,
        caller: &Caller,
    ) -> Told {
        let is_callers_own = self.subgraph.forwards() && caller.authorization.is_some();
        let settings = self.subgraph.settings();
        let age = self.age().to_string();
        let whom = [settings.name.as_str(), settings.url.as_str(), &age, &fetch.document];
        if is_callers_own || !self.may_be_kept.load(Ordering::Relaxed) {
            let told = self.ask(&fetch.document, &variables, caller, fetch.is_mutation).await;
            if is_callers_own || told.kept_for.is_none() {
                return told;
            }
            return entities.want(&whom, &self.headers(caller), batches, &mut variables, false).with(told);
        }
        let wanted = entities.want(&whom, &self.headers(caller), batches, &mut variables, true);
        if wanted.is_known() {
            self.metrics.subgraphs().asked(&settings.name, "kept");
            return wanted.with(Told::default());
        }
        wanted.with(self.ask(&fetch.document, &variables, caller, fetch.is_mutation).await)
    }

    /// Subscribes for a caller, as [`Partner::ask`] asks. What keeps it from telling more is the last that is told.
    ///
    /// # Errors
    /// That the hub has as many subscriptions to it as it may have.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        document: &str,
        variables: &Variables,
        caller: &Caller,
    ) -> Result<BoxStream<'static, Told>, Refused> {
        let name = &self.subgraph.settings().name;
        let Some(mut asked) = self.asked(document, variables, caller, false) else {
            return Ok(stream::iter([failed(name, Code::Internal, "cannot be asked this")]).boxed());
        };
        let span = info_span!("gateway.subgraph.subscribe", otel.kind = "client", subgraph.name = name.as_str());
        let subscribing = async {
            traces::hand_on(&mut asked.headers);
            self.subgraph.subscribe(&asked).await
        };
        let results = subscribing.instrument(span).await;
        self.metrics.subgraphs().breaker(name, "subscriptions", self.subgraph.breaker_of_subscriptions());
        let results = match results {
            Ok(results) => results,
            Err(NotSubscribed::Full(most)) => {
                self.metrics.subgraphs().asked(name, "full");
                let message = format!("The hub has as many subscriptions to the subgraph `{name}` as it may have.");
                return Err(Refused::new(Code::TooManyStreams, message).with("maximum", most));
            }
            Err(NotSubscribed::Failed(error)) => return Ok(stream::iter([self.explain(&error)]).boxed()),
        };
        self.metrics.subgraphs().asked(name, "subscribed");
        let partner = Arc::clone(self);
        // Of who says what is no result nothing more is heard: what it holds is let go before the last is told.
        let with_last = stream::unfold(Some(results), move |results| {
            let partner = Arc::clone(&partner);
            async move {
                let mut results = results?;
                let name = &partner.subgraph.settings().name;
                match results.next().await?.map(|body| read(&body)) {
                    Ok(Some(answer)) => Some((told(name, Some(answer)), Some(results))),
                    Ok(None) => Some((told(name, None), None)),
                    Err(error) => Some((partner.explain(&error), None)),
                }
            }
        });
        Ok(with_last.boxed())
    }

    fn age(&self) -> u64 {
        self.age.load(Ordering::SeqCst)
    }

    /// What is sent for a caller, in whose name. `None`: it cannot be.
    fn asked(&self, document: &str, variables: &Variables, caller: &Caller, is_mutation: bool) -> Option<Asked> {
        let headers = self.headers(caller);
        let body = serde_json::to_vec(&Body { query: document, variables }).ok()?;
        Some(Asked { body: Bytes::from(body), headers, is_repeatable: !is_mutation })
    }

    /// What is sent beside what is asked, in a caller's name.
    fn headers(&self, caller: &Caller) -> HeaderMap {
        // What is set is sent whoever asks.
        let nothing = HeaderMap::new();
        let mut headers = self.subgraph.headers_for(caller.headers.as_deref().unwrap_or(&nothing));
        if let Some(authorization) = caller.authorization.as_ref().filter(|_| self.subgraph.forwards()) {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        headers
    }

    async fn send(&self, mut asked: Asked) -> Told {
        let name = self.subgraph.settings().name.as_str();
        let span = info_span!("gateway.subgraph.fetch", otel.kind = "client", subgraph.name = name);
        let sending = async {
            traces::hand_on(&mut asked.headers);
            self.subgraph.post(&asked).await
        };
        let began = Instant::now();
        let answer = sending.instrument(span).await;
        let metrics = self.metrics.subgraphs();
        metrics.breaker(name, "queries", self.subgraph.breaker());
        let answered = match answer {
            Ok(answered) => answered,
            Err(error) => {
                if error.kind() != ErrorKind::BreakerOpen {
                    metrics.took(name, began.elapsed());
                }
                return self.explain(&error);
            }
        };
        metrics.took(name, began.elapsed());
        let answer = read(&answered.body);
        metrics.asked(name, if answer.is_some() { "ok" } else { ErrorKind::Malformed.name() });
        let kept_for = kept_for(&answered.headers, self.subgraph.settings().entity_cache);
        if kept_for.is_some() {
            self.may_be_kept.store(true, Ordering::Relaxed);
        }
        Told { kept_for, ..told(name, answer) }
    }

    /// What is told where nothing was: enough to know what to do, and nothing of how it is reached.
    fn explain(&self, error: &Error) -> Told {
        let name = self.subgraph.settings().name.as_str();
        if error.kind() != ErrorKind::BreakerOpen {
            warn!(subgraph.name = name, error = error as &dyn std::error::Error, "a subgraph did not answer");
        }
        self.metrics.subgraphs().asked(name, error.kind().name());
        match error.kind() {
            ErrorKind::Timeout => failed(name, Code::Timeout, "did not answer in time"),
            ErrorKind::TooLarge => failed(name, Code::Unavailable, "gave a larger answer than is taken"),
            _ => failed(name, Code::Unavailable, "cannot be asked at present"),
        }
    }
}

/// Something is being changed at a partner's: nothing that is known of it holds from when it is sent, nor what was told
/// meanwhile from when it is answered.
struct Changing<'p>(&'p Partner);

impl<'p> Changing<'p> {
    fn of(partner: &'p Partner) -> Self {
        partner.age.store(new_age(), Ordering::SeqCst);
        Self(partner)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.age.store(new_age(), Ordering::SeqCst);
    }
}

/// One that no partner of this process has had.
fn new_age() -> u64 {
    static AGES: AtomicU64 = AtomicU64::new(0);
    AGES.fetch_add(1, Ordering::SeqCst)
}
