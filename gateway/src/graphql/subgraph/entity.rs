//! Records by what other subgraphs know of them: all of a request's representations at once, a statement for each kind of
//! key among them.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::Field;
use async_graphql::{Any, Context, PathSegment, Union, Value, Variables};
use entity::global_id::{GlobalId, Kind};
use entity::{Brin, MunicipalityCode, SchoolBoardNumber, school, school_board};
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{EntityTrait, QueryFilter};

use crate::cache::Scope;
use crate::error::{Failure, Result};
use crate::graphql::items::Items;
use crate::graphql::level::{Level, Member};
use crate::graphql::list::qualified;
use crate::graphql::reader::Reader;
use crate::graphql::rows::Row;
use crate::graphql::types::commitment::Commitment;
use crate::graphql::types::housing_option::HousingOption;
use crate::graphql::types::housing_scheme::HousingScheme;
use crate::graphql::types::initiative::Initiative;
use crate::graphql::types::municipality::Municipality;
use crate::graphql::types::need::Need;
use crate::graphql::types::node::{self, Node};
use crate::graphql::types::offer::Offer;
use crate::graphql::types::partner::Partner;
use crate::graphql::types::school::School;
use crate::graphql::types::school_board::SchoolBoard;

/// The field that gives them.
pub(in crate::graphql) const ENTITIES: &str = "_entities";
/// The most representations of one field: those of as many lists as a page has places.
pub(super) const MOST: usize = 10_000;

/// A record that other subgraphs can refer to and add fields to.
#[derive(Union)]
#[graphql(name = "_Entity")]
pub(super) enum Entity {
    School(School),
    SchoolBoard(SchoolBoard),
    Municipality(Municipality),
    Partner(Partner),
    Need(Need),
    Offer(Offer),
    Commitment(Commitment),
    HousingOption(HousingOption),
    HousingScheme(HousingScheme),
    Initiative(Initiative),
}

impl Entity {
    fn of(node: Node) -> Option<Self> {
        Some(match node {
            Node::School(school) => Self::School(school),
            Node::SchoolBoard(board) => Self::SchoolBoard(board),
            Node::Municipality(municipality) => Self::Municipality(municipality),
            Node::Partner(partner) => Self::Partner(partner),
            Node::Need(need) => Self::Need(need),
            Node::Offer(offer) => Self::Offer(offer),
            Node::Commitment(commitment) => Self::Commitment(commitment),
            Node::HousingOption(home) => Self::HousingOption(home),
            Node::HousingScheme(scheme) => Self::HousingScheme(scheme),
            Node::Initiative(initiative) => Self::Initiative(initiative),
            Node::SyncRun(_) => return None,
        })
    }
}

/// The types that have keys, with their kind and their keys: any of these tells which record is meant.
pub(super) const KEYED: [(&str, Kind, &[&str]); 10] = [
    ("School", Kind::School, &["id", "brin"]),
    ("SchoolBoard", Kind::SchoolBoard, &["id", "number"]),
    ("Municipality", Kind::Municipality, &["id", "code"]),
    ("Partner", Kind::Partner, &["id"]),
    ("Need", Kind::Need, &["id"]),
    ("Offer", Kind::Offer, &["id"]),
    ("Commitment", Kind::Commitment, &["id"]),
    ("HousingOption", Kind::HousingOption, &["id"]),
    ("HousingScheme", Kind::HousingScheme, &["id"]),
    ("Initiative", Kind::Initiative, &["id"]),
];

/// Which record a representation means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Id(GlobalId),
    Brin(String),
    Board(String),
    /// None that can be: its key is no key.
    Nothing,
}

impl Key {
    /// Reads a representation, or says what is wrong with it.
    fn of(representation: &Value) -> std::result::Result<Self, String> {
        let Value::Object(fields) = representation else { return Err("A representation is no object.".to_owned()) };
        let Some(Value::String(type_name)) = fields.get("__typename") else {
            return Err("A representation has no `__typename`.".to_owned());
        };
        let Some((_, kind, keys)) = KEYED.iter().find(|(known, ..)| known == type_name) else {
            return Err(format!("`{}` is no entity of the hub.", shortened(type_name)));
        };
        let given = keys.iter().find_map(|key| match fields.get(*key)? {
            Value::String(text) => Some((*key, text.as_str())),
            _ => None,
        });
        let Some((key, text)) = given else {
            let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ");
            return Err(format!("A representation of `{type_name}` must have {keys}."));
        };
        let key = match key {
            "brin" => text.parse::<Brin>().ok().map(|brin| Self::Brin(brin.as_str().to_owned())),
            "number" => text.parse::<SchoolBoardNumber>().ok().map(|number| Self::Board(number.as_str().to_owned())),
            "code" => text.parse::<MunicipalityCode>().ok().map(|code| Self::Id(GlobalId::new(*kind, code.as_str()))),
            _ => GlobalId::parse(text).ok().filter(|id| id.kind == *kind).map(Self::Id),
        };
        Ok(key.unwrap_or(Self::Nothing))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The records that these representations mean and the viewer may see, in their order. What means no record is null; what
/// is no representation is null, and an error says so at its place.
///
/// # Errors
/// Where there are more than [`MOST`], and where the store fails.
pub(super) async fn entities(ctx: &Context<'_>, representations: &[Any]) -> Result<Items<Option<Entity>>> {
    if representations.len() > MOST {
        let message = format!("`representations` has {}; it may have {MOST}.", representations.len());
        return Err(Failure::bad_user_input(message));
    }
    let mut keys = Vec::with_capacity(representations.len());
    for (index, Any(representation)) in representations.iter().enumerate() {
        keys.push(Key::of(representation).unwrap_or_else(|message| {
            let mut error =
                async_graphql::Error::from(Failure::bad_user_input(message)).into_server_error(ctx.item.pos);
            let key = ctx.item.node.response_key().node.to_string();
            error.path = vec![PathSegment::Field(key), PathSegment::Index(index)];
            ctx.add_error(error);
            Key::Nothing
        }));
    }
    let found = find(Reader::of(ctx)?, keys.iter().cloned().collect()).await?;
    Ok(keys.iter().map(|key| found.get(key).cloned().and_then(Entity::of)).collect())
}

async fn find(reader: &Reader, keys: HashSet<Key>) -> Result<HashMap<Key, Node>> {
    let (mut ids, mut brins, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            Key::Id(id) => ids.push(id),
            Key::Brin(brin) => brins.push(brin),
            Key::Board(number) => numbers.push(number),
            Key::Nothing => {}
        }
    }
    let mut found = HashMap::new();
    if !ids.is_empty() {
        let nodes = node::nodes(reader, &ids).await?;
        found.extend(ids.into_iter().zip(nodes).filter_map(|(id, node)| Some((Key::Id(id), node?))));
    }
    for school in keyed::<school::Model>(reader, school::Column::Brin, brins).await? {
        found.insert(Key::Brin(school.brin.clone()), Node::School(School(school)));
    }
    for board in keyed::<school_board::Model>(reader, school_board::Column::Number, numbers).await? {
        found.insert(Key::Board(board.number.clone()), Node::SchoolBoard(SchoolBoard(board)));
    }
    Ok(found)
}

/// The records that have these keys, as a level.
async fn keyed<R: Row<Id = Uuid>>(
    reader: &Reader,
    column: <R::Entity as EntityTrait>::Column,
    keys: Vec<String>,
) -> Result<Vec<Member<R>>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    reader.touch(R::RECORD_TYPE);
    let asked = keys.len();
    let mut select = R::Entity::find().filter(qualified(column).is_in(keys));
    if let Some(deleted_at) = R::DELETED_AT {
        select = select.filter(qualified(deleted_at).is_null());
    }
    // By their keys: which records have them changes with those records, or with the first that comes to have one.
    let db = reader.within(|| R::RECORD_TYPE.map_or(Scope::All, |of| Scope::Records(of, Vec::new())));
    let rows = select.all(&db).await?;
    if let Some(record_type) = R::RECORD_TYPE {
        rows.iter().for_each(|row| reader.found(record_type, Some(row.id())));
        if rows.len() < asked {
            reader.found(record_type, None);
        }
    }
    Ok(Level::members(rows))
}

/// The types that the representations of this field name, in their order: what it gives is of these.
pub(in crate::graphql) fn representations(field: &Field, variables: &Variables) -> Vec<Option<String>> {
    let argument = field.get_argument("representations").map(|value| value.node.clone());
    let value = argument.and_then(|value| value.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok());
    let type_name = |value: Value| match value {
        Value::Object(mut fields) => match fields.swap_remove("__typename") {
            Some(Value::String(name)) => Some(name),
            _ => None,
        },
        _ => None,
    };
    match value {
        Some(Value::List(values)) => values.into_iter().map(type_name).collect(),
        Some(value) => vec![type_name(value)],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn a_representation_means_a_record_by_any_of_its_keys() {
        let need = GlobalId::new(Kind::Need, Uuid::nil());
        for (representation, expected) in [
            (value!({ "__typename": "School", "brin": "99AA00" }), Key::Brin("99AA00".to_owned())),
            (value!({ "__typename": "School", "brin": "99AA00", "name": 3 }), Key::Brin("99AA00".to_owned())),
            (value!({ "__typename": "SchoolBoard", "number": "41775" }), Key::Board("41775".to_owned())),
            (
                value!({ "__typename": "Municipality", "code": "GM0363" }),
                Key::Id(GlobalId::new(Kind::Municipality, "GM0363")),
            ),
            (value!({ "__typename": "Need", "id": (need.to_string()) }), Key::Id(need.clone())),
            (value!({ "__typename": "School", "brin": "no code" }), Key::Nothing),
            (value!({ "__typename": "Offer", "id": (need.to_string()) }), Key::Nothing),
            (value!({ "__typename": "Offer", "id": "no id" }), Key::Nothing),
        ] {
            assert_eq!(Key::of(&representation), Ok(expected), "{representation}");
        }
    }

    #[test]
    fn what_is_no_representation_is_told() {
        for (representation, expected) in [
            (value!(3), "A representation is no object."),
            (value!({ "id": "1" }), "A representation has no `__typename`."),
            (value!({ "__typename": "Query" }), "`Query` is no entity of the hub."),
            (value!({ "__typename": "School", "name": "x" }), "A representation of `School` must have `id` or `brin`."),
            (value!({ "__typename": "Need", "id": 3 }), "A representation of `Need` must have `id`."),
        ] {
            assert_eq!(Key::of(&representation), Err(expected.to_owned()), "{representation}");
        }
    }
}
