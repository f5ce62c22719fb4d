//! The sandbox: simulated partner systems on this machine, to develop, test and show the hub against.
//!
//! Five systems in one process, each speaking its published standard behind OAuth: DUO's register (CSV), a school
//! administration (OneRoster), a housing allocation system (VERA), a directory of partners (HSDS), and workshops
//! (GraphQL, as a subgraph). They serve an
//! invented sample that can be changed while they run, and misbehave on request.
//!
//! The sandbox speaks the standards on its own. It uses nothing of the connectors, of the sync or of the database, so
//! that it cannot share a misreading with them. It listens on loopback only and protects nothing.
//!
//! # To add a system
//! A variant of [`System`] with its client in `oauth.rs`, a file with its `routes()`, and its line in `server.rs`.

mod boards;
mod control;
mod counters;
mod delegated;
mod duo;
mod faults;
mod housing;
mod issuer;
mod oauth;
mod partners;
mod people;
pub mod sample;
mod server;
#[cfg(test)]
mod tests;
mod visits;
mod workshops;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::Duration;

use chrono::{NaiveDate, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::counters::{Counters, SystemCounters};
pub use self::delegated::{RefreshCounters, RefreshRules};
pub use self::faults::{Fault, FaultPlan, Target};
pub use self::issuer::HubClient;
use self::issuer::Issuer;
pub use self::oauth::Client;
pub use self::sample::{Sample, Size};
use self::server::Shared;
pub use self::visits::VisitCounters;

/// How long [`Sandbox::stop`] waits for answers under way.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// One of the simulated systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// DUO's register of schools and boards: CSV files.
    Duo,
    /// A school administration: OneRoster 1.2, with needs beside it.
    Boards,
    /// A housing allocation system: VERA 4.3, with priority schemes beside it.
    Housing,
    /// A directory of partners: HSDS 3.0, with commitments beside it.
    Partners,
    /// Workshops that schools can book: a subgraph, asked live and read by no connector.
    Workshops,
}

impl System {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Duo, Self::Boards, Self::Housing, Self::Partners, Self::Workshops];

    /// Its name, which is also where its paths begin.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duo => "duo",
            Self::Boards => "boards",
            Self::Housing => "housing",
            Self::Partners => "partners",
            Self::Workshops => "workshops",
        }
    }
}

/// What sandbox to start.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// How much there is.
    pub size: Size,
    /// The port on 127.0.0.1; 0: any that is free.
    pub port: u16,
    /// The same seed and day give the same sample.
    pub seed: u64,
    /// The day that the sample's dates lie around.
    pub today: NaiveDate,
    /// How long a token holds.
    pub token_lifetime: Duration,
    /// How long a token for the hub holds.
    pub hub_token_lifetime: Duration,
    /// Whom tokens for the hub are for, where a client does not say.
    pub hub_audience: String,
}

impl Default for SandboxSettings {
    #[expect(clippy::disallowed_methods, reason = "the partner systems have a clock of their own, as real ones do")]
    fn default() -> Self {
        let today = Utc::now().date_naive();
        Self {
            size: Size::Small,
            port: 0,
            seed: 1,
            today,
            token_lifetime: Duration::from_secs(3_600),
            hub_token_lifetime: Duration::from_secs(12 * 3_600),
            hub_audience: "alliance-hub".to_owned(),
        }
    }
}

/// The simulated systems, running. They end with [`Sandbox::stop`], or when this is dropped.
pub struct Sandbox {
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
    running: DropGuard,
}

impl Sandbox {
    /// Makes the sample and starts to listen.
    ///
    /// # Errors
    /// Where the port is taken.
    pub fn start(settings: SandboxSettings) -> BoxFuture<'static, io::Result<Self>> {
        Self::listen(settings).boxed()
    }

    async fn listen(settings: SandboxSettings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let SandboxSettings { size, seed, today, .. } = settings;
        let sample = tokio::task::spawn_blocking(move || Sample::generate(size, seed, today)).await?;
        let issuer = Issuer::new(&base_url, settings.hub_audience, settings.hub_token_lifetime, &sample)?;
        let shared = Arc::new(Shared {
            base_url,
            issuer,
            codes: people::Codes::default(),
            visits: visits::Visits::default(),
            authority: oauth::Authority::new(settings.token_lifetime),
            faults: faults::Faults::default(),
            tallies: counters::Tallies::default(),
            stopped: CancellationToken::new(),
            sample: RwLock::new(sample),
        });
        let routes = server::routes(&shared);
        let stopped = shared.stopped.clone().cancelled_owned();
        let running = shared.stopped.clone().drop_guard();
        let listener = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the sandbox stopped listening");
            }
        });
        tracing::info!(sandbox.url = shared.base_url, "the sandbox listens");
        Ok(Self { shared, listener, running })
    }

    /// Where it listens, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// The token endpoint of all systems.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("{}/oauth/token", self.shared.base_url)
    }

    /// Where somebody lets a client in.
    #[must_use]
    pub fn authorization_url(&self) -> String {
        format!("{}/oauth/authorize", self.shared.base_url)
    }

    /// Where tokens are given up.
    #[must_use]
    pub fn revocation_url(&self) -> String {
        format!("{}/oauth/revoke", self.shared.base_url)
    }

    /// Who issues the systems' tokens, as it names itself.
    #[must_use]
    pub fn systems_issuer_url(&self) -> String {
        delegated::issuer(&self.shared.base_url)
    }

    /// Treats refresh tokens so, from now on.
    pub fn treat_refresh_tokens(&self, rules: RefreshRules) {
        self.shared.authority.delegations.rule(rules);
    }

    /// What refresh tokens were used for since the start.
    #[must_use]
    pub fn refreshes(&self) -> RefreshCounters {
        self.shared.authority.delegations.counters()
    }

    /// Where a system's paths begin, without a slash at the end.
    #[must_use]
    pub fn system_url(&self, system: System) -> String {
        format!("{}/{}", self.shared.base_url, system.name())
    }

    /// Who may read a system.
    #[must_use]
    pub const fn client(&self, system: System) -> Client {
        oauth::client_of(system)
    }

    /// The issuer of tokens for the hub: what `auth.issuer` names.
    #[must_use]
    pub fn issuer_url(&self) -> &str {
        self.shared.issuer.url()
    }

    /// Whom its tokens are for: what `auth.audience` names.
    #[must_use]
    pub fn hub_audience(&self) -> &str {
        self.shared.issuer.audience()
    }

    /// The hub's clients, one of each kind, with the organisation that each asks for.
    pub fn hub_clients(&self) -> impl Iterator<Item = (HubClient, Option<&str>)> {
        issuer::CLIENTS.into_iter().map(|client| (client, self.shared.issuer.organisation(client)))
    }

    /// The client in which sample people sign in to the hub.
    #[must_use]
    pub const fn console_client(&self) -> HubClient {
        people::CONSOLE
    }

    /// A token for the hub, as its token endpoint gives it to this client.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn hub_token(&self, client: HubClient) -> io::Result<String> {
        self.shared.issuer.token(client, self.hub_audience(), client.scopes)
    }

    /// What is served. Answers that wait for an edit wait for this to be dropped, too: do not hold it for long.
    pub fn sample(&self) -> RwLockReadGuard<'_, Sample> {
        self.shared.read()
    }

    /// Changes what is served from the next request on.
    pub fn edit<R>(&self, edit: impl FnOnce(&mut Sample) -> R) -> R {
        edit(&mut self.shared.write())
    }

    /// Has tokens for the hub that are given from now on hold for so long.
    pub fn hub_tokens_last(&self, lifetime: Duration) {
        self.shared.issuer.set_lifetime(lifetime);
    }

    /// Ends what everybody who has signed in was granted: no refresh token is taken any more.
    pub fn end_visits(&self) {
        self.shared.visits.end_all();
    }

    /// What refresh tokens of people who signed in were used for.
    #[must_use]
    pub fn visit_counters(&self) -> VisitCounters {
        self.shared.visits.counters()
    }

    /// Plans a fault.
    pub fn fail(&self, plan: impl Into<FaultPlan>) {
        self.shared.faults.add(plan.into());
    }

    /// Forgets the planned faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Forgets every token that was issued: who holds one is refused with 401.
    pub fn forget_tokens(&self) {
        self.shared.authority.forget_all();
    }

    /// What was asked since the start, or since [`Sandbox::reset_counters`].
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.tallies.read()
    }

    /// Sets the counters back to nothing.
    pub fn reset_counters(&self) {
        self.shared.tallies.reset();
    }

    /// The BRIN code of a school whose card has something everywhere: a need, a live commitment, and a home that can be
    /// had in its municipality. Empty where edits left no such school.
    #[must_use]
    pub fn sample_brin(&self) -> String {
        self.shared.read().sample_brin().unwrap_or_default()
    }

    /// Stops listening, and lets answers under way end for a moment.
    pub async fn stop(self) {
        let Self { mut listener, running, .. } = self;
        drop(running);
        if tokio::time::timeout(STOP_WITHIN, &mut listener).await.is_err() {
            listener.abort();
        }
    }
}
