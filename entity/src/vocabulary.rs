//! The closed vocabularies of the alliance. Codes are the public contract's; labels are in Dutch and English.

use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::code::{Code, Language, vocabulary};

vocabulary! {
    /// A theme (thema) of the alliance.
    pub enum Theme {
        /// Recruiting new teachers.
        TeacherRecruitment = "TEACHER_RECRUITMENT", "Werving van nieuwe leerkrachten", "Recruiting new teachers";
        /// Tailored teacher training.
        TailoredTeacherTraining = "TAILORED_TEACHER_TRAINING", "Maatwerk bij het opleiden van leerkrachten", "Tailored teacher training";
        /// Support for starting teachers.
        StartingTeacherSupport = "STARTING_TEACHER_SUPPORT", "Begeleiding van startende leerkrachten", "Support for starting teachers";
        /// Less workload and sick leave.
        WorkloadAndAbsence = "WORKLOAD_AND_ABSENCE", "Werkdrukverlaging en terugdringing ziekteverzuim", "Less workload and sick leave";
        /// Strategic personnel policy and development.
        StrategicHr = "STRATEGIC_HR", "(Strategisch) personeelsbeleid en HRD", "Strategic personnel policy and development";
        /// Qualified professionals in and after school hours.
        QualifiedProfessionals = "QUALIFIED_PROFESSIONALS", "Structurele inzet van bekwame professionals, tijdens en buiten schooltijd", "Qualified professionals in and after school hours";
        /// Welfare and care partners for physical and emotional development.
        WelfareAndCare = "WELFARE_AND_CARE", "Welzijns- en zorgpartners voor de fysieke en emotionele ontwikkeling", "Welfare and care partners for physical and emotional development";
        /// Companies and neighbourhood organisations that help talents grow.
        TalentDevelopment = "TALENT_DEVELOPMENT", "Bedrijven en wijkorganisaties die talenten helpen ontwikkelen", "Companies and neighbourhood organisations that help talents grow";
        /// Mentors from the neighbourhood.
        NeighbourhoodMentors = "NEIGHBOURHOOD_MENTORS", "Mentoren uit de wijk", "Mentors from the neighbourhood";
        /// Suitable housing for teachers.
        TeacherHousing = "TEACHER_HOUSING", "Geschikte huisvesting voor leerkrachten", "Suitable housing for teachers";
    }
}

vocabulary! {
    /// A kind of support (ondersteuning): what a need asks for and an offer gives.
    pub enum SupportKind {
        /// Scaling, professionalising and lasting.
        Scaling = "SCALING", "Opschaling, professionalisering en verduurzaming", "Scaling, professionalising and lasting";
        /// Legal insight.
        Legal = "LEGAL", "Juridische inzichten", "Legal insight";
        /// Knowledge shared between initiatives.
        KnowledgeSharing = "KNOWLEDGE_SHARING", "Kennisdeling tussen initiatieven", "Knowledge shared between initiatives";
        /// Process guidance and (risk) monitoring.
        ProcessMonitoring = "PROCESS_MONITORING", "Procesbegeleiding en (risico)monitoring", "Process guidance and (risk) monitoring";
        /// Research (effects, cost-benefit analysis, business case).
        Research = "RESEARCH", "Onderzoek (effecten, MKBA, business case)", "Research (effects, cost-benefit analysis, business case)";
        /// Funding.
        Funding = "FUNDING", "Financiering", "Funding";
        /// Visibility.
        Visibility = "VISIBILITY", "Zichtbaarheid", "Visibility";
        /// (Strategic) personnel policy.
        HrPolicy = "HR_POLICY", "(Strategisch) personeelsbeleid", "(Strategic) personnel policy";
        /// Housing options.
        Housing = "HOUSING", "Huisvestingsmogelijkheden", "Housing options";
    }
}

vocabulary! {
    /// What a partner puts in (inzet).
    pub enum InputKind {
        /// People.
        People = "PEOPLE", "Personele capaciteit", "People";
        /// Means.
        Means = "MEANS", "Middelen", "Means";
        /// Infrastructure.
        Infrastructure = "INFRASTRUCTURE", "Infrastructuur", "Infrastructure";
        /// Networks.
        Network = "NETWORK", "Ontsluiten van netwerken", "Networks";
        /// Advocacy.
        Advocacy = "ADVOCACY", "Lobbykracht", "Advocacy";
        /// Regulatory room.
        RegulatoryRoom = "REGULATORY_ROOM", "Regelruimte", "Regulatory room";
    }
}

vocabulary! {
    /// What stands in the way of a school (belemmering).
    pub enum Barrier {
        /// Time.
        Time = "TIME", "Tijd", "Time";
        /// Funding.
        Funding = "FUNDING", "Financiering", "Funding";
        /// Regulation.
        Regulation = "REGULATION", "Regelgeving", "Regulation";
        /// Organisation.
        Organisation = "ORGANISATION", "Organisatie", "Organisation";
        /// Support base.
        SupportBase = "SUPPORT_BASE", "Draagvlak", "Support base";
        /// Vision.
        Vision = "VISION", "Visie", "Vision";
        /// Contacts.
        Contacts = "CONTACTS", "Contacten", "Contacts";
        /// Capacity to act.
        Capacity = "CAPACITY", "Executiekracht", "Capacity to act";
        /// Privacy.
        Privacy = "PRIVACY", "Privacy", "Privacy";
        /// Monitoring.
        Monitoring = "MONITORING", "Monitoring", "Monitoring";
    }
}

vocabulary! {
    /// What a partner is.
    pub enum PartnerKind {
        /// Company.
        Company = "COMPANY", "Bedrijf", "Company";
        /// Foundation.
        Foundation = "FOUNDATION", "Stichting of fonds", "Foundation";
        /// Care or welfare organisation.
        CareOrWelfare = "CARE_OR_WELFARE", "Zorg- of welzijnsorganisatie", "Care or welfare organisation";
        /// Knowledge institute.
        KnowledgeInstitute = "KNOWLEDGE_INSTITUTE", "Kennisinstelling", "Knowledge institute";
        /// Public body.
        PublicBody = "PUBLIC_BODY", "Overheid", "Public body";
        /// Neighbourhood organisation.
        NeighbourhoodOrganisation = "NEIGHBOURHOOD_ORGANISATION", "Wijkorganisatie", "Neighbourhood organisation";
        /// Housing corporation.
        HousingCorporation = "HOUSING_CORPORATION", "Woningcorporatie", "Housing corporation";
    }
}

vocabulary! {
    /// Where a need (hulpvraag) stands.
    pub enum NeedStatus {
        /// Draft.
        Draft = "DRAFT", "Concept", "Draft";
        /// Open.
        Open = "OPEN", "Open", "Open";
        /// Partly committed.
        PartlyCommitted = "PARTLY_COMMITTED", "Deels toegezegd", "Partly committed";
        /// Committed.
        Committed = "COMMITTED", "Toegezegd", "Committed";
        /// Fulfilled.
        Fulfilled = "FULFILLED", "Vervuld", "Fulfilled";
        /// Withdrawn.
        Withdrawn = "WITHDRAWN", "Ingetrokken", "Withdrawn";
    }
}

vocabulary! {
    /// Where an offer (aanbod) stands.
    pub enum OfferStatus {
        /// Published.
        Published = "PUBLISHED", "Gepubliceerd", "Published";
        /// Paused.
        Paused = "PAUSED", "Gepauzeerd", "Paused";
        /// Exhausted.
        Exhausted = "EXHAUSTED", "Uitgeput", "Exhausted";
        /// Ended.
        Ended = "ENDED", "Beëindigd", "Ended";
    }
}

vocabulary! {
    /// Where a commitment (toezegging) stands.
    pub enum CommitmentStatus {
        /// Proposed.
        Proposed = "PROPOSED", "Voorgesteld", "Proposed";
        /// Accepted.
        Accepted = "ACCEPTED", "Aanvaard", "Accepted";
        /// Active.
        Active = "ACTIVE", "Lopend", "Active";
        /// Completed.
        Completed = "COMPLETED", "Afgerond", "Completed";
        /// Confirmed.
        Confirmed = "CONFIRMED", "Bevestigd", "Confirmed";
        /// Declined.
        Declined = "DECLINED", "Afgewezen", "Declined";
        /// Withdrawn.
        Withdrawn = "WITHDRAWN", "Ingetrokken", "Withdrawn";
        /// Broken.
        Broken = "BROKEN", "Niet nagekomen", "Broken";
    }
}

vocabulary! {
    /// The type of a home.
    pub enum HousingType {
        /// Apartment.
        Apartment = "APARTMENT", "Appartement", "Apartment";
        /// Studio.
        Studio = "STUDIO", "Studio", "Studio";
        /// Room.
        Room = "ROOM", "Kamer", "Room";
        /// House.
        House = "HOUSE", "Huis", "House";
    }
}

vocabulary! {
    /// The segment of the housing market that a home is let in.
    pub enum HousingSegment {
        /// Social rent.
        Social = "SOCIAL", "Sociale huur", "Social rent";
        /// Mid-rent.
        MidRent = "MID_RENT", "Middenhuur", "Mid-rent";
        /// Free sector.
        FreeSector = "FREE_SECTOR", "Vrije sector", "Free sector";
        /// Shared.
        Shared = "SHARED", "Gedeeld wonen", "Shared";
    }
}

vocabulary! {
    /// Where a home stands.
    pub enum HousingStatus {
        /// Available.
        Available = "AVAILABLE", "Beschikbaar", "Available";
        /// Reserved.
        Reserved = "RESERVED", "Gereserveerd", "Reserved";
        /// Let.
        Let = "LET", "Verhuurd", "Let";
        /// Withdrawn.
        Withdrawn = "WITHDRAWN", "Ingetrokken", "Withdrawn";
    }
}

vocabulary! {
    /// Where a housing scheme (voorrangsregeling) stands.
    pub enum SchemeStatus {
        /// Open.
        Open = "OPEN", "Open", "Open";
        /// Suspended.
        Suspended = "SUSPENDED", "Opgeschort", "Suspended";
        /// Closed.
        Closed = "CLOSED", "Gesloten", "Closed";
        /// Announced.
        Announced = "ANNOUNCED", "Aangekondigd", "Announced";
    }
}

vocabulary! {
    /// The unit of a capacity.
    pub enum CapacityUnit {
        /// FTE.
        Fte = "FTE", "fte", "FTE";
        /// hours a week.
        HoursPerWeek = "HOURS_PER_WEEK", "uur per week", "hours a week";
        /// people.
        People = "PEOPLE", "personen", "people";
        /// places.
        Places = "PLACES", "plaatsen", "places";
        /// euro.
        Eur = "EUR", "euro", "euro";
    }
}

vocabulary! {
    /// What kind of system a source is.
    pub enum SourceKind {
        /// Municipal system.
        Municipal = "MUNICIPAL", "Gemeentelijk systeem", "Municipal system";
        /// School board system.
        SchoolBoard = "SCHOOL_BOARD", "Systeem van een schoolbestuur", "School board system";
        /// Partner platform.
        Partner = "PARTNER", "Platform van een partner", "Partner platform";
        /// National register.
        NationalRegister = "NATIONAL_REGISTER", "Landelijk register", "National register";
        /// The hub itself.
        Hub = "HUB", "De hub zelf", "The hub itself";
    }
}

vocabulary! {
    /// How a sync run ended, or that it has not.
    pub enum SyncStatus {
        /// Running.
        Running = "RUNNING", "Loopt", "Running";
        /// Succeeded.
        Succeeded = "SUCCEEDED", "Geslaagd", "Succeeded";
        /// Partial.
        Partial = "PARTIAL", "Deels geslaagd", "Partial";
        /// Held.
        Held = "HELD", "Aangehouden", "Held";
        /// Failed.
        Failed = "FAILED", "Mislukt", "Failed";
        /// Cancelled.
        Cancelled = "CANCELLED", "Afgebroken", "Cancelled";
    }
}

vocabulary! {
    /// How a sync run read its source.
    pub enum SyncMode {
        /// Full.
        Full = "FULL", "Volledig", "Full";
        /// Incremental.
        Incremental = "INCREMENTAL", "Alleen wijzigingen", "Incremental";
    }
}

vocabulary! {
    /// What happened to a record.
    pub enum ChangeAction {
        /// Created.
        Created = "CREATED", "Aangemaakt", "Created";
        /// Updated.
        Updated = "UPDATED", "Gewijzigd", "Updated";
        /// Deleted.
        Deleted = "DELETED", "Verwijderd", "Deleted";
    }
}

vocabulary! {
    /// A type of record that the change feed tells of.
    pub enum RecordType {
        /// School location.
        School = "SCHOOL", "Schoolvestiging", "School location";
        /// School board.
        SchoolBoard = "SCHOOL_BOARD", "Schoolbestuur", "School board";
        /// Partner.
        Partner = "PARTNER", "Partner", "Partner";
        /// Need.
        Need = "NEED", "Hulpvraag", "Need";
        /// Offer.
        Offer = "OFFER", "Aanbod", "Offer";
        /// Commitment.
        Commitment = "COMMITMENT", "Toezegging", "Commitment";
        /// Housing option.
        HousingOption = "HOUSING_OPTION", "Lerarenwoning", "Housing option";
        /// Housing scheme.
        HousingScheme = "HOUSING_SCHEME", "Voorrangsregeling", "Housing scheme";
    }
}

vocabulary! {
    /// An element on which education systems are compared.
    pub enum EducationElement {
        /// Characteristics.
        Characteristics = "CHARACTERISTICS", "Kenmerken", "Characteristics";
        /// Differences with the Netherlands.
        Differences = "DIFFERENCES", "Verschillen met Nederland", "Differences with the Netherlands";
        /// School week.
        SchoolWeek = "SCHOOL_WEEK", "Schoolweek", "School week";
        /// Teacher's work.
        TeachersWork = "TEACHERS_WORK", "Werk van de leerkracht", "Teacher's work";
        /// Training.
        Training = "TRAINING", "Opleiding", "Training";
        /// Salary.
        Salary = "SALARY", "Salaris", "Salary";
        /// Shortage.
        Shortage = "SHORTAGE", "Tekort", "Shortage";
        /// Workload.
        Workload = "WORKLOAD", "Werkdruk", "Workload";
        /// Other staff in class.
        OtherStaff = "OTHER_STAFF", "Andere medewerkers in de klas", "Other staff in class";
        /// Qualified teachers per class.
        TeachersPerClass = "TEACHERS_PER_CLASS", "Bevoegde leerkrachten per klas", "Qualified teachers per class";
        /// Class size.
        ClassSize = "CLASS_SIZE", "Klassengrootte", "Class size";
        /// Image.
        Image = "IMAGE", "Imago", "Image";
        /// Housing.
        Housing = "HOUSING", "Huisvesting", "Housing";
    }
}

/// How pressing a need is. Stored as a number, so that the database can order by it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum, Serialize, Deserialize,
)]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Urgency {
    /// Can wait.
    #[sea_orm(num_value = 1)]
    Low,
    /// As most are.
    #[sea_orm(num_value = 2)]
    Normal,
    /// Before others.
    #[sea_orm(num_value = 3)]
    High,
    /// Pupils are without a teacher.
    #[sea_orm(num_value = 4)]
    Critical,
}

impl Code for Urgency {
    const VOCABULARY: &'static str = "Urgency";
    const DESCRIPTION: &'static str = "How pressing a need is (urgentie).";
    const ALL: &'static [Self] = &[Self::Low, Self::Normal, Self::High, Self::Critical];

    fn code(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Normal => "NORMAL",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }

    fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Low, Language::Nl) => "laag",
            (Self::Low, Language::En) => "low",
            (Self::Normal, Language::Nl) => "normaal",
            (Self::Normal, Language::En) => "normal",
            (Self::High, Language::Nl) => "hoog",
            (Self::High, Language::En) => "high",
            (Self::Critical, Language::Nl) => "kritiek",
            (Self::Critical, Language::En) => "critical",
        }
    }
}
