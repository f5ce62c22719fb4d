//! How the sources are, as the store says: so every process tells the same, and a worker that is gone keeps nobody from
//! seeing that its sources are late.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ::connectors::sync::{INTERFACE, breaker_is_open};
use entity::vocabulary::SourceKind;
use entity::webhook_delivery::{self, WebhookDeliveryStatus};
use entity::{Clock, refusal, source};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use tokio::time::{Instant, timeout};

/// However often somebody asks, the store is asked this often at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Whoever asks waits this long for the store, and is then told the rest.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the sources are. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sources(Arc<Inner>);

struct Inner {
    clock: Clock,
    db: OnceLock<DatabaseConnection>,
    looked: tokio::sync::Mutex<Option<Instant>>,
    seen: Mutex<Option<Seen>>,
}

/// What the store said when it was last asked.
struct Seen {
    sources: Vec<source::Model>,
    refused: HashMap<String, i64>,
    waiting: u64,
}

impl Sources {
    pub(super) fn new(clock: Clock) -> Self {
        let (db, looked, seen) = Default::default();
        Self(Arc::new(Inner { clock, db, looked, seen }))
    }

    /// Asks this store, where none has been named before.
    pub(super) fn of(&self, db: DatabaseConnection) {
        self.0.db.get_or_init(|| db);
    }

    /// Asks the store, unless that was just done. Of many who ask at once, one does it for all.
    pub(super) async fn look(&self) {
        let Some(db) = self.0.db.get() else { return };
        let mut looked = self.0.looked.lock().await;
        if looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        let seen = match timeout(PATIENCE, see(db)).await {
            Ok(Ok(seen)) => Some(seen),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the store does not say how sources are");
                None
            }
            Err(_) => None,
        };
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        *looked = Some(Instant::now());
    }
}

async fn see(db: &DatabaseConnection) -> Result<Seen, DbErr> {
    use source::Column;
    let sources = source::Entity::find()
        .filter(Column::Enabled.eq(true))
        .filter(Column::Kind.ne(SourceKind::Hub))
        .filter(Column::Connector.ne(INTERFACE))
        .all(db)
        .await?;
    let refused = refusal::Entity::find()
        .select_only()
        .column(refusal::Column::SourceId)
        .column_as(refusal::Column::Id.count(), "number")
        .group_by(refusal::Column::SourceId)
        .into_tuple::<(String, i64)>()
        .all(db)
        .await?;
    let waiting = webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::Status.eq(WebhookDeliveryStatus::Pending))
        .count(db)
        .await?;
    Ok(Seen { sources, refused: refused.into_iter().collect(), waiting })
}

/// Something that is told of each source, where there is something to tell.
type Figure = (&'static str, &'static str, fn(&source::Model, &Seen, i64) -> Option<i64>);

/// The last of the arguments is the time.
const FIGURES: [Figure; 6] = [
    (
        "source_last_success_timestamp_seconds",
        "End of the source's last run that read all there was, in seconds since 1970",
        |source, _, _| source.last_succeeded_at.map(|at| at.timestamp()),
    ),
    ("source_fresh_for_seconds", "Its records are stale this long after its last success", |source, _, _| {
        Some(source.fresh_for_secs)
    }),
    (
        "source_lag_seconds",
        "How long it is past its freshness limit; below 0 before that. Nothing where it never succeeded",
        |source, _, now| source.last_succeeded_at.map(|at| now - at.timestamp() - source.fresh_for_secs),
    ),
    ("source_failures", "Runs that failed since one did not", |source, _, _| Some(source.failures.into())),
    ("source_breaker_open", "1 where it failed so often that it is asked once a run", |source, _, _| {
        Some(breaker_is_open(u32::try_from(source.failures).unwrap_or_default()).into())
    }),
    ("source_refused_records", "Records of it that are set aside", |source, seen, _| {
        Some(seen.refused.get(&source.id).copied().unwrap_or_default())
    }),
];

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if self.0.db.get().is_none() {
            return Ok(());
        }
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let up = encoder.encode_descriptor("store_up", "Whether the store answers", None, MetricType::Gauge)?;
        ConstGauge::new(i64::from(seen.is_some())).encode(up)?;
        let Some(seen) = seen.as_ref() else { return Ok(()) };
        let now = self.0.clock.now().timestamp();
        for (name, help, figure) in FIGURES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for source in &seen.sources {
                if let Some(number) = figure(source, seen, now) {
                    let labels = [("source", source.id.as_str())];
                    ConstGauge::new(number).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let help = "Messages that wait to be sent";
        let waiting = encoder.encode_descriptor("webhook_deliveries_waiting", help, None, MetricType::Gauge)?;
        ConstGauge::new(seen.waiting).encode(waiting)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}
