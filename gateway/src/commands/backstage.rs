//! The address for operators and their machines, where one is set: it answers from before there is anything to serve
//! until everything has ended.

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::Settings;
use crate::http::{self, Readiness};
use crate::telemetry::Metrics;

/// The address, while it is open.
pub(super) struct Backstage(Option<(CancellationToken, JoinHandle<std::io::Result<()>>)>);

/// Opens it, if one is set.
pub(super) async fn open(settings: &Settings, metrics: &Metrics, readiness: Readiness) -> anyhow::Result<Backstage> {
    let Some(address) = settings.metrics.listen else { return Ok(Backstage(None)) };
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: choose another metrics.listen, or stop what listens there")
    })?;
    let address = listener.local_addr()?;
    info!(metrics.listen = %address, "telling metrics on http://{address}/metrics");
    let (router, stop) = (http::backstage(metrics, readiness), CancellationToken::new());
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    Ok(Backstage(Some((stop, tokio::spawn(async move { served.await })))))
}

impl Backstage {
    /// Closes it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        let Some((stop, served)) = self.0 else { return Ok(()) };
        stop.cancel();
        served.await??;
        Ok(())
    }
}
