//! What the fields of each kind of record are called in a description, and what they take.

use entity::Code;
use entity::vocabulary::{
    Barrier, CapacityUnit, CommitmentStatus, HousingSegment, HousingStatus, HousingType, InputKind, NeedStatus,
    OfferStatus, PartnerKind, SchemeStatus, SupportKind, Theme, Urgency,
};

use crate::connector::StreamSpec;
use crate::systems::declarative::streams;

/// What a field takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    /// Text: names, titles, identifiers, addresses.
    Text,
    /// A number that is not negative, or a coordinate.
    Number,
    /// True or false.
    Boolean,
    /// A date.
    Date,
    /// An instant.
    Instant,
    /// An amount of money.
    Money,
    /// A code of this vocabulary.
    Code(Vocabulary),
    /// Codes of this vocabulary.
    Codes(Vocabulary),
    /// Several texts.
    Texts,
}

/// The codes that a field takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vocabulary {
    /// Its name.
    pub(super) name: &'static str,
    codes: fn() -> Vec<&'static str>,
}

impl Vocabulary {
    const fn of<C: Code>() -> Self {
        Self { name: C::VOCABULARY, codes: || C::ALL.iter().map(|value| value.code()).collect() }
    }

    /// All its codes.
    pub(super) fn codes(self) -> Vec<&'static str> {
        (self.codes)()
    }
}

impl Takes {
    /// What it takes, for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Date => "a date",
            Self::Instant => "an instant",
            Self::Money => "an amount of money",
            Self::Code(_) => "a code",
            Self::Codes(_) => "codes",
            Self::Texts => "a list of texts",
        }
    }

    /// Whether it takes more than one value.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::Codes(_) | Self::Texts)
    }

    /// The vocabulary that its values are of.
    pub(super) fn vocabulary(self) -> Option<Vocabulary> {
        match self {
            Self::Code(vocabulary) | Self::Codes(vocabulary) => Some(vocabulary),
            _ => None,
        }
    }
}

/// The kinds of record, each with its stream, its fields, and what it cannot do without: of each group, one.
#[derive(Debug)]
pub(super) struct Target {
    /// Its stream.
    pub(super) stream: StreamSpec,
    /// Its fields.
    pub(super) fields: &'static [(&'static str, Takes)],
    /// What a record is refused without.
    pub(super) needs: &'static [&'static [&'static str]],
}

impl Target {
    /// That of the stream of this name.
    pub(super) fn of(stream: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.stream.name == stream)
    }
}

const THEME: Vocabulary = Vocabulary::of::<Theme>();
const SUPPORT: Vocabulary = Vocabulary::of::<SupportKind>();
const UNIT: Vocabulary = Vocabulary::of::<CapacityUnit>();
const SEGMENT: Vocabulary = Vocabulary::of::<HousingSegment>();

/// All kinds.
pub(super) static TARGETS: &[Target] = &[
    Target {
        stream: streams::SCHOOL_BOARDS,
        fields: &[("number", Takes::Text), ("name", Takes::Text), ("kvk", Takes::Text)],
        needs: &[&["number"]],
    },
    Target {
        stream: streams::SCHOOLS,
        fields: &[
            ("brin", Takes::Text),
            ("name", Takes::Text),
            ("street", Takes::Text),
            ("house_number", Takes::Text),
            ("postcode", Takes::Text),
            ("city", Takes::Text),
            ("latitude", Takes::Number),
            ("longitude", Takes::Number),
            ("denomination", Takes::Text),
            ("pupils", Takes::Number),
            ("disadvantage_score", Takes::Number),
            ("website", Takes::Text),
            ("board", Takes::Text),
            ("board_number", Takes::Text),
            ("municipality", Takes::Text),
            ("municipality_name", Takes::Text),
        ],
        needs: &[&["brin"]],
    },
    Target {
        stream: streams::PARTNERS,
        fields: &[
            ("name", Takes::Text),
            ("kind", Takes::Code(Vocabulary::of::<PartnerKind>())),
            ("kvk", Takes::Text),
            ("website", Takes::Text),
            ("description", Takes::Text),
            ("contact_name", Takes::Text),
            ("contact_email", Takes::Text),
            ("contact_phone", Takes::Text),
        ],
        needs: &[&["name"]],
    },
    Target {
        stream: streams::NEEDS,
        fields: &[
            ("school", Takes::Text),
            ("school_brin", Takes::Text),
            ("title", Takes::Text),
            ("description", Takes::Text),
            ("themes", Takes::Codes(THEME)),
            ("support_kinds", Takes::Codes(SUPPORT)),
            ("barriers", Takes::Codes(Vocabulary::of::<Barrier>())),
            ("urgency", Takes::Code(Vocabulary::of::<Urgency>())),
            ("status", Takes::Code(Vocabulary::of::<NeedStatus>())),
            ("fte_asked", Takes::Number),
            ("hours_per_week_asked", Takes::Number),
            ("starts_on", Takes::Date),
            ("ends_on", Takes::Date),
            ("contact_name", Takes::Text),
            ("contact_email", Takes::Text),
            ("contact_phone", Takes::Text),
        ],
        needs: &[&["school", "school_brin"], &["title"], &["themes"]],
    },
    Target {
        stream: streams::OFFERS,
        fields: &[
            ("partner", Takes::Text),
            ("partner_kvk", Takes::Text),
            ("title", Takes::Text),
            ("description", Takes::Text),
            ("themes", Takes::Codes(THEME)),
            ("support_kinds", Takes::Codes(SUPPORT)),
            ("inputs", Takes::Codes(Vocabulary::of::<InputKind>())),
            ("status", Takes::Code(Vocabulary::of::<OfferStatus>())),
            ("national", Takes::Boolean),
            ("municipalities", Takes::Texts),
            ("regions", Takes::Texts),
            ("latitude", Takes::Number),
            ("longitude", Takes::Number),
            ("radius_km", Takes::Number),
            ("capacity", Takes::Number),
            ("capacity_unit", Takes::Code(UNIT)),
            ("starts_on", Takes::Date),
            ("ends_on", Takes::Date),
            ("requires_vog", Takes::Boolean),
            ("vog_in_order", Takes::Boolean),
            ("languages", Takes::Texts),
        ],
        needs: &[&["partner", "partner_kvk"], &["title"], &["themes"]],
    },
    Target {
        stream: streams::COMMITMENTS,
        fields: &[
            ("partner", Takes::Text),
            ("partner_kvk", Takes::Text),
            ("school", Takes::Text),
            ("school_brin", Takes::Text),
            ("need", Takes::Text),
            ("offer", Takes::Text),
            ("title", Takes::Text),
            ("status", Takes::Code(Vocabulary::of::<CommitmentStatus>())),
            ("status_at", Takes::Instant),
            ("capacity", Takes::Number),
            ("capacity_unit", Takes::Code(UNIT)),
            ("starts_on", Takes::Date),
            ("ends_on", Takes::Date),
        ],
        needs: &[&["partner", "partner_kvk"], &["school", "school_brin"], &["title"]],
    },
    Target {
        stream: streams::HOUSING_SCHEMES,
        fields: &[
            ("name", Takes::Text),
            ("municipality", Takes::Text),
            ("municipality_name", Takes::Text),
            ("status", Takes::Code(Vocabulary::of::<SchemeStatus>())),
            ("valid_from", Takes::Date),
            ("valid_until", Takes::Date),
            ("quota", Takes::Number),
            ("used", Takes::Number),
            ("segments", Takes::Codes(SEGMENT)),
            ("teachers_only", Takes::Boolean),
            ("minimum_fte", Takes::Number),
            ("minimum_hours_per_week", Takes::Number),
            ("minimum_income", Takes::Money),
            ("maximum_income", Takes::Money),
            ("starters_only", Takes::Boolean),
            ("via_employer", Takes::Boolean),
            ("maximum_distance_km", Takes::Number),
            ("eligibility_notes", Takes::Text),
            ("registration_url", Takes::Text),
            ("information_url", Takes::Text),
        ],
        needs: &[&["name"], &["municipality"], &["valid_from"]],
    },
    Target {
        stream: streams::HOUSING_OPTIONS,
        fields: &[
            ("title", Takes::Text),
            ("municipality", Takes::Text),
            ("municipality_name", Takes::Text),
            ("neighbourhood", Takes::Text),
            ("street", Takes::Text),
            ("house_number", Takes::Text),
            ("postcode", Takes::Text),
            ("city", Takes::Text),
            ("latitude", Takes::Number),
            ("longitude", Takes::Number),
            ("housing_type", Takes::Code(Vocabulary::of::<HousingType>())),
            ("segment", Takes::Code(SEGMENT)),
            ("status", Takes::Code(Vocabulary::of::<HousingStatus>())),
            ("homes", Takes::Number),
            ("rent", Takes::Money),
            ("service_costs", Takes::Money),
            ("floor_area_m2", Takes::Number),
            ("rooms", Takes::Number),
            ("available_from", Takes::Date),
            ("respond_before", Takes::Date),
            ("contract_months", Takes::Number),
            ("teachers_only", Takes::Boolean),
            ("minimum_fte", Takes::Number),
            ("minimum_hours_per_week", Takes::Number),
            ("minimum_income", Takes::Money),
            ("maximum_income", Takes::Money),
            ("starters_only", Takes::Boolean),
            ("via_employer", Takes::Boolean),
            ("maximum_distance_km", Takes::Number),
            ("eligibility_notes", Takes::Text),
            ("provider", Takes::Text),
            ("provider_kvk", Takes::Text),
            ("scheme", Takes::Text),
            ("apply_url", Takes::Text),
        ],
        needs: &[&["title"], &["municipality"], &["rent"]],
    },
];
