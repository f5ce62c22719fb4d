//! Rows of schools and school boards.

use entity::{school, school_board};
use uuid::Uuid;

use super::{Assemble, Assembled, Base, Faults, PointColumns, Stamps, stamps};
use crate::record::{Municipality, School, SchoolBoard};
use crate::sync::resolve::{Known, Wanted};

impl Assemble for school::Model {
    type Said = School;

    fn wanted(said: &School, wanted: &mut Wanted) {
        wanted.brin(&said.brin);
        wanted.regions();
        if let Some(board) = &said.board {
            wanted.board(board);
        }
    }

    fn identity(said: &School, known: &Known) -> Option<Uuid> {
        known.school_of_brin(&said.brin)
    }

    fn learn(said: &School, known: &mut Known, id: Uuid) {
        known.learn_school(&said.brin, id);
    }

    fn municipalities(said: &School) -> Vec<Municipality> {
        said.municipality.iter().cloned().collect()
    }

    fn assemble(
        said: &School,
        base: Base,
        stamps: Stamps,
        known: &Known,
        _before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let Some(name) = faults.required("name", said.name.clone()) else { return Err(faults) };
        let address = said.address.clone().unwrap_or_default();
        let point = PointColumns::from(said.location);
        let school_board_id = said.board.as_ref().and_then(|board| known.board(board));
        let row = Self {
            id: base.id,
            brin: said.brin.as_str().to_owned(),
            name,
            street: address.street,
            house_number: address.house_number,
            postcode: address.postcode,
            city: address.city,
            latitude: point.latitude,
            longitude: point.longitude,
            geo_x: point.x,
            geo_y: point.y,
            geo_z: point.z,
            denomination: said.denomination.clone(),
            pupils: said.pupils,
            disadvantage_score: said.disadvantage_score,
            website: said.website.clone(),
            school_board_id,
            municipality_code: said.municipality.as_ref().map(|municipality| municipality.code.to_string()),
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        Ok(Assembled { row, complete: said.board.is_none() || school_board_id.is_some() })
    }

    stamps!();
}

impl Assemble for school_board::Model {
    type Said = SchoolBoard;

    fn wanted(said: &SchoolBoard, wanted: &mut Wanted) {
        wanted.board_number(&said.number);
    }

    fn identity(said: &SchoolBoard, known: &Known) -> Option<Uuid> {
        known.board_of_number(&said.number)
    }

    fn learn(said: &SchoolBoard, known: &mut Known, id: Uuid) {
        known.learn_board(&said.number, id);
    }

    fn assemble(
        said: &SchoolBoard,
        base: Base,
        stamps: Stamps,
        _known: &Known,
        _before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        let Some(name) = faults.required("name", said.name.clone()) else { return Err(faults) };
        let row = Self {
            id: base.id,
            number: said.number.as_str().to_owned(),
            name,
            kvk: said.kvk.as_ref().map(ToString::to_string),
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        Ok(Assembled { row, complete: true })
    }

    stamps!();
}
