//! Global ids: what clients and partner systems call a record of the hub. Opaque on the wire; the kind can be told.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// What a global id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A school location.
    School,
    /// A school board.
    SchoolBoard,
    /// A municipality, by its CBS code.
    Municipality,
    /// A partner.
    Partner,
    /// A need.
    Need,
    /// An offer.
    Offer,
    /// A commitment.
    Commitment,
    /// A home for teachers.
    HousingOption,
    /// A municipal priority scheme.
    HousingScheme,
    /// An initiative.
    Initiative,
    /// A sync run.
    SyncRun,
    /// An endpoint of a webhook.
    WebhookEndpoint,
    /// Something that a webhook's endpoint hears.
    WebhookDelivery,
}

impl Kind {
    const ALL: [(Self, &'static str); 13] = [
        (Self::School, "school"),
        (Self::SchoolBoard, "school_board"),
        (Self::Municipality, "municipality"),
        (Self::Partner, "partner"),
        (Self::Need, "need"),
        (Self::Offer, "offer"),
        (Self::Commitment, "commitment"),
        (Self::HousingOption, "housing_option"),
        (Self::HousingScheme, "housing_scheme"),
        (Self::Initiative, "initiative"),
        (Self::SyncRun, "sync_run"),
        (Self::WebhookEndpoint, "webhook_endpoint"),
        (Self::WebhookDelivery, "webhook_delivery"),
    ];

    /// Its name within an id.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

/// A global id, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    /// What it stands for.
    pub kind: Kind,
    /// The record's key: a UUID, or a municipality's code.
    pub key: String,
}

/// Text that is no global id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of a record of the hub")]
pub struct InvalidGlobalId;

impl GlobalId {
    /// The id of the record of this kind and key.
    pub fn new(kind: Kind, key: impl fmt::Display) -> Self {
        Self { kind, key: key.to_string() }
    }

    /// Takes the written form apart.
    ///
    /// # Errors
    /// Where it is not the written form of an id.
    pub fn parse(text: &str) -> Result<Self, InvalidGlobalId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidGlobalId)?;
        let text = String::from_utf8(bytes).map_err(|_| InvalidGlobalId)?;
        let (name, key) = text.split_once(':').ok_or(InvalidGlobalId)?;
        let (kind, _) = Kind::ALL.iter().find(|(_, known)| *known == name).ok_or(InvalidGlobalId)?;
        let id = Self { kind: *kind, key: key.to_owned() };
        let valid = match kind {
            Kind::Municipality => key.parse::<crate::MunicipalityCode>().is_ok_and(|code| code.as_str() == key),
            _ => id.uuid().is_some(),
        };
        if valid { Ok(id) } else { Err(InvalidGlobalId) }
    }

    /// The record's UUID, where its kind has one.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        Uuid::parse_str(&self.key).ok()
    }

    /// The record's UUID, where the id is of this kind.
    #[must_use]
    pub fn uuid_of(&self, kind: Kind) -> Option<Uuid> {
        if self.kind == kind { self.uuid() } else { None }
    }
}

impl fmt::Display for GlobalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{}:{}", self.kind.name(), self.key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_written_form() {
        let id = GlobalId::new(Kind::Need, Uuid::now_v7());
        assert_eq!(GlobalId::parse(&id.to_string()), Ok(id));
        let id = GlobalId::new(Kind::Municipality, "GM0363");
        assert_eq!(GlobalId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "need", "99AA00", "bmVlZDp4", &URL_SAFE_NO_PAD.encode("teacher:1"), "é"] {
            assert_eq!(GlobalId::parse(text), Err(InvalidGlobalId), "{text}");
        }
    }
}
