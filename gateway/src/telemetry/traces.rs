//! Traces: which requests are traced, and how a trace comes in with a request and goes on with those that the hub makes
//! (W3C Trace Context, <https://www.w3.org/TR/trace-context/>).

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, SamplingResult,
    SdkTracerProvider, ShouldSample,
};
use tracing::{Dispatch, Id, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::otlp::{Collector, Exporter};
use crate::audit;
use crate::config::TelemetrySettings;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What makes traces of spans, and sends them to this collector.
pub(super) fn provider(settings: &TelemetrySettings, collector: &Arc<Collector>) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default().with_scheduled_delay(settings.export_every()).build();
    let processor = BatchSpanProcessor::builder(Exporter::new(collector)).with_batch_config(config).build();
    SdkTracerProvider::builder().with_sampler(Share(settings.sample_ratio)).with_span_processor(processor).build()
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

/// What a span belongs to where no traces are sent and therefore none are recorded: among its extensions in the registry,
/// for what is within it. An id is all that it takes to find a request's lines in logs, here and at partners; a recorded
/// span costs a twelfth of a kept answer.
struct Kept(SpanContext);

/// Has a span that has just been made go on with the trace that these headers tell of, where they do, and else begin one.
/// What reads the headers after this belongs to the same trace. Returns the trace's id.
pub(crate) fn follow(span: &Span, headers: &mut HeaderMap) -> String {
    let told = told(headers);
    let context = recorded_within(span, &told).unwrap_or_else(|| {
        // Nothing of the hub's is recorded, so whoever comes next is next to the caller, who has decided what is recorded.
        let context = if told.is_valid() { told } else { new() };
        keep(span, &context);
        context
    });
    tell(&context, headers);
    context.trace_id().to_string()
}

/// Tells of the trace under way in these headers, where there is one.
pub(crate) fn hand_on(headers: &mut HeaderMap) {
    let span = Span::current();
    if let Some(context) = recorded(&span).or_else(|| kept(&span)) {
        tell(&context, headers);
    }
}

/// The trace that headers tell of; an invalid one where they tell of none.
fn told(headers: &HeaderMap) -> SpanContext {
    // The SDK takes some that are none: ids that are too short, or have a sign.
    let is_one = |text: &HeaderValue| text.to_str().is_ok_and(audit::is_traceparent);
    if !headers.get("traceparent").is_some_and(is_one) {
        return SpanContext::NONE;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Told(headers));
    context.span().span_context().clone()
}

/// The span as it is recorded, as part of the trace that was told of. `None` where nothing is recorded.
fn recorded_within(span: &Span, told: &SpanContext) -> Option<SpanContext> {
    if told.is_valid() {
        // Fails where nothing is recorded, which shows below.
        let _unrecorded = span.set_parent(Context::new().with_remote_span_context(told.clone()));
    }
    recorded(span)
}

fn recorded(span: &Span) -> Option<SpanContext> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then_some(context)
}

/// A trace that begins here, and of which nobody records anything.
fn new() -> SpanContext {
    let ids = RandomIdGenerator::default();
    SpanContext::new(ids.new_trace_id(), ids.new_span_id(), TraceFlags::default(), false, TraceState::default())
}

/// Does something with a span as the registry has it. `None` where the span is disabled.
fn within<T>(span: &Span, work: impl FnOnce(SpanRef<'_, Registry>) -> Option<T>) -> Option<T> {
    let found = |(id, dispatch): (&Id, &Dispatch)| dispatch.downcast_ref::<Registry>()?.span(id).and_then(work);
    span.with_subscriber(found).flatten()
}

fn keep(span: &Span, context: &SpanContext) {
    let _disabled = within(span, |span| {
        span.extensions_mut().replace(Kept(context.clone()));
        Some(())
    });
}

/// The trace that a span belongs to: its own, that of whichever around it has one, or else, as for a run of a source, a
/// new one of the outermost.
fn kept(span: &Span) -> Option<SpanContext> {
    within(span, |span| {
        let mut outermost = None;
        for around in span.scope() {
            if let Some(Kept(context)) = around.extensions().get() {
                return Some(context.clone());
            }
            outermost = Some(around);
        }
        let outermost = outermost?;
        let mut extensions = outermost.extensions_mut();
        // Another may have been here since.
        if let Some(Kept(context)) = extensions.get_mut() {
            return Some(context.clone());
        }
        let context = new();
        extensions.insert(Kept(context.clone()));
        Some(context)
    })
}

fn tell(context: &SpanContext, headers: &mut HeaderMap) {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags() & TraceFlags::SAMPLED);
    if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")) {
        headers.insert(TRACEPARENT, value);
    }
    match HeaderValue::try_from(context.trace_state().header()) {
        Ok(value) if !value.is_empty() => headers.insert(TRACESTATE, value),
        _ => headers.remove(TRACESTATE),
    };
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
