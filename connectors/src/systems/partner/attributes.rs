//! Reads the attributes of a service or an organization: terms of taxonomies. The alliance's own taxonomies carry what
//! HSDS has no fields for, with the hub's codes; terms of others are left alone.

use entity::Code;
use entity::vocabulary::{CapacityUnit, InputKind, PartnerKind, SupportKind, Theme};
use serde_json::Value;

use crate::record::Capacity;
use crate::systems::fields::{Fields, at, items};

/// Before the name of each of the alliance's taxonomies.
const OURS: &str = "onderwijsalliantie:";

/// What the attributes say.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) themes: Vec<Theme>,
    pub(super) support_kinds: Vec<SupportKind>,
    pub(super) inputs: Vec<InputKind>,
    pub(super) capacity: Option<Capacity>,
    pub(super) requires_vog: bool,
    pub(super) vog_in_order: Option<bool>,
    pub(super) radius_km: Option<f64>,
    pub(super) partner_kind: Option<PartnerKind>,
}

impl Attributes {
    /// Reads all of them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let mut attributes = Self::default();
        for (index, attribute) in items(fields.get(&["attributes"])).enumerate() {
            if let Some(taxonomy) = our_taxonomy(attribute) {
                fields.part(attribute, &format!("attributes[{index}]"), |attribute| {
                    attributes.take(attribute, &taxonomy);
                });
            }
        }
        attributes
    }

    fn take(&mut self, attribute: &mut Fields<'_>, taxonomy: &str) {
        match taxonomy {
            "theme" => self.themes.extend(term::<Theme>(attribute)),
            "support_kind" => self.support_kinds.extend(term::<SupportKind>(attribute)),
            "input" => self.inputs.extend(term::<InputKind>(attribute)),
            "partner_kind" => self.partner_kind = term(attribute).or(self.partner_kind),
            "capacity" => self.capacity = capacity(attribute).or(self.capacity.take()),
            "certificate" => self.take_certificate(attribute),
            "radius_km" => {
                self.radius_km = attribute.amount(&["value"]);
                if self.radius_km.is_none() {
                    attribute.fault("`value` is missing");
                }
            }
            _ => {}
        }
    }

    fn take_certificate(&mut self, attribute: &mut Fields<'_>) {
        match attribute.line(&["taxonomy_term", "code"]).map(|code| code.to_ascii_uppercase()).as_deref() {
            // To be there is to be needed, unless its value says otherwise.
            Some("VOG_REQUIRED") => self.requires_vog = attribute.boolean(&["value"]).unwrap_or(true),
            Some("VOG_IN_ORDER") => self.vog_in_order = attribute.boolean(&["value"]),
            _ => attribute.fault("`taxonomy_term.code` is neither VOG_REQUIRED nor VOG_IN_ORDER"),
        }
    }
}

/// The name of the alliance's taxonomy that the attribute's term is of, without what stands before it.
fn our_taxonomy(attribute: &Value) -> Option<String> {
    let paths: [&[&str]; 2] = [&["taxonomy_term", "taxonomy_detail", "name"], &["taxonomy_term", "taxonomy"]];
    let mut names = paths.into_iter().filter_map(|path| at(attribute, path)?.as_str());
    names.find_map(|name| Some(name.trim().to_ascii_lowercase().strip_prefix(OURS)?.to_owned()))
}

/// The value that the attribute's term stands for.
fn term<C: Code>(attribute: &mut Fields<'_>) -> Option<C> {
    let path = &["taxonomy_term", "code"];
    if attribute.get(path).and_then(Value::as_str).is_none_or(|code| code.trim().is_empty()) {
        attribute.fault("`taxonomy_term.code` is missing");
        return None;
    }
    attribute.code(path)
}

/// An amount, in the unit that the term stands for.
fn capacity(attribute: &mut Fields<'_>) -> Option<Capacity> {
    let unit = term::<CapacityUnit>(attribute);
    let amount = attribute.amount(&["value"]);
    if amount.is_none() {
        attribute.fault("`value` is missing");
    }
    Some(Capacity { amount: amount?, unit: unit? })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attribute(taxonomy: &str, code: &str, value: Value) -> Value {
        json!({"link_entity": "service", "value": value,
            "taxonomy_term": {"code": code, "name": "x", "taxonomy_detail": {"name": taxonomy}}})
    }

    #[test]
    fn terms_of_other_taxonomies_are_left_alone() {
        let raw = json!({"attributes": [attribute("openeligibility", "1101", Value::Null), {"taxonomy_term": null}, 7,
            attribute("onderwijsalliantie:later", "X", Value::Null),
            {"taxonomy_term": {"code": "funding", "taxonomy": " Onderwijsalliantie:support_kind "}}]});
        let mut fields = Fields::new(&raw);
        let attributes = Attributes::read(&mut fields);
        assert_eq!(attributes.support_kinds, [SupportKind::Funding]);
        assert!(fields.finish(None, Some(())).is_ok());
    }

    #[test]
    fn a_certificate_is_needed_where_it_is_named_and_in_order_where_that_is_said() {
        let certificate = "onderwijsalliantie:certificate";
        let read = |list: Value| Attributes::read(&mut Fields::new(&json!({"attributes": list})));
        let needed = read(json!([attribute(certificate, "VOG_REQUIRED", Value::Null)]));
        assert_eq!((needed.requires_vog, needed.vog_in_order), (true, None));
        let in_order = read(json!([attribute(certificate, "VOG_IN_ORDER", json!("false"))]));
        assert_eq!((in_order.requires_vog, in_order.vog_in_order), (false, Some(false)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let raw = json!({"attributes": [attribute("onderwijsalliantie:theme", "MAGIC", Value::Null),
            attribute("onderwijsalliantie:capacity", "FTE", Value::Null),
            attribute("onderwijsalliantie:radius_km", "RADIUS_KM", json!("wide"))]});
        let mut fields = Fields::new(&raw);
        Attributes::read(&mut fields);
        let reasons = fields.finish(None, Some(())).unwrap_err().reasons;
        assert_eq!(reasons[0], "`attributes[0]`: `taxonomy_term.code`: there is no Theme `MAGIC`");
        assert_eq!(reasons[1], "`attributes[1]`: `value` is missing");
        assert!(reasons[2].starts_with("`attributes[2]`: "));
    }
}
