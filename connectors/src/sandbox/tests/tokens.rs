//! The token endpoint, and what systems say to tokens.

use serde_json::json;

use super::*;

#[tokio::test]
async fn the_token_endpoint_checks_id_secret_scope_and_grant() {
    let bench = Bench::start().await;
    let client = bench.sandbox.client(System::Housing);
    for (wrong, status, code) in [
        (Client { id: "somebody", ..client }, 401, "invalid_client"),
        (Client { secret: "guess", ..client }, 401, "invalid_client"),
        (Client { scope: "hsds.read", ..client }, 400, "invalid_scope"),
    ] {
        let answer = bench.ask_for_token(wrong).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], code);
    }
    let form = [("grant_type", "password"), ("client_id", client.id), ("client_secret", client.secret)];
    let answer = bench.http.post(bench.sandbox.token_url()).form(&form).send().await.unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["error"], "unsupported_grant_type");
    let form = [("grant_type", "client_credentials"), form[1], form[2]];
    let answer = bench.http.post(bench.sandbox.token_url()).form(&form).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["expires_in"], 3_600);
    assert_eq!(answer["scope"], client.scope);
}

#[tokio::test]
async fn a_system_says_what_is_wrong_with_a_token() {
    let bench = Bench::start().await;
    let url = bench.sandbox.system_url(System::Boards) + "/orgs";
    let answer = bench.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&answer, "www-authenticate").unwrap(), "Bearer realm=\"boards\"");
    assert_eq!(answer.json::<Value>().await.unwrap()["imsx_codeMajor"], "failure");

    let answer = bench.http.get(&url).bearer_auth("made-up").send().await.unwrap();
    assert!(header(&answer, "www-authenticate").unwrap().contains("invalid_token"));

    let foreign = bench.token(System::Partners).await;
    let answer = bench.http.get(&url).bearer_auth(foreign).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(header(&answer, "www-authenticate").unwrap().contains("insufficient_scope"));

    let token = bench.token(System::Boards).await;
    bench.sandbox.forget_tokens();
    let answer = bench.http.get(&url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(bench.sandbox.counters().boards.refused, 4);
}

#[tokio::test]
async fn an_expired_token_is_refused_as_expired() {
    let settings = SandboxSettings { token_lifetime: Duration::from_millis(20), ..SandboxSettings::default() };
    let bench = Bench::with(settings).await;
    let token = bench.token(System::Housing).await;
    tokio::time::sleep(Duration::from_millis(40)).await;
    let url = bench.sandbox.system_url(System::Housing) + "/publicaties";
    let answer = bench.http.get(&url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(header(&answer, "www-authenticate").unwrap().contains("expired"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({"code": "401", "omschrijving": "the token has expired"}));
}
