//! Documents by their hash and by their name, over HTTP, and shared through Redis.

use anyhow::Result;
use entity::Clock;
use gateway::config::{Documents, LimitSettings, RedisSettings, Settings};
use gateway::graphql::{Graph, TrustedDocuments};
use gateway::shared::Shared;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::gateway::{TestGateway, client};
use tests::hub::TestHub;
use tests::redis;
use tests::store::Backend;

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn sharing(hub: &TestHub, redis: &RedisSettings) -> Result<TestGateway> {
    let settings = Settings::default();
    let (db, shared) = (&hub.store.db, Shared::open(redis)?);
    let graph = |feed| Graph::new(db.clone(), Clock::system(), feed, &settings.limits).sharing(shared);
    TestGateway::within(db, &settings, graph).await
}

#[tokio::test]
async fn a_document_that_one_gateway_was_told_is_known_to_all() -> Result<()> {
    let Some(redis) = redis() else { return Ok(()) };
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let (one, other) = (sharing(&hub, &redis).await?, sharing(&hub, &redis).await?);
    // A text of its own for each run, for Redis remembers.
    let text = format!("query Q{} {{ viewer {{ isAuthenticated }} }}", uuid::Uuid::now_v7().simple());
    let by_hash = json!({ "extensions": persisted(&sha256(&text)) });
    for gateway in [&one, &other] {
        let (status, answer) = gateway.ask(&by_hash).await?;
        assert_eq!((status, &answer["errors"][0]["message"]), (400, &json!("PersistedQueryNotFound")));
    }
    let wrong = json!({ "query": "{ viewer { subject } }", "extensions": persisted(&sha256(&text)) });
    assert_eq!(one.ask(&wrong).await?.1["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_MISMATCH");
    let (status, _) = one.ask(&json!({ "query": text, "extensions": persisted(&sha256(&text)) })).await?;
    assert_eq!(status, 200);
    for gateway in [&one, &other] {
        let (status, answer) = gateway.ask(&by_hash).await?;
        assert_eq!((status, &answer["data"]["viewer"]["isAuthenticated"]), (200, &json!(false)), "{answer}");
        let (status, _) = gateway.ask(&json!({ "documentId": format!("sha256:{}", sha256(&text)) })).await?;
        assert_eq!(status, 200);
    }
    let address = format!("{}?documentId=sha256:{}", one.url("/graphql"), sha256(&text));
    assert_eq!(client().get(address).send().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn where_only_trusted_documents_are_executed_no_other_is() -> Result<()> {
    let Some(hub) = TestHub::start(Backend::Sqlite).await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let text = "query ($n: Int!) { schools(first: $n) { totalCount } }";
    std::fs::write(folder.path().join("relay.json"), json!({ "schools": text }).to_string())?;
    let limits = LimitSettings {
        documents: Documents::Trusted,
        trusted_documents: Some(folder.path().to_owned()),
        ..LimitSettings::default()
    };
    let trusted = TrustedDocuments::read(&limits)?;
    let (db, settings) = (&hub.store.db, Settings { limits, ..Settings::default() });
    let graph = |feed| Graph::new(db.clone(), Clock::system(), feed, &settings.limits).trusting(trusted);
    let gateway = TestGateway::within(db, &settings, graph).await?;
    let variables = json!({ "n": 1 });
    for request in [
        json!({ "documentId": "schools", "variables": variables }),
        json!({ "extensions": persisted("schools"), "variables": variables }),
        json!({ "query": text, "variables": variables }),
    ] {
        let (status, answer) = gateway.ask(&request).await?;
        assert_eq!((status, answer.get("errors")), (200, None), "{request}");
    }
    let other = "{ schools { totalCount } }";
    for request in [
        json!({ "query": other }),
        json!({ "query": "{ __typename }" }),
        json!({ "query": other, "extensions": persisted(&sha256(other)) }),
        json!({ "documentId": "others" }),
    ] {
        let (status, answer) = gateway.ask(&request).await?;
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (403, &json!("DOCUMENT_NOT_TRUSTED")));
    }
    // What is trusted still keeps to the limits, and its variables to their types.
    let (_, answer) = gateway.ask(&json!({ "documentId": "schools", "variables": { "n": "x" } })).await?;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    Ok(())
}
