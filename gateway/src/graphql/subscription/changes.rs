//! `changes`: everything missed, then what is new, in the journal's order.

use std::collections::VecDeque;
use std::sync::Arc;

use entity::change;
use entity::vocabulary::RecordType;
use futures::Stream;
use futures::stream::try_unfold;
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::error::{Failure, Result};
use crate::feed::{self, Feed, Follower};
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::types::change::{Change, condition, cursor_of, sequence_of};
use crate::graphql::vocabulary::Term;

/// Changes read at a time.
const PAGE: u64 = 100;

/// Somebody who follows the feed, and how far they are.
struct Following {
    reader: Arc<Reader>,
    follower: Follower,
    condition: Condition,
    /// Everything up to here has been read.
    position: i64,
    /// What has been read and not been told yet.
    read: VecDeque<change::Model>,
}

pub(super) async fn follow(
    reader: Arc<Reader>,
    feed: &Feed,
    after: Option<String>,
    types: Option<Vec<Term<RecordType>>>,
    municipality: Option<String>,
) -> Result<impl Stream<Item = Result<Change>> + use<>> {
    let condition = condition(&reader, types, municipality)?;
    let after = after.as_deref().map(sequence_of).transpose()?;
    let follower = feed.follow();
    let end = feed::end(&reader.db).await?;
    if after.is_some_and(|after| after > end) {
        // To wait for numbers that were given out once already would be a gap that nobody sees.
        let message = "`after` lies behind the feed's end: the store was put back. Read everything again.";
        return Err(Failure::bad_user_input(message));
    }
    let position = after.unwrap_or(end);
    let following = Following { reader, follower, condition, position, read: VecDeque::new() };
    Ok(try_unfold(following, async |mut following| {
        let change = following.next().await?;
        following.reader.renew();
        following.reader.note_cursor(cursor_of(change.sequence));
        Ok(Some((Change::alone(change), following)))
    }))
}

impl Following {
    async fn next(&mut self) -> Result<change::Model> {
        loop {
            if let Some(change) = self.read.pop_front() {
                return Ok(change);
            }
            let end = self.follower.beyond(self.position).await;
            let page = change::Entity::find()
                .filter(self.condition.clone())
                .filter(qualified(change::Column::Sequence).gt(self.position))
                .order_by_asc(change::Column::Sequence)
                .limit(PAGE)
                .all(&self.reader.db)
                .await?;
            // A page that is not full has everything up to the end, and perhaps what came since.
            let last = page.last().map_or(self.position, |change| change.sequence);
            self.position = if (page.len() as u64) < PAGE { Ord::max(last, end) } else { last };
            self.read = page.into();
        }
    }
}
