//! What every request passes before it is executed, whichever way it came in: its document is found and looked at, its
//! operation chosen, its variables read, its cost estimated. What fails here costs no statement, and is told as an error
//! of the request.

use std::sync::Arc;

use async_graphql::Request;
use async_graphql::parser::types::OperationType;

use super::caller::Caller;
use super::definition::Definition;
use super::documents::{Document, Documents, Hash, TrustedDocuments};
use super::limits::cost::{self, Price};
use super::variables;
use crate::config::LimitSettings;
use crate::error::{Code, Refused};
use crate::shared::Shared;
use crate::telemetry;

/// What every request passes.
#[derive(Clone)]
pub(crate) struct Gate {
    definition: Arc<Definition>,
    limits: Arc<LimitSettings>,
    documents: Documents,
}

/// A request that may be executed.
pub(crate) struct Admitted {
    /// The request, with its document parsed.
    pub(crate) request: Request,
    pub(crate) document: Arc<Document>,
    pub(crate) price: Price,
    pub(crate) operation_type: OperationType,
}

impl Gate {
    /// The gate to a schema of this definition.
    pub(crate) fn new(definition: Arc<Definition>, limits: Arc<LimitSettings>) -> Self {
        Self { definition, documents: Documents::new(Arc::clone(&limits)), limits }
    }

    /// The gate to a schema of this definition, as text.
    #[cfg(test)]
    pub(crate) fn of(sdl: &str, limits: LimitSettings) -> Self {
        Self::new(Arc::new(Definition::of(sdl)), Arc::new(limits))
    }

    /// Shares documents with the other replicas.
    pub(crate) fn sharing(self, shared: Option<Shared>) -> Self {
        Self { documents: self.documents.sharing(shared), ..self }
    }

    /// Knows these documents by their names.
    pub(crate) fn trusting(self, trusted: TrustedDocuments) -> Self {
        Self { documents: self.documents.trusting(trusted), ..self }
    }

    /// The gate to another schema, with the same limits and the same documents trusted.
    pub(crate) fn apart(&self, definition: Arc<Definition>) -> Self {
        Self { definition, limits: Arc::clone(&self.limits), documents: self.documents.apart() }
    }

    /// The document that a request asks for.
    pub(crate) async fn find(&self, request: &Request) -> Result<Arc<Document>, Refused> {
        self.documents.find(request).await
    }

    /// A document that the hub itself has written.
    pub(crate) fn own(&self, text: &str) -> Result<Arc<Document>, Refused> {
        self.documents.own(text)
    }

    /// Lets a request through, or says why not.
    pub(crate) async fn admit(&self, caller: &Caller, mut request: Request) -> Result<Admitted, Refused> {
        let document = self.documents.find(&request).await?;
        let operation = document.operation(request.operation_name.as_deref())?;
        telemetry::told(document.operation_name(request.operation_name.as_deref()), operation.node.ty);
        if caller.only_reads && operation.node.ty == OperationType::Mutation {
            let message = "A mutation must come by POST.";
            return Err(Refused::new(Code::MethodNotAllowed, message).header("allow", "POST".to_owned()));
        }
        variables::check(&self.definition, &operation.node, &request.variables)?;
        let price = cost::check(&self.definition, &document.parsed, operation, &request.variables, &self.limits)?;
        let operation_type = operation.node.ty;
        request.set_parsed_query(document.parsed.clone());
        Ok(Admitted { request, document, price, operation_type })
    }

    /// The hash of the document that the request asks for, without looking into it. `None`: finding it is work.
    pub(crate) fn known(&self, request: &Request) -> Option<Hash> {
        self.documents.known(request)
    }

    /// Says what the request asks for, whose answer is kept under this document: it is not looked at again.
    pub(crate) fn tell(&self, document: &Hash, asked: Option<&str>) {
        match self.documents.kept(document) {
            Some(document) => telemetry::told(document.operation_name(asked), OperationType::Query),
            None => telemetry::told(asked, OperationType::Query),
        }
    }

    /// Keeps a document that was found valid while it was executed.
    pub(crate) fn keep(&self, document: &Arc<Document>) {
        self.documents.keep(document);
    }
}
