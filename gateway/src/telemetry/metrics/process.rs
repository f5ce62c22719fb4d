//! The process itself: which release it is, since when it runs, and what memory it takes.

use std::fmt;

use entity::Clock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Bytes of a page of memory on the machines that the hub runs on, as `/proc` counts them.
const PAGE: u64 = 4096;

#[derive(Debug)]
pub(super) struct Process {
    started_at: i64,
}

impl Process {
    /// This process, which starts now.
    pub(super) fn starting(clock: &Clock) -> Self {
        Self { started_at: clock.now().timestamp() }
    }
}

/// What of this process is in memory, in bytes. `None` where the system does not say so in Linux's way.
fn resident() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse::<u64>().ok()?.checked_mul(PAGE)
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor("build_info", "The release", None, MetricType::Gauge)?;
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
        let help = "When the process started, in seconds since 1970";
        let started = encoder.encode_descriptor("process_start_time_seconds", help, None, MetricType::Gauge)?;
        ConstGauge::new(self.started_at).encode(started)?;
        if let Some(bytes) = resident() {
            let help = "Memory of the process that is resident";
            let memory = encoder.encode_descriptor("process_resident_memory_bytes", help, None, MetricType::Gauge)?;
            ConstGauge::new(bytes).encode(memory)?;
        }
        Ok(())
    }
}
