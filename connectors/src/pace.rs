//! Waiting and chance, passed in as the clock is: tests then need no real time, and come out the same each time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rand::Rng;

type Sleep = dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync;
type Draw = dyn Fn() -> f64 + Send + Sync;

/// How time is let pass, and how lots are drawn.
#[derive(Clone)]
pub struct Pace {
    sleep: Arc<Sleep>,
    draw: Arc<Draw>,
}

impl Pace {
    /// Real time and real chance.
    #[must_use]
    pub fn real() -> Self {
        Self {
            sleep: Arc::new(|wait| Box::pin(tokio::time::sleep(wait))),
            draw: Arc::new(|| rand::rng().random_range(0.0..1.0)),
        }
    }

    /// Time passes as `sleep` lets it, and chance is what `draw` says, from 0 up to but not including 1. For tests.
    pub fn from_fns(
        sleep: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static,
        draw: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { sleep: Arc::new(sleep), draw: Arc::new(draw) }
    }

    /// Lets `wait` pass.
    pub(crate) async fn sleep(&self, wait: Duration) {
        if !wait.is_zero() {
            (self.sleep)(wait).await;
        }
    }

    /// A number from 0 up to but not including 1.
    #[must_use]
    pub fn draw(&self) -> f64 {
        (self.draw)().clamp(0.0, 1.0)
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pace")
    }
}
