//! How the cache of answers is doing: it counts by itself, and is looked at when somebody asks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::cache::Figures;

type Look = Box<dyn Fn() -> Option<Figures> + Send + Sync>;

/// The cache of answers, once there is one. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<OnceLock<Look>>);

impl Answers {
    /// Looks in this way, where no other has been named before.
    pub(super) fn by(&self, look: impl Fn() -> Option<Figures> + Send + Sync + 'static) {
        self.0.get_or_init(|| Box::new(look));
    }
}

impl Collector for Answers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(figures) = self.0.get().and_then(|look| look()) else { return Ok(()) };
        let help = "Answers by what came of looking for them in the cache: given from the process (hit), from Redis \
                    (shared_hit), by who computed it already (waited), computed (miss), or there while the store could \
                    not be looked at: not given (unknown), or given as last known (stale)";
        let mut family = encoder.encode_descriptor("cache_answers", help, None, MetricType::Counter)?;
        for (outcome, number) in [
            ("hit", figures.hits),
            ("shared_hit", figures.shared_hits),
            ("waited", figures.waited),
            ("miss", figures.misses),
            ("unknown", figures.unknown),
            ("stale", figures.stale),
        ] {
            ConstCounter::new(number).encode(family.encode_family(&[("outcome", outcome)])?)?;
        }
        let help = "Computed answers, by whether they could be kept; and those that did not hold any more (dropped)";
        let mut family = encoder.encode_descriptor("cache_kept", help, None, MetricType::Counter)?;
        for (outcome, number) in [("kept", figures.kept), ("not_kept", figures.not_kept), ("dropped", figures.dropped)]
        {
            ConstCounter::new(number).encode(family.encode_family(&[("outcome", outcome)])?)?;
        }
        let help = "How often the store was asked what has changed";
        let looks = encoder.encode_descriptor("cache_looks", help, None, MetricType::Counter)?;
        ConstCounter::new(figures.looks).encode(looks)?;
        for (name, help, number) in [
            ("cache_entries", "Answers in the process", figures.entries),
            ("cache_bytes", "What they take up", figures.bytes),
        ] {
            ConstGauge::new(number).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}
