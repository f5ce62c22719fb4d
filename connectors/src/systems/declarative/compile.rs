//! A description, checked as a whole: everything that is wrong with it is told at once, each with its key.

use std::collections::BTreeMap;

use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::interface::{Errors, Interface, Paging, Since, Size, Stream, Style};
use super::mistakes::{Mistake, Mistakes};
use super::reach::{Condition, Reach};
use super::rule::Form;
use super::rules::{self, rule_for};
use super::target::{Takes, Target};
use crate::connector::{Replication, StreamSpec};
use crate::settings::{
    HeaderText, InterfaceSettings, PagingSettings, PagingStyle, Place, SinceSettings, Source, StreamSettings,
};

/// Headers that are the client's own, or hold what is never written in a configuration.
const NOT_TO_SET: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "accept-encoding",
];
/// No more records are asked for at a time.
const LARGEST_PAGE: u32 = 10_000;

/// The description, ready for use, as far as nothing is wrong with it.
pub(super) fn compile(settings: &InterfaceSettings, found: &mut Vec<Mistake>) -> Interface {
    let mut mistakes = Mistakes::of("interface", found);
    headers(&settings.headers, &mut mistakes.below("headers"));
    let errors = {
        let mut mistakes = mistakes.below("error");
        Errors {
            code: settings.error.code.as_ref().and_then(|text| mistakes.below("code").json_path(text)),
            when: settings.error.when.as_ref().and_then(|when| Condition::compile(when, &mut mistakes.below("when"))),
        }
    };
    let mut streams = Vec::new();
    for (name, described) in settings.streams() {
        let compiled = Target::of(name).and_then(|target| stream(target, described, &mut mistakes.below(name)));
        streams.extend(compiled.map(|mut stream| {
            let interface = settings.headers.iter().filter(|(name, _)| !described.headers.contains_key(*name));
            stream.headers.extend(interface.map(|(name, text)| (name.clone(), text.clone())));
            stream
        }));
    }
    if settings.streams().next().is_none() {
        mistakes.note("describes no records: add a table for a kind of them, as [source.interface.offers]");
    }
    Interface { errors, streams }
}

fn headers(headers: &BTreeMap<String, HeaderText>, mistakes: &mut Mistakes<'_>) {
    for (name, text) in headers {
        let mut mistakes = mistakes.below(name.clone());
        header_name(name, &mut mistakes);
        if let HeaderText::Plain(text) = text
            && HeaderValue::from_str(text).is_err()
        {
            mistakes.note("holds what no header may hold");
        }
    }
}

fn header_name(name: &str, mistakes: &mut Mistakes<'_>) {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        mistakes.note("is no name of a header");
    }
    if NOT_TO_SET.contains(&name.to_ascii_lowercase().as_str()) {
        mistakes.note("is not for a description to set: tokens come from [source.oauth], the rest from the client");
    }
}

fn stream(target: &'static Target, settings: &StreamSettings, mistakes: &mut Mistakes<'_>) -> Option<Stream> {
    path(&settings.path, &mut mistakes.below("path"));
    headers(&settings.headers, &mut mistakes.below("headers"));
    if settings.body.is_some() && settings.method == crate::settings::Method::Get {
        mistakes.below("body").note("is sent with method = \"POST\" only");
    }
    let has_body = settings.body.is_some();
    let records = mistakes.below("records").json_path(&settings.records);
    let paging = settings.paging.as_ref().map(|paging| compile_paging(paging, has_body, &mut mistakes.below("paging")));
    let since = settings.since.as_ref().map(|since| compile_since(since, has_body, &mut mistakes.below("since")));
    let id = rule_for(&settings.id, Takes::Text, &mut mistakes.below("id"));
    let modified_at = settings.modified_at.as_ref();
    let modified_at = modified_at.map(|rule| rule_for(rule, Takes::Instant, &mut mistakes.below("modified_at")));
    if since.is_some() && modified_at.is_none() {
        mistakes
            .below("since")
            .note("needs `modified_at`: what changed is asked for since the last change that was seen");
    }
    let only = settings.only.as_ref().map(|only| Condition::compile(only, &mut mistakes.below("only")));
    let deleted = settings.deleted.as_ref().map(|deleted| Condition::compile(deleted, &mut mistakes.below("deleted")));
    let fields = rules::fields(target, &settings.fields, &mut mistakes.below("fields"));
    let replication = if since.is_some() { Replication::Since } else { Replication::Full };
    Some(Stream {
        target,
        spec: StreamSpec { replication, optional: settings.optional, ..target.stream },
        path: settings.path.clone(),
        method: settings.method,
        query: settings.query.clone().into_iter().collect(),
        headers: settings.headers.clone().into_iter().collect(),
        body: settings.body.clone(),
        records: records?,
        records_at: settings.records.clone(),
        paging: transposed(paging)?,
        since: transposed(since)?,
        id: id?,
        modified_at: transposed(modified_at)?,
        only: transposed(only)?,
        deleted: transposed(deleted)?,
        fields,
    })
}

/// `None` where something is wrong; `Some(None)` where nothing is said.
fn transposed<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn path(path: &str, mistakes: &mut Mistakes<'_>) {
    if path.contains("://") || path.starts_with("//") {
        mistakes.note("expected a path below `base_url`, not an address: the token goes nowhere else");
    } else if path.contains(['?', '#']) {
        mistakes.note("expected a path alone: put parameters into `query`");
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        mistakes.note("expected a path below `base_url`, without `.` and `..`");
    }
}

fn place(place: &Place, has_body: bool, mistakes: &mut Mistakes<'_>) {
    match place {
        Place::Query(name) if name.is_empty() => mistakes.note("expected the name of a query parameter"),
        Place::Query(_) => {}
        Place::Header(name) => header_name(name, mistakes),
        Place::Body(_) if !has_body => mistakes.note("there is no `body` that it could stand in"),
        Place::Body(pointer) if !pointer.starts_with('/') => {
            mistakes.note("expected a JSON pointer (RFC 6901), as /variables/after");
        }
        Place::Body(_) => {}
    }
}

fn compile_since(settings: &SinceSettings, has_body: bool, mistakes: &mut Mistakes<'_>) -> Option<Since> {
    place(&settings.parameter, has_body, &mut mistakes.below("parameter"));
    let text = settings.text.clone().unwrap_or_else(|| "{since}".to_owned());
    if !text.contains("{since}") {
        mistakes.below("text").note("has no {since}, where the instant would go");
    }
    let form = match &settings.format {
        None => None,
        Some(format) => Some(form(format, &mut mistakes.below("format"))?),
    };
    Some(Since { parameter: settings.parameter.clone(), form, text })
}

/// The form of dates and instants that `text` names.
pub(super) fn form(text: &str, mistakes: &mut Mistakes<'_>) -> Option<Form> {
    let form = Form::parse(text);
    if form.is_none() {
        mistakes.note("is no form of a date: expected one as %d-%m-%Y, or unix, or unix_ms");
    }
    form
}

fn compile_paging(settings: &PagingSettings, has_body: bool, mistakes: &mut Mistakes<'_>) -> Option<Paging> {
    use PagingStyle::{Cursor, Hal, Link, NextUrl, Offset, Page};
    let by = settings.by;
    let numbered = matches!(by, Offset | Page);
    let given = [
        ("parameter", settings.parameter.is_some(), matches!(by, Offset | Page | Cursor), numbered || by == Cursor),
        ("next", settings.next.is_some(), matches!(by, Cursor | NextUrl), matches!(by, Cursor | NextUrl)),
        ("first", settings.first.is_some(), by == Page, false),
        ("pages", settings.pages.is_some(), by == Page, false),
        ("last", settings.last.is_some(), numbered, false),
    ];
    let mut whole = true;
    for (key, is_given, is_known, is_needed) in given {
        if is_given && !is_known {
            mistakes.below(key).note(format!("has no meaning where pages go by {}: remove it", word(by)));
            whole = false;
        } else if is_needed && !is_given {
            mistakes.below(key).note(format!("is missing: pages that go by {} need it", word(by)));
            whole = false;
        }
    }
    if let Some(parameter) = &settings.parameter {
        place(parameter, has_body, &mut mistakes.below("parameter"));
    }
    let size = settings.size.as_ref().map(|size| {
        let mut mistakes = mistakes.below("size");
        place(&size.parameter, has_body, &mut mistakes.below("parameter"));
        if !(1..=LARGEST_PAGE).contains(&size.records) {
            mistakes.below("records").note(format!("must be from 1 to {LARGEST_PAGE}"));
        }
        Size { parameter: size.parameter.clone(), records: size.records as usize }
    });
    let mut reach = |key: &str, source: &Option<Source>| -> Option<Option<Reach>> {
        transposed(source.as_ref().map(|source| mistakes.below(key).source(source)))
    };
    let (next, total) = (reach("next", &settings.next), reach("total", &settings.total));
    let (pages, last) = (reach("pages", &settings.pages), reach("last", &settings.last));
    let (next, total, pages, last) = (next?, total?, pages?, last?);
    let parameter = settings.parameter.clone();
    let style = match by {
        _ if !whole => return None,
        Offset => Style::Offset { parameter: parameter?, last },
        Page => Style::Page { parameter: parameter?, first: settings.first.unwrap_or(1), pages, last },
        Cursor => Style::Cursor { parameter: parameter?, next: next? },
        Link => Style::Link,
        Hal => Style::Next { next: Reach::Body(mistakes.json_path("$._links.next.href")?), key: None },
        NextUrl => Style::Next { next: next?, key: Some("next") },
    };
    Some(Paging { style, size, total, key: mistakes.key() })
}

fn word(style: PagingStyle) -> &'static str {
    match style {
        PagingStyle::Offset => "offset",
        PagingStyle::Page => "page",
        PagingStyle::Cursor => "cursor",
        PagingStyle::Link => "link",
        PagingStyle::Hal => "hal",
        PagingStyle::NextUrl => "next_url",
    }
}

/// A constant's values: those of a list, or the one.
pub(super) fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    }
}
