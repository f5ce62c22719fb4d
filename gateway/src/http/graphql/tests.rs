//! GraphQL over HTTP, against a schema of two fields.

use async_graphql::{Data, EmptySubscription, Executor, Object, Response as GraphqlResponse, Schema};
use axum::body::{Body, to_bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Request as HttpRequest};
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::config::SubscriptionSettings;
use crate::graphql::Gate;

struct Query;

#[Object]
impl Query {
    async fn echo(&self, text: String) -> String {
        text
    }

    async fn fails(&self) -> async_graphql::Result<String> {
        Err("it failed".into())
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn change(&self) -> bool {
        true
    }
}

/// The schema, behind the gate that the hub's own stands behind.
#[derive(Clone)]
struct Gated(Schema<Query, Mutation, EmptySubscription>, Gate);

impl Answering for Gated {}

impl Executor for Gated {
    async fn execute(&self, request: Request) -> GraphqlResponse {
        match self.1.admit(&Caller::of(&request), request).await {
            Ok(admitted) => self.0.execute(admitted.request).await,
            Err(refused) => refused.into(),
        }
    }

    fn execute_stream(&self, _: Request, _: Option<Arc<Data>>) -> BoxStream<'static, GraphqlResponse> {
        // Nothing is streamed here.
        Box::pin(futures::stream::empty())
    }
}

const JSON: &str = "application/json; charset=utf-8";
const GRAPHQL: &str = "application/graphql-response+json; charset=utf-8";

/// Status, content type and body of an answer.
async fn send(request: HttpRequest<Body>) -> (u16, String, Value) {
    send_to(Intake { variables_bytes: 100, ..Intake::default() }, request).await
}

async fn send_to(intake: Intake, request: HttpRequest<Body>) -> (u16, String, Value) {
    let schema = Schema::build(Query, Mutation, EmptySubscription).finish();
    let gate = Gate::of(&schema.sdl(), LimitSettings::default());
    let streams = Streams::new(&SubscriptionSettings::default(), 1000, CancellationToken::new());
    let router = routes(Gated(schema, gate), &streams, anybody(), intake).layer(DefaultBodyLimit::max(1000));
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, content_type, serde_json::from_slice(&body).unwrap())
}

async fn post(accept: &str, body: impl Into<String>) -> (u16, String, Value) {
    let request = HttpRequest::post("/graphql").header("content-type", "application/json").header("accept", accept);
    send(request.body(Body::from(body.into())).unwrap()).await
}

async fn fetch(query: &str) -> (u16, String, Value) {
    send(HttpRequest::get(format!("/graphql?{query}")).body(Body::empty()).unwrap()).await
}

fn message(body: &Value) -> &str {
    body["errors"][0]["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_query_is_answered_in_the_media_type_that_was_asked_for() {
    let body = json!({ "query": "query($t: String!) { echo(text: $t) }", "variables": { "t": "hi" } }).to_string();
    let expected = json!({ "data": { "echo": "hi" } });
    assert_eq!(post("*/*", body.clone()).await, (200, JSON.to_owned(), expected.clone()));
    assert_eq!(post("application/graphql-response+json", body).await, (200, GRAPHQL.to_owned(), expected.clone()));
    assert_eq!(fetch("query=%7Becho(text:%22hi%22)%7D").await, (200, JSON.to_owned(), expected.clone()));
    let with_variables = "query=query($t:String!)%7Becho(text:$t)%7D&variables=%7B%22t%22:%22hi%22%7D";
    assert_eq!(fetch(with_variables).await, (200, JSON.to_owned(), expected));
}

#[tokio::test]
async fn what_cannot_be_executed_has_no_data() {
    let body = json!({ "query": "{ nothing }" }).to_string();
    let (status, _, answer) = post("application/graphql-response+json", body.clone()).await;
    assert_eq!(status, 400);
    assert!(answer.get("data").is_none(), "{answer}");
    let (status, _, answer) = post("application/json", body).await;
    assert_eq!(status, 200);
    assert!(answer.get("data").is_none(), "{answer}");
    assert!(message(&answer).contains("Unknown field"));
}

#[tokio::test]
async fn what_failed_while_it_was_executed_has_null_data() {
    let (status, _, answer) = post("application/graphql-response+json", r#"{"query":"{ fails }"}"#).await;
    assert_eq!(status, 200);
    assert_eq!(answer.get("data"), Some(&Value::Null));
    assert_eq!(answer["errors"][0]["path"], json!(["fails"]));
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_a_reason() {
    for (body, expected) in [
        ("", "The body is empty. Send a JSON object with `query`."),
        ("{\"query\": ", "The body is not JSON: see line 1, column 10."),
        ("[]", "Batches are not taken. Send one request at a time."),
        ("1", "The body must be a JSON object with `query`."),
        ("{}", "`query` is missing."),
        (r#"{"query": null}"#, "`query` is missing."),
        (r#"{"query": 1}"#, "`query` must be a string."),
        (r#"{"query": "{a}", "operationName": 1}"#, "`operationName` must be a string."),
        (r#"{"query": "{a}", "variables": []}"#, "`variables` must be a JSON object."),
        (r#"{"query": "{a}", "extensions": "x"}"#, "`extensions` must be a JSON object."),
    ] {
        let (status, content_type, answer) = post("*/*", body).await;
        assert_eq!((status, content_type.as_str(), message(&answer)), (400, JSON, expected), "{body}");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    }
    for (query, expected) in [
        ("", "`query` is missing."),
        ("query=%7Ba%7D&variables=x", "`variables` must be a JSON object."),
        ("query=%7Ba%7D&query=%7Bb%7D", "`query` is given twice."),
    ] {
        let (status, _, answer) = fetch(query).await;
        assert_eq!((status, message(&answer)), (400, expected), "{query}");
    }
}

#[tokio::test]
async fn only_json_in_utf8_is_read() {
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"] {
        let request = HttpRequest::post("/graphql").header("content-type", content_type);
        let (status, ..) = send(request.body(Body::from(r#"{"query":"{a}"}"#)).unwrap()).await;
        assert_eq!(status, 415, "{content_type}");
    }
    let (status, ..) = send(HttpRequest::post("/graphql").body(Body::from("{}")).unwrap()).await;
    assert_eq!(status, 415);
}

#[tokio::test]
async fn a_long_body_is_refused() {
    let (status, content_type, answer) = post("application/graphql-response+json", "x".repeat(1001)).await;
    assert_eq!((status, content_type.as_str()), (413, GRAPHQL));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "PAYLOAD_TOO_LARGE");
}

#[tokio::test]
async fn get_changes_nothing() {
    let (status, _, answer) = fetch("query=mutation%7Bchange%7D").await;
    assert_eq!((status, answer["errors"][0]["extensions"]["code"].as_str()), (405, Some("METHOD_NOT_ALLOWED")));
    let hash = "extensions=%7B%22persistedQuery%22:1%7D&query=mutation%7Bchange%7D";
    assert_eq!(fetch(hash).await.0, 405);
    let both = "query=query+A%7Becho(text:%22%22)%7Dmutation+B%7Bchange%7D&operationName=";
    assert_eq!(fetch(&format!("{both}B")).await.0, 405);
    assert_eq!(fetch(&format!("{both}A")).await.0, 200);
    assert_eq!(post("*/*", r#"{"query":"mutation { change }"}"#).await.2, json!({ "data": { "change": true } }));
}

#[tokio::test]
async fn other_methods_and_media_types_are_refused() {
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = HttpRequest::builder().method(method).uri("/graphql").body(Body::empty()).unwrap();
        assert_eq!(send(request).await.0, 405);
    }
    assert_eq!(post("text/html", r#"{"query":"{a}"}"#).await.0, 406);
}

#[tokio::test]
async fn variables_are_bounded_before_they_are_unpacked() {
    let body = json!({ "query": "{ a }", "variables": { "a": "x".repeat(100) } }).to_string();
    let (status, _, answer) = post("*/*", body).await;
    let expected = json!({ "code": "LIMIT_EXCEEDED", "limit": "variables_bytes", "value": 108, "maximum": 100 });
    assert_eq!((status, &answer["errors"][0]["extensions"]), (400, &expected));
}

#[tokio::test]
async fn a_batch_is_taken_where_it_is_allowed_and_no_longer_than_that() {
    let intake = Intake { batch_size: 2, ..Intake::default() };
    let batch = async |requests: Value| {
        let request = HttpRequest::post("/graphql").header("content-type", "application/json");
        send_to(intake.clone(), request.body(Body::from(requests.to_string())).unwrap()).await
    };
    let one = json!({ "query": "{ echo(text: \"hi\") }" });
    let (status, _, answers) = batch(json!([one, { "query": "{ nothing }" }])).await;
    assert_eq!((status, &answers[0]), (200, &json!({ "data": { "echo": "hi" } })));
    assert!(message(&answers[1]).contains("nothing"), "{answers}");
    let (status, _, answer) = batch(json!([one, one, one])).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["limit"]), (400, &json!("batch_size")));
    for nonsense in [json!([]), json!([1]), json!([[one]])] {
        assert_eq!(batch(nonsense).await.0, 400);
    }
}

#[tokio::test]
async fn a_document_may_be_asked_for_by_its_name() {
    let (status, _, answer) = post("application/graphql-response+json", r#"{"documentId":"sha256:00"}"#).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (400, &json!("PERSISTED_QUERY_NOT_FOUND")));
    let (_, _, answer) = fetch("documentId=x").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
}
