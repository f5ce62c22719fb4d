//! What `/metrics` tells, read back: Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>). Its library has its metrics for its
//! own encoders alone; and what is sent is so what `/metrics` tells, figure by figure.

/// The metrics of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: String,
    /// As the text has it: `counter`, `gauge`, `histogram`.
    pub(super) kind: String,
    pub(super) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Behind the family's name: `_bucket`, `_sum`, `_count`, mostly nothing.
    pub(super) suffix: String,
    pub(super) labels: Vec<(String, String)>,
    /// As written, so that none of a whole number is lost.
    pub(super) number: String,
}

/// Reads all of it. What is no line of the format is left out.
pub(super) fn read(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            describe(&mut families, comment);
        } else if let (Some(family), Some((name, sample))) = (families.last_mut(), sample(line))
            && let Some(suffix) = name.strip_prefix(family.name.as_str())
        {
            family.samples.push(Sample { suffix: suffix.to_owned(), ..sample });
        }
    }
    families
}

/// Takes in a comment. A family begins with its help, and all of its lines follow.
fn describe(families: &mut Vec<Family>, comment: &str) {
    let mut words = comment.splitn(3, ' ');
    let (Some(what), Some(name), Some(text)) = (words.next(), words.next(), words.next()) else { return };
    match what {
        "HELP" => families.push(Family {
            name: name.to_owned(),
            help: unescaped(text),
            kind: String::new(),
            samples: Vec::new(),
        }),
        "TYPE" => {
            if let Some(family) = families.last_mut().filter(|family| family.name == name) {
                text.clone_into(&mut family.kind);
            }
        }
        _ => {}
    }
}

fn sample(line: &str) -> Option<(&str, Sample)> {
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    let (labels, number) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    Some((name, Sample { suffix: String::new(), labels, number: number.trim().to_owned() }))
}

/// Labels, and what is behind the brace that ends them. A value may hold any sign, quotes and braces too.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        if let Some(behind) = text.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (key, rest) = text.split_once("=\"")?;
        let end = closing_quote(rest)?;
        labels.push((key.to_owned(), unescaped(rest.get(..end)?)));
        text = rest.get(end + 1..)?;
        text = text.strip_prefix(',').unwrap_or(text);
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })
}

fn unescaped(text: &str) -> String {
    let mut signs = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(sign) = signs.next() {
        match (sign, sign == '\\') {
            (_, true) => match signs.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push(sign),
            },
            (sign, false) => plain.push(sign),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family as Counters;
    use prometheus_client::registry::Registry;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(values in prop::collection::vec(any::<String>(), 1..4), help in any::<String>()) {
            // A carriage return that is not escaped: the writer's own limit, and in nobody's labels.
            let values: Vec<_> = values.into_iter().map(|value| value.replace('\r', "")).collect();
            let help = help.replace('\r', "");
            let mut registry = Registry::with_prefix("hub");
            let family: Counters<Vec<(String, String)>, Counter> = Counters::default();
            registry.register("things", help.as_str(), family.clone());
            let labels: Vec<_> =
                values.iter().enumerate().map(|(index, value)| (format!("label_{index}"), value.clone())).collect();
            family.get_or_create(&labels).inc_by(u64::MAX);
            let mut text = String::new();
            prometheus_text::encode(&mut text, &registry).unwrap();
            let families = read(&text);
            prop_assert_eq!(families.len(), 1, "{}", text);
            prop_assert_eq!((families[0].name.as_str(), families[0].kind.as_str()), ("hub_things_total", "counter"));
            prop_assert_eq!(families[0].help.trim_end_matches('.'), help.trim_end_matches('.'));
            let number = u64::MAX.to_string();
            prop_assert_eq!(&families[0].samples, &vec![Sample { suffix: String::new(), labels, number }]);
        }

        #[test]
        fn what_is_no_such_text_harms_nobody(text in any::<String>(), line in "[a-z{}=\"\\\\, #0-9]{0,40}") {
            read(&text);
            read(&format!("# HELP a b\n# TYPE a counter\na{line}\n"));
        }
    }
}
