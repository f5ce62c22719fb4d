//! Pages that are fetched while others are written. What has come by then is written together: a transaction costs the
//! same whatever is in it, and a system that answers faster than the store writes gets fewer of them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::connector::{Page, StreamSpec};
use crate::error::Error;
use crate::sync::engine::Run;
use crate::sync::fetch::fetch;

/// No more pages are added to so many records: this bounds the memory of a run, and what a kill makes it do again.
const ENOUGH: usize = 500;

/// Pages that follow each other.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Their records.
    pub(crate) records: Vec<Value>,
    /// Where each page begins among them.
    begins: Vec<usize>,
    /// How many records there are, as each page says.
    pub(crate) totals: Vec<Option<u64>>,
    /// Where the next page starts.
    pub(crate) next: Option<String>,
    /// When the first of them was asked for: what they say was so then, or later.
    pub(crate) asked_at: DateTime<Utc>,
}

impl Batch {
    /// A page alone, asked for then.
    pub(crate) fn of(page: Page, asked_at: DateTime<Utc>) -> Self {
        Self { records: page.records, begins: vec![0], totals: vec![page.total], next: page.next, asked_at }
    }

    fn add(&mut self, page: Page) {
        self.begins.push(self.records.len());
        self.records.extend(page.records);
        self.totals.push(page.total);
        self.next = page.next;
    }

    /// The records, each with the number of its page.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &Value)> {
        let page = |index: usize| self.begins.partition_point(|begin| *begin <= index);
        self.records.iter().enumerate().map(move |(index, record)| (page(index), record))
    }
}

/// How fetching ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With the last page, or not yet.
    Whole,
    /// The page behind those that have been fetched could not be.
    Failed(Error),
    /// A page leads to one that was read before.
    InACircle,
}

/// Fetches pages ahead.
pub(crate) struct Ahead<'a> {
    run: &'a Run<'a>,
    spec: StreamSpec,
    since: Option<DateTime<Utc>>,
    /// Tokens of pages read: one that comes again would go on for ever.
    tokens: HashSet<String>,
    /// How it ended.
    pub(crate) end: Ended,
}

impl<'a> Ahead<'a> {
    /// Fetches pages of this stream.
    pub(crate) fn new(run: &'a Run<'a>, spec: StreamSpec, since: Option<DateTime<Utc>>) -> Self {
        Self { run, spec, since, tokens: HashSet::new(), end: Ended::Whole }
    }

    /// The page at `token`, and those behind it that come before the ones before it are written. `None` where there is
    /// none, or none that can be had: what came before a failure is written first.
    pub(crate) async fn fetch(&mut self, token: Option<&str>, is_written: &AtomicBool) -> Option<Batch> {
        if !matches!(self.end, Ended::Whole) {
            return None;
        }
        let mut token = token?.to_owned();
        let mut batch: Option<Batch> = None;
        loop {
            if !self.tokens.insert(token.clone()) {
                self.end = Ended::InACircle;
                return batch;
            }
            let asked_at = self.run.engine.clock.now();
            match (fetch(self.run, &self.spec, self.since, Some(&token)).await, &mut batch) {
                (Ok(page), None) => batch = Some(Batch::of(page, asked_at)),
                (Ok(page), Some(batch)) => batch.add(page),
                (Err(error), _) => {
                    self.end = Ended::Failed(error);
                    return batch;
                }
            }
            match &batch {
                Some(Batch { next: Some(next), records, .. })
                    if records.len() < ENOUGH && !is_written.load(Ordering::Relaxed) =>
                {
                    token.clone_from(next);
                }
                _ => return batch,
            }
        }
    }
}
