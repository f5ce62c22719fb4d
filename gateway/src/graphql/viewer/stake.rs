//! What is whose: the organisation of a token, found among the records once, and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use entity::global_id::{GlobalId, Kind};
use entity::{Clock, Kvk, partner, school_board};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{DatabaseConnection, EntityTrait, QueryFilter, QuerySelect};

use super::Viewer;
use crate::auth::{Identity, Organisation, scope};
use crate::error::Result;
use crate::graphql::list::qualified;

/// What an organisation was found to be is believed for this long: records come and go.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(30);
/// No more organisations are kept.
const MOST_KEPT: usize = 10_000;

/// Whose records somebody sees as their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Stake {
    /// Nobody's: they see what is public.
    #[default]
    None,
    /// Those of this board's schools.
    Board(Uuid),
    /// Those of the municipality with this code.
    Municipality(String),
    /// Those of this partner.
    Partner(Uuid),
}

/// Finds what is whose.
#[derive(Clone)]
pub(crate) struct Stakes {
    db: DatabaseConnection,
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
}

/// What organisations were found to be, and until when that is believed.
type Kept = HashMap<Organisation, (Stake, DateTime<Utc>)>;

impl Stakes {
    pub(crate) fn new(db: DatabaseConnection, clock: Clock) -> Self {
        Self { db, clock, kept: Arc::default() }
    }

    /// Who asks, and what is theirs. An organisation that the hub has no record of owns nothing.
    pub(crate) async fn viewer(&self, identity: Option<Arc<Identity>>) -> Result<Viewer> {
        self.viewer_from(&self.db, identity).await
    }

    /// As [`Stakes::viewer`], looked up over these connections.
    pub(crate) async fn viewer_from(&self, db: &DatabaseConnection, identity: Option<Arc<Identity>>) -> Result<Viewer> {
        let reader = identity.as_ref().filter(|identity| identity.holds(scope::ALLIANCE_READ));
        let stake = match reader.and_then(|identity| identity.organisation.as_ref()) {
            Some(organisation) => self.of(db, organisation).await?,
            None => Stake::None,
        };
        Ok(Viewer::new(identity, stake))
    }

    async fn of(&self, db: &DatabaseConnection, organisation: &Organisation) -> Result<Stake> {
        let now = self.clock.now();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((stake, until)) = kept.get(organisation)
                && now < *until
                && *until <= now + KEPT_FOR
            {
                return Ok(stake.clone());
            }
        }
        let stake = match organisation {
            Organisation::Board(number) => board(db, number.as_str()).await?.map(Stake::Board),
            Organisation::Municipality(code) => Some(Stake::Municipality(code.as_str().to_owned())),
            Organisation::Partner(name) => find_partner(db, name).await?.map(Stake::Partner),
            Organisation::Operator => None,
        };
        let stake = stake.unwrap_or_default();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(organisation.clone(), (stake.clone(), now + KEPT_FOR));
        Ok(stake)
    }
}

async fn board(db: &DatabaseConnection, number: &str) -> Result<Option<Uuid>> {
    use school_board::Column;
    let boards = school_board::Entity::find().select_only().column(Column::Id);
    let own = boards.filter(qualified(Column::Number).eq(number)).filter(qualified(Column::DeletedAt).is_null());
    Ok(own.into_tuple().one(db).await?)
}

/// The partner that a token names: by KvK number where it is one, else by global id, else by its identifier in its own
/// system. Where two systems call two partners the same, the name says nothing.
async fn find_partner(db: &DatabaseConnection, name: &str) -> Result<Option<Uuid>> {
    use partner::Column;
    let is_named = if name.parse::<Kvk>().is_ok_and(|kvk| kvk.as_str() == name) {
        qualified(Column::Kvk).eq(name)
    } else if let Some(id) = GlobalId::parse(name).ok().and_then(|id| id.uuid_of(Kind::Partner)) {
        qualified(Column::Id).eq(id)
    } else {
        qualified(Column::ExternalId).eq(name)
    };
    let partners = partner::Entity::find().select_only().column(Column::Id).filter(is_named);
    let found: Vec<Uuid> =
        partners.filter(qualified(Column::DeletedAt).is_null()).limit(2).into_tuple().all(db).await?;
    match found[..] {
        [id] => Ok(Some(id)),
        [] => Ok(None),
        _ => {
            tracing::warn!("two partners share the identifier that a token names: neither is taken for its own");
            Ok(None)
        }
    }
}
