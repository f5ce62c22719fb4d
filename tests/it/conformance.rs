//! What holds for every connector: each entry of the registry is picked up by itself, with the pages of
//! `tests/fixtures/<system>/<stream>/`, which stand in the shape that its standard gives.

mod damage;
mod source;

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use axum::http::StatusCode;
use connectors::systems::SYSTEMS;
use connectors::{ErrorKind, Mapped, Record, Replication};
use serde_json::{Value, json};

use source::{Answer, cases};

#[test]
fn every_system_says_who_it_is_in_a_word_of_its_own() {
    let mut systems = HashSet::new();
    for entry in SYSTEMS {
        let manifest = entry.manifest;
        assert!(manifest.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", manifest.id);
        assert!(systems.insert(manifest.id), "{} stands twice", manifest.id);
        assert!(!manifest.standard.is_empty() && manifest.mapping_version > 0, "{}", manifest.id);
        let mut streams = HashSet::new();
        for stream in manifest.streams.iter() {
            assert!(streams.insert(stream.name), "{}: {} stands twice", manifest.id, stream.name);
            assert!(!stream.records.is_empty(), "{}: {} becomes nothing", manifest.id, stream.name);
        }
        assert!(!streams.is_empty(), "{} reads nothing", manifest.id);
    }
}

#[tokio::test]
async fn every_stream_is_read_to_its_end_and_becomes_what_it_declares() -> Result<()> {
    for case in cases()? {
        let mut external_ids = HashSet::new();
        let mut taken = Vec::new();
        for raw in case.records().await? {
            let mapped = case.map(&raw).map_err(|refused| anyhow::anyhow!("{case}: {refused:?}"))?;
            ensure!(case.map(&raw).as_ref() == Ok(&mapped), "{case}: the same record became something else");
            if let Mapped::Record { external_id, record, .. } = &mapped {
                ensure!(case.stream.records.contains(&record.record_type()), "{case}: {:?}", record.record_type());
                ensure!(!external_id.is_empty(), "{case}: no identifier");
                ensure!(
                    external_ids.insert((record.record_type(), external_id.clone())),
                    "{case}: {external_id} twice"
                );
            }
            taken.push(mapped);
        }
        ensure!(!external_ids.is_empty(), "{case}: no record of ours among its fixtures");
        insta::assert_debug_snapshot!(case.name(), taken);
    }
    Ok(())
}

#[tokio::test]
async fn what_changed_is_asked_for_only_where_the_stream_declares_it() -> Result<()> {
    for case in cases()?.into_iter().filter(|case| case.stream.replication == Replication::Since) {
        let asked = case.asked_for(Some("2026-11-01T08:00:00Z".parse()?)).await?;
        ensure!(asked.contains("2026-11-01"), "{case} asked for {asked}");
        let asked = case.asked_for(None).await?;
        ensure!(!asked.contains("2026-11-01"), "{case} asked for {asked}");
    }
    Ok(())
}

#[tokio::test]
async fn a_field_more_changes_nothing_and_an_identifier_may_be_a_number() -> Result<()> {
    for case in cases()? {
        for raw in case.records().await? {
            let expected = case.map(&raw);
            let mut richer = raw.clone();
            let fields = richer.as_object_mut().with_context(|| format!("{case}: a record is no object"))?;
            fields.insert("x-unheard-of".to_owned(), json!({"deep": [1, null, "two"]}));
            ensure!(case.map(&richer) == expected, "{case}: an unknown field changed the record");
            for key in ["id", "sourcedId"] {
                if raw.get(key).is_none() {
                    continue;
                }
                let with = |id: Value| {
                    let mut raw = raw.clone();
                    raw[key] = id;
                    case.map(&raw)
                };
                let (text, number) = (with(json!("4711")), with(json!(4711)));
                ensure!(text == number, "{case}: {key} as a number: {number:?}");
            }
        }
    }
    Ok(())
}

/// No record can be so wrong that it stops the others, is taken without an identifier, or fills the refusals.
#[tokio::test]
async fn a_damaged_record_is_taken_or_refused_with_reasons() -> Result<()> {
    for case in cases()? {
        let mut refused = 0;
        for raw in case.records().await? {
            for damaged in damage::every_way(&raw) {
                match case.map(&damaged) {
                    Ok(Mapped::Record { external_id, .. } | Mapped::Deleted { external_id, .. }) => {
                        ensure!(!external_id.trim().is_empty(), "{case}: taken without an identifier: {damaged}");
                    }
                    Ok(Mapped::Ignored(reason)) => ensure!(!reason.is_empty(), "{case}: ignored without a reason"),
                    Err(refusal) => {
                        refused += 1;
                        ensure!(!refusal.reasons.is_empty(), "{case}: refused without a reason: {damaged}");
                        for reason in &refusal.reasons {
                            ensure!(reason.chars().count() <= 400, "{case}: a reason of {} characters", reason.len());
                        }
                    }
                }
            }
        }
        ensure!(refused > 0, "{case}: nothing at all is refused");
    }
    Ok(())
}

#[tokio::test]
async fn a_status_of_failure_is_told_for_what_it_is() -> Result<()> {
    let statuses = [
        (StatusCode::UNAUTHORIZED, ErrorKind::Unauthorized),
        (StatusCode::FORBIDDEN, ErrorKind::Forbidden),
        (StatusCode::NOT_FOUND, ErrorKind::NotFound),
        (StatusCode::GONE, ErrorKind::NotFound),
        (StatusCode::TOO_MANY_REQUESTS, ErrorKind::RateLimited),
        (StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::ServerError),
        (StatusCode::BAD_GATEWAY, ErrorKind::ServerError),
        (StatusCode::SERVICE_UNAVAILABLE, ErrorKind::ServerError),
        (StatusCode::MOVED_PERMANENTLY, ErrorKind::UnexpectedStatus),
    ];
    for case in cases()? {
        for (status, kind) in statuses {
            let error = case.failure(Answer::Status(status)).await?;
            ensure!(error.kind() == kind, "{case}: {status} became {:?}: {error}", error.kind());
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_not_its_standards_is_malformed() -> Result<()> {
    let html = "<!doctype html><title>Inloggen</title><p>Log in om verder te gaan";
    for case in cases()? {
        let page = case.fixture()?;
        let mut answers = vec![html.as_bytes().to_vec(), Vec::new(), vec![0, 159, 146, 150, 255, 0, 1]];
        if case.is_json() {
            answers.extend([b"null".to_vec(), b"4711".to_vec(), br#""text""#.to_vec()]);
            answers.extend([1, page.len() / 2, page.trim_ascii_end().len() - 1].map(|end| page[..end].to_vec()));
        }
        for body in answers {
            let what = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let error = case.failure(Answer::Body(body)).await?;
            ensure!(error.kind() == ErrorKind::Malformed, "{case}: `{what}` became {:?}: {error}", error.kind());
        }
    }
    Ok(())
}

/// What each record is known by must not hang on which of its fixtures' forms it came in.
#[tokio::test]
async fn forms_of_one_standard_tell_of_a_record_alike() -> Result<()> {
    let mut known: Vec<(String, HashSet<String>)> = Vec::new();
    for case in cases()? {
        let mut ids = HashSet::new();
        for raw in case.records().await? {
            if let Ok(Mapped::Record { external_id, record, .. }) = case.map(&raw) {
                ensure!(!matches!(*record, Record::School(ref school) if school.brin.as_str().is_empty()), "{case}");
                ids.insert(external_id);
            }
        }
        let stream = format!("{}/{}", case.system, case.stream.name);
        match known.iter().find(|(name, _)| *name == stream) {
            Some((_, other)) => ensure!(*other == ids, "{case}: {other:?} and {ids:?}"),
            None => known.push((stream, ids)),
        }
    }
    Ok(())
}
