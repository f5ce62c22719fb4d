//! What the hub tells of itself, read as its operators read it: the real binary's `/metrics`, its traces as a collector
//! gets them, its log.

mod metrics;
mod pushed;
mod sources;
mod spread;
mod traces;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tests::gateway::client;

/// What `/metrics` tells: each line's name with its labels, and its number.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    async fn of(address: &str) -> Result<Self> {
        let response = client().get(format!("{address}/metrics")).send().await?.error_for_status()?;
        let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::read(&response.text().await?)
    }

    fn read(text: &str) -> Result<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let figures = lines.map(|line| {
            let (name, number) = line.rsplit_once(' ').context("a name and a number")?;
            Ok((name.to_owned(), number.parse()?))
        });
        Ok(Self(figures.collect::<Result<_>>()?))
    }

    /// The figure of this name with these labels, which must be there.
    #[track_caller]
    fn get(&self, name: &str) -> f64 {
        let kin = || self.all(name.split('{').next().unwrap_or_default());
        let figure = self.0.get(name).copied();
        assert!(figure.is_some(), "{name} is not told; there are {:?}", kin());
        figure.unwrap_or_default()
    }

    /// All figures of this name.
    fn all(&self, name: &str) -> Vec<(&str, f64)> {
        let of_name = self.0.iter().filter(|(known, _)| known.split('{').next() == Some(name));
        of_name.map(|(known, number)| (known.as_str(), *number)).collect()
    }
}

async fn ask(address: &str, query: &str) -> Result<Value> {
    let request = client().post(format!("{address}/graphql")).json(&json!({ "query": query }));
    Ok(request.send().await?.json().await?)
}
