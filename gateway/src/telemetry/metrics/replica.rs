//! How the replicas that queries are read from are doing: they count by themselves, and are looked at when somebody asks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::database::Replica;

/// The replicas, where there are any. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Replicas(Arc<OnceLock<Replica>>);

impl Replicas {
    /// Tells of these, where none have been named before.
    pub(super) fn of(&self, replica: Replica) {
        self.0.get_or_init(|| replica);
    }
}

impl Collector for Replicas {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(figures) = self.0.get().map(Replica::figures) else { return Ok(()) };
        let help = "Queries by what came of looking for a replica to read them from: it had come far enough (used), it had \
                    not (behind), all connections were taken (busy), none could be reached (away); and those that it \
                    did not answer (failed). All but the first are read from the primary";
        let mut family = encoder.encode_descriptor("replica_queries", help, None, MetricType::Counter)?;
        for (outcome, number) in [
            ("used", figures.used),
            ("behind", figures.behind),
            ("busy", figures.busy),
            ("away", figures.away),
            ("failed", figures.failed),
        ] {
            ConstCounter::new(number).encode(family.encode_family(&[("outcome", outcome)])?)?;
        }
        let help = "Whether a replica could be reached when that was last tried";
        let up = encoder.encode_descriptor("replica_up", help, None, MetricType::Gauge)?;
        ConstGauge::new(u64::from(!figures.is_away)).encode(up)?;
        let help = "How far the replica last asked was behind the primary, in bytes of the write-ahead log";
        let lag = encoder.encode_descriptor("replica_lag_bytes", help, None, MetricType::Gauge)?;
        ConstGauge::new(figures.lag_bytes).encode(lag)
    }
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replicas")
    }
}
