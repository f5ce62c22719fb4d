//! Tags: what an answer can depend on, and what a change can touch. The two meet here.
//!
//! A tag is as fine as a change can tell: it knows its record, its type, and the school, need, partner and municipality
//! that the record belongs to. Finer ones would be more than anybody could check at each answer; coarser ones would drop
//! every school's card with every need.

use std::collections::HashSet;

use entity::change;
use entity::vocabulary::RecordType;
use sea_orm::FromQueryResult;
use sea_orm::prelude::Uuid;
use serde::{Deserialize, Serialize};

/// What an answer can depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Tag {
    /// All records of a type: which there are, and what they say.
    Type(RecordType),
    /// One record.
    Record(RecordType, Uuid),
    /// All records of a type that belong to somebody.
    Below(RecordType, Owner),
    /// Commitments whose change did not tell the need that they answer: a release before this one wrote it.
    Unplaced,
}

/// To whom records belong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// The school whose card shows them.
    School(Uuid),
    /// The need that they answer.
    Need(Uuid),
    /// The partner that gives them.
    Partner(Uuid),
    /// The municipality that they lie in, by its code.
    Municipality(String),
}

impl Owner {
    /// What a load below this owner depends on in a table of this type: only rows that belong to it, or all rows.
    pub(super) fn tags(&self, record_type: RecordType) -> [Option<Tag>; 2] {
        use RecordType::{Commitment, HousingOption, HousingScheme, Need, Offer, Partner, School};
        let below = || Some(Tag::Below(record_type, self.clone()));
        match (self, record_type) {
            (Self::School(id), School) => [Some(Tag::Record(School, *id)), None],
            (Self::Need(id), Need) => [Some(Tag::Record(Need, *id)), None],
            (Self::Partner(id), Partner) => [Some(Tag::Record(Partner, *id)), None],
            (Self::Need(_), Commitment) => [below(), Some(Tag::Unplaced)],
            (Self::School(_), Need | Commitment)
            | (Self::Partner(_), Offer | Commitment | HousingOption)
            | (Self::Municipality(_), HousingOption | HousingScheme | School) => [below(), None],
            _ => [Some(Tag::Type(record_type)), None],
        }
    }
}

/// What a change touches by the record and its type alone.
pub(super) fn of_change(change: &change::Model) -> [Tag; 2] {
    [Tag::Type(change.record_type), Tag::Record(change.record_type, change.record_id)]
}

/// To whom a record belongs, or once did, as any of its changes told.
#[derive(Debug, FromQueryResult)]
pub(super) struct Told {
    pub(super) record_id: Uuid,
    record_type: RecordType,
    school_id: Option<Uuid>,
    partner_id: Option<Uuid>,
    municipality_code: Option<String>,
    need_id: Option<Uuid>,
}

impl Told {
    pub(super) const COLUMNS: [change::Column; 6] = {
        use change::Column::{MunicipalityCode, NeedId, PartnerId, RecordId, RecordType, SchoolId};
        [RecordId, RecordType, SchoolId, PartnerId, MunicipalityCode, NeedId]
    };

    /// What a change of the record touches beside the record: what belongs to these owners.
    pub(super) fn tags(self) -> impl Iterator<Item = Tag> {
        let record_type = self.record_type;
        let unplaced = (record_type == RecordType::Commitment && self.need_id.is_none()).then_some(Tag::Unplaced);
        let owners = [
            self.school_id.map(Owner::School),
            self.partner_id.map(Owner::Partner),
            self.municipality_code.map(Owner::Municipality),
            self.need_id.map(Owner::Need),
        ];
        owners.into_iter().flatten().map(move |owner| Tag::Below(record_type, owner)).chain(unplaced)
    }
}

/// The tags without those that others hold already, in one order.
pub(super) fn reduced(tags: HashSet<Tag>) -> Box<[Tag]> {
    let whole: HashSet<RecordType> = tags
        .iter()
        .filter_map(|tag| match tag {
            Tag::Type(record_type) => Some(*record_type),
            _ => None,
        })
        .collect();
    let is_held = |tag: &Tag| match tag {
        Tag::Record(record_type, _) | Tag::Below(record_type, _) => whole.contains(record_type),
        Tag::Unplaced => whole.contains(&RecordType::Commitment),
        Tag::Type(_) => false,
    };
    let mut tags: Vec<Tag> = tags.into_iter().filter(|tag| !is_held(tag)).collect();
    tags.sort_unstable();
    tags.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_holds_the_finer_tags_of_its_records() {
        let (school, need) = (Owner::School(Uuid::nil()), Owner::Need(Uuid::nil()));
        let below = |record_type, owner: &Owner| Tag::Below(record_type, owner.clone());
        let tags = [
            below(RecordType::Need, &school),
            below(RecordType::Commitment, &need),
            Tag::Unplaced,
            Tag::Record(RecordType::Commitment, Uuid::nil()),
            Tag::Type(RecordType::Commitment),
        ];
        let reduced = reduced(tags.into_iter().collect());
        assert_eq!(*reduced, [Tag::Type(RecordType::Commitment), below(RecordType::Need, &school)]);
    }

    #[test]
    fn a_load_below_a_school_depends_on_that_schools_rows_and_on_all_of_other_kinds() {
        let school = Owner::School(Uuid::nil());
        let tags = |record_type| school.tags(record_type).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(tags(RecordType::Need), [Tag::Below(RecordType::Need, school.clone())]);
        assert_eq!(tags(RecordType::School), [Tag::Record(RecordType::School, Uuid::nil())]);
        assert_eq!(tags(RecordType::HousingOption), [Tag::Type(RecordType::HousingOption)]);
    }
}
