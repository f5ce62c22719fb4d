//! Page tokens: where the next page starts, as a connector wrote it itself.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// The place that `token` names; the start where there is none.
pub(super) fn place<T: DeserializeOwned + Default>(token: Option<&str>) -> Result<T> {
    match token {
        None => Ok(T::default()),
        Some(token) => serde_json::from_str(token).map_err(|error| {
            Error::new(ErrorKind::Paging, "the place where reading should go on cannot be understood").because(error)
        }),
    }
}

/// The token that names `place`.
pub(super) fn token<T: Serialize>(place: &T) -> Result<String> {
    serde_json::to_string(place).map_err(|error| {
        Error::new(ErrorKind::Paging, "the place where reading should go on cannot be written").because(error)
    })
}
