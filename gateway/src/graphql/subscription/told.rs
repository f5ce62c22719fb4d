//! The answers of a subscription, one after another.

use std::future::ready;
use std::sync::Arc;

use async_graphql::{Request, Response, Value};
use futures::stream::{self, BoxStream, StreamExt};

use tokio::time::{Instant, timeout_at};

use super::root::with_one_field;
use crate::error::Failure;
use crate::graphql::caller::Caller;
use crate::graphql::reader::Reader;
use crate::graphql::shape::Asked;
use crate::graphql::{Graph, refused};

/// A subscription that is being told.
pub(in crate::graphql) struct Told {
    graph: Graph,
    reader: Arc<Reader>,
    asked: Option<Asked>,
    events: BoxStream<'static, Response>,
    is_over: bool,
    /// When the token ends that it is told to. `None`: there is no token.
    ends: Option<Instant>,
}

impl Told {
    /// Tells a subscription, each answer when the one before has been taken. One that could not be given ends it: behind
    /// it, nobody would know that something is missing.
    pub(in crate::graphql) fn by(graph: Graph, request: Request) -> BoxStream<'static, Response> {
        let mut request = match with_one_field(request) {
            Ok(request) => request,
            Err(error) => return stream::once(ready(Response::from_errors(vec![error]))).boxed(),
        };
        let told = async move {
            let ends = Caller::of(&request).identity.map(|identity| identity.ends);
            let (reader, asked) = match graph.begin(&mut request).await {
                Ok(begun) => begun,
                Err(refusal) => return stream::once(ready(refusal)).boxed(),
            };
            let request = request.data(Arc::clone(&reader)).data(graph.feed.clone());
            let events = graph.schema.execute_stream(request);
            stream::unfold(Self { graph, reader, asked, events, is_over: false, ends }, Self::next).boxed()
        };
        stream::once(told).flatten().boxed()
    }

    async fn next(mut self) -> Option<(Response, Self)> {
        if self.is_over {
            return None;
        }
        let event = match self.ends {
            None => self.events.next().await,
            Some(ends) => match timeout_at(ends, self.events.next()).await {
                Ok(event) => event,
                Err(_) => {
                    self.is_over = true;
                    return Some((refused(Failure::TokenEnded), self));
                }
            },
        };
        let response = event?;
        let response = self.graph.finish(&self.reader, self.asked.as_ref(), response).await;
        self.is_over = response.data == Value::Null;
        Some((response, self))
    }
}
