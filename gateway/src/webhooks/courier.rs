//! The courier: makes deliveries of what is in the journal, and sends what is due. As many processes as there are may
//! have one: a delivery is claimed for an attempt, and a claim that is past its time is the next one's.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use connectors::api::{Names, Poster};
use connectors::pace::Pace;
use connectors::vault::VaultError;
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::webhook_endpoint::{self, WebhookEndpointStatus};
use entity::{Clock, Code};
use futures::stream::{self, StreamExt};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Hooks, keeping};
use crate::error::Failure;
use crate::feed::Feed;
use crate::graphql::Graph;
use crate::telemetry::Metrics;

/// How often the courier looks for what is due, at the longest.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it lets go of what is past its time.
const KEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// What an attempt may take beside the time for its answer: reading what is told, and noting what came of it.
const BESIDE: TimeDelta = TimeDelta::seconds(60);

/// Why the courier could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] DbErr),
    /// What an endpoint hears could not be read.
    #[error("what an endpoint hears could not be read: {0:?}")]
    Read(Failure),
    /// An endpoint's secret cannot be opened.
    #[error(transparent)]
    Secret(VaultError),
}

impl From<Failure> for CourierError {
    fn from(failure: Failure) -> Self {
        Self::Read(failure)
    }
}

/// Brings messages to endpoints. Cheap to clone.
#[derive(Clone)]
pub struct Courier {
    pub(super) db: DatabaseConnection,
    pub(super) graph: Graph,
    pub(super) hooks: Hooks,
    pub(super) poster: Poster,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    pub(super) metrics: Metrics,
}

impl Courier {
    /// Brings what is in this store, as the graph tells it.
    ///
    /// # Errors
    /// Where the machine's certificates cannot be read.
    pub fn new(db: DatabaseConnection, graph: Graph, hooks: Hooks, clock: Clock) -> Result<Self, connectors::Error> {
        let poster = Poster::new(hooks.reach.clone(), Names::system(), hooks.settings.timeout())?;
        Ok(Self { db, graph, hooks, poster, clock, pace: Pace::real(), metrics: Metrics::default() })
    }

    /// Counts attempts there.
    #[must_use]
    pub fn counted(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Looks names up in this way, for tests.
    ///
    /// # Errors
    /// As [`Courier::new`].
    pub fn naming(self, names: Names) -> Result<Self, connectors::Error> {
        let poster = Poster::new(self.hooks.reach.clone(), names, self.hooks.settings.timeout())?;
        Ok(Self { poster, ..self })
    }

    /// Draws lots in this way, for tests.
    #[must_use]
    pub fn pacing(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// How long a claim holds.
    pub(super) fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(self.hooks.settings.timeout()).map_or(BESIDE, |timeout| timeout + BESIDE)
    }

    /// Sends everything that is due, and what becomes due meanwhile. Returns how many attempts were made.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn deliver_due(&self) -> Result<usize, CourierError> {
        let mut attempts = 0;
        loop {
            let due = self.due().await?;
            let going = CancellationToken::new();
            let mut served = stream::iter(due)
                .map(|endpoint| self.serve(endpoint, &going))
                .buffer_unordered(self.hooks.settings.endpoints_at_once);
            let mut made = 0;
            while let Some(served) = served.next().await {
                made += served?;
            }
            if made == 0 {
                return Ok(attempts);
            }
            attempts += made;
        }
    }

    /// Lets go of messages that ended and have been kept for long enough, and of secrets that do not sign any more.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn let_go(&self) -> Result<(), CourierError> {
        Ok(keeping::let_go(&self.db, self.clock.now(), self.hooks.settings.kept_for()).await?)
    }

    /// Encrypts under the current key the secrets that were under the previous one.
    ///
    /// # Errors
    /// Where the store fails. A secret under neither key is told of in the log, and left.
    pub async fn reseal(&self) -> Result<(), CourierError> {
        keeping::reseal(&self.db, &self.hooks.vault).await?;
        Ok(())
    }

    /// Makes deliveries and sends them until `stop`; what is under way then is waited for.
    pub async fn work(self, feed: Feed, stop: CancellationToken) {
        log("webhooks' secrets could not be encrypted anew", self.reseal().await);
        let (mut follower, mut seen) = (feed.follow(), 0);
        let mut tasks: JoinSet<Uuid> = JoinSet::new();
        let mut busy: HashSet<Uuid> = HashSet::new();
        let mut kept: Option<Instant> = None;
        while !stop.is_cancelled() {
            if kept.is_none_or(|kept| kept.elapsed() >= KEEP_EVERY) {
                kept = Some(Instant::now());
                log("what is past its time could not be let go", self.let_go().await);
            }
            log("webhooks' deliveries could not be made", self.plan().await.map(drop));
            match self.due().await {
                Ok(due) => {
                    for endpoint in due {
                        if tasks.len() < self.hooks.settings.endpoints_at_once && busy.insert(endpoint) {
                            let (courier, stop) = (self.clone(), stop.clone());
                            tasks.spawn(async move {
                                log("webhooks could not be sent", courier.serve(endpoint, &stop).await.map(drop));
                                endpoint
                            });
                        }
                    }
                }
                Err(error) => log("cannot tell which webhooks are due", Err::<(), _>(error)),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(LOOK_EVERY) => {}
                end = follower.beyond(seen) => seen = end,
                Some(ended) = tasks.join_next() => forget(&mut busy, ended),
            }
        }
        while let Some(ended) = tasks.join_next().await {
            forget(&mut busy, ended);
        }
    }

    /// The endpoints that something is due for.
    async fn due(&self) -> Result<Vec<Uuid>, DbErr> {
        use webhook_endpoint::Column;
        let now = self.clock.now();
        let mut waiting = Query::select();
        waiting
            .expr(Expr::val(1))
            .from(webhook_delivery::Entity)
            .and_where(
                delivery(webhook_delivery::Column::EndpointId)
                    .eq(Expr::col((Alias::new("webhook_endpoint"), Column::Id))),
            )
            .cond_where(is_due(now));
        webhook_endpoint::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Status.eq(WebhookEndpointStatus::Active))
            .filter(Condition::any().add(Column::NotBefore.is_null()).add(Column::NotBefore.lte(now)))
            .filter(Expr::exists(waiting))
            .into_tuple()
            .all(&self.db)
            .await
    }
}

fn delivery(column: webhook_delivery::Column) -> Expr {
    Expr::col((Alias::new("webhook_delivery"), column))
}

/// The delivery is due and nobody's.
pub(super) fn is_due(now: chrono::DateTime<chrono::Utc>) -> Condition {
    use webhook_delivery::Column;
    let is_free = delivery(Column::ClaimedUntil).is_null().or(delivery(Column::ClaimedUntil).lt(now));
    Condition::all()
        .add(delivery(Column::Status).eq(WebhookDeliveryStatus::Pending.code()))
        .add(delivery(Column::NextAt).lte(now))
        .add(is_free)
}

fn forget(busy: &mut HashSet<Uuid>, ended: Result<Uuid, tokio::task::JoinError>) {
    match ended {
        Ok(endpoint) => {
            busy.remove(&endpoint);
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "sending a webhook ended in a panic");
            busy.clear();
        }
    }
}

fn log<T>(what: &str, outcome: Result<T, impl std::error::Error + 'static>) {
    if let Err(error) = outcome {
        tracing::error!(error = &error as &dyn std::error::Error, "{what}");
    }
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Courier")
    }
}
