//! Entities that partners have told, kept as long as they allow (RFC 9111) or configuration says: the next query asks for
//! those alone that are not there. An entity is kept under all that decides what is told of it: whom it was asked of and
//! where, the document, its variables, the headers that went along, and the representation. What was told to a caller's own
//! token is never kept, nor is anything of an answer with errors. Only queries are told what is kept: a mutation and an
//! event are about what has just changed. What a mutation is sent to is somebody else from then on (`whom`).

use std::mem;
use std::time::Duration;

use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, Value, Variables};
use axum::http::{HeaderMap, header};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::execute::Told;
use super::plan::Batch;

/// However long a partner says that something may be kept, it is for so long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What decides what is told.
type Key = [u8; 32];

/// Entities that are kept, up to so many bytes.
pub(super) struct Entities(Cache<Key, Kept>);

#[derive(Clone)]
struct Kept {
    entity: Value,
    until: Instant,
}

/// Entities that one request asks for, each known or to be asked.
pub(super) struct Wanted<'a> {
    entities: &'a Entities,
    batches: Vec<OfBatch>,
}

struct OfBatch {
    /// Its key in the answer.
    key: Name,
    slots: Vec<Slot>,
}

enum Slot {
    Known(Value),
    Asked(Key),
}

impl Entities {
    /// Keeps so many bytes. 0: nothing.
    pub(super) fn new(bytes: u64) -> Self {
        let weight = |key: &Key, kept: &Kept| {
            let size = mem::size_of_val(key) + mem::size_of::<Kept>() + size(&kept.entity);
            u32::try_from(size).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().weigher(weight).max_capacity(bytes).build())
    }

    /// Takes out of the variables what is known, if that `is_looked_for`. `whom` tells apart who is asked, where and for
    /// what; `headers` go along.
    pub(super) fn want(
        &self,
        whom: &[&str],
        headers: &HeaderMap,
        batches: &[Batch],
        variables: &mut Variables,
        is_looked_for: bool,
    ) -> Wanted<'_> {
        let mut digest = Sha256::new();
        whom.iter().for_each(|part| hash(&mut digest, part.as_bytes()));
        for (name, value) in headers {
            hash(&mut digest, name.as_str().as_bytes());
            hash(&mut digest, value.as_bytes());
        }
        for (name, value) in variables.iter().filter(|(name, _)| batches.iter().all(|batch| batch.variable != **name)) {
            hash(&mut digest, name.as_bytes());
            hash(&mut digest, value.to_string().as_bytes());
        }
        let now = Instant::now();
        let of_batch = |batch: &Batch| {
            let mut slots = Vec::new();
            if let Some(Value::List(representations)) = variables.get_mut(&batch.variable) {
                representations.retain(|representation| {
                    let mut digest = digest.clone();
                    hash(&mut digest, batch.key.as_bytes());
                    hash(&mut digest, representation.to_string().as_bytes());
                    let key = digest.finalize().into();
                    let kept = is_looked_for.then(|| self.0.get(&key)).flatten().filter(|kept| kept.until > now);
                    let is_asked = kept.is_none();
                    slots.push(kept.map_or(Slot::Asked(key), |kept| Slot::Known(kept.entity)));
                    is_asked
                });
            }
            OfBatch { key: batch.key.clone(), slots }
        };
        Wanted { entities: self, batches: batches.iter().map(of_batch).collect() }
    }
}

impl Wanted<'_> {
    /// Whether nobody need be asked.
    pub(super) fn is_known(&self) -> bool {
        self.batches.iter().flat_map(|batch| &batch.slots).all(|slot| matches!(slot, Slot::Known(_)))
    }

    /// All that was wanted, with what was told of those that were asked; keeps that where it may be.
    pub(super) fn with(self, told: Told) -> Told {
        let Told { data, mut errors, kept_for } = told;
        let mut answers = match data {
            Value::Object(answers) => answers,
            _ => IndexMap::new(),
        };
        let until = kept_for.filter(|_| errors.is_empty()).map(|time| Instant::now() + time);
        let mut whole = IndexMap::new();
        for OfBatch { key, slots } in self.batches {
            // An error about one of those that were asked is about its place among all.
            let asked: Vec<usize> = slots
                .iter()
                .enumerate()
                .filter_map(|(index, slot)| matches!(slot, Slot::Asked(_)).then_some(index))
                .collect();
            for error in &mut errors {
                if let [PathSegment::Field(field), PathSegment::Index(index), ..] = error.path.as_mut_slice()
                    && key == *field
                    && let Some(place) = asked.get(*index)
                {
                    *index = *place;
                }
            }
            let mut entities = match answers.swap_remove(&key) {
                // More or fewer than were asked for are nobody's.
                Some(Value::List(entities)) if entities.len() == asked.len() => entities.into_iter(),
                _ => Vec::new().into_iter(),
            };
            let entity = |slot| match slot {
                Slot::Known(entity) => entity,
                Slot::Asked(key) => {
                    let entity = entities.next();
                    if let (Some(until), Some(entity)) = (until, &entity) {
                        self.entities.0.insert(key, Kept { entity: entity.clone(), until });
                    }
                    entity.unwrap_or_default()
                }
            };
            whole.insert(key, Value::List(slots.into_iter().map(entity).collect()));
        }
        Told { data: Value::Object(whole), errors, kept_for: None }
    }
}

/// How long an answer may be told to others, by its headers, or for `set` where they say nothing of it. `None`: not at all.
pub(super) fn kept_for(headers: &HeaderMap, set: Option<Duration>) -> Option<Duration> {
    let texts = headers.get_all(header::CACHE_CONTROL).iter().map(|value| value.to_str().unwrap_or("no-store"));
    let (mut shared, mut own) = (None, None);
    for directive in texts.flat_map(|text| text.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        // What cannot be read is a time that is over (section 4.2.1).
        let seconds = || Some(value.trim().trim_matches('"').parse::<u64>().unwrap_or_default());
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" | "private" => return None,
            "s-maxage" => shared = shared.or_else(seconds),
            "max-age" => own = own.or_else(seconds),
            _ => {}
        }
    }
    let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
    let told = shared.or(own).map(|seconds| Duration::from_secs(seconds).saturating_sub(age.unwrap_or_default()));
    told.or(set).filter(|time| !time.is_zero()).map(|time| time.min(LONGEST))
}

fn hash(digest: &mut Sha256, part: &[u8]) {
    digest.update(part.len().to_le_bytes());
    digest.update(part);
}

/// What a value takes up, in bytes.
fn size(value: &Value) -> usize {
    mem::size_of::<Value>()
        + match value {
            Value::String(text) => text.capacity(),
            Value::Enum(name) => name.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(values) => values.iter().map(size).sum(),
            // A name is shared text with two counts; the map has a hash and an index for each.
            Value::Object(object) => object.iter().map(|(name, value)| 64 + name.len() + size(value)).sum(),
            Value::Null | Value::Number(_) | Value::Boolean(_) => 0,
        }
}

#[cfg(test)]
mod tests {
    use async_graphql::{ServerError, value};
    use axum::http::HeaderValue;

    use super::*;

    fn batch() -> Batch {
        let (key, variable) = (Name::new("_entities"), Name::new("representations"));
        Batch { key, variable, paths: Vec::new(), requires: Vec::new(), before: Vec::new(), after: Vec::new() }
    }

    fn variables(ids: &[i32]) -> Variables {
        let representations = ids.iter().map(|id| value!({ "id": *id })).collect();
        let mut variables = Variables::default();
        variables.insert(Name::new("representations"), Value::List(representations));
        variables
    }

    fn told(ids: &[i32], kept_for: Option<Duration>) -> Told {
        let entities = ids.iter().map(|id| value!({ "told": *id })).collect();
        let mut data = IndexMap::new();
        data.insert(Name::new("_entities"), Value::List(entities));
        Told { data: Value::Object(data), errors: Vec::new(), kept_for }
    }

    #[test]
    fn what_is_known_is_not_asked_again_and_stands_at_its_place() {
        let (entities, nothing, minute) = (Entities::new(100_000), HeaderMap::new(), Some(Duration::from_secs(60)));
        let want = |whom: &str, headers: &HeaderMap, ids: &[i32]| {
            let mut variables = variables(ids);
            let wanted = entities.want(&[whom], headers, &[batch()], &mut variables, true);
            (wanted, variables["representations"].to_string())
        };
        let (wanted, asked) = want("a", &nothing, &[1, 3]);
        assert_eq!(asked, "[{id: 1}, {id: 3}]");
        wanted.with(told(&[1, 3], minute));
        let (wanted, asked) = want("a", &nothing, &[1, 2, 3, 4]);
        assert_eq!((asked.as_str(), wanted.is_known()), ("[{id: 2}, {id: 4}]", false));
        let error = |index| ServerError {
            path: vec![PathSegment::Field("_entities".to_owned()), PathSegment::Index(index)],
            ..ServerError::new("", None)
        };
        let whole = wanted.with(Told { errors: vec![error(1)], ..told(&[2, 4], minute) });
        assert_eq!((whole.data, whole.errors[0].path.clone()), (told(&[1, 2, 3, 4], None).data, error(3).path));
        // Of an answer with errors nothing is kept; of one that failed what is known stays.
        let (wanted, asked) = want("a", &nothing, &[2, 3]);
        assert_eq!(asked, "[{id: 2}]");
        assert_eq!(wanted.with(Told::default()).data, value!({ "_entities": [null, { "told": 3 }] }));
        let (wanted, _) = want("a", &nothing, &[3, 1]);
        assert!(wanted.is_known());
        assert_eq!(wanted.with(Told::default()).data, told(&[3, 1], None).data);
        // Elsewhere, or with other headers, it is something else.
        let tenant = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("t"))]);
        assert!(!want("b", &nothing, &[1]).0.is_known() && !want("a", &tenant, &[1]).0.is_known());
        // What is more or less than what was asked for is nobody's.
        let (wanted, _) = want("a", &nothing, &[5, 6]);
        assert_eq!(wanted.with(told(&[5], minute)).data, value!({ "_entities": [null, null] }));
        assert!(!want("a", &nothing, &[5]).0.is_known());
        let none = Entities::new(0);
        none.want(&[], &nothing, &[batch()], &mut variables(&[1]), true).with(told(&[1], minute));
        assert!(!none.want(&[], &nothing, &[batch()], &mut variables(&[1]), true).is_known());
    }

    #[test]
    fn a_partner_says_how_long_its_answer_is_good() {
        let set = Some(Duration::from_secs(9));
        for (text, age, expected) in [
            (None, None, Some(9)),
            (Some("public"), None, Some(9)),
            (Some("max-age=60"), None, Some(60)),
            (Some("Max-Age=60, S-MaxAge=30"), None, Some(30)),
            (Some("max-age=60"), Some("50"), Some(10)),
            (Some("max-age=60"), Some("70"), None),
            (Some("max-age=\"60\""), None, Some(60)),
            (Some("max-age=0"), None, None),
            (Some("max-age=x"), None, None),
            (Some("max-age=99999999999"), None, Some(86_400)),
            (Some("no-store"), None, None),
            (Some("private, max-age=60"), None, None),
            (Some("max-age=60, No-Cache"), None, None),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::CACHE_CONTROL, text), (header::AGE, age)] {
                headers.extend(value.map(|value| (name, HeaderValue::from_static(value))));
            }
            assert_eq!(kept_for(&headers, set), expected.map(Duration::from_secs), "{text:?} {age:?}");
        }
        assert_eq!(kept_for(&HeaderMap::new(), None), None);
    }
}
