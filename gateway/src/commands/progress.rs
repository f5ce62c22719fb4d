//! How runs are getting on: bars on a terminal, silence elsewhere (there each run has its line when it ends).

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use connectors::sync::{Observer, Progress};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// A bar for each source.
pub(super) struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    /// Bars, where standard error is a terminal. They are drawn there, so that standard output holds only answers.
    pub(super) fn on_terminal() -> Option<Self> {
        std::io::stderr().is_terminal().then(|| Self { all: MultiProgress::new(), bars: Mutex::default() })
    }

    /// Takes a source's bar away.
    pub(super) fn end(&self, source_id: &str) {
        let bar = self.bars.lock().unwrap_or_else(PoisonError::into_inner).remove(source_id);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Bars {
    fn progressed(&self, progress: &Progress) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(progress.source_id.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {prefix:<24} {pos:>7} records  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(progress.source_id.clone());
            bar
        });
        bar.set_position(progress.read);
        bar.set_message(match progress.total {
            Some(total) => format!("{}, {total} in all", progress.stream),
            None => progress.stream.clone(),
        });
        bar.tick();
    }
}
