//! Page tokens: where the next page starts, as a connector wrote it itself. And numbered pages, for servers that leave
//! out what tells whether there are more.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

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

/// A place among numbered pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbered {
    /// The page to read, from 1.
    pub(super) page: u64,
    /// Records on the pages before it.
    pub(super) read: u64,
    /// Whether the server said that there is such a page. Else it is only tried.
    promised: bool,
    /// The digest of the page before it.
    before: Option<String>,
}

impl Default for Numbered {
    fn default() -> Self {
        Self { page: 1, read: 0, promised: true, before: None }
    }
}

/// What a page says of the ones behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// There are more.
    Yes,
    /// It was the last.
    No,
    /// Nothing.
    Unsaid,
}

impl More {
    /// Whether there are more, as a server says that says so at all.
    pub(super) fn said(more: Option<bool>) -> Self {
        match more {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unsaid,
        }
    }
}

impl Numbered {
    /// Whether `error` says no more than that the last page has been read: of a page that nobody promised, "there is
    /// nothing here" (404) or "there is no such page" (400, 416, 422) is no failure.
    pub(super) fn is_behind_the_last(&self, error: &Error) -> bool {
        !self.promised && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedStatus)
    }

    /// The place behind this page, on which `records` came where `asked` were asked for. `None`: it was the last. Where
    /// the server leaves that unsaid, pages are tried until one is empty: it may well give fewer records than were
    /// asked for, and what is never read would count as gone.
    ///
    /// # Errors
    /// [`ErrorKind::Paging`] where the server takes no notice of page numbers, and so holds records back.
    pub(super) fn following(&self, records: &[Value], asked: usize, more: More) -> Result<Option<Self>> {
        if records.is_empty() || more == More::No {
            return Ok(None);
        }
        let digest = digest(records)?;
        if self.before.as_ref() == Some(&digest) {
            // Exactly as many as were asked for are a part of more. Any other number, from a server that takes no
            // notice of the numbers of pages, is all that it has.
            return match more {
                More::Unsaid if records.len() != asked => Ok(None),
                _ => Err(Error::new(ErrorKind::Paging, "the system gives the same page whichever is asked for")),
            };
        }
        Ok(Some(Self {
            page: self.page + 1,
            read: self.read + records.len() as u64,
            promised: more == More::Yes,
            before: Some(digest),
        }))
    }
}

fn digest(records: &[Value]) -> Result<String> {
    let text = token(&records)?;
    Ok(format!("{:x}", Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn records(ids: std::ops::Range<u32>) -> Vec<Value> {
        ids.map(|id| json!({"id": id})).collect()
    }

    fn second(records: &[Value]) -> Numbered {
        Numbered::default().following(records, 2, More::Unsaid).unwrap().unwrap()
    }

    #[test]
    fn a_page_leads_to_the_next_unless_it_is_empty_or_said_to_be_the_last() {
        let first = Numbered::default();
        let next = first.following(&records(0..2), 2, More::Yes).unwrap().unwrap();
        assert_eq!((next.page, next.read), (2, 2));
        assert_eq!(first.following(&records(0..2), 2, More::No).unwrap(), None);
        assert_eq!(first.following(&[], 2, More::Yes).unwrap(), None);
    }

    #[test]
    fn where_nothing_is_said_a_page_is_tried_and_may_be_missing() {
        let tried = second(&records(0..1));
        assert!(tried.is_behind_the_last(&Error::new(ErrorKind::NotFound, "")));
        assert!(tried.is_behind_the_last(&Error::new(ErrorKind::UnexpectedStatus, "")));
        assert!(!tried.is_behind_the_last(&Error::new(ErrorKind::ServerError, "")));
        assert!(!Numbered::default().is_behind_the_last(&Error::new(ErrorKind::NotFound, "")));
    }

    #[test]
    fn a_server_that_does_not_page_ends_where_it_gave_all_and_fails_where_it_holds_back() {
        let all = records(0..3);
        assert_eq!(second(&all).following(&all, 2, More::Unsaid).unwrap(), None);
        let part = records(0..2);
        let error = second(&part).following(&part, 2, More::Unsaid).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Paging);
        assert!(second(&all).following(&all, 2, More::Yes).is_err());
    }

    #[test]
    fn a_place_is_its_token() {
        let second = second(&records(0..2));
        assert_eq!(place::<Numbered>(Some(&token(&second).unwrap())).unwrap(), second);
        assert!(place::<Numbered>(Some("nonsense")).is_err());
    }
}
