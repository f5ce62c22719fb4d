//! The rules of a description, checked: against each other, and against what their fields take.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compile::{form, listed};
use super::mistakes::Mistakes;
use super::reach::folded;
use super::rule::{From, Rule, Written, fits};
use super::target::{Takes, Target};
use crate::settings::{Rule as RuleSettings, Unknown};

/// A rule within a rule within a rule…
const DEEPEST: usize = 8;

/// The rules of a record's fields.
pub(super) fn fields(
    target: &'static Target,
    settings: &BTreeMap<String, RuleSettings>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<(&'static str, Takes, Rule)> {
    let known: Vec<&str> = target.fields.iter().map(|(name, _)| *name).collect();
    for name in settings.keys().filter(|name| !known.contains(&name.as_str())) {
        let what = format!("{} have no such field; theirs are {}", target.stream.name, known.join(", "));
        mistakes.below(name.clone()).note(what);
    }
    for needed in target.needs {
        if !needed.iter().any(|name| settings.contains_key(*name)) {
            let what = format!("is missing: {} are not taken without it", target.stream.name);
            mistakes.below(needed.join(" or ")).note(what);
        }
    }
    for (one, other) in [("latitude", "longitude"), ("capacity", "capacity_unit")] {
        if known.contains(&one) && settings.contains_key(one) != settings.contains_key(other) {
            let missing = if settings.contains_key(one) { other } else { one };
            mistakes.below(missing).note(format!("is missing: {one} and {other} go together"));
        }
    }
    let mut rules = Vec::new();
    for (name, takes) in target.fields {
        if let Some(settings) = settings.get(*name)
            && let Some(rule) = rule_for(settings, *takes, &mut mistakes.below(*name))
        {
            rules.push((*name, *takes, rule));
        }
    }
    rules
}

/// The rule of a field that takes this.
pub(super) fn rule_for(settings: &RuleSettings, takes: Takes, mistakes: &mut Mistakes<'_>) -> Option<Rule> {
    let written = written(settings, takes, mistakes);
    let rule = rule(settings, takes, true, 0, mistakes);
    let mut rule = Rule { written: written?, ..rule? };
    // A default is written as the values are that it stands for.
    for value in &mut rule.default {
        match rule.written.read(value.clone()) {
            Ok(read) => *value = read,
            Err(what) => {
                mistakes.below("default").note(what);
                return None;
            }
        }
    }
    Some(rule)
}

/// How the field's values are written. What does not belong to it is told.
fn written(settings: &RuleSettings, takes: Takes, mistakes: &mut Mistakes<'_>) -> Option<Written> {
    let money = match (takes, settings.money) {
        (Takes::Money, None) => {
            mistakes.below("money").note("is missing: say whether the amount is in \"euros\" or in \"cents\"");
            return None;
        }
        (Takes::Money, Some(unit)) => return Some(Written::Money(unit)),
        (_, unit) => unit,
    };
    if money.is_some() {
        mistakes.below("money").note(format!("is for amounts of money, and this field takes {}", takes.word()));
        return None;
    }
    let Some(format) = &settings.format else { return Some(Written::Plainly) };
    match takes {
        Takes::Date => form(format, &mut mistakes.below("format")).map(Written::Date),
        Takes::Instant => form(format, &mut mistakes.below("format")).map(Written::Instant),
        _ => {
            let what = format!("is for dates and instants, and this field takes {}", takes.word());
            mistakes.below("format").note(what);
            None
        }
    }
}

/// A rule, or a part of one. The whole has the field's way of writing.
fn rule(
    settings: &RuleSettings,
    takes: Takes,
    is_whole: bool,
    depth: usize,
    mistakes: &mut Mistakes<'_>,
) -> Option<Rule> {
    let RuleSettings { path, constant, join, first, .. } = settings;
    let given = [path.is_some(), constant.is_some(), join.is_some(), first.is_some()];
    if given.iter().filter(|is_given| **is_given).count() != 1 {
        mistakes.note("expected just one of path, constant, join and first");
        return None;
    }
    if depth > DEEPEST {
        mistakes.note("goes too deep: rules within rules within rules");
        return None;
    }
    if !is_whole {
        let whole_alone = [
            ("format", settings.format.is_some()),
            ("money", settings.money.is_some()),
            ("required", settings.required),
        ];
        for (key, _) in whole_alone.into_iter().filter(|(_, is_given)| *is_given) {
            mistakes.below(key).note("is said of the field as a whole, not of a part of it");
        }
    }
    only_with("separator", settings.separator.is_some(), join.is_some(), "join", mistakes);
    only_with("sum", settings.sum, path.is_some(), "path", mistakes);
    only_with("unknown", settings.unknown != Unknown::Refuse, settings.codes.is_some(), "codes", mistakes);
    // Parts of a text are texts, whatever the whole is.
    let parts_take = if join.is_some() { Takes::Text } else { takes };
    let mut parts = |key: &str, rules: &[RuleSettings]| -> Option<Vec<Rule>> {
        let compiled: Vec<Option<Rule>> = rules
            .iter()
            .enumerate()
            .map(|(number, part)| {
                rule(part, parts_take, false, depth + 1, &mut mistakes.below(key).below(number.to_string()))
            })
            .collect();
        if compiled.is_empty() {
            mistakes.below(key).note("is empty");
        }
        compiled.into_iter().collect()
    };
    let from = match (path, constant, join, first) {
        (Some(text), ..) => From::Path(mistakes.below("path").json_path(text)?),
        (_, Some(value), ..) => From::Constant(listed(value)),
        (_, _, Some(rules), _) => {
            From::Join(parts("join", rules)?, settings.separator.clone().unwrap_or_else(|| " ".to_owned()))
        }
        (_, _, _, rules) => From::First(parts("first", rules.as_deref().unwrap_or_default())?),
    };
    if let (Some(value), true) = (constant, is_plain(settings)) {
        values(&listed(value), takes, &mut mistakes.below("constant"))?;
    }
    let default = settings.default.as_ref().map(listed).unwrap_or_default();
    if settings.format.is_none() {
        values(&default, takes, &mut mistakes.below("default"))?;
    }
    let codes = settings.codes.as_ref().map(|codes| {
        let mut mistakes = mistakes.below("codes");
        for (code, meant) in codes {
            let meant = Value::String(meant.clone());
            values(std::slice::from_ref(&meant), takes, &mut mistakes.below(code.clone()));
        }
        codes.iter().map(|(code, meant)| (folded(code), meant.clone())).collect()
    });
    Some(Rule {
        from,
        sum: settings.sum,
        codes,
        unknown: settings.unknown,
        before: settings.before.clone().unwrap_or_default(),
        after: settings.after.clone().unwrap_or_default(),
        written: Written::Plainly,
        nothing: settings.nothing.iter().map(|text| folded(text)).collect(),
        default,
        required: settings.required,
    })
}

/// Whether what a constant says is what the field gets.
fn is_plain(settings: &RuleSettings) -> bool {
    settings.codes.is_none() && settings.before.is_none() && settings.after.is_none() && settings.format.is_none()
}

fn only_with(key: &str, is_given: bool, has_other: bool, other: &str, mistakes: &mut Mistakes<'_>) {
    if is_given && !has_other {
        mistakes.below(key).note(format!("has no meaning without `{other}`: remove it"));
    }
}

/// Checks what a description itself puts into a field. `None` where something is wrong.
fn values(values: &[Value], takes: Takes, mistakes: &mut Mistakes<'_>) -> Option<()> {
    if values.len() > 1 && !takes.is_list() {
        mistakes.note("is a list, and this field takes one value");
        return None;
    }
    if values.iter().all(|value| fits(value, takes)) {
        return Some(());
    }
    mistakes.note(match takes.vocabulary() {
        Some(vocabulary) => format!("is no {}: expected one of {}", vocabulary.name, vocabulary.codes().join(", ")),
        None => format!("is not what this field takes: expected {}", takes.word()),
    });
    None
}
