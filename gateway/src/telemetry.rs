//! What the hub tells of itself: the log, to standard error, so that standard output is for answers alone (for people on a
//! terminal, JSON elsewhere); metrics for Prometheus; both metrics and traces to a collector.

mod measure;
mod measured;
mod metrics;
mod names;
mod operation;
mod otlp;
mod span_fields;
pub(crate) mod traces;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Identity, SubscriberExt};
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{EnvFilter, Layer, Registry};

pub use self::measured::Measured;
pub use self::metrics::Metrics;
pub(crate) use self::metrics::{CONTENT_TYPE, Inside};
pub(crate) use self::operation::{executing, told};
pub(crate) use self::otlp::{Collector, Pushed};
use self::span_fields::SpanFields;
use crate::config::{LogFormat, TelemetrySettings};

/// How many operations are told apart in metrics where nothing is set.
pub const OPERATIONS: usize = 100;
/// How long the last traces may take to be sent when the process ends.
const LAST_TRACES: Duration = Duration::from_secs(5);

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("telemetry.log is no log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else logs in this process already.
    #[error("the log has been started already")]
    Started(#[from] TryInitError),
    /// The client that sends traces and metrics cannot be made.
    #[error("traces and metrics cannot be sent")]
    Client(#[from] connectors::Error),
}

/// The log and the traces of this process.
#[derive(Debug)]
#[must_use = "the last traces are sent when it is finished"]
pub struct Telemetry {
    /// `None` where no traces are sent.
    provider: Option<SdkTracerProvider>,
    /// `None` where nothing is sent.
    collector: Option<Arc<Collector>>,
}

impl Telemetry {
    /// Where metrics are sent, beside the traces.
    pub(crate) fn collector(&self) -> Option<&Arc<Collector>> {
        self.collector.as_ref()
    }

    /// Sends the traces that have not been sent yet, if that does not take too long.
    pub async fn finish(self) {
        let Some(provider) = self.provider else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_TRACES)).await;
        if let Ok(Err(error)) = ended {
            tracing::debug!(error = &error as &dyn std::error::Error, "the last traces were not sent");
        }
    }
}

/// Starts the log and the traces of this process, on the runtime that this is called in.
///
/// # Errors
/// Where the filter is none, or when it has been started before.
pub fn start(settings: &TelemetrySettings) -> Result<Telemetry, TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let filter = EnvFilter::try_new(&settings.log)?;
    let on_terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt::layer::<Registry>().with_writer(io::stderr).with_ansi(on_terminal);
    let log = if is_pretty(settings.format, on_terminal) {
        log.compact().with_filter(filter).boxed()
    } else {
        // The list of spans has the ids of request, run and trace, whichever span is the innermost.
        let log = log.json().flatten_event(true).with_current_span(false).with_span_list(true);
        log.fmt_fields(SpanFields::default()).with_filter(filter).boxed()
    };
    let collector = Collector::of(settings)?.map(Arc::new);
    let provider = collector.as_ref().map(|collector| traces::provider(settings, collector));
    let traced = match &provider {
        Some(provider) => tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_tracer(provider.tracer("hub"))
            .boxed(),
        // Spans are there all the same, whatever is logged: they know which trace a request belongs to.
        None => Identity::new().boxed(),
    };
    // Spans of libraries would tell more of them than of the hub.
    let ours = Targets::new().with_target("gateway", LevelFilter::INFO).with_target("connectors", LevelFilter::INFO);
    tracing_subscriber::registry().with(log).with(traced.with_filter(ours)).try_init()?;
    Ok(Telemetry { provider, collector })
}

fn is_pretty(format: LogFormat, on_terminal: bool) -> bool {
    match format {
        LogFormat::Auto => on_terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_get_json_and_people_do_not() {
        assert!(is_pretty(LogFormat::Auto, true));
        assert!(!is_pretty(LogFormat::Auto, false));
        assert!(is_pretty(LogFormat::Pretty, false));
        assert!(!is_pretty(LogFormat::Json, true));
    }
}
