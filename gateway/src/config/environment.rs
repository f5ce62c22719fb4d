//! The environment: settings as `HUB__SECTION__KEY`, and whatever secrets it holds.

use std::collections::BTreeMap;

use figment::providers::Env;
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

/// What settings in the environment begin with; `__` also parts section and key.
const PREFIX: &str = "HUB__";

/// The environment variables of this process, or given ones.
#[derive(Clone, Debug)]
pub enum Environment {
    /// Those of this process.
    Process,
    /// These, for tests.
    Given(BTreeMap<String, String>),
}

impl Environment {
    /// An environment of these variables and no others.
    pub fn given<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Given(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable. `None` where it is not set, is empty, or is not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match self {
            Self::Process => from_process(name),
            Self::Given(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.trim().is_empty())
    }

    /// The settings among the variables, by key with dots, in lower case.
    fn settings(&self) -> Vec<(String, String)> {
        let key = |name: &str| name.split("__").collect::<Vec<_>>().join(".").to_lowercase();
        match self {
            Self::Process => Env::prefixed(PREFIX).iter().map(|(name, value)| (key(name.as_str()), value)).collect(),
            Self::Given(variables) => variables
                .iter()
                .filter_map(|(name, value)| Some((key(name.strip_prefix(PREFIX)?), value.clone())))
                .collect(),
        }
    }

    /// The variable that holds the setting of this key.
    pub(super) fn variable(key: &[&str]) -> String {
        format!("environment variable {PREFIX}{}", key.join("__").to_uppercase())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named(ENVIRONMENT)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut settings = Dict::new();
        for (key, value) in self.settings() {
            if value.trim().is_empty() {
                continue;
            }
            // Numbers, `true`, lists and tables as TOML writes them; anything else is text.
            let value = value.parse::<Value>().unwrap_or_else(|never| match never {});
            insert(&mut settings, &key, value);
        }
        Ok(Profile::Default.collect(settings))
    }
}

/// Puts a value at a key with dots, making the tables on the way.
fn insert(table: &mut Dict, key: &str, value: Value) {
    let Some((head, rest)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let entry = table.entry(head.to_owned()).or_insert_with(|| Value::from(Dict::new()));
    if !matches!(entry, Value::Dict(..)) {
        *entry = Value::from(Dict::new());
    }
    if let Value::Dict(_, inner) = entry {
        insert(inner, rest, value);
    }
}

/// How [`Metadata`] names what was set in the environment.
pub(super) const ENVIRONMENT: &str = "environment";

#[expect(clippy::disallowed_methods, reason = "this is the place where the environment is read")]
fn from_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
