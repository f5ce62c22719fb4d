//! Metrics as OTLP has them, by the rules for what comes from Prometheus
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>): names as they are, counters as
//! monotonic sums, gauges, histograms; all cumulative since the process began to count.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::exposition::{Family, Sample};
use super::{Collector, nanos};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;
// What a histogram's lines are called, behind its name.
const SUM: &str = "_sum";
const COUNT: &str = "_count";
const BUCKET: &str = "_bucket";

/// Since when something is counted, and when it was looked at: both since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) since: Duration,
    pub(super) until: Duration,
}

/// An `ExportMetricsServiceRequest`.
pub(super) fn request(collector: &Collector, families: &[Family], counted: Counted) -> Json {
    let metrics: Vec<_> = families.iter().filter_map(|family| metric(family, counted)).collect();
    json!({ "resourceMetrics": [{
        "resource": collector.resource(),
        "scopeMetrics": [{ "scope": { "name": "hub", "version": env!("CARGO_PKG_VERSION") }, "metrics": metrics }],
    }] })
}

/// A `Metric`. `None` where there is nothing to tell yet.
fn metric(family: &Family, counted: Counted) -> Option<Json> {
    let (of_kind, points) = match family.kind.as_str() {
        "counter" => ("sum", family.samples.iter().filter_map(|sample| counter(sample, counted)).collect()),
        "histogram" => ("histogram", histograms(&family.samples, counted)),
        _ => ("gauge", family.samples.iter().filter_map(|sample| number(sample, counted)).collect::<Vec<_>>()),
    };
    if points.is_empty() {
        return None;
    }
    let mut data = json!({ "dataPoints": points });
    if of_kind != "gauge" {
        data["aggregationTemporality"] = CUMULATIVE.into();
    }
    if of_kind == "sum" {
        data["isMonotonic"] = true.into();
    }
    let mut metric = json!({
        "name": family.name,
        "description": family.help,
        "metadata": [label("prometheus.type", &family.kind)],
    });
    metric[of_kind] = data;
    Some(metric)
}

/// A `NumberDataPoint`.
fn number(sample: &Sample, counted: Counted) -> Option<Json> {
    let mut point = json!({ "attributes": attributes(&sample.labels), "timeUnixNano": nanos(counted.until) });
    match sample.number.parse::<i64>() {
        Ok(whole) => point["asInt"] = whole.to_string().into(),
        Err(_) => point["asDouble"] = double(sample.number.parse().ok()?),
    }
    Some(point)
}

fn counter(sample: &Sample, counted: Counted) -> Option<Json> {
    let mut point = number(sample, counted)?;
    point["startTimeUnixNano"] = nanos(counted.since).into();
    Some(point)
}

/// A `HistogramDataPoint`, as it is put together.
struct Histogram<'a> {
    labels: Vec<&'a (String, String)>,
    /// Upper bounds with how many were at or below each, as the text has them.
    buckets: Vec<(f64, u64)>,
    sum: f64,
    count: u64,
}

/// Of each set of labels the lines follow each other, the count last.
fn histograms(samples: &[Sample], counted: Counted) -> Vec<Json> {
    let mut histograms: Vec<Histogram<'_>> = Vec::new();
    for sample in samples {
        let labels: Vec<_> = sample.labels.iter().filter(|(key, _)| key != "le").collect();
        if histograms.last().is_none_or(|last| last.labels != labels) {
            histograms.push(Histogram { labels, buckets: Vec::new(), sum: 0.0, count: 0 });
        }
        let Some(histogram) = histograms.last_mut() else { continue };
        let bound = || sample.labels.iter().find(|(key, _)| key == "le")?.1.parse().ok();
        let whole = || sample.number.parse().unwrap_or_default();
        match sample.suffix.as_str() {
            BUCKET => histogram.buckets.extend(bound().map(|bound| (bound, whole()))),
            SUM => histogram.sum = sample.number.parse().unwrap_or_default(),
            COUNT => histogram.count = whole(),
            _ => {}
        }
    }
    histograms.iter().map(|histogram| histogram.point(counted)).collect()
}

impl Histogram<'_> {
    /// Each bucket with what it alone holds; the last has no upper bound.
    fn point(&self, counted: Counted) -> Json {
        let bounds: Vec<_> = self.buckets.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).collect();
        let mut before = 0;
        let counts = self.buckets.iter().map(|(_, up_to)| {
            let here = up_to.saturating_sub(before);
            before = *up_to;
            here.to_string()
        });
        json!({
            "attributes": attributes(self.labels.iter().copied()),
            "startTimeUnixNano": nanos(counted.since),
            "timeUnixNano": nanos(counted.until),
            "count": self.count.to_string(),
            "sum": double(self.sum),
            "bucketCounts": counts.collect::<Vec<_>>(),
            "explicitBounds": bounds,
        })
    }
}

fn attributes<'a>(labels: impl IntoIterator<Item = &'a (String, String)>) -> Vec<Json> {
    labels.into_iter().map(|(key, value)| label(key, value)).collect()
}

/// A `KeyValue`.
fn label(key: &str, value: &str) -> Json {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A `double`: JSON has no number for those that are none.
fn double(number: f64) -> Json {
    if number.is_finite() {
        number.into()
    } else if number.is_nan() {
        "NaN".into()
    } else if number > 0.0 {
        "Infinity".into()
    } else {
        "-Infinity".into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::read;
    use super::*;

    const COUNTED: Counted = Counted { since: Duration::from_secs(1), until: Duration::from_secs(2) };

    fn metrics(text: &str) -> Vec<Json> {
        read(text).iter().filter_map(|family| metric(family, COUNTED)).collect()
    }

    #[test]
    fn counters_are_monotonic_sums_and_lose_nothing() {
        let text = "# HELP hub_a_total What it is\n# TYPE hub_a_total counter\n\
                    hub_a_total{of=\"x\"} 9223372036854775807\nhub_a_total{of=\"y\"} 1\n";
        let point = |of: &str, number: &str| {
            json!({ "attributes": [{ "key": "of", "value": { "stringValue": of } }], "asInt": number,
                "startTimeUnixNano": "1000000000", "timeUnixNano": "2000000000" })
        };
        assert_eq!(
            metrics(text),
            [json!({ "name": "hub_a_total", "description": "What it is",
                "metadata": [{ "key": "prometheus.type", "value": { "stringValue": "counter" } }],
                "sum": { "aggregationTemporality": 2, "isMonotonic": true,
                    "dataPoints": [point("x", "9223372036854775807"), point("y", "1")] } })]
        );
    }

    #[test]
    fn gauges_may_be_negative_and_no_number_at_all() {
        let text = "# HELP hub_g Of something\n# TYPE hub_g gauge\nhub_g{n=\"0\"} -5\nhub_g{n=\"1\"} 0.5\n\
                    hub_g{n=\"2\"} NaN\nhub_g{n=\"3\"} +Inf\nhub_g{n=\"4\"} 18446744073709551615\n";
        let metrics = metrics(text);
        let points = metrics[0]["gauge"]["dataPoints"].as_array().unwrap();
        let told: Vec<_> = points.iter().map(|point| (&point["asInt"], &point["asDouble"])).collect();
        assert_eq!(
            told,
            [
                (&json!("-5"), &Json::Null),
                (&Json::Null, &json!(0.5)),
                (&Json::Null, &json!("NaN")),
                (&Json::Null, &json!("Infinity")),
                (&Json::Null, &json!(18_446_744_073_709_551_615_f64)),
            ]
        );
        assert!(points[0].get("startTimeUnixNano").is_none());
    }

    #[test]
    fn a_histograms_buckets_hold_what_is_between_their_bounds() {
        let text = "# HELP hub_h Time\n# TYPE hub_h histogram\n\
                    hub_h_bucket{le=\"0.5\",of=\"x\"} 2\nhub_h_bucket{le=\"1.0\",of=\"x\"} 2\n\
                    hub_h_bucket{le=\"+Inf\",of=\"x\"} 5\nhub_h_sum{of=\"x\"} 7.25\nhub_h_count{of=\"x\"} 5\n\
                    hub_h_bucket{le=\"0.5\",of=\"y\"} 0\nhub_h_bucket{le=\"1.0\",of=\"y\"} 1\n\
                    hub_h_bucket{le=\"+Inf\",of=\"y\"} 1\nhub_h_sum{of=\"y\"} 0.75\nhub_h_count{of=\"y\"} 1\n";
        let metrics = metrics(text);
        let histogram = &metrics[0]["histogram"];
        assert_eq!(histogram["aggregationTemporality"], 2);
        let points = histogram["dataPoints"].as_array().unwrap();
        assert_eq!(points.len(), 2);
        assert_eq!(points[0]["bucketCounts"], json!(["2", "0", "3"]));
        assert_eq!(points[0]["explicitBounds"], json!([0.5, 1.0]));
        assert_eq!((&points[0]["count"], &points[0]["sum"]), (&json!("5"), &json!(7.25)));
        assert_eq!(points[0]["attributes"], json!([{ "key": "of", "value": { "stringValue": "x" } }]));
        assert_eq!(points[1]["bucketCounts"], json!(["0", "1", "0"]));
    }

    #[test]
    fn what_nothing_is_known_of_is_not_told() {
        assert!(metrics("# HELP hub_a_total Nothing yet\n# TYPE hub_a_total counter\n").is_empty());
    }
}
