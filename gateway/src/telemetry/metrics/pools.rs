//! The store as this process uses it: statements, and the connections that they run on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sea_orm::{DatabaseConnection, DbBackend};

use crate::database::Listener;
use crate::telemetry::measure::{Count, Timing, moments};
use crate::telemetry::operation;

/// Statements.
pub(super) struct StoreMetrics {
    statements: Count<2>,
    durations: Timing<1>,
}

impl StoreMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            statements: Count::new(
                registry,
                "database_statements",
                "Statements, by whether they succeeded",
                ["pool", "outcome"],
            ),
            durations: Timing::new(
                registry,
                ("database_statement_duration_seconds", "How long statements took, the wait for a connection apart"),
                ["pool"],
                moments,
            ),
        }
    }

    /// Counts every statement of these connections, and lays it to the operation that it is for. Gives what does so.
    pub(super) fn watch(&self, db: &mut DatabaseConnection, pool: &'static str) -> Listener {
        let listener = self.listener(pool);
        let told = Arc::clone(&listener);
        db.set_metric_callback(move |info| told(info));
        listener
    }

    /// What counts statements of connections of this name, and lays them to the operation that they are for.
    pub(super) fn listener(&self, pool: &'static str) -> Listener {
        let (statements, durations) = (self.statements.clone(), self.durations.clone());
        Arc::new(move |info| {
            let outcome = if info.failed { "failed" } else { "ok" };
            statements.one([pool.into(), outcome.into()]);
            durations.took(info.elapsed, [pool.into()]);
            operation::stated(info.elapsed);
        })
    }
}

/// Connections, looked at when somebody asks.
#[derive(Clone, Default)]
pub(super) struct Pools(Arc<Mutex<Vec<(&'static str, DatabaseConnection)>>>);

impl Pools {
    pub(super) fn add(&self, name: &'static str, db: DatabaseConnection) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, db));
    }
}

/// How many connections are open, how many of them nobody uses, and how many there may be.
fn size(db: &DatabaseConnection) -> (u64, u64, u64) {
    fn count(number: usize) -> u64 {
        u64::try_from(number).unwrap_or(u64::MAX)
    }
    if db.get_database_backend() == DbBackend::Postgres {
        let pool = db.get_postgres_connection_pool();
        (pool.size().into(), count(pool.num_idle()), pool.options().get_max_connections().into())
    } else {
        let pool = db.get_sqlite_connection_pool();
        (pool.size().into(), count(pool.num_idle()), pool.options().get_max_connections().into())
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sizes: Vec<_> = {
            let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pools.iter().map(|(name, db)| (*name, size(db))).collect()
        };
        let help = "Connections that are open, by whether somebody uses them";
        let mut family = encoder.encode_descriptor("database_connections", help, None, MetricType::Gauge)?;
        for (pool, (open, idle, _)) in &sizes {
            for (state, number) in [("used", open.saturating_sub(*idle)), ("idle", *idle)] {
                let labels = [("pool", *pool), ("state", state)];
                ConstGauge::new(number).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "Connections that may be open";
        let mut family = encoder.encode_descriptor("database_connections_max", help, None, MetricType::Gauge)?;
        for (pool, (.., most)) in &sizes {
            ConstGauge::new(*most).encode(family.encode_family(&[("pool", *pool)])?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pools")
    }
}
