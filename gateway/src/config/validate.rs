//! What the types of settings cannot tell: ranges, names that must be known, secrets that must be there.

mod sources;
mod subgraphs;
mod telemetry;

use connectors::settings::Secret;
use connectors::systems::Entry;
use connectors::vault::Vault;
use url::Url;

use super::auth::{Anonymous, is_confidential};
use super::read::{Reader, fetch};
use super::{AuthSettings, Documents, GrantSettings, LimitSettings, Settings, SignInSettings, WebhookSettings};

/// Checks everything, fetches the secrets of the sources, and takes `RUST_LOG` and the like in.
pub(super) fn validate(settings: &mut Settings, reader: &mut Reader<'_>, systems: &[Entry]) {
    numbers(settings, reader);
    connections(settings, reader);
    matching(settings, reader);
    auth(&settings.auth, reader);
    public_url(settings, reader);
    sign_in(settings, reader);
    let WebhookSettings { encryption_key, previous_encryption_key, .. } = &mut settings.webhooks;
    keys("webhooks", encryption_key, previous_encryption_key, reader);
    let GrantSettings { encryption_key, previous_encryption_key } = &mut settings.grants;
    keys("grants", encryption_key, previous_encryption_key, reader);
    let SignInSettings { encryption_key, previous_encryption_key, .. } = &mut settings.sign_in;
    keys("sign_in", encryption_key, previous_encryption_key, reader);
    telemetry::check(settings, reader);
    let can_keep = settings.grants.encryption_key.is_some();
    sources::check(&mut settings.sources, can_keep, reader, systems);
    subgraphs::check(&mut settings.subgraphs, reader);
    for (name, policy) in &settings.federation.policies {
        if policy.scopes.is_empty() && policy.organisations.is_empty() {
            let what = "names neither scopes nor organisations, so nobody would hold it";
            reader.problem(&format!("federation.policies.{name}"), what);
        }
    }
}

/// What works but is risky.
pub(super) fn warnings(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    let SignInSettings { client_id, encryption_key, .. } = &settings.sign_in;
    if settings.redis.url.is_some() && client_id.is_some() && encryption_key.is_none() {
        warnings.push(
            "people who sign in are known to one replica alone: set sign_in.encryption_key, or lead each browser to the \
             same replica"
                .to_owned(),
        );
    }
    for source in &settings.sources {
        let addresses = [source.base_url.as_ref(), source.oauth.as_ref().map(|oauth| &oauth.token_url)];
        for url in addresses.into_iter().flatten().filter(|url| source.oauth.is_some() && !is_confidential(url)) {
            warnings.push(format!(
                "source `{}`: its secret or token is sent to {} unencrypted; use https",
                source.id,
                url.host_str().unwrap_or_default()
            ));
        }
        if source.fresh_for < source.every {
            warnings.push(format!(
                "source `{}`: its records are stale before it is read again; make `fresh_for` longer than `every`",
                source.id
            ));
        }
    }
    if settings.metrics.listen.is_none() && !settings.http.listen.ip().is_loopback() {
        let warning = "everybody may read /metrics, which tells of sources and operations: set metrics.listen";
        warnings.push(warning.to_owned());
    }
    warnings.extend(telemetry::warning(settings));
    warnings
}

fn numbers(settings: &Settings, reader: &mut Reader<'_>) {
    let at_least_one = [
        ("http.request_timeout_secs", settings.http.request_timeout_secs == 0),
        ("database.max_connections", settings.database.max_connections == Some(0)),
        ("cache.keep_secs", settings.cache.keep_secs == 0),
        ("limits.depth", settings.limits.depth == 0),
        ("limits.cost", settings.limits.cost == 0),
        ("limits.page_size", settings.limits.page_size == 0),
        ("limits.body_bytes", settings.limits.body_bytes == 0),
        ("subscriptions.connections", settings.subscriptions.connections == 0),
        ("subscriptions.operations", settings.subscriptions.operations == 0),
        ("subscriptions.queue", settings.subscriptions.queue == 0),
        ("subscriptions.init_timeout_secs", settings.subscriptions.init_timeout_secs == 0),
        ("subscriptions.ping_secs", settings.subscriptions.ping_secs == 0),
        ("subscriptions.slow_reader_secs", settings.subscriptions.slow_reader_secs == 0),
        ("limits.aliases", settings.limits.aliases == 0),
        ("limits.root_fields", settings.limits.root_fields == 0),
        ("limits.directives", settings.limits.directives == 0),
        ("limits.tokens", settings.limits.tokens == 0),
        ("limits.variables_bytes", settings.limits.variables_bytes == 0),
        ("limits.batch_size", settings.limits.batch_size == 0),
        ("limits.execution_ms", settings.limits.execution_ms == 0),
        ("sync.workers", settings.sync.workers == 0),
        ("telemetry.export_every_ms", settings.telemetry.export_every_ms == 0),
        ("webhooks.timeout_secs", settings.webhooks.timeout_secs == 0),
        ("webhooks.endpoints_at_once", settings.webhooks.endpoints_at_once == 0),
        ("webhooks.messages_at_once", settings.webhooks.messages_at_once == 0),
        ("webhooks.give_up_after_hours", settings.webhooks.give_up_after_hours == 0),
        ("webhooks.keep_days", settings.webhooks.keep_days == 0),
        ("sign_in.idle_minutes", settings.sign_in.idle_minutes == 0),
        ("sign_in.sessions", settings.sign_in.sessions == 0),
    ];
    for (key, _) in at_least_one.into_iter().filter(|(_, is_zero)| *is_zero) {
        reader.problem(key, "must be at least 1");
    }
    if settings.subscriptions.poll_ms < 10 {
        reader.problem("subscriptions.poll_ms", "must be at least 10, or the hub does little else than look");
    }
    if settings.limits.depth > LimitSettings::DEEPEST {
        let deepest = LimitSettings::DEEPEST;
        reader.problem("limits.depth", format!("must be at most {deepest}, or nesting could exhaust a thread's stack"));
    }
    let needs_documents = settings.limits.documents == Documents::Trusted;
    if needs_documents && settings.limits.trusted_documents.is_none() {
        let what = "is \"trusted\", but limits.trusted_documents names none: add it, or everything would be refused";
        reader.problem("limits.documents", what);
    }
    if settings.sync.lease_secs < 5 {
        reader.problem("sync.lease_secs", "must be at least 5, or a worker loses its source between two pages");
    }
    let shares = [
        ("sync.allowed_delete_share", settings.sync.allowed_delete_share),
        ("sync.allowed_refusal_share", settings.sync.allowed_refusal_share),
        ("telemetry.sample_ratio", settings.telemetry.sample_ratio),
    ];
    for (key, _) in shares.into_iter().filter(|(_, share)| !(0.0..=1.0).contains(share)) {
        reader.problem(key, "must be from 0 (nothing) to 1 (everything)");
    }
}

fn matching(settings: &Settings, reader: &mut Reader<'_>) {
    let weights = settings.matching.weights();
    for (name, _) in weights.iter().filter(|(_, weight)| !weight.is_finite() || *weight < 0.0) {
        reader.problem(&format!("matching.{name}"), "must be 0 (does not count) or more");
    }
    if weights.iter().all(|(_, weight)| *weight == 0.0) {
        reader.problem("matching", "all weights are 0, so nothing would count: give one of them more");
    }
    if settings.matching.candidates < u64::try_from(settings.limits.page_size).unwrap_or(u64::MAX) {
        reader.problem("matching.candidates", "must be at least `limits.page_size`, or a page could not be filled");
    }
}

fn connections(settings: &Settings, reader: &mut Reader<'_>) {
    if !matches!(settings.database.url.scheme(), "sqlite" | "postgres" | "postgresql") {
        reader.problem("database.url", "expected sqlite://PATH?mode=rwc or postgres://USER@HOST/NAME");
    }
    if let Some(replica) = &settings.database.replica_url {
        let what = if settings.database.url.scheme() == "sqlite" {
            "an embedded store has no replicas: remove this, or name a PostgreSQL in database.url"
        } else if !matches!(replica.scheme(), "postgres" | "postgresql") {
            "expected postgres://USER@HOST/NAME, of standbys of the PostgreSQL in database.url"
        } else if !settings.cache.answers {
            "is only for a hub that keeps answers (cache.answers): it then knows how far replicas must have come"
        } else {
            ""
        };
        if !what.is_empty() {
            reader.problem("database.replica_url", what);
        }
    }
    if let Some(url) = &settings.redis.url
        && redis::Client::open(url.reveal()).is_err()
    {
        reader.problem("redis.url", "expected redis://HOST:PORT or rediss://HOST:PORT");
    }
}

fn auth(auth: &AuthSettings, reader: &mut Reader<'_>) {
    for url in auth.issuer.iter().filter(|url| !is_confidential(url)) {
        let what = format!("{url} can be forged on the way: use https (http only on a loopback address)");
        reader.problem("auth.issuer", what);
    }
    if auth.jwks_url.as_ref().is_some_and(|url| !is_confidential(url)) {
        reader.problem("auth.jwks_url", "can be forged on the way: use https (http only on a loopback address)");
    }
    if auth.organisation_claim.trim().is_empty() {
        reader.problem("auth.organisation_claim", "is empty: name the claim that holds the organisation");
    }
    if auth.jwks_url.is_some() && auth.issuer.len() > 1 {
        reader.problem(
            "auth.jwks_url",
            "cannot be that of several issuers: remove it, their keys are found by discovery",
        );
    }
    if !auth.issuer.is_empty() && auth.audience.as_deref().is_none_or(|audience| audience.trim().is_empty()) {
        let what = "is missing: name whom tokens are for, or those for others would be taken: add it";
        reader.problem("auth.audience", what);
    }
    if auth.issuer.is_empty() {
        // A setting that promises protection and gives none is worse than none.
        let defaults = AuthSettings::default();
        let without_effect = [
            ("auth.audience", auth.audience.is_some()),
            ("auth.jwks_url", auth.jwks_url.is_some()),
            ("auth.anonymous", auth.anonymous == Anonymous::Deny),
            ("auth.organisation_claim", auth.organisation_claim != defaults.organisation_claim),
            ("auth.plain_jwt", auth.plain_jwt),
        ];
        for (key, _) in without_effect.into_iter().filter(|(_, is_set)| *is_set) {
            reader.problem(key, "no token is taken without auth.issuer, so this has no effect: name the issuer");
        }
    }
}

fn public_url(settings: &Settings, reader: &mut Reader<'_>) {
    let is_an_origin =
        |url: &Url| matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    if settings.http.public_url.as_ref().is_some_and(|url| !is_an_origin(url) || has_credentials(url)) {
        reader.problem("http.public_url", "expected an address without a path, as https://hub.example.nl");
    }
}

/// Fetches the secret, and makes sure that there is somewhere to sign in.
fn sign_in(settings: &mut Settings, reader: &mut Reader<'_>) {
    if settings.sign_in.client_id.is_some() && settings.auth.issuer.is_empty() {
        reader.problem("sign_in.client_id", "has no effect without auth.issuer: add that, or remove this");
    }
    if let Some(secret) = &mut settings.sign_in.client_secret {
        match fetch(secret, reader.environment()) {
            Ok(text) => *secret = Secret::Resolved(text),
            Err(what) => reader.problem("sign_in.client_secret", what),
        }
    }
}

/// Fetches a section's keys, and makes sure that they are keys.
fn keys(section: &str, current: &mut Option<Secret>, previous: &mut Option<Secret>, reader: &mut Reader<'_>) {
    let [name, name_before] = ["encryption_key", "previous_encryption_key"].map(|key| format!("{section}.{key}"));
    if current.is_none() && previous.is_some() {
        reader.problem(&name_before, format!("has no effect without {name}: add that, or remove this"));
    }
    for (name, key) in [(name, current), (name_before, previous)] {
        let Some(secret) = key else { continue };
        match fetch(secret, reader.environment()) {
            Ok(text) => {
                if let Err(error) = Vault::new(&text, None) {
                    reader.problem(&name, error.to_string());
                }
                *secret = Secret::Resolved(text);
            }
            Err(what) => reader.problem(&name, what),
        }
    }
}

/// Notes which addresses are none, and which hold what they should not.
fn lead_somewhere(
    addresses: [(&'static str, Option<&Url>); 2],
    no_secrets: &str,
    problems: &mut Vec<(&'static str, String)>,
) {
    for (key, url) in addresses.into_iter().filter_map(|(key, url)| Some((key, url?))) {
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            problems.push((key, "expected an address that begins with https://".to_owned()));
        }
        if has_credentials(url) {
            problems.push((key, no_secrets.to_owned()));
        }
    }
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}
