//! Webhooks: partners' own systems hear of needs that fit their offers and of their commitments, as Standard Webhooks
//! (<https://www.standardwebhooks.com>) says.
//!
//! The journal is the outbox: whatever is written stands in it, in the same transaction, whoever wrote it. The
//! [`Courier`] reads on from each endpoint's place in it and makes deliveries, in one transaction with that place, and
//! sends what is due. What a message says is read when it is sent, with the rights of its endpoint
//! ([`graphql::webhooks`](crate::graphql)); a delivery itself holds no content.

mod courier;
mod delivery;
mod keeping;
mod plan;
mod replay;
mod schedule;
mod signature;

use std::sync::Arc;

use connectors::api::Reach;
use connectors::vault::{NoKey, Vault};
use uuid::Uuid;

pub use self::courier::{Courier, CourierError};
pub(crate) use self::keeping::reseal;
pub use self::replay::{Replay, replay};
pub use self::signature::SigningSecret;
use crate::config::WebhookSettings;

/// What writing endpoints needs: where they may lie, and what their secrets are sealed with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hooks {
    /// Seals their secrets.
    pub vault: Arc<Vault>,
    /// Where they may lie.
    pub reach: Reach,
    /// How they are treated.
    pub settings: WebhookSettings,
}

impl Hooks {
    /// As configuration has it. `None` where it has no key: there are no webhooks then.
    ///
    /// # Errors
    /// Where a key is none.
    pub fn open(settings: &WebhookSettings) -> Result<Option<Self>, NoKey> {
        let keys = (settings.encryption_key.as_ref(), settings.previous_encryption_key.as_ref());
        let Some(vault) = Vault::of(keys.0, keys.1)? else { return Ok(None) };
        let networks = settings.private_networks.clone();
        let reach =
            Reach::new(settings.allow_http, move |address| networks.iter().any(|network| network.holds(address)));
        Ok(Some(Self { vault: Arc::new(vault), reach, settings: settings.clone() }))
    }
}

/// What a message is called on the wire: `webhook-id`. The same however often it is sent.
#[must_use]
pub fn message_id(delivery: Uuid) -> String {
    format!("msg_{}", delivery.simple())
}
