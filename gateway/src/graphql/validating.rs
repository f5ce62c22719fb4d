//! The library's validation, watched: what it finds valid need not be validated again, and what it refuses gets a code.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{ServerError, ValidationResult};

use super::documents::Document;
use crate::error::{Code, set_code};

/// The most errors that are told of one document: more would not help, and each is a sentence.
const MOST_ERRORS: usize = 20;

/// Watches the validation: part of the schema that validates, and not of the one that executes what is known to be valid.
pub(crate) struct Validating;

impl ExtensionFactory for Validating {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Validating {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        match next.run(ctx).await {
            Ok(result) => {
                if let Some(document) = ctx.data_opt::<Arc<Document>>() {
                    document.is_found_valid();
                }
                Ok(result)
            }
            Err(mut errors) => {
                errors.truncate(MOST_ERRORS);
                errors.iter_mut().for_each(|error| set_code(error, Code::ValidationFailed));
                Err(errors)
            }
        }
    }
}
