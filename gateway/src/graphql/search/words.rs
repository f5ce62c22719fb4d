//! From what somebody types to the words that are looked for. Pure. Whatever is neither letter nor digit only parts words:
//! no operator of either database's query language reaches it.

use snowball_stemmers_rs::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::error::{Failure, Result};

/// No text is longer, in characters.
const LONGEST_TEXT: usize = 200;
/// No text has more words.
const MOST_WORDS: usize = 12;
/// A longer word is in no document: the index cuts words here.
const LONGEST_WORD: usize = 60;
/// A beginning of a word is looked for from this many letters on.
const SHORTEST_BEGINNING: usize = 2;

/// Words that say nothing beside others: the list of Snowball's Dutch stemmer, without accents.
const TOO_COMMON: &str = " de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan \
    zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u \
    want nog zal me zij nu ge geen omdat iets worden toch al waren veel meer doen toen moet ben zonder kan hun dus alles \
    onder ja eens hier wie werd altijd doch wordt wezen kunnen ons zelf tegen na reeds wil kon niets uw iemand geweest \
    andere ";

/// A word that a document must have to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case, without accents; letters and digits only.
    pub(super) text: String,
    /// Whether it may still be typed: words that begin with it count too.
    pub(super) is_beginning: bool,
}

/// The words of a text. A word that is too common is looked for only where there is no other.
///
/// # Errors
/// Where there is no word, or more than a search may have.
pub(super) fn words(text: &str) -> Result<Vec<Word>> {
    if text.chars().count() > LONGEST_TEXT {
        return Err(Failure::bad_user_input(format!("`text` is longer than {LONGEST_TEXT} characters.")));
    }
    let all: Vec<String> = folded(text).split(|each: char| !each.is_alphanumeric()).map(str::to_owned).collect();
    // What ends in a space or a mark is not being typed any more.
    let typing = all.last().filter(|last| last.chars().count() >= SHORTEST_BEGINNING).cloned();
    let mut kept: Vec<String> = Vec::new();
    for word in all {
        if !word.is_empty() && !kept.contains(&word) {
            kept.push(word);
        }
    }
    if kept.is_empty() {
        return Err(Failure::bad_user_input("`text` has no word to look for."));
    }
    if kept.iter().any(|word| !is_too_common(word)) {
        kept.retain(|word| !is_too_common(word));
    }
    if kept.len() > MOST_WORDS {
        let message = format!("`text` has {} words to look for; it may have {MOST_WORDS}.", kept.len());
        return Err(Failure::bad_user_input(message));
    }
    Ok(kept.into_iter().map(|text| Word { is_beginning: typing.as_ref() == Some(&text), text }).collect())
}

/// Lower case, without accents: as the indexes keep words.
fn folded(text: &str) -> String {
    text.to_lowercase().nfd().filter(|each| !is_combining_mark(*each)).collect()
}

fn is_too_common(word: &str) -> bool {
    TOO_COMMON.contains(&format!(" {word} "))
}

impl Word {
    /// Whether no document can have it.
    pub(super) fn is_too_long(&self) -> bool {
        self.text.chars().count() > LONGEST_WORD
    }

    /// The Dutch stem, as PostgreSQL's dictionary `search_stem` has it (Snowball's Dutch stemmer by Porter). `None` for
    /// codes and numbers, which have none.
    pub(super) fn stem(&self) -> Option<String> {
        stem(&self.text)
    }
}

/// The Dutch stem of a word. `None` for codes and numbers.
pub(super) fn stem(word: &str) -> Option<String> {
    word.chars().all(char::is_alphabetic).then(|| Stemmer::create(Algorithm::DutchPorter).stem(word).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_without_case_accents_and_marks() {
        assert_eq!(texts("Café \"Élan\" (99AA00) OR -x* NEAR/2"), ["cafe", "elan", "99aa00", "or", "x", "near", "2"]);
    }

    #[test]
    fn a_common_word_is_looked_for_only_where_there_is_no_other() {
        assert_eq!(texts("hulp bij het rekenen"), ["hulp", "rekenen"]);
        assert_eq!(texts("De"), ["de"]);
    }

    #[test]
    fn only_the_last_word_may_still_be_typed() {
        let beginnings =
            |text: &str| -> Vec<bool> { words(text).unwrap().iter().map(|word| word.is_beginning).collect() };
        assert_eq!(beginnings("brug amst"), [false, true]);
        assert_eq!(beginnings("brug amst "), [false, false]);
        assert_eq!(beginnings("brug a"), [false, false]);
    }

    #[test]
    fn no_word_and_too_much_are_told() {
        for text in ["", "  \t", "!?*\"'", &"a ".repeat(101), "a b c d e f g h i j k l m"] {
            assert!(matches!(words(text), Err(Failure::BadUserInput(_))), "{text}");
        }
    }

    #[test]
    fn forms_of_one_word_share_a_stem() {
        for (one, other) in [("leerkracht", "leerkrachten"), ("woningen", "woning"), ("mogelijkheden", "mogelijk")] {
            assert_eq!(stem(one), stem(other));
        }
        assert_eq!(stem("99aa00"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_becomes_letters_and_digits(text in "\\PC{0,200}") {
            for word in words(&text).into_iter().flatten() {
                prop_assert!(!word.text.is_empty() && word.text.chars().all(char::is_alphanumeric));
                let _ = word.stem();
            }
        }
    }
}
