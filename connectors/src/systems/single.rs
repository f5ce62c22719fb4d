//! A record by itself: at its collection's address, behind its identifier.

use serde_json::Value;

use crate::api::Api;
use crate::error::{ErrorKind, Result};

/// What lies there. `None`: the system knows no such record, or its identifier would lead elsewhere.
pub(super) async fn read(api: &Api, collection: &str, external_id: &str) -> Result<Option<Value>> {
    if external_id.contains('/') || external_id.is_empty() {
        return Ok(None);
    }
    match api.get(&format!("{collection}/{external_id}"), &[], &[]).await {
        Ok(answer) => answer.json().map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
