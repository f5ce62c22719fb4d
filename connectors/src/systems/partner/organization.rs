//! Maps an organization to a partner.

use entity::Kvk;
use serde_json::Value;

use super::attributes::Attributes;
use crate::connector::{Mapped, Refused};
use crate::record::{Contact, Partner, Record};
use crate::systems::fields::{Fields, at, identifier, items};

/// The Dutch trade register, as <https://org-id.guide/list/NL-KVK> names it.
const TRADE_REGISTER: &str = "NL-KVK";

/// One organization.
pub(super) fn map(raw: &Value) -> Result<Mapped, Refused> {
    let mut fields = Fields::new(raw);
    let external_id = fields.id("id");
    let name = fields.line(&["name"]);
    if name.is_none() {
        fields.fault("`name` is missing");
    }
    let partner = Partner {
        name,
        kind: Attributes::read(&mut fields).partner_kind,
        kvk: kvk(&mut fields),
        website: fields.web_address(&["website"]),
        description: fields.text(&["description"]),
        contact: contact(&mut fields),
    };
    let mapped = external_id.clone().map(|external_id| Mapped::Record {
        external_id,
        modified_at: None,
        record: Box::new(Record::Partner(partner)),
    });
    fields.finish(external_id, mapped)
}

/// Its number in the trade register. A wrong one is refused: by it, sources know that they speak of the same partner.
fn kvk(fields: &mut Fields<'_>) -> Option<Kvk> {
    let text = items(fields.get(&["organization_identifiers"])).find_map(|item| {
        let scheme = at(item, &["identifier_scheme"])?.as_str()?;
        if scheme.trim().eq_ignore_ascii_case(TRADE_REGISTER) { identifier(item.get("identifier")) } else { None }
    })?;
    text.parse().map_err(|error| fields.fault(format!("`organization_identifiers`: {error}"))).ok()
}

/// Its first contact, completed with what it says of itself.
fn contact(fields: &mut Fields<'_>) -> Option<Contact> {
    let first = items(fields.get(&["contacts"])).next().unwrap_or(&Value::Null);
    let (name, email, phone) = fields.part(first, "contacts[0]", |contact| {
        (contact.line(&["name"]), contact.line(&["email"]), first_phone(contact))
    });
    let contact = Contact {
        name,
        email: email.or_else(|| fields.line(&["email"])),
        phone: phone.or_else(|| first_phone(fields)),
    };
    (contact != Contact::default()).then_some(contact)
}

fn first_phone(fields: &mut Fields<'_>) -> Option<String> {
    let phone = items(fields.get(&["phones"])).next()?;
    fields.part(phone, "phones[0]", |phone| phone.line(&["number"]))
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::PartnerKind;
    use serde_json::json;

    use super::*;

    fn partner(raw: &Value) -> Partner {
        let Ok(Mapped::Record { record, .. }) = map(raw) else { panic!("{:?}", map(raw)) };
        let Record::Partner(partner) = *record else { panic!("no partner") };
        partner
    }

    #[test]
    fn a_full_organization_is_a_partner_with_everything() {
        let partner = partner(&json!({"id": "o1", "name": " Stichting Voorbeeld ", "description": "Wij helpen.",
            "website": "www.voorbeeld.example", "email": "info@voorbeeld.example", "extra": {},
            "organization_identifiers": [{"identifier_scheme": "XI-LEI", "identifier": "x"},
                {"identifier_scheme": "nl-kvk", "identifier": 12345}],
            "contacts": [{"name": "A. Voorbeeld"}, {"name": "B. Voorbeeld"}], "phones": [{"number": "020 000 00 00"}],
            "attributes": [{"taxonomy_term": {"code": "FOUNDATION", "taxonomy": "onderwijsalliantie:partner_kind"}}]}));
        assert_eq!(partner.name.as_deref(), Some("Stichting Voorbeeld"));
        assert_eq!((partner.kind, partner.kvk.unwrap().as_str()), (Some(PartnerKind::Foundation), "00012345"));
        assert_eq!(partner.website.as_deref(), Some("https://www.voorbeeld.example"));
        let contact = partner.contact.unwrap();
        assert_eq!(contact.name.as_deref(), Some("A. Voorbeeld"));
        assert_eq!(contact.email.as_deref(), Some("info@voorbeeld.example"));
        assert_eq!(contact.phone.as_deref(), Some("020 000 00 00"));
    }

    #[test]
    fn a_partner_may_be_nothing_but_a_name() {
        let raw = json!({"id": 9, "name": "Buurthuis", "website": null,
            "organization_identifiers": [{"identifier_scheme": "NL-KVK", "identifier": " "}]});
        assert_eq!(partner(&raw), Partner { name: Some("Buurthuis".to_owned()), ..Partner::default() });
        let Ok(Mapped::Record { external_id, .. }) = map(&raw) else { panic!("refused") };
        assert_eq!(external_id, "9");
    }

    #[test]
    fn all_that_is_wrong_with_an_organization_is_told_at_once_and_nobody_named() {
        let raw = json!({"id": "o1", "contacts": [{"name": ["A. Voorbeeld"]}],
            "organization_identifiers": [{"identifier_scheme": "NL-KVK", "identifier": "123456789"}],
            "attributes": [{"taxonomy_term": {"code": "CLUB", "taxonomy": "onderwijsalliantie:partner_kind"}}]});
        let refused = map(&raw).unwrap_err();
        assert_eq!(refused.reasons.len(), 4, "{:?}", refused.reasons);
        assert!(!format!("{refused:?}").contains("Voorbeeld"));
    }
}
