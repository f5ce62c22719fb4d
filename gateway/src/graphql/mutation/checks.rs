//! Whether values can be: lengths, dates in order, amounts, identifiers. Gathers all that is wrong, with where it is.

use chrono::NaiveDate;
use entity::{InvalidIdentifier, citizen_number};
use sea_orm::prelude::Uuid;
use url::Url;

use super::answer::{UserError, UserErrorCode};
use crate::graphql::scalars::Date;
use entity::global_id::{GlobalId, Kind};

/// The longest text of a line, in characters.
const LINE: usize = 200;
/// The longest text, in characters.
const TEXT: usize = 10_000;
/// The longest address of a page, in bytes.
const URL: usize = 2_000;
/// No amount is larger.
const MOST: f64 = 1e9;

/// What is wrong with an input, so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    path: Vec<String>,
    errors: Vec<UserError>,
}

impl Checks {
    /// Checks of one record of a list.
    pub(super) fn within_list(field: &str, place: usize) -> Self {
        Self { path: vec![field.to_owned(), place.to_string()], errors: Vec::new() }
    }

    /// All that is wrong.
    pub(super) fn finish(self) -> Vec<UserError> {
        self.errors
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Notes what is wrong with a field.
    pub(super) fn fault(&mut self, name: &str, code: UserErrorCode, message: impl Into<String>) {
        let field = self.path.iter().cloned().chain([name.to_owned()]).collect();
        self.errors.push(UserError { field: Some(field), message: message.into(), code });
    }

    fn invalid(&mut self, name: &str, message: impl Into<String>) {
        self.fault(name, UserErrorCode::Invalid, message);
    }

    /// Checks what is in an object of the input.
    pub(super) fn within<T>(&mut self, name: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_owned());
        let checked = check(self);
        self.path.pop();
        checked
    }

    /// A line of text, without white space around it. `None` where it is empty.
    pub(super) fn line(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = self.text_within(name, text, LINE)?;
        if text.chars().any(char::is_control) {
            self.invalid(name, "This must be one line, without control characters.");
            return None;
        }
        Some(text)
    }

    /// A line of text that must be there.
    pub(super) fn required_line(&mut self, name: &str, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            self.invalid(name, "This must not be empty.");
        }
        self.line(name, Some(text))
    }

    /// A text of some length. `None` where it is empty.
    pub(super) fn text(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        self.text_within(name, text, TEXT)
    }

    fn text_within(&mut self, name: &str, text: Option<&str>, longest: usize) -> Option<String> {
        let text = text?.trim();
        let length = text.chars().count();
        if length > longest {
            self.invalid(name, format!("This has {length} characters; it may have {longest}."));
            return None;
        }
        if text.chars().any(|each| each.is_control() && !matches!(each, '\n' | '\r' | '\t')) {
            self.invalid(name, "This holds a control character.");
            return None;
        }
        if citizen_number::is_in(text) {
            let message = "This holds what looks like a citizen service number (BSN). The hub takes no personal data of \
                           pupils.";
            self.invalid(name, message);
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// An identifier of the sender's own.
    pub(super) fn external_id(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = text?;
        // Not trimmed: to the sender, what differs in a space differs.
        if text.trim().is_empty() || text.chars().count() > LINE || text.chars().any(char::is_control) {
            self.invalid(name, format!("An identifier has 1 to {LINE} characters, none of them a control character."));
            return None;
        }
        Some(text.to_owned())
    }

    /// An e-mail address.
    pub(super) fn email(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = self.line(name, text)?;
        let is_address = text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && host.contains('.') && !host.contains('@') && !text.contains(char::is_whitespace)
        });
        if !is_address {
            self.invalid(name, "This is no e-mail address.");
        }
        is_address.then_some(text)
    }

    /// A telephone number, as people write it.
    pub(super) fn phone(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = text?.trim();
        if text.is_empty() {
            return None;
        }
        let is_number = text.len() <= 40
            && text.chars().all(|each| each.is_ascii_digit() || "+-() ./x#".contains(each))
            && text.chars().filter(char::is_ascii_digit).count() >= 3;
        if !is_number {
            self.invalid(name, "This is no telephone number.");
        }
        is_number.then(|| text.to_owned())
    }

    /// A Dutch postcode, in its one written form.
    pub(super) fn postcode(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = self.line(name, text)?;
        let code: String = text.chars().filter(|each| !each.is_whitespace()).collect::<String>().to_ascii_uppercase();
        match code.split_at_checked(4) {
            Some((digits, letters))
                if digits.bytes().all(|byte| byte.is_ascii_digit())
                    && letters.len() == 2
                    && letters.bytes().all(|byte| byte.is_ascii_uppercase()) =>
            {
                Some(format!("{digits} {letters}"))
            }
            _ => {
                self.invalid(name, "This is no postcode: expected four digits and two letters, as 1234 AB.");
                None
            }
        }
    }

    /// The address of a page.
    pub(super) fn url(&mut self, name: &str, text: Option<&str>) -> Option<String> {
        let text = text?.trim();
        if text.is_empty() {
            return None;
        }
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if url.is_none() || text.len() > URL {
            self.invalid(
                name,
                format!("This is no address of a page: expected https://… of at most {URL} characters."),
            );
            return None;
        }
        url.map(String::from)
    }

    /// An amount above 0.
    pub(super) fn positive(&mut self, name: &str, amount: Option<f64>) {
        if amount.is_some_and(|amount| !(amount > 0.0 && amount <= MOST)) {
            self.invalid(name, "This must be more than 0, and at most a billion.");
        }
    }

    /// A number from 0.
    pub(super) fn not_negative<N: PartialOrd + Default>(&mut self, name: &str, number: Option<N>) {
        if number.is_some_and(|number| number < N::default()) {
            self.invalid(name, "This must not be negative.");
        }
    }

    /// A number from 1.
    pub(super) fn at_least_one(&mut self, name: &str, number: Option<i32>) {
        if number.is_some_and(|number| number < 1) {
            self.invalid(name, "This must be at least 1.");
        }
    }

    /// Two days, the first not behind the last.
    pub(super) fn term(
        &mut self,
        names: [&str; 2],
        first: Option<Date>,
        last: Option<Date>,
    ) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let (first, last) = (first.map(|date| date.0), last.map(|date| date.0));
        if first.zip(last).is_some_and(|(first, last)| first > last) {
            self.invalid(names[1], format!("The last day lies before the first (`{}`).", names[0]));
        }
        (first, last)
    }

    /// An identifier that the world gave.
    pub(super) fn identifier<K>(&mut self, name: &str, text: &str) -> Option<K>
    where
        K: std::str::FromStr<Err = InvalidIdentifier>,
    {
        text.parse().map_err(|error| self.invalid(name, format!("{error}."))).ok()
    }

    /// A global id of a record of this kind.
    pub(super) fn id(&mut self, name: &str, kind: Kind, text: &str) -> Option<Uuid> {
        let id = GlobalId::parse(text).ok().and_then(|id| id.uuid_of(kind));
        if id.is_none() {
            // As of a record that is not there: what is no id of the hub's is a name of nothing.
            self.fault(name, UserErrorCode::NotFound, format!("There is no {} with this id.", kind.name()));
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(check: impl FnOnce(&mut Checks)) -> Vec<String> {
        let mut checks = Checks::default();
        check(&mut checks);
        checks.finish().into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn what_cannot_be_is_told_with_its_place() {
        let mut checks = Checks::within_list("offers", 3);
        checks.within("capacity", |checks| checks.positive("amount", Some(f64::NAN)));
        let errors = checks.finish();
        let path = ["offers", "3", "capacity", "amount"].map(str::to_owned).to_vec();
        assert_eq!((errors.len(), errors[0].field.clone()), (1, Some(path)));
    }

    #[test]
    fn texts_are_trimmed_and_bounded_and_hold_no_citizen_number() {
        let mut checks = Checks::default();
        assert_eq!(checks.line("title", Some("  Een titel ")).as_deref(), Some("Een titel"));
        assert_eq!(checks.line("title", Some("  ")), None);
        assert!(checks.is_clean());
        for text in ["a\nb", "a\0b", "Voor 999990019", &"x".repeat(201)] {
            assert_eq!(messages(|checks| drop(checks.line("title", Some(text)))).len(), 1, "{text:?}");
        }
        assert!(messages(|checks| drop(checks.text("description", Some("a\nb")))).is_empty());
    }

    #[test]
    fn addresses_and_numbers_are_known_by_their_form() {
        let mut checks = Checks::default();
        assert_eq!(checks.postcode("postcode", Some("1234ab")).as_deref(), Some("1234 AB"));
        assert_eq!(checks.email("email", Some("a@school.example")).as_deref(), Some("a@school.example"));
        assert_eq!(checks.phone("phone", Some("+31 (0)6-12345678")).as_deref(), Some("+31 (0)6-12345678"));
        assert!(checks.url("url", Some("https://wonen.example/1")).is_some() && checks.is_clean());
        assert_eq!(messages(|checks| drop(checks.url("url", Some("javascript:alert(1)")))).len(), 1);
        assert_eq!(messages(|checks| drop(checks.postcode("postcode", Some("éé12")))).len(), 1);
        assert_eq!(messages(|checks| drop(checks.email("email", Some("a@b")))).len(), 1);
    }
}
