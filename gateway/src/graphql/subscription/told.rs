//! The answers of a subscription, one after another.

use std::future::ready;
use std::sync::Arc;

use async_graphql::{Response, Value};
use futures::stream::{self, BoxStream, StreamExt};

use tokio::time::{Instant, timeout_at};

use super::root::with_one_field;
use crate::error::Failure;
use crate::graphql::caller::Caller;
use crate::graphql::rate::Standing;
use crate::graphql::reader::Reader;
use crate::graphql::shape::Asked;
use crate::graphql::{Admitted, Document, Graph, refused};

/// A subscription that is being told.
pub(in crate::graphql) struct Told {
    graph: Graph,
    reader: Arc<Reader>,
    asked: Asked,
    events: BoxStream<'static, Response>,
    is_over: bool,
    /// When the token ends that it is told to. `None`: there is no token.
    ends: Option<Instant>,
}

impl Told {
    /// Tells a subscription, each answer when the one before has been taken. One that could not be given ends it: behind
    /// it, nobody would know that something is missing.
    pub(in crate::graphql) async fn by(
        graph: Graph,
        caller: Caller,
        standing: Option<Standing>,
        admitted: Admitted,
    ) -> BoxStream<'static, Response> {
        let admitted = match with_one_field(admitted.request) {
            Ok(mut request) => match request.parsed_query() {
                Ok(parsed) => Admitted { document: Arc::new(Document::rewritten(parsed.clone())), request, ..admitted },
                Err(error) => return told(Response::from_errors(vec![error])),
            },
            Err(error) => return told(Response::from_errors(vec![error])),
        };
        let begun = match graph.origin(admitted.operation_type).await {
            Ok(origin) => graph.begin(&caller, standing, &admitted, None, &origin).await,
            Err(refusal) => Err(refusal),
        };
        let (reader, asked) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return told(refusal),
        };
        let ends = caller.identity.map(|identity| identity.ends);
        let request = admitted.request.data(Arc::clone(&reader)).data(graph.feed.clone());
        let events = graph.guarded.execute_stream(request);
        stream::unfold(Self { graph, reader, asked, events, is_over: false, ends }, Self::next).boxed()
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
        let response = self.graph.finish(&self.reader, &self.asked, response).await;
        self.is_over = response.data == Value::Null;
        Some((response, self))
    }
}

/// One answer, and no more.
fn told(response: Response) -> BoxStream<'static, Response> {
    stream::once(ready(response)).boxed()
}
