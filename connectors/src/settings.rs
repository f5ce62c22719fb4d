//! What configuration says of a source. `gateway` reads and composes it; the keys are a contract.

mod interface;
mod oauth;
mod subgraph;
mod volatile;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use url::Url;

pub use self::interface::{
    ConditionSettings, ErrorSettings, HeaderText, InterfaceSettings, Method, Money, PagingSettings, PagingStyle, Place,
    Rule, SinceSettings, SizeSettings, Source, StreamSettings, Unknown,
};
pub use self::oauth::{ClientAuthentication, GrantType, OAuthSettings};
pub use self::subgraph::{
    BreakerSettings, HeaderSettings, SubgraphOAuth, SubgraphSettings, SubgraphSubscriptions, SubscriptionProtocol,
};
pub use self::volatile::VolatileSettings;

/// One `[[source]]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSettings {
    /// Its identifier, unique, in lower case with hyphens.
    pub id: String,
    /// Name that people read. The identifier where absent.
    pub name: Option<String>,
    /// The connector that speaks to it.
    pub connector: String,
    /// Where its interface begins; for connectors that speak to one.
    pub base_url: Option<Url>,
    /// The register of school locations: a URL or a file's path; for `school_register`.
    pub locations: Option<String>,
    /// The register of school boards: a URL or a file's path; for `school_register`.
    pub boards: Option<String>,
    /// Time between runs.
    #[serde(default = "every", deserialize_with = "duration")]
    pub every: Duration,
    /// Its records are stale this long after its last success.
    #[serde(default = "fresh_for", deserialize_with = "duration")]
    pub fresh_for: Duration,
    /// The streams to read. All that the connector can read where absent.
    pub streams: Option<Vec<String>>,
    /// Who wins where two sources tell of the same record: the lower number.
    #[serde(default = "priority")]
    pub priority: i32,
    /// How to get tokens. None are sent where absent.
    pub oauth: Option<OAuthSettings>,
    /// An answer may take this long, from the request to its last byte.
    #[serde(default = "request_timeout", deserialize_with = "duration")]
    pub request_timeout: Duration,
    /// An answer may be this large, in bytes, unpacked.
    #[serde(default = "max_answer_bytes")]
    pub max_answer_bytes: u64,
    /// A file may be this large, in bytes, unpacked.
    #[serde(default = "max_file_bytes")]
    pub max_file_bytes: u64,
    /// Requests to it under way at a time.
    #[serde(default = "requests_at_once")]
    pub requests_at_once: usize,
    /// Requests to it in a minute, evenly spread. As many as may be where absent.
    pub requests_per_minute: Option<u32>,
    /// What becomes of records whose form has changed.
    #[serde(default)]
    pub drift: Drift,
    /// Streams whose records are checked with it when somebody reads them, by name.
    #[serde(default)]
    pub volatile: BTreeMap<String, VolatileSettings>,
    /// What its interface is like; for `declarative`.
    pub interface: Option<Box<InterfaceSettings>>,
}

/// What becomes of records whose form has changed: a field that is new or gone, or holds another type of value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// They are taken, and the run tells of it.
    #[default]
    Accept,
    /// They are set aside with the reason, until somebody accepts the new form.
    Refuse,
}

impl SourceSettings {
    /// Name that people read.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// A secret: named in configuration, never written there. Has no `Display`, and its `Debug` says nothing.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// The name of the environment variable that holds it.
    Env(String),
    /// The path of the file that holds it; white space around it is cut.
    File(PathBuf),
    /// The secret itself, once it has been fetched. Cannot be written in a configuration.
    #[serde(skip)]
    Resolved(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "Secret(env {name})"),
            Self::File(path) => write!(f, "Secret(file {})", path.display()),
            Self::Resolved(_) => f.write_str("Secret"),
        }
    }
}

fn every() -> Duration {
    Duration::from_secs(15 * 60)
}

fn fresh_for() -> Duration {
    Duration::from_secs(2 * 60 * 60)
}

fn priority() -> i32 {
    100
}

fn request_timeout() -> Duration {
    Duration::from_secs(30)
}

fn max_answer_bytes() -> u64 {
    16 * 1024 * 1024
}

fn max_file_bytes() -> u64 {
    256 * 1024 * 1024
}

fn requests_at_once() -> usize {
    4
}

/// Reads `15m`, `2h`, `90s`, `24h`, `3d`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is no duration: expected a number and s, m, h or d, as 15m"))
    })
}

/// Reads `500ms` as well.
fn short_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let millis = text.strip_suffix("ms").and_then(|number| number.trim().parse().ok());
    let millis = millis.filter(|millis| *millis > 0).map(Duration::from_millis);
    millis.or_else(|| parse_duration(&text)).ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is no duration: expected a number and ms, s or m, as 2s"))
    })
}

/// As [`short_duration`], of what may be absent.
fn optional_short_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    short_duration(deserializer).map(Some)
}

/// A whole number and its unit: `s`, `m`, `h` or `d`. `None` where it is not that, or zero.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = number.trim().parse().ok()?;
    number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_a_unit() {
        assert_eq!(parse_duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(parse_duration("2h"), Some(Duration::from_secs(7200)));
        for text in ["", "m", "15", "-1m", "0s", "1w", "é"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::Resolved("hush".to_owned())), "Secret");
    }
}
