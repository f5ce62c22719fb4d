//! Registering endpoints: what is refused, who may, what is kept.

use anyhow::Result;
use gateway::graphql::Caller;
use rstest::rstest;
use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use serde_json::{Value, json};
use tests::receiver::Receiver;
use tests::store::Backend;

use super::{COMMITMENT, NEED, SCOPES, Stage, caller, faults, settings};
use gateway::config::WebhookSettings;

fn input(url: &str, query: &str) -> Value {
    json!({ "url": url, "selections": [{ "event": "COMMITMENT_CHANGED", "query": query }] })
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_cannot_be_sent_to_or_answered_is_refused(#[case] backend: Backend) -> Result<()> {
    let strict = WebhookSettings { allow_http: false, private_networks: Vec::new(), ..settings() };
    let Some(stage) = Stage::with(backend, strict).await? else { return Ok(()) };
    let partner = stage.partner();
    let invalid = |field: &str| vec![(field.to_owned(), "INVALID".to_owned())];
    for url in [
        "http://partner.example/hooks",
        "https://127.0.0.1/hooks",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://0x7f000001/",
        "https://169.254.169.254/latest",
        "https://user:secret@partner.example/",
        "ftp://partner.example/",
        "partner.example",
        "",
    ] {
        let refused = stage.mutate(&partner, "createWebhookEndpoint", input(url, COMMITMENT)).await?;
        assert_eq!(faults(&refused), invalid("url"), "{url}: {refused}");
        assert_eq!((&refused["endpoint"], &refused["secret"]), (&json!(null), &json!(null)));
    }
    let deep = format!(
        "query ($id: ID!) {{ node(id: $id) {{ ... on Commitment {{ school {}{{ id }}{} }} }} }}",
        "{ board { schools { nodes ".repeat(9),
        "} } }".repeat(9)
    );
    for query in [
        "",
        "query ($id: ID!) {",
        "query ($id: ID!) { node(id: $id) { title } }",
        "query ($id: ID!) { nothing(id: $id) }",
        "{ schools { totalCount } }",
        "query ($id: ID!, $brin: String!) { node(id: $id) { id } school(brin: $brin) { id } }",
        "mutation ($id: ID!) { setNeedStatus(input: { id: $id, status: OPEN }) { userErrors { code } } }",
        "subscription ($id: ID!) { changes(after: $id) { cursor } }",
        &deep,
    ] {
        let refused = stage.mutate(&partner, "createWebhookEndpoint", input("https://partner.example/", query)).await?;
        assert_eq!(faults(&refused), invalid("selections.0.query"), "{query}: {refused}");
    }
    let twice = json!({ "url": "https://partner.example/", "selections": [
        { "event": "NEED_FITS", "query": NEED }, { "event": "NEED_FITS", "query": NEED },
    ] });
    for (wrong, field) in
        [(twice, "selections"), (json!({ "url": "https://partner.example/", "selections": [] }), "selections")]
    {
        let refused = stage.mutate(&partner, "createWebhookEndpoint", wrong).await?;
        assert_eq!(faults(&refused), invalid(field), "{refused}");
    }
    let made =
        stage.mutate(&partner, "createWebhookEndpoint", input("https://partner.example/hooks", COMMITMENT)).await?;
    assert_eq!(faults(&made), [], "{made}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn only_partners_register_and_only_so_many(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::with(backend, WebhookSettings { endpoints_per_partner: 2, ..settings() }).await? else {
        return Ok(());
    };
    let good = || input("https://partner.example/hooks", COMMITMENT);
    for organisation in ["board:90001", "municipality:GM0363", "operator", "partner:99999999", "nobody"] {
        let refused = stage.mutate(&caller(organisation, SCOPES), "createWebhookEndpoint", good()).await?;
        assert_eq!(faults(&refused), [(String::new(), "FORBIDDEN".to_owned())], "{organisation}");
    }
    let query = "mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { secret } }";
    let reading = caller("partner:90000001", "alliance:read webhooks:read");
    let refused = stage.ask(&reading, query, json!({ "input": good() })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    let refused = stage.ask(&Caller::default(), query, json!({ "input": good() })).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused}");
    // Many at once end with as many as there may be.
    let partner = stage.partner();
    let all = futures::future::join_all((0..8).map(|_| stage.mutate(&partner, "createWebhookEndpoint", good()))).await;
    let made = all.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(made.iter().filter(|made| faults(made).is_empty()).count(), 2, "{made:?}");
    assert!(made.iter().all(|made| faults(made).iter().all(|(_, code)| code == "TOO_MANY")), "{made:?}");
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_secret_is_shown_to_whoever_makes_it_and_lies_nowhere_in_the_clear(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let partner = Caller { idempotency_key: Some("k-1".to_owned()), ..stage.partner() };
    let good = || input("http://127.0.0.1:9/hooks?token=hush", COMMITMENT);
    let made = stage.mutate(&partner, "createWebhookEndpoint", good()).await?;
    let secret = made["secret"].as_str().unwrap_or_default().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{made}");
    // The same again, as of somebody who has lost the answer: the same answer, and one endpoint.
    assert_eq!(stage.mutate(&partner, "createWebhookEndpoint", good()).await?, made);
    assert_eq!(entity::webhook_endpoint::Entity::find().all(stage.db()).await?.len(), 1);
    let stored = entity::webhook_secret::Entity::find().all(stage.db()).await?;
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &secret["whsec_".len()..])?;
    assert_eq!(stored.len(), 1);
    assert!(!stored[0].sealed.windows(bytes.len()).any(|window| window == bytes));
    let backend = stage.db().get_database_backend();
    for sql in ["SELECT answer AS it FROM idempotency_key", "SELECT details AS it FROM audit_entry"] {
        let rows = stage.db().query_all_raw(Statement::from_string(backend, sql)).await?;
        assert!(!rows.is_empty(), "{sql}");
        for row in rows {
            let kept = row.try_get::<Value>("", "it")?.to_string();
            assert!(!kept.contains("whsec") && !kept.contains(&secret[6..]) && !kept.contains("hush"), "{kept}");
        }
    }
    Ok(())
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_endpoint_is_changed_and_taken_away_by_its_owner_alone(#[case] backend: Backend) -> Result<()> {
    let Some(stage) = Stage::set(backend).await? else { return Ok(()) };
    let receiver = Receiver::start().await?;
    let endpoint = stage.register(&stage.partner(), &receiver).await?;
    let other = caller("partner:90000002", SCOPES);
    for (mutation, field) in [
        ("updateWebhookEndpoint", "id"),
        ("rotateWebhookSecret", "id"),
        ("deleteWebhookEndpoint", "id"),
        ("replayWebhookDeliveries", "endpoint"),
    ] {
        let refused = stage.mutate(&other, mutation, json!({ field: endpoint.id })).await?;
        assert_eq!(faults(&refused), [(field.to_owned(), "NOT_FOUND".to_owned())], "{mutation}");
    }
    let partner = stage.partner();
    let update = |version: i32| json!({ "id": endpoint.id, "expectedVersion": version, "description": "Ons systeem" });
    let updated = stage.mutate(&partner, "updateWebhookEndpoint", update(1)).await?;
    assert_eq!((&updated["endpoint"]["version"], faults(&updated).len()), (&json!(2), 0), "{updated}");
    let stale = stage.mutate(&partner, "updateWebhookEndpoint", update(1)).await?;
    assert_eq!(faults(&stale), [("expectedVersion".to_owned(), "CONFLICT".to_owned())]);
    stage.write(vec![stage.need("unheard of")]).await?;
    stage.courier.plan().await?;
    let deleted = stage.mutate(&partner, "deleteWebhookEndpoint", json!({ "id": endpoint.id })).await?;
    assert_eq!(deleted["deletedId"], endpoint.id, "{deleted}");
    assert_eq!(stage.deliver().await?, 0);
    assert!(entity::webhook_delivery::Entity::find().one(stage.db()).await?.is_none());
    let entries = entity::audit_entry::Entity::find().all(stage.db()).await?;
    let told: Vec<_> = entries.iter().filter(|entry| entry.processing_activity == "webhooks:write").collect();
    // Made, changed and taken away, and five refusals.
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(told.iter().all(|entry| entry.client.as_deref() == Some("a-client")));
    Ok(())
}
