//! What holds of the sandbox, asked over HTTP as a partner system's reader asks.

mod faults;
mod systems;
mod tokens;

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::{Client, Sandbox, SandboxSettings, Size, System};

/// A sandbox with a reader.
struct Bench {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Bench {
    async fn start() -> Self {
        Self::with(SandboxSettings::default()).await
    }

    async fn with(settings: SandboxSettings) -> Self {
        Self { sandbox: Sandbox::start(settings).await.unwrap(), http: crate::api::client().unwrap() }
    }

    async fn ask_for_token(&self, client: Client) -> Response {
        self.http
            .post(self.sandbox.token_url())
            .basic_auth(client.id, Some(client.secret))
            .form(&[("grant_type", "client_credentials"), ("scope", client.scope)])
            .send()
            .await
            .unwrap()
    }

    async fn token(&self, system: System) -> String {
        let answer = self.ask_for_token(self.sandbox.client(system)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks a system for a path, or for a whole address, with a token of its own.
    async fn ask(&self, system: System, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { self.sandbox.system_url(system) + path };
        self.http.get(url).bearer_auth(self.token(system).await)
    }

    async fn get(&self, system: System, path: &str) -> Response {
        self.ask(system, path).await.send().await.unwrap()
    }

    async fn json(&self, system: System, path: &str) -> Value {
        let answer = self.get(system, path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }
}

fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_sandbox_listens_on_loopback_and_stops() {
    let Bench { sandbox, http } = Bench::start().await;
    assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
    let page = format!("{}/sandbox", sandbox.base_url());
    let overview = http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(overview.contains("sandbox-housing"));
    assert!(overview.contains(&sandbox.sample_brin()));
    sandbox.stop().await;
    assert!(http.get(&page).send().await.is_err());
}

#[tokio::test]
async fn requests_and_tokens_are_counted() {
    let bench = Bench::start().await;
    let slow = super::Fault::Slow { millis: 300 };
    bench.sandbox.fail(slow.always().at(System::Boards));
    let token = bench.token(System::Boards).await;
    let url = bench.sandbox.system_url(System::Boards) + "/orgs";
    let ask = || bench.http.get(&url).bearer_auth(&token).send();
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    let counters = bench.sandbox.counters();
    assert_eq!((counters.token_requests, counters.tokens_issued), (1, 1));
    assert_eq!((counters.boards.requests, counters.boards.pages, counters.boards.greatest_at_once), (3, 3, 3));
    bench.sandbox.reset_counters();
    assert_eq!(bench.sandbox.counters().boards.requests, 0);
}

#[tokio::test]
async fn the_school_of_the_examples_has_something_everywhere_in_both_sizes() {
    for size in [Size::Small, Size::National] {
        let bench = Bench::with(SandboxSettings { size, ..SandboxSettings::default() }).await;
        let brin = bench.sandbox.sample_brin();
        let sample = bench.sandbox.sample();
        let school = sample.school(&brin).unwrap();
        assert!(sample.needs.live().any(|need| need.school == school.code));
        let live = sample.commitments.iter().filter(|commitment| commitment.school == school.code);
        assert!(live.into_iter().any(|commitment| matches!(commitment.status, "ACCEPTED" | "ACTIVE")));
        assert!(sample.homes.iter().any(|home| home.place == school.place && home.status == "GEP"));
    }
}

/// Long enough for an answer, too short for a stalled one.
const SOON: Duration = Duration::from_secs(2);
