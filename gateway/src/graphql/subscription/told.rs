//! The answers of a subscription, one after another.

use std::future::ready;
use std::sync::Arc;

use async_graphql::{Request, Response, Value};
use futures::stream::{self, BoxStream, StreamExt};

use super::root::with_one_field;
use crate::graphql::Graph;
use crate::graphql::reader::Reader;
use crate::graphql::shape::Asked;

/// A subscription that is being told.
pub(in crate::graphql) struct Told {
    graph: Graph,
    reader: Arc<Reader>,
    asked: Option<Asked>,
    events: BoxStream<'static, Response>,
    is_over: bool,
}

impl Told {
    /// Tells a subscription, each answer when the one before has been taken. One that could not be given ends it: behind
    /// it, nobody would know that something is missing.
    pub(in crate::graphql) fn by(graph: Graph, request: Request) -> BoxStream<'static, Response> {
        let mut request = match with_one_field(request) {
            Ok(request) => request,
            Err(error) => return stream::once(ready(Response::from_errors(vec![error]))).boxed(),
        };
        let (reader, asked) = graph.begin(&mut request);
        let request = request.data(Arc::clone(&reader)).data(graph.feed.clone());
        let events = graph.schema.execute_stream(request);
        stream::unfold(Self { graph, reader, asked, events, is_over: false }, Self::next).boxed()
    }

    async fn next(mut self) -> Option<(Response, Self)> {
        if self.is_over {
            return None;
        }
        let response = self.events.next().await?;
        let response = self.graph.finish(&self.reader, self.asked.as_ref(), response).await;
        self.is_over = response.data == Value::Null;
        Some((response, self))
    }
}
