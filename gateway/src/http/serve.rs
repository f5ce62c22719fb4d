//! Serving: until told to stop, and then no longer than the grace.

use std::io;
use std::net::SocketAddr;
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
    let patience = streams.settings.slow_reader() * 2 + Duration::from_secs(10);
    let listener = listener.tap_io(move |stream| {
        bound(stream, patience);
        if let Err(error) = stream.set_nodelay(true) {
            warn!(error = &error as &dyn std::error::Error, "a connection keeps Nagle's delay");
        }
    });
    let shutdown = streams.shutdown();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
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

/// What the system holds for a client that has not taken it yet, in bytes. As much as keeps a fast client busy; without
/// a bound it would be some megabytes for each.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

/// Makes the system end a connection whose client takes nothing for as long as `patience`, for the server writes to it
/// without a time limit of its own; and hold little for it until then. Longer than a WebSocket waits, which has a reason
/// to tell.
#[cfg(target_os = "linux")]
fn bound(stream: &tokio::net::TcpStream, patience: Duration) {
    let socket = socket2::SockRef::from(stream);
    let bounded = socket.set_tcp_user_timeout(Some(patience)).and(socket.set_tcp_notsent_lowat(UNSENT_BYTES));
    if let Err(error) = bounded {
        warn!(error = &error as &dyn std::error::Error, "a connection waits for its client without end");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound(_: &tokio::net::TcpStream, _: Duration) {}

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
