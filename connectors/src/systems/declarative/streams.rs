//! The streams that a description can have: one for each kind of record. Whether changes can be asked for is for the
//! description to say.

use entity::vocabulary::RecordType;

use crate::connector::{Replication, StreamSpec};

const fn stream(name: &'static str, records: &'static [RecordType]) -> StreamSpec {
    StreamSpec { name, replication: Replication::Full, records, optional: false }
}

pub(super) const SCHOOL_BOARDS: StreamSpec = stream("school_boards", &[RecordType::SchoolBoard]);
pub(super) const SCHOOLS: StreamSpec = stream("schools", &[RecordType::School]);
pub(super) const PARTNERS: StreamSpec = stream("partners", &[RecordType::Partner]);
pub(super) const NEEDS: StreamSpec = stream("needs", &[RecordType::Need]);
pub(super) const OFFERS: StreamSpec = stream("offers", &[RecordType::Offer]);
pub(super) const COMMITMENTS: StreamSpec = stream("commitments", &[RecordType::Commitment]);
pub(super) const HOUSING_SCHEMES: StreamSpec = stream("housing_schemes", &[RecordType::HousingScheme]);
pub(super) const HOUSING_OPTIONS: StreamSpec = stream("housing_options", &[RecordType::HousingOption]);
