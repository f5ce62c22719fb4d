//! The columns of DUO's files: known by their names, never by their places. Case, padding, and whether words are parted
//! by spaces, underscores or hyphens make no difference: the files of different years do not agree on it.

use serde_json::Value;

/// A column, under today's name and those of older years.
pub(super) struct Column(&'static [&'static str]);

pub(super) const BOARD_NUMBER: Column = Column(&["BEVOEGD GEZAG NUMMER"]);
pub(super) const BOARD_NAME: Column = Column(&["BEVOEGD GEZAG NAAM"]);
pub(super) const KVK: Column = Column(&["KVK-NUMMER"]);
pub(super) const INSTITUTION: Column = Column(&["INSTELLINGSCODE", "BRIN NUMMER"]);
pub(super) const LOCATION: Column = Column(&["VESTIGINGSCODE", "VESTIGINGSNUMMER"]);
pub(super) const SCHOOL_NAME: Column = Column(&["VESTIGINGSNAAM"]);
pub(super) const STREET: Column = Column(&["STRAATNAAM"]);
pub(super) const HOUSE_NUMBER: Column = Column(&["HUISNUMMER-TOEVOEGING"]);
pub(super) const POSTCODE: Column = Column(&["POSTCODE"]);
pub(super) const CITY: Column = Column(&["PLAATSNAAM"]);
pub(super) const MUNICIPALITY_CODE: Column = Column(&["GEMEENTENUMMER"]);
pub(super) const MUNICIPALITY_NAME: Column = Column(&["GEMEENTENAAM"]);
pub(super) const DENOMINATION: Column = Column(&["DENOMINATIE"]);
pub(super) const WEBSITE: Column = Column(&["INTERNETADRES"]);
pub(super) const PUPILS: Column = Column(&["AANTAL LEERLINGEN", "TOTAAL"]);
pub(super) const LABOUR_MARKET_AREA: Column = Column(&["RPA-GEBIED NAAM"]);
pub(super) const COROP_AREA: Column = Column(&["COROPGEBIED NAAM"]);

/// Under this name a row that could not be read says why. No column has it.
pub(super) const ROW_FAULT: &str = "(row fault)";

impl Column {
    /// The name under which `raw` has this column, the newer name going before the older.
    pub(super) fn key<'a>(&self, raw: &'a Value) -> Option<&'a str> {
        let object = raw.as_object()?;
        // Nearly always a name is written as it should be, and comparing word for word takes its time on each row.
        let exact = self.0.iter().find_map(|name| object.get_key_value(*name)).map(|(key, _)| key);
        exact.or_else(|| self.0.iter().find_map(|name| object.keys().find(|key| same(key, name)))).map(String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        self.0.iter().any(|known| same(name, known))
    }

    /// Its names, for a sentence.
    pub(super) fn described(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|name| format!("`{name}`")).collect();
        names.join(" (or ") + &")".repeat(names.len().saturating_sub(1))
    }
}

/// What a file must have: of each group, one column at least. Its first ones say which record a row is about.
pub(super) struct Needed(&'static [&'static [Column]]);

impl Needed {
    pub(super) fn of_boards() -> Self {
        Self(&[&[BOARD_NUMBER], &[BOARD_NAME]])
    }

    pub(super) fn of_schools() -> Self {
        Self(&[&[LOCATION, INSTITUTION], &[SCHOOL_NAME]])
    }

    /// The first group that `header` has nothing of, described.
    pub(super) fn missing(&self, header: &[String]) -> Option<String> {
        let lacks = |column: &Column| !header.iter().any(|name| column.is(name));
        let missing = self.0.iter().find(|group| group.iter().all(lacks))?;
        Some(missing.iter().map(Column::described).collect::<Vec<_>>().join(" or "))
    }

    /// Whether this is one of the columns that a file must have.
    pub(super) fn includes(&self, name: &str) -> bool {
        self.0.iter().copied().flatten().any(|column| column.is(name))
    }
}

/// Whether two names of areas or columns are the same, word for word.
pub(super) fn same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (words(one), words(other));
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if lower(one).eq(lower(other)) => {}
            _ => return false,
        }
    }
}

fn lower(word: &str) -> impl Iterator<Item = char> {
    word.chars().flat_map(char::to_lowercase)
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    // A byte-order mark sticks to the first column's name where somebody joined files.
    let parts = |char: char| char.is_whitespace() || matches!(char, '_' | '-' | '\u{feff}');
    name.split(parts).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_column_is_found_however_its_name_is_written() {
        for name in ["BRIN NUMMER", " brin_nummer ", "Brin  Nummer", "\u{feff}BRIN-NUMMER"] {
            assert_eq!(INSTITUTION.key(&json!({"X": "", name: "99AA"})), Some(name));
        }
        assert_eq!(INSTITUTION.key(&json!({"BRIN": ""})), None);
        assert_eq!(STREET.key(&json!({"STRAATNAAM CORRESPONDENTIEADRES": ""})), None);
    }

    #[test]
    fn the_newer_name_goes_before_the_older() {
        let raw = json!({"BRIN NUMMER": "99AA", "INSTELLINGSCODE": "99BB"});
        assert_eq!(INSTITUTION.key(&raw), Some("INSTELLINGSCODE"));
    }

    #[test]
    fn what_is_missing_is_told_with_its_older_name() {
        let header = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let needed = Needed::of_schools();
        assert_eq!(needed.missing(&header(&["BRIN NUMMER", "vestigingsnaam"])), None);
        assert_eq!(needed.missing(&header(&["BRIN NUMMER"])).as_deref(), Some("`VESTIGINGSNAAM`"));
        assert_eq!(
            needed.missing(&header(&["VESTIGINGSNAAM"])).as_deref(),
            Some("`VESTIGINGSCODE` (or `VESTIGINGSNUMMER`) or `INSTELLINGSCODE` (or `BRIN NUMMER`)")
        );
    }
}
