//! Rows of partners.

use entity::partner;
use entity::vocabulary::PartnerKind;
use uuid::Uuid;

use super::{Assemble, Assembled, Base, Faults, Stamps, stamps};
use crate::record::Partner;
use crate::sync::resolve::{Known, Wanted};

impl Assemble for partner::Model {
    type Said = Partner;

    fn wanted(said: &Partner, wanted: &mut Wanted) {
        if let Some(kvk) = &said.kvk {
            wanted.kvk(kvk);
        }
    }

    fn identity(said: &Partner, known: &Known) -> Option<Uuid> {
        said.kvk.as_ref().and_then(|kvk| known.partner_of_kvk(kvk))
    }

    fn learn(said: &Partner, known: &mut Known, id: Uuid) {
        if let Some(kvk) = &said.kvk {
            known.learn_partner(kvk, id);
        }
    }

    fn assemble(
        said: &Partner,
        base: Base,
        stamps: Stamps,
        known: &Known,
        _before: Option<&Self>,
    ) -> Result<Assembled<Self>, Faults> {
        let mut faults = Faults::default();
        if let Some(kvk) = &said.kvk
            && known.partner_of_kvk(kvk).is_some_and(|owner| owner != base.id)
        {
            faults.fault(format!("KvK number {kvk} belongs to another partner already"));
        }
        let Some(name) = faults.required("name", said.name.clone()) else { return Err(faults) };
        if !faults.reasons.is_empty() {
            return Err(faults);
        }
        let contact = said.contact.clone().unwrap_or_default();
        let row = Self {
            id: base.id,
            name,
            // Directories of social services, which speak of partners without saying what they are, list these most.
            kind: said.kind.unwrap_or(PartnerKind::CareOrWelfare),
            kvk: said.kvk.as_ref().map(ToString::to_string),
            website: said.website.clone(),
            description: said.description.clone(),
            contact_name: contact.name,
            contact_email: contact.email,
            contact_phone: contact.phone,
            source_id: base.source_id,
            external_id: base.external_id,
            version: stamps.version,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
            deleted_at: stamps.deleted_at,
        };
        Ok(Assembled { row, complete: true })
    }

    stamps!();
}
