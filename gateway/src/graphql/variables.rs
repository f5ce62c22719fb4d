//! Variables as the specification wants them: looked at before anything is executed, so that one that does not fit is
//! an error of the request and not of each field that it reaches.

use async_graphql::parser::types::{BaseType, OperationDefinition, Type};
use async_graphql::{Name, Value, Variables};
use chrono::{DateTime, NaiveDate};

use super::definition::{Definition, Input};
use super::limits::tokens::nul;
use crate::error::{Code, Refused};

/// Makes sure that the operation's variables are there and of their types.
pub(crate) fn check(
    definition: &Definition,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<(), Refused> {
    for variable in &operation.variable_definitions {
        let name = variable.node.name.node.as_str();
        let ty = &variable.node.var_type.node;
        let checked = match variables.get(name) {
            None if ty.nullable || variable.node.default_value.is_some() => Ok(()),
            None => Err(Misfit::new(format!("is missing; it must be a `{ty}`"))),
            Some(value) => definition.fits(ty, value),
        };
        checked.map_err(|misfit| match misfit {
            Misfit::Nul => nul().at([variable.pos]),
            Misfit::Told { path, what } => {
                let mut place = format!("${name}");
                for step in path.iter().rev() {
                    place.push_str(step);
                }
                Refused::new(Code::BadUserInput, format!("The variable `{place}` {what}.")).at([variable.pos])
            }
        })?;
    }
    Ok(())
}

/// Why a value does not fit, and where in it.
enum Misfit {
    /// It holds U+0000.
    Nul,
    Told {
        /// From the inside out.
        path: Vec<String>,
        what: String,
    },
}

impl Misfit {
    fn new(what: impl Into<String>) -> Self {
        Self::Told { path: Vec::new(), what: what.into() }
    }

    fn below(mut self, step: String) -> Self {
        if let Self::Told { path, .. } = &mut self {
            path.push(step);
        }
        self
    }
}

impl Definition {
    fn fits(&self, ty: &Type, value: &Value) -> Result<(), Misfit> {
        match (&ty.base, value) {
            (_, Value::Null) if ty.nullable => Ok(()),
            (_, Value::Null) => Err(Misfit::new(format!("is null; it must be a `{ty}`"))),
            (BaseType::List(item), Value::List(values)) => {
                for (index, value) in values.iter().enumerate() {
                    let checked = self.fits(item, value);
                    checked.map_err(|misfit| misfit.below(format!("[{index}]")))?;
                }
                Ok(())
            }
            // One value is a list of itself.
            (BaseType::List(item), value) => self.fits(item, value),
            (BaseType::Named(name), value) => self.fits_named(name, value),
        }
    }

    fn fits_named(&self, name: &Name, value: &Value) -> Result<(), Misfit> {
        if let Value::String(text) = value
            && text.contains('\0')
        {
            return Err(Misfit::Nul);
        }
        if let Some(input) = self.inputs.get(name) {
            return self.fits_input(name, input, value);
        }
        if let Some(values) = self.enums.get(name) {
            let given = match value {
                Value::String(given) => given.as_str(),
                Value::Enum(given) => given.as_str(),
                _ => "",
            };
            return if values.iter().any(|value| value == given) {
                Ok(())
            } else {
                let known = values.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
                Err(Misfit::new(format!("is none of the values of `{name}`: {known}")))
            };
        }
        let fits = match (name.as_str(), value) {
            ("Int", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            ("Float", Value::Number(_)) | ("String", Value::String(_)) | ("Boolean", Value::Boolean(_)) => true,
            ("ID", Value::String(_)) => true,
            ("ID", Value::Number(number)) => number.is_i64() || number.is_u64(),
            ("Date", Value::String(text)) => text.parse::<NaiveDate>().is_ok(),
            ("DateTime", Value::String(text)) => DateTime::parse_from_rfc3339(text).is_ok(),
            ("Int" | "Float" | "String" | "Boolean" | "ID" | "Date" | "DateTime", _) => false,
            // No type of the schema, which is for validation to tell.
            _ => true,
        };
        if fits { Ok(()) } else { Err(Misfit::new(format!("is no `{name}`"))) }
    }

    fn fits_input(&self, name: &Name, input: &Input, value: &Value) -> Result<(), Misfit> {
        let Value::Object(fields) = value else { return Err(Misfit::new(format!("is no `{name}`"))) };
        if input.is_choice && (fields.len() != 1 || fields.values().any(|value| *value == Value::Null)) {
            return Err(Misfit::new(format!("must have exactly one field of `{name}`")));
        }
        for (field, value) in fields {
            let Some(known) = input.fields.get(field) else {
                return Err(Misfit::new(format!("has a field that `{name}` does not have: `{field}`")));
            };
            self.fits(&known.ty, value).map_err(|misfit| misfit.below(format!(".{field}")))?;
        }
        for (field, known) in &input.fields {
            if !known.ty.nullable && !known.has_default && !fields.contains_key(field) {
                let misfit = Misfit::new(format!("is missing; it must be a `{}`", known.ty));
                return Err(misfit.below(format!(".{field}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Response;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    const SDL: &str = "type Query { a(x: I, o: O, e: [E!], d: Date, t: DateTime): Int } \
        input I { n: Int! m: Int! = 1 list: [[Float]!] inner: I } input O @oneOf { a: Int b: String } \
        enum E { ONE TWO } scalar Date scalar DateTime";

    fn checked(declared: &str, variables: serde_json::Value) -> Result<(), String> {
        let document = parse_query(format!("query ({declared}) {{ a }}")).unwrap();
        let operation = &document.operations.iter().next().unwrap().1.node;
        check(&Definition::of(SDL), operation, &Variables::from_json(variables))
            .map_err(|refused| Response::from(refused).errors[0].message.clone())
    }

    #[test]
    fn what_fits_its_type_is_taken() {
        for (declared, value) in [
            ("$v: Int", json!(2_147_483_647)),
            ("$v: Float", json!(1)),
            ("$v: ID!", json!(1)),
            ("$v: ID!", json!("x")),
            ("$v: [E!]!", json!("ONE")),
            ("$v: [E!]!", json!(["ONE", "TWO"])),
            ("$v: I", json!({ "n": 1, "list": [[1.5, null], []], "inner": { "n": 2 } })),
            ("$v: O", json!({ "a": 1 })),
            ("$v: Date", json!("2026-11-23")),
            ("$v: DateTime", json!("2026-11-23T10:00:00Z")),
            ("$v: Unknown", json!([1])),
            ("$v: Int", json!(null)),
        ] {
            assert_eq!(checked(declared, json!({ "v": value })), Ok(()), "{declared} {value}");
        }
        assert_eq!(checked("$v: Int! = 3, $w: Int", json!({ "other": "ignored" })), Ok(()));
    }

    #[test]
    fn what_does_not_is_told_with_its_place() {
        for (declared, value, expected) in [
            ("$v: Int", json!(2_147_483_648_i64), "The variable `$v` is no `Int`."),
            ("$v: Int", json!(1.5), "The variable `$v` is no `Int`."),
            ("$v: Int", json!("1"), "The variable `$v` is no `Int`."),
            ("$v: String", json!(1), "The variable `$v` is no `String`."),
            ("$v: Boolean!", json!(null), "The variable `$v` is null; it must be a `Boolean!`."),
            ("$v: E", json!("THREE"), "The variable `$v` is none of the values of `E`: ONE, TWO."),
            ("$v: [E!]", json!(["ONE", 2]), "The variable `$v[1]` is none of the values of `E`: ONE, TWO."),
            ("$v: I", json!({ "n": 1, "x": 1 }), "The variable `$v` has a field that `I` does not have: `x`."),
            ("$v: I", json!({}), "The variable `$v.n` is missing; it must be a `Int!`."),
            ("$v: I", json!({ "n": 1, "list": [[1], ["x"]] }), "The variable `$v.list[1][0]` is no `Float`."),
            ("$v: I", json!([1]), "The variable `$v` is no `I`."),
            ("$v: O", json!({ "a": 1, "b": "x" }), "The variable `$v` must have exactly one field of `O`."),
            ("$v: O", json!({ "a": null }), "The variable `$v` must have exactly one field of `O`."),
            ("$v: Date", json!("23-11-2026"), "The variable `$v` is no `Date`."),
            ("$v: String", json!("a\0b"), "The character U+0000 is not taken in any text."),
        ] {
            assert_eq!(checked(declared, json!({ "v": value })), Err(expected.to_owned()), "{declared} {value}");
        }
        let missing = checked("$v: Int!", json!({}));
        assert_eq!(missing, Err("The variable `$v` is missing; it must be a `Int!`.".to_owned()));
    }
}
