//! Serving: until told to stop, and then no longer than the grace.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Streams;

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that was under way had its answer.
    InTime,
    /// The grace ran out first.
    CutOff,
}

/// Serves until the shutdown of `streams` is cancelled. Then takes no more connections, lets what is under way finish and streams end
/// in order for as long as `grace`, and returns.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, router: Router, streams: &Streams, grace: Duration) -> io::Result<Stopped> {
    // Answers are written whole; waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(error = &error as &dyn std::error::Error, "a connection keeps Nagle's delay");
        }
    });
    let shutdown = streams.shutdown();
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let ended = async {
        server.await?;
        // A WebSocket is no request any more, and the server does not wait for it.
        streams.ended().await;
        Ok(Stopped::InTime)
    };
    tokio::select! {
        ended = ended => ended,
        () = async { shutdown.cancelled().await; tokio::time::sleep(grace).await } => {
            warn!("some requests were cut off: they took longer than the grace");
            Ok(Stopped::CutOff)
        }
    }
}

/// A token that SIGTERM and Ctrl-C cancel. The second of them ends the process at once.
///
/// # Errors
/// When the process may not listen for signals.
pub fn stop_on_signal() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::new()?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        info!("stopping: what is under way may finish; once more to end at once");
        cancelled.cancel();
        signals.next().await;
        warn!("ended at once");
        std::process::exit(130);
    });
    Ok(token)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            warn!(error = &error as &dyn std::error::Error, "Ctrl-C cannot be heard");
            std::future::pending::<()>().await;
        }
    }
}
