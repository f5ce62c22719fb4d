//! `[webhooks]`: messages to partners' own systems.

use std::time::Duration;

use chrono::TimeDelta;
use connectors::settings::Secret;
use serde::Deserialize;

use super::Network;

/// `[webhooks]`: messages to partners' own systems.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// What the secrets of endpoints are encrypted with: 32 bytes in base64. `None`: there are no webhooks.
    pub encryption_key: Option<Secret>,
    /// What they were encrypted with before.
    pub previous_encryption_key: Option<Secret>,
    /// Whether messages may go by `http:`.
    pub allow_http: bool,
    /// Networks that messages may go to, though they are not public.
    pub private_networks: Vec<Network>,
    /// An endpoint may take this long to answer.
    pub timeout_secs: u64,
    /// Endpoints that are sent to at once.
    pub endpoints_at_once: usize,
    /// Messages that are under way to one endpoint at once.
    pub messages_at_once: usize,
    /// An endpoint that has failed for so long is switched off.
    pub give_up_after_hours: u32,
    /// Messages that were delivered or given up are kept for so many days.
    pub keep_days: u32,
    /// A secret signs for so long beside its successor, where its owner does not say.
    pub rotation_hours: u32,
    /// The most endpoints of one partner.
    pub endpoints_per_partner: u32,
}

impl WebhookSettings {
    /// An endpoint may take this long to answer.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }

    /// An endpoint that has failed for so long is switched off.
    #[must_use]
    pub fn give_up_after(&self) -> TimeDelta {
        TimeDelta::hours(self.give_up_after_hours.into())
    }

    /// Messages that were delivered or given up are kept for so long.
    #[must_use]
    pub fn kept_for(&self) -> TimeDelta {
        TimeDelta::days(self.keep_days.into())
    }
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            encryption_key: None,
            previous_encryption_key: None,
            allow_http: false,
            private_networks: Vec::new(),
            timeout_secs: 15,
            endpoints_at_once: 16,
            messages_at_once: 4,
            give_up_after_hours: 120,
            keep_days: 30,
            rotation_hours: 24,
            endpoints_per_partner: 10,
        }
    }
}
