//! Traces: which requests are traced, and how a trace comes in with a request and goes on with those that the hub makes
//! (W3C Trace Context, <https://www.w3.org/TR/trace-context/>).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::TelemetryError;
use super::otlp::Exporter;
use crate::config::TelemetrySettings;

/// What of the spans becomes traces: sent to where the settings say, or nowhere. Even then each request has a trace's id,
/// for the log.
pub(super) fn provider(settings: &TelemetrySettings) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "alliance-hub"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string()),
        ])
        .build();
    let provider = SdkTracerProvider::builder().with_resource(resource);
    let Some(endpoint) = &settings.otlp else {
        return Ok(provider.with_sampler(Sampler::AlwaysOff).build());
    };
    let config = BatchConfigBuilder::default().with_scheduled_delay(settings.export_every()).build();
    let exporter = Exporter::new(endpoint)?;
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
    Ok(provider.with_sampler(Share(settings.sample_ratio)).with_span_processor(processor).build())
}

/// Samples this share of the traces, by their ids: whoever else samples the same share by id has the same ones. A caller
/// decides what its trace is called, and not what it costs here: that it samples its own part is no reason.
#[derive(Clone, Debug)]
struct Share(f64);

impl ShouldSample for Share {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let local = parent.filter(|parent| parent.has_active_span() && !parent.span().span_context().is_remote());
        let by_id = Sampler::TraceIdRatioBased(self.0);
        let sampled = by_id.should_sample(parent, trace_id, name, kind, attributes, links);
        match local {
            None => sampled,
            Some(parent) => {
                let is_sampled = parent.span().span_context().is_sampled();
                let decision = if is_sampled { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
                SamplingResult { decision, ..sampled }
            }
        }
    }
}

/// Has a span that has just been made go on with the trace that these headers tell of, where they do. Returns its trace's
/// id, where there are traces.
pub(crate) fn follow(span: &Span, headers: &HeaderMap) -> Option<String> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Told(headers));
    if context.span().span_context().is_valid() && span.set_parent(context).is_err() {
        tracing::debug!("a caller's trace could not be followed");
    }
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

/// Tells of the trace under way in these headers, where there is one.
pub(crate) fn hand_on(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Telling(headers));
}

struct Told<'a>(&'a HeaderMap);

impl Extractor for Told<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Telling<'a>(&'a mut HeaderMap);

impl Injector for Telling<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::from_str(&value)) {
            self.0.insert(name, value);
        }
    }
}
