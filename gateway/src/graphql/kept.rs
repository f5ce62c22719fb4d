//! Answers that are kept: when one is given without executing anything, and when one is kept. Whoever is answered so has
//! passed what everybody passes: their requests are counted, their token is looked at; and a request that was let
//! through once, by this document, these variables and these settings, is let through again.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{CacheControl, Executor, ObjectType, Request, Response, Schema, SubscriptionType};
use axum::http::{HeaderMap, HeaderValue, header};
use futures::FutureExt;

use super::caller::Caller;
use super::gate::Admitted;
use super::rate::Standing;
use super::stand_in;
use super::wire::Answer;
use super::{Graph, seal};
use crate::cache::key::{Key, canonical};
use crate::cache::{Age, Cache, Computing, Found, Kept};
use crate::telemetry::executing;

/// What a request is answered with.
pub enum Answered {
    /// A response that was made for this request alone.
    Response(Response),
    /// An answer that is kept, and what is told to this client beside it.
    Kept(Arc<Kept>, HeaderMap),
}

/// Executes requests, and may have kept the answer. What it executes, it executes within `telemetry::executing`.
pub trait Answering: Executor {
    /// Answers a request.
    fn answer(&self, request: Request) -> impl Future<Output = Answered> + Send {
        async { Answered::Response(self.execute(request).await) }
    }
}

/// Any other schema keeps none.
impl<Q, M, S> Answering for Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
}

impl Answering for Graph {
    async fn answer(&self, request: Request) -> Answered {
        let Some(cache) = &self.cache else { return Answered::Response(executing(self.execute(request)).await) };
        let caller = Caller::of(&request);
        let standing = self.rate.take(&caller).await;
        if let Some(standing) = standing.filter(|standing| !standing.is_granted) {
            return self.answered(&caller, Some(standing), standing.refused().into());
        }
        let key = self.key(&caller, &request).await;
        if let Some(key) = &key
            && let Some((kept, age)) = cache.get(key).await
        {
            self.gate.tell(&key.document, key.operation.as_deref());
            return given(kept, age, standing);
        }
        executing(self.answer_anew(cache, &caller, standing, request, key)).await
    }
}

impl Graph {
    /// Answers a request whose answer is not kept, or not under this key.
    async fn answer_anew(
        &self,
        cache: &Cache,
        caller: &Caller,
        standing: Option<Standing>,
        request: Request,
        key: Option<Key>,
    ) -> Answered {
        let admitted = match self.gate.admit(caller, request).await {
            Ok(admitted) => admitted,
            Err(refused) => return self.answered(caller, standing, refused.into()),
        };
        let (OperationType::Query, Some(key)) = (admitted.operation_type, key) else {
            let response = self.compute(caller, standing, admitted, None).await.0;
            return self.answered(caller, standing, response);
        };
        match cache.join(key).await {
            Found::Kept(kept) => given(kept, Age::Current, standing),
            Found::Alone => {
                let response = self.compute(caller, standing, admitted, None).await.0;
                self.answered(caller, standing, response)
            }
            Found::Ours(computing) => self.keep(caller, standing, admitted, *computing).await,
        }
    }

    /// What the answer to this request is kept under. `None`: it is not known what it asks for, or by whom.
    async fn key(&self, caller: &Caller, request: &Request) -> Option<Key> {
        let document = self.gate.known(request)?;
        let viewer = self.stakes.viewer(caller.identity.clone());
        // Nobody waits for a store that is away: whose viewer is not known at once is given nothing that was kept.
        let is_away = self.cache.as_ref().is_some_and(Cache::is_away);
        let viewer = if is_away { viewer.now_or_never()? } else { viewer.await }.ok()?;
        Some(Key {
            document,
            operation: request.operation_name.clone(),
            variables: canonical(&request.variables),
            language: caller.language,
            visibility: viewer.visibility(),
        })
    }

    /// Computes an answer, and keeps it where it may be kept.
    async fn keep(
        &self,
        caller: &Caller,
        standing: Option<Standing>,
        admitted: Admitted,
        computing: Computing,
    ) -> Answered {
        let (response, reader) = self.compute(caller, standing, admitted, Some(computing.notes())).await;
        let grounds = reader
            .filter(|reader| response.is_ok() && reader.contacts().is_empty() && !stand_in::is_told(&response))
            .and_then(|reader| computing.made_of(reader.sources_read().as_deref(), reader.touched()));
        let Some((grounds, body)) = grounds.zip(serde_json::to_vec(&Answer::of(&response)).ok()) else {
            computing.give_up();
            return self.answered(caller, standing, response);
        };
        let hints = cache_control(response.cache_control, caller);
        match computing.keep(body, hints, grounds) {
            Some(kept) => given(kept, Age::Current, standing),
            None => self.answered(caller, standing, response),
        }
    }

    /// The response, with what is told to its client.
    fn answered(&self, caller: &Caller, standing: Option<Standing>, mut response: Response) -> Answered {
        if let Some(standing) = standing {
            standing.tell(&mut response.http_headers);
        }
        seal(&mut response, caller.request_id.as_deref());
        Answered::Response(response)
    }
}

fn given(kept: Arc<Kept>, age: Age, standing: Option<Standing>) -> Answered {
    let mut headers = HeaderMap::new();
    if let Age::Unknown { for_secs } = age {
        stand_in::tell(&mut headers, "hit", Duration::from_secs(for_secs));
        // Nobody else may keep it.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(standing) = standing {
        standing.tell(&mut headers);
    }
    Answered::Kept(kept, headers)
}

/// How others may keep the answer: for as long as its least lasting field says, and where none does, asking each time
/// whether it still holds. What a token opens is nobody else's.
fn cache_control(hints: CacheControl, caller: &Caller) -> HeaderValue {
    let scope = if hints.public && caller.identity.is_none() { "public" } else { "private" };
    let header = match hints.max_age {
        seconds if seconds > 0 => format!("{scope}, max-age={seconds}"),
        _ => format!("{scope}, no-cache"),
    };
    HeaderValue::try_from(header).unwrap_or(HeaderValue::from_static("no-store"))
}
