//! What is whose, as SQL conditions: bounded subqueries over indexed columns, whoever asks.

use entity::vocabulary::{CommitmentStatus, NeedStatus, RecordType};
use entity::{Code, change, commitment, housing_option, need, offer, partner, school};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query, SelectStatement};

use super::{Stake, one_of};
use crate::graphql::list::qualified;

impl Stake {
    pub(super) fn needs(&self) -> Option<Condition> {
        use need::Column::{SchoolId, Status};
        match self {
            Self::Board(_) => self.schools().map(|own| Condition::all().add(qualified(SchoolId).in_subquery(own))),
            Self::Municipality(_) => self.schools().map(|own| {
                let is_draft = qualified(Status).eq(NeedStatus::Draft.code());
                Condition::all().add(is_draft).add(qualified(SchoolId).in_subquery(own))
            }),
            Self::Partner(_) | Self::None => None,
        }
    }

    pub(super) fn offers(&self) -> Option<Condition> {
        match self {
            Self::Partner(id) => Some(Condition::all().add(qualified(offer::Column::PartnerId).eq(*id))),
            Self::Board(_) | Self::Municipality(_) | Self::None => None,
        }
    }

    pub(super) fn commitments(&self) -> Option<Condition> {
        use commitment::Column::{PartnerId, SchoolId};
        match self {
            Self::Board(_) => self.schools().map(|own| Condition::all().add(qualified(SchoolId).in_subquery(own))),
            Self::Partner(id) => Some(Condition::all().add(qualified(PartnerId).eq(*id))),
            Self::Municipality(_) | Self::None => None,
        }
    }

    pub(super) fn homes(&self) -> Option<Condition> {
        use housing_option::Column::{MunicipalityCode, ProviderId};
        match self {
            Self::Municipality(code) => Some(Condition::all().add(qualified(MunicipalityCode).eq(code.as_str()))),
            Self::Partner(id) => Some(Condition::all().add(qualified(ProviderId).eq(*id))),
            Self::Board(_) | Self::None => None,
        }
    }

    /// Changes of records that may be the viewer's own. Which of them they may see now is asked of each record.
    pub(super) fn changes(&self) -> Option<Condition> {
        use RecordType::{Commitment, HousingOption, Need, Offer};
        use change::Column::{MunicipalityCode, PartnerId, RecordType as Type, SchoolId};
        let of = |types: &[RecordType]| qualified(Type).is_in(types.iter().copied().map(Code::code));
        let condition = match self {
            Self::None => return None,
            Self::Board(_) => {
                Condition::all().add(of(&[Need, Commitment])).add(qualified(SchoolId).in_subquery(self.schools()?))
            }
            Self::Municipality(code) => {
                let homes = of(&[HousingOption]).and(qualified(MunicipalityCode).eq(code.as_str()));
                let needs = of(&[Need]).and(qualified(SchoolId).in_subquery(self.schools()?));
                Condition::any().add(homes).add(needs)
            }
            Self::Partner(id) => {
                Condition::all().add(of(&[Offer, Commitment, HousingOption])).add(qualified(PartnerId).eq(*id))
            }
        };
        Some(condition)
    }

    pub(super) fn need_contacts(&self) -> Option<Condition> {
        use commitment::Column;
        match self {
            Self::Board(_) => self.needs(),
            Self::Partner(id) => {
                // Accepted: who could have them by proposing would propose to everybody.
                let mut answered = commitments(*id, Column::PartnerId);
                answered
                    .expr(qualified(Column::NeedId))
                    .and_where(qualified(Column::NeedId).is_not_null())
                    .and_where(one_of(Column::Status, is_agreed));
                Some(Condition::all().add(qualified(need::Column::Id).in_subquery(answered)))
            }
            Self::Municipality(_) | Self::None => None,
        }
    }

    pub(super) fn partner_contacts(&self) -> Option<Condition> {
        use commitment::Column;
        match self {
            Self::Board(_) => self.schools().map(|own| {
                let mut giving = Query::select();
                giving
                    .expr(qualified(Column::PartnerId))
                    .from(commitment::Entity)
                    .and_where(qualified(Column::SchoolId).in_subquery(own))
                    .and_where(qualified(Column::DeletedAt).is_null())
                    .and_where(one_of(Column::Status, |status| {
                        status == CommitmentStatus::Proposed || is_agreed(status)
                    }));
                Condition::all().add(qualified(partner::Column::Id).in_subquery(giving))
            }),
            Self::Partner(id) => Some(Condition::all().add(qualified(partner::Column::Id).eq(*id))),
            Self::Municipality(_) | Self::None => None,
        }
    }

    /// The identities of the schools of the board, or in the municipality.
    fn schools(&self) -> Option<SelectStatement> {
        use school::Column;
        let mut schools = Query::select();
        schools.expr(qualified(Column::Id)).from(school::Entity);
        match self {
            Self::Board(id) => schools.and_where(qualified(Column::SchoolBoardId).eq(*id)),
            Self::Municipality(code) => schools.and_where(qualified(Column::MunicipalityCode).eq(code.as_str())),
            Self::Partner(_) | Self::None => return None,
        };
        schools.and_where(qualified(Column::DeletedAt).is_null());
        Some(schools)
    }
}

/// Whether both sides agreed, and it came to no bad end.
fn is_agreed(status: CommitmentStatus) -> bool {
    use CommitmentStatus::{Accepted, Active, Completed, Confirmed};
    matches!(status, Accepted | Active | Completed | Confirmed)
}

fn commitments(id: Uuid, column: commitment::Column) -> SelectStatement {
    let mut select = Query::select();
    select
        .from(commitment::Entity)
        .and_where(qualified(column).eq(id))
        .and_where(qualified(commitment::Column::DeletedAt).is_null());
    select
}

/// The change left its record public, or an earlier one did: a record that nobody but its own could ever see is not
/// told of, and one that everybody could see before is told of to the end.
pub(super) fn once_public() -> Condition {
    use change::Column::{IsPublic, RecordId, Sequence};
    let before = Alias::new("before");
    let earlier = |column: change::Column| Expr::col((before.clone(), column));
    let mut shown = Query::select();
    shown
        .expr(Expr::val(1))
        .from_as(change::Entity, before.clone())
        .and_where(earlier(RecordId).eq(qualified(RecordId)))
        .and_where(earlier(Sequence).lt(qualified(Sequence)))
        .and_where(earlier(IsPublic).eq(true));
    Condition::any().add(qualified(IsPublic).eq(true)).add(Expr::exists(shown))
}
