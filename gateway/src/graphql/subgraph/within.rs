//! What a gateway of this same process asks: without HTTP, and without what its client has passed already.

use std::sync::Arc;

use async_graphql::{Request, Response, Variables};

use crate::error::{Failure, seal};
use crate::graphql::caller::Caller;
use crate::graphql::definition::Definition;
use crate::graphql::gate::{Admitted, Gate};
use crate::graphql::limits::cost::Price;
use crate::graphql::rate::Standing;
use crate::graphql::viewer::Viewer;
use crate::graphql::{Graph, LimitSettings, refused, stand_in};

impl Graph {
    /// Answers a part of what a client has asked. The whole was let through and is what the client pays for; what each
    /// viewer may read is seen to here as ever.
    pub(crate) async fn within(&self, caller: &Caller, document: &str, variables: Variables) -> Response {
        let mut response = match self.gate.own(document) {
            Ok(document) => {
                let mut request = Request::new("").variables(variables);
                request.set_parsed_query(document.parsed.clone());
                let operation_type = document.operation(None).map(|operation| operation.node.ty);
                match operation_type {
                    Ok(operation_type) => {
                        let admitted = Admitted { request, document, price: Price::default(), operation_type };
                        let response = self.compute(caller, None, admitted, None).await.0;
                        // As a part of another answer it could not tell how old it may be.
                        if stand_in::is_told(&response) { refused(Failure::Unavailable) } else { response }
                    }
                    Err(refused) => refused.into(),
                }
            }
            Err(refused) => refused.into(),
        };
        seal(&mut response, caller.request_id.as_deref());
        response
    }

    /// A gate to the whole graph that this one is a part of: with the same limits, and the same documents trusted.
    pub(crate) fn gate_to(&self, whole: Arc<Definition>) -> Gate {
        self.gate.apart(whole)
    }

    /// The gate to this graph alone.
    pub(crate) fn own_gate(&self) -> &Gate {
        &self.gate
    }

    /// What one request may ask for.
    pub(crate) fn limits(&self) -> &LimitSettings {
        &self.limits
    }

    /// Takes one request from a client's allowance.
    pub(crate) async fn standing(&self, caller: &Caller) -> Option<Standing> {
        self.rate.take(caller).await
    }

    /// Who asks, and what they may see.
    pub(crate) async fn viewer(&self, caller: &Caller) -> Result<Viewer, Response> {
        self.stakes.viewer(caller.identity.clone()).await.map_err(refused)
    }
}
