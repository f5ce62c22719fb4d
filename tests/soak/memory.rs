//! The hub's memory over time.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What it has at first is what it has after this share of the time: ten minutes of an hour.
const WARM: f64 = 1.0 / 6.0;
/// What is compared are medians over this share of the time: a sync under way has more for a moment.
const OVER: f64 = 0.1;
/// It may have so much more at the end.
const GROWTH: f64 = 0.10;

/// Samples of the resident set, in kibibytes.
#[derive(Default)]
pub(crate) struct Memory(Vec<(Duration, u64)>);

impl Memory {
    pub(crate) fn take(&mut self, at: Duration, kib: u64) {
        self.0.push((at, kib));
    }

    pub(crate) fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, kib)| *kib)
    }

    /// Prints how it went, and holds it to what it may be.
    pub(crate) fn tell(&self, lasts: Duration) -> Result<()> {
        let warm = self.median(lasts.mul_f64(WARM), lasts.mul_f64(WARM + OVER)).context("no samples at first")?;
        let end = self.median(lasts.mul_f64(1.0 - OVER), lasts * 2).context("no samples at the end")?;
        let most = self.0.iter().map(|(_, kib)| *kib).max().unwrap_or_default();
        let growth = end / warm - 1.0;
        println!(
            "memory: {warm:.0} KiB after {:.0} s, {end:.0} KiB at the end ({:+.1} %), {most} KiB at the most",
            lasts.mul_f64(WARM).as_secs_f64(),
            growth * 100.0
        );
        ensure!(growth <= GROWTH, "memory grew by {:.1} %, and may grow by {:.0} %", growth * 100.0, GROWTH * 100.0);
        Ok(())
    }

    fn median(&self, from: Duration, to: Duration) -> Option<f64> {
        let mut within: Vec<u64> =
            self.0.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, kib)| *kib).collect();
        within.sort_unstable();
        let middle = *within.get(within.len() / 2)?;
        Some(u32::try_from(middle).ok()?.into())
    }
}
