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

#[tokio::test]
async fn the_hubs_clients_get_signed_tokens_of_an_issuer_that_can_be_found() {
    let bench = Bench::start().await;
    let issuer = bench.sandbox.issuer_url().to_owned();
    let found = async |url: String| bench.http.get(url).send().await.unwrap().json::<Value>().await.unwrap();
    let metadata = found(format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(metadata["issuer"], issuer);
    let keys = found(metadata["jwks_uri"].as_str().unwrap().to_owned()).await;
    let key = &keys["keys"][0];
    assert_eq!((key["kty"].as_str(), key["crv"].as_str(), key.get("d")), (Some("EC"), Some("P-256"), None));

    let clients: Vec<_> = bench.sandbox.hub_clients().map(|(client, own)| (client, own.map(str::to_owned))).collect();
    assert_eq!(clients.iter().filter(|(_, organisation)| organisation.is_some()).count(), 4);
    for (client, organisation) in clients {
        let ask = |form: Vec<(&'static str, &'static str)>, secret: &'static str| {
            let request = bench.http.post(metadata["token_endpoint"].as_str().unwrap());
            request.basic_auth(client.id, Some(secret)).form(&form).send()
        };
        let answer = ask(vec![("grant_type", "client_credentials")], client.secret).await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(answer["scope"], client.scopes);
        let mut parts = token.split('.').map(|part| {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
            serde_json::from_slice::<Value>(&bytes).unwrap_or_default()
        });
        let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
        assert_eq!((&header["typ"], &header["kid"]), (&json!("at+jwt"), &key["kid"]));
        assert_eq!(claims.get("hub_org").and_then(Value::as_str), organisation.as_deref());
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(issuer), &json!(bench.sandbox.hub_audience())));

        let wrong = ask(vec![("grant_type", "client_credentials")], "guess").await.unwrap();
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        let more =
            ask(vec![("grant_type", "client_credentials"), ("scope", "everything")], client.secret).await.unwrap();
        assert_eq!(more.json::<Value>().await.unwrap()["error"], "invalid_scope");
    }
}
