//! Documents by text, by hash and by name.

use async_graphql::{Response, value};
use tempfile::TempDir;

use super::*;

const TEXT: &str = "{ viewer { subject } }";
/// The SHA-256 of [`TEXT`].
fn hex() -> String {
    hash(TEXT).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn documents(limits: LimitSettings) -> Documents {
    let trusted = TrustedDocuments::read(&limits).unwrap();
    Documents::new(Arc::new(limits)).trusting(trusted)
}

fn persisted(text: &str, hash: &str) -> Request {
    let mut request = Request::new(text);
    request.extensions.insert("persistedQuery".to_owned(), value!({ "version": 1, "sha256Hash": hash }));
    request
}

fn named(text: &str, id: &str) -> Request {
    let mut request = Request::new(text);
    request.extensions.insert(DOCUMENT_ID.to_owned(), id.into());
    request
}

async fn code(documents: &Documents, request: &Request) -> Option<Code> {
    let found = documents.find(request).await;
    found.err().map(|refused| crate::error::code_of(&Response::from(refused).errors[0]).unwrap())
}

#[tokio::test]
async fn a_text_that_came_once_is_found_by_its_hash() {
    let documents = documents(LimitSettings::default());
    assert_eq!(code(&documents, &persisted("", &hex())).await, Some(Code::PersistedQueryNotFound));
    let other = persisted("{ viewer { client } }", &hex());
    assert_eq!(code(&documents, &other).await, Some(Code::PersistedQueryMismatch));
    assert_eq!(code(&documents, &persisted("", &hex())).await, Some(Code::PersistedQueryNotFound));
    assert_eq!(code(&documents, &persisted(TEXT, &hex())).await, None);
    assert_eq!(code(&documents, &persisted("", &hex())).await, None);
    assert_eq!(code(&documents, &named("", &format!("sha256:{}", hex()))).await, None);
    assert_eq!(code(&documents, &persisted("", "é")).await, Some(Code::PersistedQueryNotFound));
    let mut version = Request::new(TEXT);
    version.extensions.insert("persistedQuery".to_owned(), value!({ "version": 2, "sha256Hash": hex() }));
    assert_eq!(code(&documents, &version).await, Some(Code::BadRequest));
}

#[tokio::test]
async fn only_a_document_that_was_found_valid_is_kept() {
    let documents = documents(LimitSettings::default());
    let first = documents.find(&Request::new(TEXT)).await.unwrap();
    documents.keep(&first);
    let second = documents.find(&Request::new(TEXT)).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    second.is_found_valid();
    documents.keep(&second);
    assert!(Arc::ptr_eq(&second, &documents.find(&Request::new(TEXT)).await.unwrap()));
}

#[tokio::test]
async fn trusted_documents_come_as_relay_apollo_and_single_files_write_them() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("relay.json", r#"{"relay-1": "query R { viewer { subject } }"}"#);
    let apollo = r#"{"format": "apollo-persisted-query-manifest", "version": 1, "operations":
        [{"id": "apollo-1", "name": "A", "type": "query", "body": "query A { viewer { client } }"}]}"#;
    write("apollo.json", apollo);
    write("single.graphql", TEXT);
    write("notes.txt", "no document");
    let limits = LimitSettings {
        documents: config::Documents::Trusted,
        trusted_documents: Some(folder.path().to_owned()),
        ..LimitSettings::default()
    };
    let documents = documents(limits.clone());
    assert_eq!(documents.trusted.count(), 3);
    for id in ["relay-1", "apollo-1", "single"] {
        assert_eq!(code(&documents, &named("", id)).await, None, "{id}");
        assert_eq!(code(&documents, &persisted("", id)).await, None, "{id}");
        let swapped = named("{ viewer { scopes } }", id);
        assert_eq!(code(&documents, &swapped).await, Some(Code::PersistedQueryMismatch));
    }
    assert_eq!(code(&documents, &Request::new(TEXT)).await, None);
    let other = "{ viewer { scopes } }";
    assert_eq!(code(&documents, &Request::new(other)).await, Some(Code::DocumentNotTrusted));
    let hash: String = super::hash(other).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(code(&documents, &persisted(other, &hash)).await, Some(Code::DocumentNotTrusted));

    write("broken.graphql", "{ viewer {");
    let error = TrustedDocuments::read(&limits).unwrap_err();
    assert!(error.to_string().contains("the document `broken` is no GraphQL"), "{error}");
    write("broken.graphql", TEXT);
    write("relay.json", r#"{"broken": "{ viewer { subject } }"}"#);
    assert!(matches!(TrustedDocuments::read(&limits), Err(NotTrusted::Twice { .. })));
    write("relay.json", "[]");
    assert!(matches!(TrustedDocuments::read(&limits), Err(NotTrusted::Unknown(..))));
}

#[tokio::test]
async fn a_syntax_error_does_not_repeat_the_document() {
    let documents = documents(LimitSettings::default());
    let text = format!("{{ viewer {{ {} }}", "secret ".repeat(1000));
    let refused = documents.find(&Request::new(text)).await.err().unwrap();
    let error = &Response::from(refused).errors[0];
    assert!(error.message.starts_with("Syntax error: expected"), "{}", error.message);
    assert!(error.message.len() < 250 && !error.message.contains("secret"), "{}", error.message);
    assert_eq!(error.locations.len(), 1);
}

#[tokio::test]
async fn an_operation_is_the_only_one_or_the_named_one() {
    let documents = documents(LimitSettings::default());
    let text = "query A { viewer { subject } } query B { viewer { client } }";
    let document = documents.find(&Request::new(text)).await.unwrap();
    assert!(document.operation(Some("B")).is_ok());
    assert!(document.operation(Some("C")).is_err());
    assert!(document.operation(None).is_err());
    let single = documents.find(&Request::new(TEXT)).await.unwrap();
    assert!(single.operation(None).is_ok());
    assert!(single.operation(Some("A")).is_err());
}
