//! Counters, gauges and timings with labels, so that counting something is one line. Who names a label's values sees to
//! it that there are few of them.

use std::borrow::Cow;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// A label's value: most are known when the hub is built.
pub(super) type Value = Cow<'static, str>;
type Labels<const N: usize> = [(&'static str, Value); N];

fn labels<const N: usize>(keys: [&'static str; N], values: [Value; N]) -> Labels<N> {
    let mut values = values.into_iter();
    keys.map(|key| (key, values.next().unwrap_or_default()))
}

/// How often something happened.
#[derive(Clone, Debug)]
pub(super) struct Count<const N: usize> {
    keys: [&'static str; N],
    family: Family<Labels<N>, Counter>,
}

impl<const N: usize> Count<N> {
    pub(super) fn new(registry: &mut Registry, name: &str, help: &str, keys: [&'static str; N]) -> Self {
        let family = Family::default();
        registry.register(name, help, family.clone());
        Self { keys, family }
    }

    pub(super) fn add(&self, number: u64, values: [Value; N]) {
        self.family.get_or_create(&labels(self.keys, values)).inc_by(number);
    }

    pub(super) fn one(&self, values: [Value; N]) {
        self.add(1, values);
    }
}

/// How much there is of something at this moment.
#[derive(Clone, Debug)]
pub(super) struct Level<const N: usize> {
    keys: [&'static str; N],
    family: Family<Labels<N>, Gauge>,
}

impl<const N: usize> Level<N> {
    pub(super) fn new(registry: &mut Registry, name: &str, help: &str, keys: [&'static str; N]) -> Self {
        let family = Family::default();
        registry.register(name, help, family.clone());
        Self { keys, family }
    }

    /// One more, until what is returned is dropped.
    pub(super) fn enter(&self, values: [Value; N]) -> Inside {
        let gauge = self.family.get_or_create_owned(&labels(self.keys, values));
        gauge.inc();
        Inside(gauge)
    }

    /// So many now.
    pub(super) fn set(&self, number: i64, values: [Value; N]) {
        self.family.get_or_create(&labels(self.keys, values)).set(number);
    }
}

/// Counts as one while it lives.
#[derive(Debug)]
pub(crate) struct Inside(Gauge);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How long something took.
#[derive(Clone, Debug)]
pub(super) struct Timing<const N: usize> {
    keys: [&'static str; N],
    family: Family<Labels<N>, Histogram, fn() -> Histogram>,
}

impl<const N: usize> Timing<N> {
    pub(super) fn new(
        registry: &mut Registry,
        (name, help): (&str, &str),
        keys: [&'static str; N],
        buckets: fn() -> Histogram,
    ) -> Self {
        let family = Family::new_with_constructor(buckets);
        registry.register(name, help, family.clone());
        Self { keys, family }
    }

    pub(super) fn took(&self, duration: Duration, values: [Value; N]) {
        self.family.get_or_create(&labels(self.keys, values)).observe(duration.as_secs_f64());
    }
}

/// From a millisecond to half a minute: answers, statements, requests to others.
pub(super) fn moments() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

/// From a tenth of a second to an hour: runs of sources.
pub(super) fn whiles() -> Histogram {
    Histogram::new([0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0])
}
