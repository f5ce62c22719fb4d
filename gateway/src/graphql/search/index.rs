//! The index of words, as each database has it: which documents have the words, and where in them a word stands.
//!
//! A word is found by its stem, and by itself; a word that is still being typed by its beginning as well. PostgreSQL's
//! lexemes are stems, and words behind a `_`, and both once more behind the mark of the place where they stand; FTS5 has
//! words only, so those that share a stem are looked up in the list of its words first.

use sea_orm::sea_query::{
    Alias, CommonTableExpression, Condition, Expr, ExprTrait, Query, SelectStatement, UnionType, WithClause,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

use super::words::{self, Word};
use crate::error::Result;
use crate::graphql::list::qualified;
use entity::search_document;

/// Words of the index that are looked at for one word of a search, at most.
const MOST_FORMS: u64 = 1000;
const ASKED: &str = "asked";

/// Where in a document a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Title,
    Keywords,
}

/// A search as its database takes it.
#[derive(Clone, Debug)]
pub(super) enum Index {
    Postgres(Vec<Word>),
    /// What FTS5 matches, for each word.
    Sqlite(Vec<String>),
}

impl Index {
    /// The search for these words. `None`: no document has all of them.
    pub(super) async fn of(db: &DatabaseConnection, words: Vec<Word>) -> Result<Option<Self>> {
        if words.iter().any(Word::is_too_long) {
            return Ok(None);
        }
        Ok(Some(match db.get_database_backend() {
            DbBackend::Postgres => Self::Postgres(words),
            _ => Self::Sqlite(forms(db, &words).await?),
        }))
    }

    /// How many words are looked for.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Postgres(words) => words.len(),
            Self::Sqlite(forms) => forms.len(),
        }
    }

    /// Documents that have every word; with a place, every one of them there.
    pub(super) fn documents(&self, place: Option<Place>) -> SelectStatement {
        let mut select = Query::select();
        match self {
            Self::Postgres(words) => {
                select.with_cte(WithClause::new().cte(asked(words, place)).to_owned());
                having(&mut select, "every");
            }
            Self::Sqlite(forms) => {
                let every: Vec<String> = forms.iter().map(|forms| within(place, forms)).collect();
                select.from(search_document::Entity).and_where(found(every.join(" AND ")));
            }
        }
        select
    }

    /// The document has word number `index` in this place.
    pub(super) fn stands_in(&self, index: usize, place: Place) -> Expr {
        match self {
            Self::Postgres(_) => {
                // By the index: working out a document's lexemes takes longer than all else that is done with it.
                let mut numbers = Query::select();
                numbers.expr(qualified(search_document::Column::Number));
                having(&mut numbers, &column(index, place));
                qualified(search_document::Column::Number).in_subquery(numbers)
            }
            Self::Sqlite(forms) => found(within(Some(place), &forms[index])),
        }
    }
}

fn column(index: usize, place: Place) -> String {
    format!("{}_{index}", if place == Place::Title { "title" } else { "keywords" })
}

/// From the documents whose lexemes hold what is asked in this column. The expression is the index's.
fn having(select: &mut SelectStatement, asked: &str) {
    use search_document::Column::{Body, Keywords, Title};
    let asked = Expr::col((Alias::new(ASKED), Alias::new(asked.to_owned())));
    let holds = Expr::cust_with_exprs(
        "search_vector($1, $2, $3) @@ $4",
        [qualified(Title), qualified(Keywords), qualified(Body), asked],
    );
    select.from(Alias::new(ASKED)).from(search_document::Entity).and_where(holds);
}

/// What is asked, in PostgreSQL's words, made once: in a prepared statement's general plan it would be made for each row.
fn asked(words: &[Word], place: Option<Place>) -> CommonTableExpression {
    let mut select = Query::select();
    let every = words
        .iter()
        .map(|word| lexemes(word, place))
        .reduce(|all, word| Expr::cust_with_exprs("$1 && $2", [all, word]));
    select.expr_as(every.unwrap_or_else(|| Expr::cust("CAST('' AS tsquery)")), Alias::new("every"));
    for (index, word) in words.iter().enumerate() {
        for place in [Place::Title, Place::Keywords] {
            select.expr_as(lexemes(word, Some(place)), Alias::new(column(index, place)));
        }
    }
    CommonTableExpression::new().query(select).table_name(Alias::new(ASKED)).materialized(true).to_owned()
}

/// The word's stem, or the word itself, or its beginning; in this place. The word is letters and digits only.
fn lexemes(word: &Word, place: Option<Place>) -> Expr {
    let text = &word.text;
    let mark = match place {
        None => "",
        Some(Place::Title) => "^",
        Some(Place::Keywords) => "=",
    };
    let itself = format!("'{mark}_{text}'{}", if word.is_beginning { ":*" } else { "" });
    match word.stem() {
        Some(_) => Expr::cust_with_values(
            "(CAST(quote_literal($1 || search_stems($2)) AS tsquery) || CAST($3 AS tsquery))",
            [mark, text, &itself],
        ),
        None => Expr::cust_with_values("CAST($1 AS tsquery)", [itself]),
    }
}

/// What FTS5 matches for a word in this place.
fn within(place: Option<Place>, forms: &str) -> String {
    match place {
        None => format!("({forms})"),
        Some(Place::Title) => format!("({{title}} : ({forms}))"),
        Some(Place::Keywords) => format!("({{keywords}} : ({forms}))"),
    }
}

/// The document is among those that FTS5 finds.
fn found(matched: String) -> Expr {
    let numbers = Expr::cust_with_values("(SELECT rowid FROM search_index WHERE search_index MATCH ?)", [matched]);
    Expr::cust_with_exprs("? IN ?", [qualified(search_document::Column::Number), numbers])
}

/// For each word what FTS5 matches: the word and the words of the index that share its stem. One statement for all.
async fn forms(db: &DatabaseConnection, words: &[Word]) -> Result<Vec<String>> {
    let mut forms: Vec<Vec<String>> = words.iter().map(|word| vec![word.text.clone()]).collect();
    let stems: Vec<(usize, String)> =
        words.iter().enumerate().filter_map(|(index, word)| Some((index, word.stem()?))).collect();
    let statement = stems.iter().map(|(index, stem)| candidates(*index, stem)).reduce(|mut all, one| {
        all.union(UnionType::All, one);
        all
    });
    if let Some(statement) = statement {
        for row in db.query_all(&statement).await? {
            let (index, term): (i32, String) = (row.try_get("", "word")?, row.try_get("", "term")?);
            let asked = stems.iter().find(|(asked, _)| i32::try_from(*asked) == Ok(index));
            if let Some((index, stem)) = asked
                && words::stem(&term).as_ref() == Some(stem)
                && !forms[*index].contains(&term)
            {
                forms[*index].push(term);
            }
        }
    }
    Ok(words.iter().zip(forms).map(|(word, forms)| matched(word, &forms)).collect())
}

fn matched(word: &Word, forms: &[String]) -> String {
    let quoted = |form: &String| format!("\"{}\"", form.replace('"', "\"\""));
    let mut any: Vec<String> = forms.iter().map(quoted).collect();
    if word.is_beginning {
        any.push(format!("{}*", quoted(&word.text)));
    }
    any.join(" OR ")
}

/// Words of the index that may share the stem: they begin as it does, but for its last letter (`maan` and `manen` have the
/// stem `man`).
fn candidates(index: usize, stem: &str) -> SelectStatement {
    let letters = stem.chars().count();
    let from: String = stem.chars().take(if letters > 2 { letters - 1 } else { letters }).collect();
    let term = || Expr::col(Alias::new("term"));
    let mut select = Query::select();
    select
        .expr_as(Expr::val(i32::try_from(index).unwrap_or(i32::MAX)), Alias::new("word"))
        .expr_as(term(), Alias::new("term"))
        .from(Alias::new("search_vocabulary"))
        .cond_where(Condition::all().add(term().gte(from.clone())).add(term().lte(format!("{from}\u{10ffff}"))));
    // A limit belongs to each word: in a subquery, for a union has one limit only.
    select.limit(MOST_FORMS);
    let mut limited = Query::select();
    limited
        .column(Alias::new("word"))
        .column(Alias::new("term"))
        .from_subquery(select, Alias::new(format!("forms_{index}")));
    limited
}
