//! A described interface at work: asks for a page, takes the records out of the answer, and tells where the next page
//! starts.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::reach::{Condition, Reach};
use super::rule::{Form, Rule};
use super::target::{Takes, Target};
use crate::api::{Answer, Api, Asking};
use crate::connector::{Page, ReadRequest, StreamSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{HeaderText, Method, Place, Secret};
use crate::systems::paging::{self, More, Numbered};

/// A partner system's interface.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) errors: Errors,
    pub(super) streams: Vec<Stream>,
}

/// What its failures look like.
#[derive(Debug)]
pub(super) struct Errors {
    pub(super) code: Option<JsonPath>,
    pub(super) when: Option<Condition>,
}

/// How the records of one kind are read and mapped.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) target: &'static Target,
    pub(super) spec: StreamSpec,
    pub(super) path: String,
    pub(super) method: Method,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, HeaderText)>,
    pub(super) body: Option<Value>,
    pub(super) records: JsonPath,
    pub(super) records_at: String,
    pub(super) paging: Option<Paging>,
    pub(super) since: Option<Since>,
    pub(super) id: Rule,
    pub(super) modified_at: Option<Rule>,
    pub(super) only: Option<Condition>,
    pub(super) deleted: Option<Condition>,
    pub(super) fields: Vec<(&'static str, Takes, Rule)>,
}

/// How one page leads to the next.
#[derive(Debug)]
pub(super) struct Paging {
    pub(super) style: Style,
    pub(super) size: Option<Size>,
    pub(super) total: Option<Reach>,
    /// Where it stands in the description.
    pub(super) key: String,
}

/// In which way pages follow each other.
#[derive(Debug)]
pub(super) enum Style {
    Offset { parameter: Place, last: Option<Reach> },
    Page { parameter: Place, first: u64, pages: Option<Reach>, last: Option<Reach> },
    Cursor { parameter: Place, next: Reach },
    Link,
    Next { next: Reach, key: Option<&'static str> },
}

/// How many records are asked for at a time.
#[derive(Debug)]
pub(super) struct Size {
    pub(super) parameter: Place,
    pub(super) records: usize,
}

/// How changes are asked for.
#[derive(Debug)]
pub(super) struct Since {
    pub(super) parameter: Place,
    pub(super) form: Option<Form>,
    pub(super) text: String,
}

/// Where a page starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Start {
    /// At this number of page, or of record.
    Numbered(Numbered),
    /// At this word of the server's.
    Cursor(String),
    /// At this address.
    Address(String),
}

impl Default for Start {
    fn default() -> Self {
        Self::Numbered(Numbered::default())
    }
}

/// A request that is being put together.
struct Draft {
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
}

impl Draft {
    fn put(&mut self, place: &Place, value: Value) {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match place {
            Place::Query(name) => self.query.push((name.clone(), text())),
            Place::Header(name) => self.headers.push((name.clone(), text())),
            Place::Body(pointer) => {
                if let Some(body) = &mut self.body {
                    put(body, pointer, value);
                }
            }
        }
    }
}

/// Puts a value at a JSON pointer, making the objects on the way.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        if !place.is_object() {
            *place = Value::Object(serde_json::Map::new());
        }
        let Value::Object(fields) = place else { return };
        place = fields.entry(key).or_insert(Value::Null);
    }
    *place = value;
}

impl Interface {
    /// The stream of this name.
    pub(super) fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.spec.name == name)
    }

    /// Reads one page of `stream`.
    pub(super) async fn read(&self, api: &Api, stream: &Stream, request: ReadRequest<'_>) -> Result<Page> {
        let start: Start = paging::place(request.token)?;
        let draft = stream.draft(&start, request.since)?;
        let pairs = |list: &[(String, String)]| -> Vec<(String, String)> { list.to_vec() };
        let (query, headers) = (pairs(&draft.query), pairs(&draft.headers));
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let asking = Asking {
            headers: &headers,
            body: draft.body.as_ref(),
            post: stream.method == Method::Post,
            code: self.errors.code.as_ref().map(|path| path as &dyn crate::api::ErrorCode),
        };
        let answer = match &start {
            Start::Address(address) => api.ask_link(address, &asking).await.map_err(|error| stream.at_next(error)),
            _ => api.ask(&stream.path, &query, &asking).await,
        };
        match (answer, &start) {
            (Ok(answer), _) => self.page(stream, &answer, &start),
            (Err(error), Start::Numbered(numbered)) if numbered.is_behind_the_last(&error) => Ok(Page::default()),
            (Err(error), _) => Err(error),
        }
    }

    fn page(&self, stream: &Stream, answer: &Answer, start: &Start) -> Result<Page> {
        let body: Value = answer.json()?;
        if self.errors.when.as_ref().is_some_and(|when| when.holds(&body)) {
            let code = self.errors.code.as_ref().and_then(|path| crate::api::ErrorCode::of(path, &body));
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            let message = format!("{} tells of a failure in an answer of success{code}", stream.place());
            return Err(Error::new(ErrorKind::ServerError, message));
        }
        let found = stream.records.query(&body).all();
        let [Value::Array(records)] = found.as_slice() else {
            let message = format!("{}: the answer has no list at records ({})", stream.place(), stream.records_at);
            return Err(Error::new(ErrorKind::Malformed, message));
        };
        let records = records.clone();
        let Some(paging) = &stream.paging else { return Ok(Page { records, next: None, total: None }) };
        let total = paging.total.as_ref().and_then(|total| total.number(answer, &body));
        let next = paging.following(answer, &body, start, &records, total).map_err(|error| stream.at_next(error))?;
        Ok(Page { next: next.as_ref().map(paging::token).transpose()?, records, total })
    }
}

impl Stream {
    /// What it is called in messages: its place in the description.
    fn place(&self) -> String {
        format!("interface.{}", self.spec.name)
    }

    /// The same failure, with the place in the description that led to it, where it is about paging.
    fn at_next(&self, error: Error) -> Error {
        let Some(paging) = self.paging.as_ref().filter(|_| error.kind() == ErrorKind::Paging) else { return error };
        let place = match &paging.style {
            Style::Next { key: Some(key), .. } => format!("{}.{key}", paging.key),
            _ => paging.key.clone(),
        };
        error.at(&place)
    }

    fn draft(&self, start: &Start, since: Option<DateTime<Utc>>) -> Result<Draft> {
        let mut headers = Vec::with_capacity(self.headers.len());
        for (name, text) in &self.headers {
            let text = match text {
                HeaderText::Plain(text) | HeaderText::Secret(Secret::Resolved(text)) => text.clone(),
                HeaderText::Secret(_) => {
                    let message = format!("{}.headers.{name}: the secret has not been fetched", self.place());
                    return Err(Error::new(ErrorKind::Configuration, message));
                }
            };
            headers.push((name.clone(), text));
        }
        let mut draft = Draft { query: self.query.clone(), headers, body: self.body.clone() };
        if let (Some(since), Some(at)) = (&self.since, since) {
            let written = match &since.form {
                Some(form) => form.write(at),
                None => at.to_rfc3339_opts(SecondsFormat::Millis, true),
            };
            draft.put(&since.parameter, Value::String(since.text.replace("{since}", &written)));
        }
        let Some(paging) = &self.paging else { return Ok(draft) };
        if let Some(size) = &paging.size {
            draft.put(&size.parameter, size.records.into());
        }
        match (&paging.style, start) {
            (Style::Offset { parameter, .. }, Start::Numbered(numbered)) => draft.put(parameter, numbered.read.into()),
            (Style::Page { parameter, first, .. }, Start::Numbered(numbered)) => {
                draft.put(parameter, first.saturating_add(numbered.page - 1).into());
            }
            (Style::Cursor { parameter, .. }, Start::Cursor(cursor)) => {
                draft.put(parameter, Value::String(cursor.clone()));
            }
            _ => {}
        }
        Ok(draft)
    }
}

impl Paging {
    fn following(
        &self,
        answer: &Answer,
        body: &Value,
        start: &Start,
        records: &[Value],
        total: Option<u64>,
    ) -> Result<Option<Start>> {
        let next = match &self.style {
            Style::Offset { last, .. } => return self.numbered(answer, body, start, records, total, (None, last)),
            Style::Page { pages, last, .. } => {
                return self.numbered(answer, body, start, records, total, (pages.as_ref(), last));
            }
            Style::Cursor { next, .. } => next.text(answer, body).map(Start::Cursor),
            Style::Link => next_link(answer).map(|link| resolved(answer, &link)).transpose()?,
            Style::Next { next, .. } => next.text(answer, body).map(|link| resolved(answer, &link)).transpose()?,
        };
        // Some say of an empty last page that it is its own next one. With records on it that is a circle.
        Ok(next.filter(|next| !records.is_empty() || next != start))
    }

    fn numbered(
        &self,
        answer: &Answer,
        body: &Value,
        start: &Start,
        records: &[Value],
        total: Option<u64>,
        (pages, last): (Option<&Reach>, &Option<Reach>),
    ) -> Result<Option<Start>> {
        let Start::Numbered(numbered) = start else { return Ok(None) };
        let is_last = last.as_ref().and_then(|last| last.text(answer, body)?.to_ascii_lowercase().parse::<bool>().ok());
        let asked = self.size.as_ref().map_or(records.len(), |size| size.records);
        let more = is_last
            .map(|is_last| !is_last)
            .or_else(|| Some(numbered.page < pages?.number(answer, body)?))
            .or_else(|| {
                // Totals lie: behind a page that is full, one more is tried.
                let more = numbered.read + (records.len() as u64) < total?;
                (more || records.len() < asked).then_some(more)
            });
        Ok(numbered.following(records, asked, More::said(more))?.map(Start::Numbered))
    }
}

/// The address that `link` is, seen from the answer that gave it.
fn resolved(answer: &Answer, link: &str) -> Result<Start> {
    let address = answer.url.join(link);
    address
        .map(|address| Start::Address(address.into()))
        .map_err(|error| Error::new(ErrorKind::Paging, "the link to the next page is no address").because(error))
}

/// The target of the link whose relation is `next` (RFC 8288 section 3). A server may send several headers, each with
/// several links.
fn next_link(answer: &Answer) -> Option<String> {
    let headers = answer.headers.get_all("Link").iter().filter_map(|value| value.to_str().ok());
    for mut rest in headers {
        while let Some((target, behind)) = rest.split_once('<').and_then(|(_, link)| link.split_once('>')) {
            // Its parameters go as far as the next link: a comma, and `<`.
            let end = behind.find('<').unwrap_or(behind.len());
            let (parameters, further) = behind.split_at(end);
            if parameters.split(';').any(is_next) {
                return Some(target.trim().to_owned());
            }
            rest = further;
        }
    }
    None
}

/// Whether a link's parameter says that it leads to the next page.
fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let relations = value.trim().trim_end_matches(',').trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel")
        && relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
}
