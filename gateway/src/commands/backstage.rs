//! What operators and their machines are told, from before there is anything to serve until everything has ended: at an
//! address, where one is set, and by what is sent to a collector, where one is.

use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::Settings;
use crate::http::{self, Readiness};
use crate::telemetry::{Collector, Metrics, Pushed};

/// What is told, while it is.
pub(super) struct Backstage {
    address: Option<Address>,
    pushed: Pushed,
}

type Address = (CancellationToken, JoinHandle<std::io::Result<()>>);

/// Begins to tell.
pub(super) async fn open(
    settings: &Settings,
    metrics: &Metrics,
    readiness: Readiness,
    collector: Option<&Arc<Collector>>,
) -> anyhow::Result<Backstage> {
    let address = listen(settings, metrics, readiness).await?;
    let pushed = Pushed::every(settings.telemetry.metrics_every(), metrics, collector);
    Ok(Backstage { address, pushed })
}

async fn listen(settings: &Settings, metrics: &Metrics, readiness: Readiness) -> anyhow::Result<Option<Address>> {
    let Some(address) = settings.metrics.listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: choose another metrics.listen, or stop what listens there")
    })?;
    let address = listener.local_addr()?;
    info!(metrics.listen = %address, "telling metrics on http://{address}/metrics");
    let (router, stop) = (http::backstage(metrics, readiness), CancellationToken::new());
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    Ok(Some((stop, tokio::spawn(async move { served.await }))))
}

impl Backstage {
    /// Tells the last, and closes the address.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.pushed.finish().await;
        let Some((stop, served)) = self.address else { return Ok(()) };
        stop.cancel();
        served.await??;
        Ok(())
    }
}
