//! Where errors stand that were told of what subgraphs were asked: at the places where clients see it.

use async_graphql::parser::types::SelectionSet;
use async_graphql::{PathSegment, ServerError};

use super::Projection;
use crate::federation::plan::keys;

/// The most places at which one error is told.
const MOST_PLACES: usize = 100;

impl<'a> Projection<'a> {
    /// An error at the places where its client sees it: there is more than one where the client has several names for
    /// what was told once. What was asked for on the way only is no place.
    pub(super) fn placed(&self, error: ServerError, set: &'a SelectionSet, on: &str) -> Vec<ServerError> {
        let paths = self.paths(&[set], on, &error.path);
        paths.into_iter().map(|path| ServerError { path, ..error.clone() }).collect()
    }

    fn paths(&self, sets: &[&'a SelectionSet], on: &str, told: &[PathSegment]) -> Vec<Vec<PathSegment>> {
        let mut ways: Vec<(PathSegment, Vec<&'a SelectionSet>)> = Vec::new();
        let rest = match told {
            [PathSegment::Field(key), rest @ ..] => {
                self.each_field(sets, None, &mut |field| {
                    if keys::key(field, on).as_str() == key {
                        let response = PathSegment::Field(field.response_key().node.to_string());
                        match ways.iter_mut().find(|(known, _)| *known == response) {
                            Some((_, below)) => below.push(&field.selection_set.node),
                            None => ways.push((response, vec![&field.selection_set.node])),
                        }
                    }
                });
                rest
            }
            [PathSegment::Index(index), rest @ ..] => {
                ways.push((PathSegment::Index(*index), sets.to_vec()));
                rest
            }
            [] => &[],
        };
        if ways.is_empty() {
            return vec![Vec::new()];
        }
        let paths = ways.into_iter().flat_map(|(segment, sets)| {
            let below = self.paths(&sets, "", rest).into_iter();
            below.map(move |path| [segment.clone()].into_iter().chain(path).collect())
        });
        paths.take(MOST_PLACES).collect()
    }
}
