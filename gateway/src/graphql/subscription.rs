//! The root of what is told as it happens.
//!
//! A subscription reads the journal by its sequence numbers and never trusts a message: what wakes it only says that
//! there is something to read. It reads when its client has taken what came before, so that a slow client costs nothing
//! but time. Each event is answered as a request of its own: from the present, and by what the viewer may see then.

mod changes;
mod root;
mod runs;
mod school;
mod told;

use std::sync::Arc;

use async_graphql::{Context, Subscription};
use entity::vocabulary::RecordType;
use futures::Stream;

pub use self::root::operation_type;
pub(super) use self::told::Told;
use super::caller::Caller;
use super::policy::{authenticated, one, requires_scopes};
use super::reader::Reader;
use super::types::change::Change;
use super::types::school::School;
use super::types::source::SyncRun;
use super::vocabulary::Term;
use crate::auth::scope;
use crate::error::{Failure, Result};
use crate::feed::Feed;

/// What is told as it happens.
pub(crate) struct Subscription;

/// What is told as it happens.
#[Subscription]
impl Subscription {
    /// The change feed as it happens. With `after` (the cursor of a change) first everything missed since, then what is
    /// new, without a gap and without repeating anything; without it from now on. Stops with an error where the feed
    /// cannot be read: go on with the last cursor as `after`.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Only of these types.")] types: Option<Vec<Term<RecordType>>>,
        #[graphql(desc = "Only of this municipality (gemeente), by its CBS code.")] municipality: Option<String>,
    ) -> Result<impl Stream<Item = Result<Change>> + use<>> {
        let reader = Arc::clone(Reader::of(ctx)?);
        let last_event = ctx.data_opt::<Caller>().and_then(|caller| caller.last_event.clone());
        let after = last_event.or(after);
        changes::follow(reader, feed(ctx)?, after, types, municipality).await
    }

    /// A school whenever anything on its card changes: itself, its board, a need, an offer that may fit one, a commitment,
    /// a partner committed to it, a home in its municipality or within 15 km, a priority scheme of its municipality. Changes that come
    /// together are told once. Ends when the school is gone.
    async fn school_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The BRIN code of the location, as `20AB00`.")] brin: String,
    ) -> Result<impl Stream<Item = Result<School>> + use<>> {
        let reader = Arc::clone(Reader::of(ctx)?);
        school::follow(reader, feed(ctx)?, &brin).await
    }

    /// A run of a source whenever it begins, gets on and ends; first those that are under way. How far it has come is
    /// told about twice a second at most. Null, with an error, without scope sync:read.
    #[graphql(directive = authenticated::apply(), directive = requires_scopes::apply(one(scope::SYNC_READ)))]
    async fn sync_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this source, by its identifier in the hub's configuration.")] source: Option<String>,
    ) -> Result<impl Stream<Item = Result<Option<SyncRun>>> + use<>> {
        runs::follow(Arc::clone(Reader::of(ctx)?), source).await
    }
}

fn feed<'a>(ctx: &Context<'a>) -> Result<&'a Feed> {
    ctx.data::<Feed>().map_err(|_| Failure::Internal("a subscription came without the feed"))
}
