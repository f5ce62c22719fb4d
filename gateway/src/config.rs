//! What operators set: composed, read and checked here, from a file and the environment. The only place that reads
//! the environment; everything else is handed its settings.
//!
//! # To add a setting
//! 1. Its field, in the struct of its section, with its default.
//! 2. Its line in `config.default.toml`. A test compares the two.
//! 3. Where a value can be wrong in a way that its type does not tell: a check in `validate`.

mod auth;
mod cache;
mod connection_url;
mod environment;
mod federation;
mod grants;
mod limits;
mod network;
mod position;
mod problem;
mod read;
mod sections;
mod sign_in;
mod telemetry;
mod validate;
mod webhooks;
mod writes;

use std::path::Path;

use connectors::settings::{SourceSettings, SubgraphSettings};
use connectors::systems::{Entry, SYSTEMS};

pub use crate::matching::MatchingSettings;
pub use auth::{Anonymous, AuthSettings};
pub use cache::CacheSettings;
pub use connection_url::ConnectionUrl;
pub use environment::Environment;
pub use federation::{FederationSettings, PolicySettings};
pub use grants::GrantSettings;
pub use limits::{Documents, LimitSettings};
pub use network::Network;
pub use problem::{ConfigError, Problem};
pub use sections::{DatabaseSettings, HttpSettings, RedisSettings, SubscriptionSettings, SyncSettings};
pub use sign_in::SignInSettings;
pub use telemetry::{LogFormat, MetricsSettings, TelemetrySettings};
pub use webhooks::WebhookSettings;
pub use writes::{AuditSettings, MutationSettings, retention};

/// The file that is read where none is named and it is there.
pub const DEFAULT_FILE: &str = "hub.toml";

/// Everything that operators set. Secrets in it are fetched already.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The gateway's address and its limits.
    pub http: HttpSettings,
    /// The store.
    pub database: DatabaseSettings,
    /// The shared cache.
    pub redis: RedisSettings,
    /// Answers that are kept.
    pub cache: CacheSettings,
    /// Who may ask.
    pub auth: AuthSettings,
    /// How people sign in to the console.
    pub sign_in: SignInSettings,
    /// What one query may cost.
    pub limits: LimitSettings,
    /// What is told as it happens.
    pub subscriptions: SubscriptionSettings,
    /// How sources are read.
    pub sync: SyncSettings,
    /// What counts for how much when offers are matched with needs.
    pub matching: MatchingSettings,
    /// What is written through the hub's interface.
    pub mutations: MutationSettings,
    /// The audit trail.
    pub audit: AuditSettings,
    /// Messages to partners' own systems.
    pub webhooks: WebhookSettings,
    /// What lets the hub into systems for somebody.
    pub grants: GrantSettings,
    /// What is logged and traced.
    pub telemetry: TelemetrySettings,
    /// Where metrics are told.
    pub metrics: MetricsSettings,
    /// What partners' graphs are joined to.
    pub federation: FederationSettings,
    /// The partner systems, in the order of the file.
    pub sources: Vec<SourceSettings>,
    /// The partners' graphs, in the order of the file.
    pub subgraphs: Vec<SubgraphSettings>,
}

impl Settings {
    /// Reads the file `named`, or [`DEFAULT_FILE`] where none is named and there is one, then the environment, which
    /// wins; fetches the secrets and checks everything.
    ///
    /// # Errors
    /// Everything that is wrong, a line each. Nothing is left for a later start to complain of.
    pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        Self::load_with(named, environment, SYSTEMS)
    }

    /// As [`Settings::load`], for these systems.
    ///
    /// # Errors
    /// As there.
    pub fn load_with(named: Option<&Path>, environment: &Environment, systems: &[Entry]) -> Result<Self, ConfigError> {
        let mut reader = read::Reader::open(named, Path::new(DEFAULT_FILE), environment)?;
        let mut settings = reader.settings();
        validate::validate(&mut settings, &mut reader, systems);
        reader.finish(settings)
    }

    /// What works but is risky, a sentence each, for the log.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        validate::warnings(self)
    }
}

#[cfg(test)]
mod tests;
