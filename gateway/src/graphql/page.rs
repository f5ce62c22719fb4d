//! Pages of lists: Relay's arguments, and keyset cursors. A cursor says behind which record a page begins, by the
//! value that the list is ordered by and the record's identity: it stays good while data changes, and costs the same on
//! every page.

use async_graphql::SimpleObject;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};

/// Records on a page where the client does not say.
pub(crate) const DEFAULT_LENGTH: u64 = 20;
/// No cursor of ours is longer, in bytes.
const LONGEST_CURSOR: usize = 2048;

/// Where in a list a page lies.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there is more behind this page.
    pub has_next_page: bool,
    /// Whether there is more before this page.
    pub has_previous_page: bool,
    /// Cursor of the page's first record; null where the page is empty.
    pub start_cursor: Option<String>,
    /// Cursor of the page's last record; null where the page is empty.
    pub end_cursor: Option<String>,
}

/// Relay's arguments of a list, as the client gave them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageArguments {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl PageArguments {
    /// The arguments of a list that is only read forwards.
    pub(crate) fn forward(first: Option<i32>, after: Option<String>) -> Self {
        Self { first, after, ..Self::default() }
    }

    /// What the arguments mean for a list in this order.
    ///
    /// # Errors
    /// Where they contradict each other, ask for more than `longest`, or hold a cursor of another order.
    pub(crate) fn window(&self, order: &str, longest: usize) -> Result<Window> {
        if self.first.is_some() && self.last.is_some() {
            return Err(Failure::bad_user_input("Give `first` or `last`, not both."));
        }
        let backward = self.last.is_some();
        let length = match (self.first, self.last) {
            (Some(length), _) => asked("first", length, longest)?,
            (_, Some(length)) => asked("last", length, longest)?,
            (None, None) => DEFAULT_LENGTH.min(longest as u64),
        };
        let cursor = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| Cursor::read(text, order).ok_or_else(|| unreadable(name))).transpose()
        };
        Ok(Window { length, backward, after: cursor("after", &self.after)?, before: cursor("before", &self.before)? })
    }
}

fn asked(name: &str, length: i32, longest: usize) -> Result<u64> {
    u64::try_from(length).ok().filter(|length| *length <= longest as u64).ok_or_else(|| {
        Failure::bad_user_input(format!("`{name}` is {length}; it may be 0 to {longest}. Follow `pageInfo` for more."))
    })
}

fn unreadable(name: &str) -> Failure {
    Failure::bad_user_input(format!("`{name}` is no cursor of this list in this order: take one from its `pageInfo`."))
}

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// Records on the page.
    pub(crate) length: u64,
    /// Whether the page lies at the end, or before `before`.
    pub(crate) backward: bool,
    pub(crate) after: Option<Cursor>,
    pub(crate) before: Option<Cursor>,
}

/// The place of a record in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The order it belongs to.
    #[serde(rename = "o")]
    order: String,
    /// The value that the list is ordered by.
    #[serde(rename = "v")]
    pub(crate) value: serde_json::Value,
    /// The record's identity.
    #[serde(rename = "i")]
    pub(crate) id: String,
}

impl Cursor {
    pub(crate) fn new(order: &str, value: serde_json::Value, id: impl std::fmt::Display) -> Self {
        Self { order: order.to_owned(), value, id: id.to_string() }
    }

    /// What clients see.
    pub(crate) fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str, order: &str) -> Option<Self> {
        let bytes = (text.len() <= LONGEST_CURSOR).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        serde_json::from_slice(&bytes).ok().filter(|cursor: &Self| cursor.order == order)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first(length: i32) -> PageArguments {
        PageArguments::forward(Some(length), None)
    }

    #[test]
    fn too_long_a_page_names_the_maximum() {
        let Err(Failure::BadUserInput(message)) = first(100_000).window("x", 100) else { panic!() };
        assert!(message.contains("0 to 100"), "{message}");
        assert!(first(-1).window("x", 100).is_err());
        assert_eq!(first(0).window("x", 100).unwrap().length, 0);
    }

    #[test]
    fn first_and_last_contradict_each_other() {
        let both = PageArguments { first: Some(1), last: Some(1), ..PageArguments::default() };
        assert!(both.window("x", 100).is_err());
    }

    #[test]
    fn a_cursor_is_good_for_its_own_order_only() {
        let cursor = Cursor::new("NAME", json!("De Vlinder"), "id");
        let after = PageArguments::forward(None, Some(cursor.write()));
        assert_eq!(after.window("NAME", 100).unwrap().after, Some(cursor));
        assert!(after.window("BRIN", 100).is_err());
        for text in ["", "x", "ééé", "AAAA"] {
            assert!(PageArguments::forward(None, Some(text.to_owned())).window("NAME", 100).is_err(), "{text}");
        }
    }
}
