//! The log: to standard error, so that standard output is for answers alone. For people on a terminal, JSON elsewhere.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::config::{LogFormat, TelemetrySettings};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is none.
    #[error("telemetry.log is no log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else logs in this process already.
    #[error("the log has been started already")]
    Started(#[from] TryInitError),
}

/// Starts the log of this process.
///
/// # Errors
/// Where the filter is none, or when it has been started before.
pub fn start(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let filter = EnvFilter::try_new(&settings.log)?;
    let on_terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(on_terminal);
    if is_pretty(settings.format, on_terminal) {
        builder.compact().finish().try_init()?;
    } else {
        builder.json().flatten_event(true).with_span_list(false).finish().try_init()?;
    }
    Ok(())
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
