//! `[source.interface]`: the interface of a partner system, described. What is written here is only read; whether it
//! makes sense is judged where it is compiled, in the `declarative` connector.

use std::collections::BTreeMap;
use std::fmt;

use entity::vocabulary::SourceKind;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Secret;

/// A partner system's interface. Each kind of record has a table of its own, named as its stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterfaceSettings {
    /// What kind of system it is.
    #[serde(deserialize_with = "kind")]
    pub kind: SourceKind,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderText>,
    /// What its failures look like.
    #[serde(default)]
    pub error: ErrorSettings,
    /// School boards.
    pub school_boards: Option<StreamSettings>,
    /// Schools.
    pub schools: Option<StreamSettings>,
    /// Partners.
    pub partners: Option<StreamSettings>,
    /// Needs of schools.
    pub needs: Option<StreamSettings>,
    /// Offers of partners.
    pub offers: Option<StreamSettings>,
    /// Commitments of partners.
    pub commitments: Option<StreamSettings>,
    /// Priority schemes of municipalities.
    pub housing_schemes: Option<StreamSettings>,
    /// Homes for teachers.
    pub housing_options: Option<StreamSettings>,
}

impl InterfaceSettings {
    /// The streams that are described, by name, in the order in which they are read: what others refer to comes first.
    pub fn streams(&self) -> impl Iterator<Item = (&'static str, &StreamSettings)> {
        [
            ("school_boards", &self.school_boards),
            ("schools", &self.schools),
            ("partners", &self.partners),
            ("needs", &self.needs),
            ("offers", &self.offers),
            ("commitments", &self.commitments),
            ("housing_schemes", &self.housing_schemes),
            ("housing_options", &self.housing_options),
        ]
        .into_iter()
        .filter_map(|(name, stream)| Some((name, stream.as_ref()?)))
    }
}

impl InterfaceSettings {
    /// The texts of all headers, each with the keys that lead to it, below the source's.
    pub fn header_texts(&mut self) -> Vec<(Vec<String>, &mut HeaderText)> {
        let key = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        let streams = [
            ("school_boards", &mut self.school_boards),
            ("schools", &mut self.schools),
            ("partners", &mut self.partners),
            ("needs", &mut self.needs),
            ("offers", &mut self.offers),
            ("commitments", &mut self.commitments),
            ("housing_schemes", &mut self.housing_schemes),
            ("housing_options", &mut self.housing_options),
        ];
        let own = self.headers.iter_mut().map(|(name, text)| (key(&["interface", "headers", name]), text));
        let of_streams = streams.into_iter().filter_map(|(stream, settings)| Some((stream, settings.as_mut()?)));
        let of_streams = of_streams.flat_map(|(stream, settings)| {
            settings.headers.iter_mut().map(move |(name, text)| (key(&["interface", stream, "headers", name]), text))
        });
        own.chain(of_streams).collect()
    }
}

/// What failures of an interface look like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorSettings {
    /// Where a failure's body has its code.
    pub code: Option<String>,
    /// What tells a failure that comes with a status of success.
    pub when: Option<ConditionSettings>,
}

/// How the records of one kind are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Their path below `base_url`.
    pub path: String,
    /// How they are asked for.
    #[serde(default)]
    pub method: Method,
    /// Parameters of every request.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers of every request, beside the interface's.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderText>,
    /// The body of every request.
    pub body: Option<Value>,
    /// Where an answer has the list of records.
    pub records: String,
    /// How one page leads to the next. One page is all there is where absent.
    pub paging: Option<PagingSettings>,
    /// How to ask for what changed. Everything is read each time where absent.
    pub since: Option<SinceSettings>,
    /// A record's identifier in the system.
    pub id: Rule,
    /// When it last changed.
    pub modified_at: Option<Rule>,
    /// Which of the records are meant. All where absent.
    pub only: Option<ConditionSettings>,
    /// What marks a record as gone.
    pub deleted: Option<ConditionSettings>,
    /// Whether the system may lack this stream: a 404 on the first page then harms nothing.
    #[serde(default)]
    pub optional: bool,
    /// What each field of the record is made of.
    pub fields: BTreeMap<String, Rule>,
}

/// How records are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Method {
    /// GET.
    #[default]
    #[serde(rename = "GET")]
    Get,
    /// POST, for interfaces that take what is asked in a body.
    #[serde(rename = "POST")]
    Post,
}

/// A header's text: as it stands, or a secret that is named.
#[derive(Clone, Debug)]
pub enum HeaderText {
    /// As it stands.
    Plain(String),
    /// From where it is kept.
    Secret(Secret),
}

/// How one page leads to the next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagingSettings {
    /// In which way.
    pub by: PagingStyle,
    /// Where a request has the page's number, its offset, or its cursor.
    pub parameter: Option<Place>,
    /// The first page's number. 1 where absent.
    pub first: Option<u64>,
    /// How many records are asked for at a time.
    pub size: Option<SizeSettings>,
    /// Where an answer has the cursor of the next page, or its address.
    pub next: Option<Source>,
    /// Where it has the number of all records.
    pub total: Option<Source>,
    /// Where it has the number of pages.
    pub pages: Option<Source>,
    /// Where it says whether it is the last.
    pub last: Option<Source>,
}

/// The ways in which pages follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagingStyle {
    /// By the number of records before it.
    Offset,
    /// By the page's number.
    Page,
    /// By a word of the server's, which is sent back.
    Cursor,
    /// By the address in the header `Link` (RFC 8288).
    Link,
    /// By the address in `_links.next.href` (HAL).
    Hal,
    /// By an address in a field.
    NextUrl,
}

/// How many records are asked for at a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeSettings {
    /// Where a request has it.
    pub parameter: Place,
    /// So many.
    pub records: u32,
}

/// How to ask for what changed since an instant, inclusive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinceSettings {
    /// Where a request has it.
    pub parameter: Place,
    /// How the instant is written: as `chrono` has it, or `unix`, or `unix_ms`. RFC 3339 with milliseconds where absent.
    pub format: Option<String>,
    /// The text around it, with `{since}` where it goes.
    pub text: Option<String>,
}

/// A place in a request. Text alone is a query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A parameter of the query.
    Query(String),
    /// A header.
    Header(String),
    /// A place in the body, as a JSON pointer (RFC 6901).
    Body(String),
}

/// A place in an answer. Text alone is a JSONPath.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the body: a JSONPath (RFC 9535).
    Body(String),
    /// A header.
    Header(String),
}

/// What must hold of a record, or of an answer. Text alone is the path of something that must be there.
#[derive(Clone, Debug)]
pub struct ConditionSettings {
    /// The value that is looked at.
    pub path: String,
    /// What it must be, one of these. Where absent: anything but nothing, `false` or an empty text.
    pub is: Option<Vec<String>>,
    /// What it must not be, none of these.
    pub is_not: Option<Vec<String>>,
}

/// What a field is made of. Text alone is a path.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The values at this JSONPath (RFC 9535).
    pub path: Option<String>,
    /// This value.
    pub constant: Option<Value>,
    /// The texts of these rules, one behind the other.
    pub join: Option<Vec<Rule>>,
    /// What stands between them. A space where absent.
    pub separator: Option<String>,
    /// What the first of these rules gives that gives anything.
    pub first: Option<Vec<Rule>>,
    /// What is put before the text.
    pub before: Option<String>,
    /// What is put behind the text.
    pub after: Option<String>,
    /// Whether the numbers at the path are added up.
    pub sum: bool,
    /// What each code of the system's stands for.
    pub codes: Option<BTreeMap<String, String>>,
    /// What becomes of a code that is not among them.
    pub unknown: Unknown,
    /// How a date or an instant is written.
    pub format: Option<String>,
    /// What an amount of money is counted in.
    pub money: Option<Money>,
    /// Words that stand for nothing.
    pub nothing: Vec<String>,
    /// The value where there is none.
    pub default: Option<Value>,
    /// Whether a record without it is refused.
    pub required: bool,
}

/// What becomes of a code that is not in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// Its record is refused.
    #[default]
    Refuse,
    /// It is left out.
    LeaveOut,
}

/// What an amount of money is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Euros, with a fraction.
    Euros,
    /// Cents.
    Cents,
}

/// A kind of system, by its code in lower case. The hub itself is none.
fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SourceKind, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Wire {
        Municipal,
        SchoolBoard,
        Partner,
        NationalRegister,
    }
    Ok(match Wire::deserialize(deserializer)? {
        Wire::Municipal => SourceKind::Municipal,
        Wire::SchoolBoard => SourceKind::SchoolBoard,
        Wire::Partner => SourceKind::Partner,
        Wire::NationalRegister => SourceKind::NationalRegister,
    })
}

/// What can be written as a text or as a table of its parts.
trait Short: Sized {
    /// Its parts.
    type Parts: for<'de> Deserialize<'de>;
    /// What may be written, for people.
    const EXPECTED: &'static str;

    /// What a text alone means.
    fn from_text(text: String) -> Self;
    /// What the parts mean, or what is wrong with them.
    fn from_parts(parts: Self::Parts) -> Result<Self, &'static str>;
}

/// An untagged enum would say of any mistake no more than that nothing fits.
fn short<'de, T: Short, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Either<T>(std::marker::PhantomData<T>);
    impl<'de, T: Short> Visitor<'de> for Either<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::EXPECTED)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            Ok(T::from_text(text.to_owned()))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            let parts = T::Parts::deserialize(MapAccessDeserializer::new(map))?;
            T::from_parts(parts).map_err(serde::de::Error::custom)
        }
    }
    deserializer.deserialize_any(Either(std::marker::PhantomData))
}

macro_rules! written_short {
    ($($name:ty),+) => {
        $(impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                short(deserializer)
            }
        })+
    };
}

written_short!(Place, Source, ConditionSettings, Rule, HeaderText);

/// The parts of a [`Place`] and of a [`Source`]; just one is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceParts {
    query: Option<String>,
    header: Option<String>,
    body: Option<String>,
}

impl Short for Place {
    type Parts = PlaceParts;
    const EXPECTED: &'static str = "a query parameter, or a table of query, header or body";

    fn from_text(text: String) -> Self {
        Self::Query(text)
    }

    fn from_parts(parts: PlaceParts) -> Result<Self, &'static str> {
        match (parts.query, parts.header, parts.body) {
            (Some(query), None, None) => Ok(Self::Query(query)),
            (None, Some(header), None) => Ok(Self::Header(header)),
            (None, None, Some(body)) => Ok(Self::Body(body)),
            _ => Err("expected just one of query, header and body"),
        }
    }
}

impl Short for Source {
    type Parts = PlaceParts;
    const EXPECTED: &'static str = "a JSONPath, or a table of body or header";

    fn from_text(text: String) -> Self {
        Self::Body(text)
    }

    fn from_parts(parts: PlaceParts) -> Result<Self, &'static str> {
        match (parts.query, parts.header, parts.body) {
            (None, Some(header), None) => Ok(Self::Header(header)),
            (None, None, Some(body)) => Ok(Self::Body(body)),
            _ => Err("expected just one of header and body"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionParts {
    path: String,
    is: Option<OneOrMore>,
    is_not: Option<OneOrMore>,
}

/// A text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Short for ConditionSettings {
    type Parts = ConditionParts;
    const EXPECTED: &'static str = "a JSONPath, or a table of path, is and is_not";

    fn from_text(path: String) -> Self {
        Self { path, is: None, is_not: None }
    }

    fn from_parts(parts: ConditionParts) -> Result<Self, &'static str> {
        let listed = |texts: OneOrMore| match texts {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(texts) => texts,
        };
        Ok(Self { path: parts.path, is: parts.is.map(listed), is_not: parts.is_not.map(listed) })
    }
}

impl Short for HeaderText {
    type Parts = HeaderParts;
    const EXPECTED: &'static str = "a text, or a secret as { env = \"NAME\" } or { file = \"PATH\" }";

    fn from_text(text: String) -> Self {
        Self::Plain(text)
    }

    fn from_parts(parts: HeaderParts) -> Result<Self, &'static str> {
        match (parts.env, parts.file) {
            (Some(name), None) => Ok(Self::Secret(Secret::Env(name))),
            (None, Some(path)) => Ok(Self::Secret(Secret::File(path.into()))),
            _ => Err("expected just one of env and file"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderParts {
    env: Option<String>,
    file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleParts {
    path: Option<String>,
    constant: Option<Value>,
    join: Option<Vec<Rule>>,
    separator: Option<String>,
    first: Option<Vec<Rule>>,
    before: Option<String>,
    after: Option<String>,
    #[serde(default)]
    sum: bool,
    codes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    unknown: Unknown,
    format: Option<String>,
    money: Option<Money>,
    #[serde(default)]
    nothing: Vec<String>,
    default: Option<Value>,
    #[serde(default)]
    required: bool,
}

impl Short for Rule {
    type Parts = RuleParts;
    const EXPECTED: &'static str = "a JSONPath, or a table of path, constant, join or first";

    fn from_text(path: String) -> Self {
        Self { path: Some(path), ..Self::default() }
    }

    fn from_parts(parts: RuleParts) -> Result<Self, &'static str> {
        Ok(Self {
            path: parts.path,
            constant: parts.constant,
            join: parts.join,
            separator: parts.separator,
            first: parts.first,
            before: parts.before,
            after: parts.after,
            sum: parts.sum,
            codes: parts.codes,
            unknown: parts.unknown,
            format: parts.format,
            money: parts.money,
            nothing: parts.nothing,
            default: parts.default,
            required: parts.required,
        })
    }
}
