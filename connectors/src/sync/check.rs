//! Whether a source could be read: the same calls as reading makes, and nothing is written.

use std::sync::Arc;

use entity::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::engine::streams;
use crate::api::{self, Api};
use crate::connector::ReadRequest;
use crate::error::{ErrorKind, Result};
use crate::oauth::Tokens;
use crate::settings::SourceSettings;
use crate::systems;

/// Asks a source for a token and for the first page of every stream. Says what it found.
///
/// # Errors
/// What a run would fail with.
pub fn check<'a>(source: &'a SourceSettings, clock: &'a Clock) -> BoxFuture<'a, Result<String>> {
    first_pages(source, clock).boxed()
}

async fn first_pages(source: &SourceSettings, clock: &Clock) -> Result<String> {
    let connector = systems::connector(source)?;
    let client = api::client()?;
    let tokens = match &source.oauth {
        Some(oauth) => Some(Arc::new(Tokens::new(&client, &source.id, oauth, clock.clone())?)),
        None => None,
    };
    let api = Api::new(&client, source, tokens)?;
    let mut found = Vec::new();
    for spec in streams(source, connector.as_ref()) {
        let request = ReadRequest { stream: spec.name, since: None, token: None };
        match connector.read(&api, request).await {
            Ok(page) => {
                let refused = page.records.iter().filter(|raw| connector.map(spec.name, raw).is_err()).count();
                let read = format!("{}: {} on the first page", spec.name, page.records.len());
                found.push(if refused == 0 { read } else { format!("{read}, {refused} refused") });
            }
            Err(error) if spec.optional && error.kind() == ErrorKind::NotFound => {
                found.push(format!("{}: not offered", spec.name));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found.join("; "))
}
