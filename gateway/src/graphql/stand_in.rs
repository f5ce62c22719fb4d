//! Where a query reads: from a replica that has come as far as the store had when it was last looked at, else from the store
//! itself; and what is answered while that is away.
//!
//! Before a query begins, the store's present is known as a kept answer needs it: by a look that began at most 25 ms before.
//! The look also says where the write-ahead log ended. A standby that has replayed the log up to there shows whatever
//! that look saw, so its answer may be kept under that look's place in the journal as one of the primary's may; and whoever
//! was told that something is written, by whatever process, asks after a look that saw it.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response;
use async_graphql::parser::types::OperationType;
use axum::http::{HeaderMap, HeaderValue};
use sea_orm::DatabaseConnection;

use super::{Graph, refused};
use crate::cache::{Cache, Notes};
use crate::database::{Replica, Session};
use crate::error::Failure;

/// Where a request reads.
pub(super) enum Origin {
    /// From the store itself.
    Store,
    /// From a replica.
    Replica {
        session: Session,
        /// The store is away, and was last looked at so long ago. `None`: it is there.
        away_for: Option<Duration>,
    },
}

/// What answers queries while the store is away. Cheap to clone.
#[derive(Clone)]
pub struct StandIn {
    replica: Replica,
    cache: Cache,
}

impl Origin {
    /// How long whoever waits for an answer does so, of `longest` in all: a replica that does not answer leaves half of
    /// it for the primary.
    pub(super) fn patience(&self, longest: Duration) -> Duration {
        match self {
            Self::Replica { away_for: None, .. } => longest / 2,
            _ => longest,
        }
    }

    /// The connections that records are read over.
    pub(super) fn db<'a>(&'a self, store: &'a DatabaseConnection) -> &'a DatabaseConnection {
        match self {
            Self::Store => store,
            Self::Replica { session, .. } => session.db(),
        }
    }

    /// The connections that who asks is looked up over. The store itself where it is there: what is found is believed for
    /// a while, and others go by it.
    pub(super) fn identities<'a>(&'a self, store: &'a DatabaseConnection) -> &'a DatabaseConnection {
        match self {
            Self::Replica { session, away_for: Some(_) } => session.db(),
            _ => store,
        }
    }

    /// How long ago the store was last looked at. `None`: it is there.
    pub(super) fn away_for(&self) -> Option<Duration> {
        match self {
            Self::Replica { away_for, .. } => *away_for,
            Self::Store => None,
        }
    }

    /// Nothing more is read there.
    pub(super) fn end(self) {
        if let Self::Replica { session, .. } = self {
            session.end();
        }
    }
}

impl Graph {
    /// Where a request reads; or why nothing of it is answered.
    pub(super) async fn origin(&self, operation_type: OperationType) -> Result<Origin, Response> {
        let Some(cache) = &self.cache else { return Ok(Origin::Store) };
        let Some(replica) = self.replica.as_ref().filter(|_| operation_type == OperationType::Query) else {
            let can_ask = cache.can_ask_store().await;
            return if can_ask { Ok(Origin::Store) } else { Err(refused(Failure::Unavailable)) };
        };
        let away_for = if cache.is_known().await {
            None
        } else if cache.is_away() {
            Some(cache.away_for().ok_or_else(|| refused(Failure::Unavailable))?)
        } else {
            return Ok(Origin::Store);
        };
        let session = match cache.wal() {
            Some((identity, wanted)) => replica.take(identity, wanted).await,
            None => None,
        };
        match (session, away_for) {
            (Some(session), away_for) => Ok(Origin::Replica { session, away_for }),
            (None, None) => Ok(Origin::Store),
            (None, Some(_)) => Err(refused(Failure::Unavailable)),
        }
    }

    /// Has the statements of an answer that is to be kept heard by whoever counts those of where it reads.
    pub(super) fn listen(&self, notes: Option<&Arc<Notes>>, origin: &Origin) {
        if let (Some(notes), Some(replica)) = (notes, &self.replica) {
            notes.heard_by(match origin {
                Origin::Store => self.listener.clone(),
                Origin::Replica { .. } => replica.listener().cloned(),
            });
        }
    }

    /// Gives up a replica that did not answer. Whether the store can be asked instead.
    pub(super) fn give_up(&self, origin: Origin) -> bool {
        let away_for = origin.away_for();
        if let (Origin::Replica { session, .. }, Some(replica)) = (origin, &self.replica) {
            replica.unanswered(session);
        }
        away_for.is_none()
    }

    /// What answers queries while the store is away. `None`: nothing does, but for what is kept.
    #[must_use]
    pub fn stand_in(&self) -> Option<StandIn> {
        Some(StandIn { replica: self.replica.clone()?, cache: self.cache.clone()? })
    }
}

impl StandIn {
    /// Whether there is a replica to be read from.
    pub(crate) fn is_there(&self) -> bool {
        !self.replica.is_away()
    }

    /// Whether queries are answered from a replica while the store is away. Looks at the store, so that it is known since
    /// when it is.
    pub(crate) async fn answers(&self) -> bool {
        self.cache.is_known().await;
        self.is_there() && self.cache.away_for().is_some()
    }
}

/// Tells a client that an answer may be so old (RFC 9211). Others may not keep it: it is told so with every answer that is
/// not kept here.
pub(super) fn tell(headers: &mut HeaderMap, how: &str, away_for: Duration) {
    let seconds = Ord::max(away_for.as_secs(), 1);
    if let Ok(status) = HeaderValue::try_from(format!("hub; {how}; ttl=-{seconds}; detail=store-away")) {
        headers.insert("cache-status", status);
    }
}

/// Whether an answer was told to be old.
pub(super) fn is_told(response: &Response) -> bool {
    response.http_headers.contains_key("cache-status")
}
