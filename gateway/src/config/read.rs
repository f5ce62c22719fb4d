//! From file and environment to typed sections. Goes on after what is wrong, so that one start tells everything.

use std::path::{Path, PathBuf};

use connectors::settings::Secret;
use figment::error::{Actual, Kind};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;

use super::environment::ENVIRONMENT;
use super::{ConfigError, Environment, Problem, Settings, position};

/// The tables of a configuration.
const SECTIONS: [&str; 19] = [
    "http",
    "database",
    "redis",
    "cache",
    "auth",
    "sign_in",
    "limits",
    "subscriptions",
    "sync",
    "matching",
    "mutations",
    "audit",
    "webhooks",
    "grants",
    "telemetry",
    "metrics",
    "federation",
    "source",
    "subgraph",
];

/// Settings that may hold a password and may therefore be named as a secret is.
const CONNECTION_URLS: [(&str, &str); 3] = [("database", "url"), ("database", "replica_url"), ("redis", "url")];

/// What was written, and what is wrong with it so far.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    figment: Figment,
    root: Dict,
    /// The file, or what it would be called.
    file: PathBuf,
    /// What is in it. Empty where there is none.
    text: String,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// Where a named file is not there, or the file is no TOML.
    pub(super) fn open(
        named: Option<&Path>,
        default: &Path,
        environment: &'a Environment,
    ) -> Result<Self, ConfigError> {
        let path = named.or_else(|| default.is_file().then_some(default));
        let file = path.unwrap_or(default).to_path_buf();
        let mut figment = Figment::new();
        let mut text = String::new();
        if let Some(path) = path {
            let file = File::read(path)?;
            text = file.text.clone();
            figment = figment.merge(file);
        }
        figment = figment.merge(environment);
        let data = figment.data().map_err(|error| {
            fail(&file, format!("cannot be read as settings: {}", one_line(&error.kind.to_string())))
        })?;
        let root = data.get(&Profile::Default).cloned().unwrap_or_default();
        Ok(Self { environment, figment, root, file, text, problems: Vec::new() })
    }

    /// The environment that was read.
    pub(super) fn environment(&self) -> &Environment {
        self.environment
    }

    /// Everything that could be read; what could not has its default and a problem.
    pub(super) fn settings(&mut self) -> Settings {
        self.refuse_unknown_sections();
        for (section, key) in CONNECTION_URLS {
            self.fetch_connection_url(section, key);
        }
        Settings {
            http: self.section("http"),
            database: self.section("database"),
            redis: self.section("redis"),
            cache: self.section("cache"),
            auth: self.section("auth"),
            sign_in: self.section("sign_in"),
            limits: self.section("limits"),
            subscriptions: self.section("subscriptions"),
            sync: self.section("sync"),
            matching: self.section("matching"),
            mutations: self.section("mutations"),
            audit: self.section("audit"),
            webhooks: self.section("webhooks"),
            grants: self.section("grants"),
            telemetry: self.section("telemetry"),
            metrics: self.section("metrics"),
            federation: self.section("federation"),
            sources: self.list("source", "id"),
            subgraphs: self.list("subgraph", "name"),
        }
    }

    /// Notes that something is wrong with a key.
    pub(super) fn problem(&mut self, key: &str, what: impl Into<String>) {
        let place = self.place(key);
        self.problem_at(place, key, what);
    }

    /// Notes that something is wrong with a key of a place that was found otherwise.
    pub(super) fn problem_at(&mut self, place: String, key: &str, what: impl Into<String>) {
        self.problems.push(Problem { place, key: key.to_owned(), what: what.into() });
    }

    /// Whether something is known to be wrong with a key.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.key == key)
    }

    /// The settings, if nothing was wrong.
    pub(super) fn finish(self, settings: Settings) -> Result<Settings, ConfigError> {
        if self.problems.is_empty() { Ok(settings) } else { Err(ConfigError { problems: self.problems }) }
    }

    /// Where a key was written: the file, or the environment variable.
    pub(super) fn place(&self, key: &str) -> String {
        let parts: Vec<_> = key.split('.').collect();
        let mut value = self.root.get(parts.first().copied().unwrap_or_default());
        for part in parts.iter().skip(1) {
            match value.and_then(Value::as_dict).and_then(|table| table.get(*part)) {
                Some(inner) => value = Some(inner),
                None => break,
            }
        }
        let metadata = value.and_then(|value| self.figment.get_metadata(value.tag()));
        if metadata.is_some_and(|metadata| metadata.name == ENVIRONMENT) {
            Environment::variable(&parts)
        } else {
            self.file.display().to_string()
        }
    }

    /// The file, line and column of what stands at `path` in the source of this number.
    pub(super) fn position(&self, source: usize, path: &[String]) -> Option<String> {
        let (line, column) = position::of(&self.text, source, path)?;
        Some(format!("{}:{line}:{column}", self.file.display()))
    }

    fn refuse_unknown_sections(&mut self) {
        let unknown: Vec<_> = self.root.keys().filter(|name| !SECTIONS.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            self.problem(
                &name,
                format!("there is no such section; known are {}: correct or remove it", list(&SECTIONS)),
            );
        }
    }

    /// Where a connection's address is named as a secret is, puts the address itself there.
    fn fetch_connection_url(&mut self, section: &str, key: &str) {
        let Some(Value::Dict(_, table)) = self.root.get(section) else {
            return;
        };
        let Some(value @ Value::Dict(tag, _)) = table.get(key) else {
            return;
        };
        let tag = *tag;
        let fetched = match value.deserialize::<Secret>() {
            Ok(secret) => fetch(&secret, self.environment),
            Err(_) => Err("write an address, or { env = \"NAME\" } or { file = \"PATH\" }".to_owned()),
        };
        let place = self.place(&format!("{section}.{key}"));
        if let Some(Value::Dict(_, table)) = self.root.get_mut(section) {
            match fetched {
                Ok(url) => {
                    table.insert(key.to_owned(), Value::String(tag, url));
                }
                Err(what) => {
                    table.remove(key);
                    self.problem_at(place, &format!("{section}.{key}"), what);
                }
            }
        }
    }

    fn section<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(value) = self.root.get(name).cloned() else {
            return T::default();
        };
        let place = self.place(name);
        self.read(value, name, &place, None).unwrap_or_default()
    }

    /// The tables of a list, each known by what it has under `name`.
    fn list<T: DeserializeOwned>(&mut self, section: &str, name: &str) -> Vec<T> {
        let place = self.place(section);
        match self.root.get(section).cloned() {
            None => Vec::new(),
            Some(Value::Array(_, tables)) => tables
                .into_iter()
                .enumerate()
                .filter_map(|(number, table)| {
                    let known = table.find_ref(name).and_then(Value::as_str);
                    let label = known.map_or_else(|| format!("{section} #{}", number + 1), |name| label(section, name));
                    self.read(table, &label, &place, Some(number))
                })
                .collect(),
            Some(_) => {
                let what = format!("{section}s are a list: write each as [[{section}]] in the file");
                self.problem_at(place, section, what);
                Vec::new()
            }
        }
    }

    /// Reads one table. What is wrong in it is noted, taken out, and the rest read again.
    ///
    /// `source` is its number, where it is one.
    fn read<T: DeserializeOwned>(
        &mut self,
        mut value: Value,
        label: &str,
        place: &str,
        source: Option<usize>,
    ) -> Option<T> {
        let mut taken = Vec::new();
        loop {
            let error = match value.deserialize::<T>() {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let key = std::iter::once(label).chain(error.path.iter().map(String::as_str)).collect::<Vec<_>>().join(".");
            let (key, what) = explain(&error.kind, key);
            if taken.contains(&key) {
                // It is missing because it was wrong, which has been told.
                return None;
            }
            // A source is known by its name, which is no path; all of them are in one place.
            let place = match source {
                None => self.place(&key),
                Some(number) if error.path.first().is_some_and(|first| first == "interface") => {
                    self.position(number, &error.path).unwrap_or_else(|| place.to_owned())
                }
                Some(_) => place.to_owned(),
            };
            self.problem_at(place, &key, what);
            if error.path.is_empty() || matches!(error.kind, Kind::MissingField(_)) || !take(&mut value, &error.path) {
                return None;
            }
            taken.push(key);
        }
    }
}

/// What a table of a list is called in a problem's key.
pub(super) fn label(section: &str, name: &str) -> String {
    format!("{section} \"{name}\"")
}

/// Fetches a secret from where it is.
///
/// # Errors
/// A sentence that says what is missing and what to do.
pub(super) fn fetch(secret: &Secret, environment: &Environment) -> Result<String, String> {
    match secret {
        Secret::Resolved(text) => Ok(text.clone()),
        Secret::Env(name) => environment
            .get(name)
            .ok_or_else(|| format!("the environment variable {name} is not set or empty: set it, or name another")),
        Secret::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                format!(
                    "the file {} cannot be read ({}): put the secret there, or name another",
                    path.display(),
                    error.kind()
                )
            })?;
            let text = text.trim();
            if text.is_empty() {
                return Err(format!("the file {} is empty: put the secret there, or name another", path.display()));
            }
            Ok(text.to_owned())
        }
    }
}

/// Says what is wrong, never with the value: it may be a secret that stands in the wrong line.
fn explain(kind: &Kind, key: String) -> (String, String) {
    let what = match kind {
        Kind::UnknownField(_, known) => {
            format!("there is no such setting; known are {}: correct or remove it", list(known))
        }
        Kind::MissingField(name) => {
            return (format!("{key}.{name}"), "is missing: add it".to_owned());
        }
        Kind::UnknownVariant(_, known) if *known == ["env", "file"] => {
            "a secret is not written here: name it as { env = \"NAME\" } or { file = \"PATH\" }".to_owned()
        }
        Kind::UnknownVariant(_, known) => format!("expected one of {}", list(known)),
        Kind::InvalidType(actual, expected) => {
            format!("expected {expected}, found {}", kind_of(actual))
        }
        Kind::InvalidValue(_, expected) => format!("is not valid: {expected}"),
        other => one_line(&other.to_string()),
    };
    (key, what)
}

fn kind_of(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "something else",
    }
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Takes what is at a path out of a table. False where there is nothing.
fn take(value: &mut Value, path: &[String]) -> bool {
    match (value, path) {
        (Value::Dict(_, table), [last]) => table.remove(last).is_some(),
        (Value::Dict(_, table), [head, rest @ ..]) => match table.get_mut(head) {
            Some(inner @ Value::Dict(..)) => take(inner, rest),
            Some(_) => table.remove(head).is_some(),
            None => false,
        },
        _ => false,
    }
}

fn fail(file: &Path, what: String) -> ConfigError {
    ConfigError { problems: vec![Problem { place: file.display().to_string(), key: String::new(), what }] }
}

/// A file that has been read.
struct File {
    text: String,
    table: Dict,
}

impl File {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            fail(path, format!("cannot be read ({}): name another with --config, or correct its rights", error.kind()))
        })?;
        let table = Toml::from_str::<Dict>(&text).map_err(|error| {
            // The first line says where, the last one what; between them stands the text, which may be a secret.
            let error = error.to_string();
            let lines: Vec<_> = error.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let what = match lines.as_slice() {
                [first, .., last] => format!("{first}: {last}"),
                lines => lines.join(""),
            };
            fail(path, what)
        })?;
        Ok(Self { text, table })
    }
}

impl Provider for File {
    fn metadata(&self) -> Metadata {
        Metadata::named("file")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.table.clone()))
    }
}
