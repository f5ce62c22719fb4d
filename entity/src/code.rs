//! Closed vocabularies: enums whose values are codes on the wire, text in the database, and labels for people.

use std::fmt;
use std::marker::PhantomData;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, FromJsonQueryResult, QueryResult, TryGetError, TryGetable, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The language of labels and explanations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// Dutch, the language of the alliance.
    #[default]
    Nl,
    /// English.
    En,
}

/// A value of a closed vocabulary.
pub trait Code: Copy + Eq + fmt::Debug + Send + Sync + 'static {
    /// The name of the vocabulary, as the public schema names it.
    const VOCABULARY: &'static str;
    /// What the vocabulary is about, in a sentence.
    const DESCRIPTION: &'static str;
    /// Every value, in the order of declaration.
    const ALL: &'static [Self];

    /// The stable code, in upper snake case, as stored and as partner systems and clients write it.
    fn code(self) -> &'static str;

    /// What people read.
    fn label(self, language: Language) -> &'static str;

    /// The value with this code, or `None` where the vocabulary has no such code.
    #[must_use]
    fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.code() == code)
    }
}

/// Declares a vocabulary: per value its documentation, its name, its code, its Dutch and its English label.
macro_rules! vocabulary {
    ($(#[doc = $doc:literal])* pub enum $name:ident { $($(#[$value_meta:meta])* $value:ident = $code:literal, $nl:literal, $en:literal;)+ }) => {
        $(#[doc = $doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            sea_orm::EnumIter, sea_orm::DeriveActiveEnum, serde::Serialize, serde::Deserialize,
        )]
        #[sea_orm(rs_type = "String", db_type = "Text")]
        pub enum $name {
            $($(#[$value_meta])* #[sea_orm(string_value = $code)] #[serde(rename = $code)] $value,)+
        }

        impl $crate::code::Code for $name {
            const VOCABULARY: &'static str = stringify!($name);
            const DESCRIPTION: &'static str = concat!($($doc),*).trim_ascii();
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn code(self) -> &'static str {
                match self { $(Self::$value => $code),+ }
            }

            fn label(self, language: $crate::code::Language) -> &'static str {
                match (self, language) {
                    $((Self::$value, $crate::code::Language::Nl) => $nl, (Self::$value, $crate::code::Language::En) => $en,)+
                }
            }
        }
    };
}
pub(crate) use vocabulary;

/// A set of values of one vocabulary of at most 31 values, kept as one bit each: reading a record's themes costs no
/// join, and "any of these" is one `&` in SQL. Serialized as a list of codes.
pub struct CodeSet<C> {
    bits: i32,
    vocabulary: PhantomData<C>,
}

impl<C: Code> CodeSet<C> {
    /// The set without values.
    #[must_use]
    pub const fn empty() -> Self {
        Self { bits: 0, vocabulary: PhantomData }
    }

    /// The stored form: bit `n` stands for the vocabulary's value number `n`.
    #[must_use]
    pub const fn bits(self) -> i32 {
        self.bits
    }

    /// Whether no value is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// How many values are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.bits.count_ones() as usize
    }

    /// Whether `value` is in the set.
    #[must_use]
    pub fn contains(self, value: C) -> bool {
        self.bits & Self::bit(value) != 0
    }

    /// The values in the vocabulary's order.
    pub fn iter(self) -> impl Iterator<Item = C> {
        C::ALL.iter().copied().filter(move |value| self.contains(*value))
    }

    /// The bit that stands for `value`.
    #[must_use]
    pub fn bit(value: C) -> i32 {
        C::ALL.iter().position(|other| *other == value).map_or(0, |index| 1 << index)
    }
}

impl<C> Clone for CodeSet<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for CodeSet<C> {}

impl<C> PartialEq for CodeSet<C> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<C> Eq for CodeSet<C> {}

impl<C: Code> Default for CodeSet<C> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<C: Code> fmt::Debug for CodeSet<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<C: Code> FromIterator<C> for CodeSet<C> {
    fn from_iter<I: IntoIterator<Item = C>>(values: I) -> Self {
        let bits = values.into_iter().fold(0, |bits, value| bits | Self::bit(value));
        Self { bits, vocabulary: PhantomData }
    }
}

impl<C: Code> Serialize for CodeSet<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Code::code))
    }
}

impl<'de, C: Code> Deserialize<'de> for CodeSet<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let codes = Vec::<String>::deserialize(deserializer)?;
        codes
            .iter()
            .map(|code| {
                C::from_code(code).ok_or_else(|| serde::de::Error::custom(format!("`{code}` is no {}", C::VOCABULARY)))
            })
            .collect()
    }
}

impl<C> From<CodeSet<C>> for Value {
    fn from(set: CodeSet<C>) -> Self {
        Self::Int(Some(set.bits))
    }
}

impl<C: Code> TryGetable for CodeSet<C> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let bits = i32::try_get_by(row, index)?;
        if bits < 0 || bits >> C::ALL.len() != 0 {
            let error = DbErr::Type(format!("{bits} is no set of {}", C::VOCABULARY));
            return Err(TryGetError::DbErr(error));
        }
        Ok(Self { bits, vocabulary: PhantomData })
    }
}

impl<C: Code> ValueType for CodeSet<C> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::Int(Some(bits)) => Ok(Self { bits, vocabulary: PhantomData }),
            _ => Err(ValueTypeErr),
        }
    }

    fn type_name() -> String {
        format!("CodeSet<{}>", C::VOCABULARY)
    }

    fn array_type() -> ArrayType {
        ArrayType::Int
    }

    fn column_type() -> ColumnType {
        ColumnType::Integer
    }
}

impl<C> Nullable for CodeSet<C> {
    fn null() -> Value {
        Value::Int(None)
    }
}

/// A list of texts, kept as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Texts(pub Vec<String>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{SupportKind, Theme};

    #[test]
    fn a_set_keeps_what_was_put_in_and_nothing_else() {
        let set: CodeSet<Theme> = [Theme::TeacherHousing, Theme::TeacherRecruitment].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Theme::TeacherRecruitment, Theme::TeacherHousing]);
        assert_eq!((set.len(), set.bits()), (2, 0b10_0000_0001));
        assert!(!set.contains(Theme::StrategicHr));
    }

    #[test]
    fn a_set_is_a_list_of_codes_in_json_and_an_unknown_code_is_named() {
        let set: CodeSet<SupportKind> = serde_json::from_str(r#"["LEGAL","SCALING"]"#).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["SCALING","LEGAL"]"#);
        let error = serde_json::from_str::<CodeSet<SupportKind>>(r#"["MAGIC"]"#).unwrap_err();
        assert!(error.to_string().contains("`MAGIC` is no SupportKind"));
    }

    #[test]
    fn every_code_leads_back_to_its_value() {
        for theme in Theme::ALL {
            assert_eq!(Theme::from_code(theme.code()), Some(*theme));
        }
    }
}
