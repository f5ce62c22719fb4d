//! Partners' live graphs, as operators see them.

use async_graphql::{Context, Enum, Object};
use chrono::{DateTime, Utc};
use entity::subgraph;

use crate::auth::scope;
use crate::error::Result;
use crate::federation::roster::{Known, Roster, State};
use crate::graphql::items::Items;
use crate::graphql::policy::{authenticated, one, requires_scopes};
use crate::graphql::reader::Reader;

/// A partner's live graph that is set to be joined.
pub(crate) struct Subgraph(Known);

/// All that are set, in the order of the configuration.
pub(crate) async fn all(ctx: &Context<'_>) -> Result<Items<Subgraph>> {
    let reader = Reader::of(ctx)?;
    reader.keep_out();
    let known = ctx.data_unchecked::<Roster>().read(&reader.db).await?;
    Ok(known.into_iter().map(Subgraph).collect())
}

impl Subgraph {
    fn row(&self) -> Option<&subgraph::Model> {
        self.0.row.as_ref()
    }
}

/// A partner's live graph that is set to be joined.
#[Object(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_READ)))]
impl Subgraph {
    /// Its name in the hub's configuration; the `serviceName` of its errors.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where it is asked.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// How it is.
    async fn state(&self) -> State {
        self.0.state()
    }

    /// Tells apart the schemas that it was joined with; null: it never was.
    async fn schema_hash(&self) -> Option<String> {
        self.0.schema_hash()
    }

    /// Since when it is joined with that schema; null: it never was.
    async fn live_since(&self) -> Option<DateTime<Utc>> {
        self.row()?.live_since
    }

    /// When it last told its schema; null: it never did.
    async fn fetched_at(&self) -> Option<DateTime<Utc>> {
        self.row()?.fetched_at
    }

    /// Why it has not told its schema since, in a sentence; null: it told it when it was last asked.
    async fn fetch_error(&self) -> Option<&str> {
        self.row()?.fetch_problem.as_deref()
    }

    /// Why it is not joined with the schema that it told last, a sentence a line; null: nothing keeps that out.
    async fn composition_error(&self) -> Option<&str> {
        self.row()?.problem.as_deref()
    }

    /// Whether the process that answers this sends it queries and mutations; null: it is not joined there.
    async fn breaker(&self) -> Option<BreakerState> {
        self.0.breaker.map(BreakerState::from)
    }

    /// Whether the process that answers this subscribes to it; null: it is not joined there.
    async fn subscription_breaker(&self) -> Option<BreakerState> {
        self.0.breaker_of_subscriptions.map(BreakerState::from)
    }
}

/// Whether a partner is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "connectors::api::BreakerState")]
pub(crate) enum BreakerState {
    /// It is asked.
    Closed,
    /// It failed so often in a row that it is left alone for a while.
    Open,
    /// That while is over: one request finds out whether it answers again.
    HalfOpen,
}
