//! What the loaders need to know of a table: its identity, and which records it keeps.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use entity::vocabulary::RecordType;
use entity::{
    commitment, housing_option, housing_scheme, initiative, municipality, need, offer, partner, refusal, school,
    school_board, sync_run, webhook_delivery, webhook_endpoint,
};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::ValueType;
use sea_orm::{EntityTrait, FromQueryResult, TryGetable, Value};

use super::beside::Names;

/// What identifies a row.
pub(crate) trait Key:
    Into<Value> + ValueType + TryGetable + Clone + Eq + Hash + fmt::Display + FromStr + Send + Sync + 'static
{
}

impl Key for Uuid {}
impl Key for String {}

/// A row that lists are made of.
pub(crate) trait Row: FromQueryResult + Clone + Send + Sync + 'static {
    /// Its table.
    type Entity: EntityTrait<Model = Self>;
    /// Its identity's type.
    type Id: Key;
    /// The column of its identity.
    const ID: <Self::Entity as EntityTrait>::Column;
    /// The column that tells that it is gone. `None` for rows that never go.
    const DELETED_AT: Option<<Self::Entity as EntityTrait>::Column>;
    /// The fields of its type that show the one row that it names, whoever asks.
    const NAMES: &'static [Names<Self>];
    /// The record it keeps. `None` where it is not a record that sources tell of.
    const RECORD_TYPE: Option<RecordType>;

    /// Its identity.
    fn id(&self) -> Self::Id;
}

macro_rules! record {
    ($module:ident, $record_type:ident, [$($field:literal: $key:ident -> $named:ident),*]) => {
        impl Row for $module::Model {
            type Entity = $module::Entity;
            type Id = Uuid;
            const ID: $module::Column = $module::Column::Id;
            const DELETED_AT: Option<$module::Column> = Some($module::Column::DeletedAt);
            const RECORD_TYPE: Option<RecordType> = Some(RecordType::$record_type);
            const NAMES: &'static [Names<Self>] =
                &[$(Names::one::<$named::Model>($field, $module::Column::$key)),*];

            fn id(&self) -> Uuid {
                self.id
            }
        }
    };
}

record!(school, School, ["board": SchoolBoardId -> school_board, "municipality": MunicipalityCode -> municipality]);
record!(school_board, SchoolBoard, []);
record!(partner, Partner, []);
record!(need, Need, ["school": SchoolId -> school]);
record!(offer, Offer, ["partner": PartnerId -> partner]);
record!(commitment, Commitment, ["partner": PartnerId -> partner, "school": SchoolId -> school]);
record!(
    housing_option,
    HousingOption,
    ["municipality": MunicipalityCode -> municipality, "provider": ProviderId -> partner, "scheme": SchemeId -> housing_scheme]
);
record!(housing_scheme, HousingScheme, ["municipality": MunicipalityCode -> municipality]);

macro_rules! kept {
    ($module:ident, $id_type:ty, $column:ident, $field:ident) => {
        impl Row for $module::Model {
            type Entity = $module::Entity;
            type Id = $id_type;
            const ID: $module::Column = $module::Column::$column;
            const DELETED_AT: Option<$module::Column> = None;
            const RECORD_TYPE: Option<RecordType> = None;
            const NAMES: &'static [Names<Self>] = &[];

            fn id(&self) -> $id_type {
                self.$field.clone()
            }
        }
    };
}

kept!(municipality, String, Code, code);
kept!(initiative, Uuid, Id, id);
kept!(sync_run, Uuid, Id, id);
kept!(refusal, Uuid, Id, id);
kept!(webhook_endpoint, Uuid, Id, id);
kept!(webhook_delivery, Uuid, Id, id);
