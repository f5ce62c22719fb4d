//! Counts what the sandbox was asked, so that a test can say "one token for all of them" or "never more than four at once".

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::System;

/// What one system was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SystemCounters {
    /// Requests of any kind, refused ones included.
    pub requests: u64,
    /// Pages and files that were answered in full.
    pub pages: u64,
    /// Requests whose token did not do.
    pub refused: u64,
    /// The greatest number of requests under way at once.
    pub greatest_at_once: u64,
}

/// What the sandbox was asked since it started, or since its counters were set back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests to the token endpoint, refused ones included.
    pub token_requests: u64,
    /// Tokens issued.
    pub tokens_issued: u64,
    /// The register.
    pub duo: SystemCounters,
    /// The school administration.
    pub boards: SystemCounters,
    /// The housing allocation.
    pub housing: SystemCounters,
    /// The directory.
    pub partners: SystemCounters,
    /// The workshops.
    pub workshops: SystemCounters,
}

impl Counters {
    /// What a system was asked.
    #[must_use]
    pub const fn of(&self, system: System) -> SystemCounters {
        match system {
            System::Duo => self.duo,
            System::Boards => self.boards,
            System::Housing => self.housing,
            System::Partners => self.partners,
            System::Workshops => self.workshops,
        }
    }
}

/// The counting of one system.
#[derive(Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    pages: AtomicU64,
    refused: AtomicU64,
    under_way: AtomicU64,
    greatest: AtomicU64,
}

impl Tally {
    /// Counts a request from here until what is returned is dropped.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        self.greatest.fetch_max(now, Ordering::Relaxed);
        UnderWay(self)
    }

    pub(crate) fn page(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> SystemCounters {
        SystemCounters {
            requests: self.requests.load(Ordering::Relaxed),
            pages: self.pages.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            greatest_at_once: self.greatest.load(Ordering::Relaxed),
        }
    }

    fn reset(&self) {
        for counter in [&self.requests, &self.pages, &self.refused, &self.greatest] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// A request under way.
pub(crate) struct UnderWay<'a>(&'a Tally);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All the counting there is.
#[derive(Default)]
pub(crate) struct Tallies {
    pub(crate) tokens: Tally,
    systems: [Tally; 5],
}

impl Tallies {
    pub(crate) fn of(&self, system: System) -> &Tally {
        let [duo, boards, housing, partners, workshops] = &self.systems;
        match system {
            System::Duo => duo,
            System::Boards => boards,
            System::Housing => housing,
            System::Partners => partners,
            System::Workshops => workshops,
        }
    }

    pub(crate) fn read(&self) -> Counters {
        let tokens = self.tokens.read();
        Counters {
            token_requests: tokens.requests,
            tokens_issued: tokens.pages,
            duo: self.of(System::Duo).read(),
            boards: self.of(System::Boards).read(),
            housing: self.of(System::Housing).read(),
            partners: self.of(System::Partners).read(),
            workshops: self.of(System::Workshops).read(),
        }
    }

    pub(crate) fn reset(&self) {
        self.tokens.reset();
        self.systems.iter().for_each(Tally::reset);
    }
}
