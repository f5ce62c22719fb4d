//! What was found, in a sentence that a school leader understands.

use entity::vocabulary::CapacityUnit;
use entity::{Code, CodeSet, Language};

use super::Finding;

impl Finding {
    /// The sentence.
    pub(crate) fn sentence(&self, language: Language) -> String {
        match language {
            Language::Nl => self.dutch(),
            Language::En => self.english(),
        }
    }

    fn dutch(&self) -> String {
        let nl = Language::Nl;
        match self {
            Self::Themes(common, 1) => format!("Gaat over het thema van de hulpvraag: {}.", list(*common, nl)),
            Self::Themes(common, all) if common.len() == *all => {
                format!("Gaat over alle {all} thema's van de hulpvraag: {}.", list(*common, nl))
            }
            Self::Themes(common, all) => {
                format!("Gaat over {} van de {all} thema's van de hulpvraag: {}.", common.len(), list(*common, nl))
            }
            Self::SupportKinds(_, 0) => "De hulpvraag noemt geen soort ondersteuning: elke soort past.".to_owned(),
            Self::SupportKinds(common, _) if common.is_empty() => {
                "Geeft andere ondersteuning dan de hulpvraag noemt.".to_owned()
            }
            Self::SupportKinds(common, 1) => format!("Geeft de gevraagde ondersteuning: {}.", list(*common, nl)),
            Self::SupportKinds(common, all) => {
                format!("Geeft {} van de {all} gevraagde soorten ondersteuning: {}.", common.len(), list(*common, nl))
            }
            Self::InMunicipality(place) => format!("Is er voor de gemeente {}.", place.name),
            Self::InRegion(place) => format!("Is er voor de regio {}.", place.name),
            Self::InCountry => "Is er voor het hele land.".to_owned(),
            Self::InCircle(distance, radius) => format!(
                "De school ligt op {} km; het aanbod reikt tot {} km.",
                number(*distance, nl),
                number(*radius, nl)
            ),
            Self::Period(share) if *share >= 1.0 => "Is er de hele periode van de hulpvraag.".to_owned(),
            Self::Period(share) => format!("Is er {} van de periode van de hulpvraag.", percent(*share)),
            Self::Capacity(remaining, wanted, unit) if remaining >= wanted => format!(
                "Er is genoeg: {} over, {} gevraagd.",
                amount(*remaining, *unit, nl),
                amount(*wanted, *unit, nl)
            ),
            Self::Capacity(remaining, wanted, unit) => format!(
                "Er is niet genoeg voor de hele vraag: {} over, {} gevraagd.",
                amount(*remaining, *unit, nl),
                amount(*wanted, *unit, nl)
            ),
            Self::NothingAsked => "De hulpvraag zegt niet hoeveel er nodig is; er is nog ruimte.".to_owned(),
            Self::CapacityUnknown => "Het aanbod zegt niet hoeveel er is: vraag het na.".to_owned(),
            Self::OtherUnit(remaining, unit) => format!(
                "Er is nog {}; dat is niet te vergelijken met wat de hulpvraag vraagt.",
                amount(*remaining, *unit, nl)
            ),
            Self::NoVog => "Er is geen VOG nodig.".to_owned(),
            Self::Vog(Some(true)) => "De VOG die nodig is, is in orde.".to_owned(),
            Self::Vog(Some(false)) => "Er is een VOG nodig, en die is nog niet in orde.".to_owned(),
            Self::Vog(None) => "Er is een VOG nodig; of die in orde is, is niet bekend.".to_owned(),
        }
    }

    fn english(&self) -> String {
        let en = Language::En;
        match self {
            Self::Themes(common, 1) => format!("Is on the need's theme: {}.", list(*common, en)),
            Self::Themes(common, all) if common.len() == *all => {
                format!("Is on all {all} of the need's themes: {}.", list(*common, en))
            }
            Self::Themes(common, all) => {
                format!("Is on {} of the need's {all} themes: {}.", common.len(), list(*common, en))
            }
            Self::SupportKinds(_, 0) => "The need names no kind of support: any kind fits.".to_owned(),
            Self::SupportKinds(common, _) if common.is_empty() => {
                "Gives other support than the need asks for.".to_owned()
            }
            Self::SupportKinds(common, 1) => format!("Gives the support that is asked for: {}.", list(*common, en)),
            Self::SupportKinds(common, all) => {
                format!("Gives {} of the {all} kinds of support asked for: {}.", common.len(), list(*common, en))
            }
            Self::InMunicipality(place) => format!("Is there for the municipality of {}.", place.name),
            Self::InRegion(place) => format!("Is there for the region {}.", place.name),
            Self::InCountry => "Is there for the whole country.".to_owned(),
            Self::InCircle(distance, radius) => format!(
                "The school is {} km away; the offer reaches {} km.",
                number(*distance, en),
                number(*radius, en)
            ),
            Self::Period(share) if *share >= 1.0 => "Is there for the need's whole period.".to_owned(),
            Self::Period(share) => format!("Is there for {} of the need's period.", percent(*share)),
            Self::Capacity(remaining, wanted, unit) if remaining >= wanted => format!(
                "There is enough: {} left, {} asked for.",
                amount(*remaining, *unit, en),
                amount(*wanted, *unit, en)
            ),
            Self::Capacity(remaining, wanted, unit) => format!(
                "There is not enough for all that is asked: {} left, {} asked for.",
                amount(*remaining, *unit, en),
                amount(*wanted, *unit, en)
            ),
            Self::NothingAsked => "The need does not say how much it asks; there is room left.".to_owned(),
            Self::CapacityUnknown => "The offer does not say how much there is: ask.".to_owned(),
            Self::OtherUnit(remaining, unit) => format!(
                "There are {} left; that cannot be compared with what the need asks.",
                amount(*remaining, *unit, en)
            ),
            Self::NoVog => "No certificate of conduct (VOG) is needed.".to_owned(),
            Self::Vog(Some(true)) => "The certificate of conduct (VOG) that is needed is in order.".to_owned(),
            Self::Vog(Some(false)) => "A certificate of conduct (VOG) is needed, and is not in order yet.".to_owned(),
            Self::Vog(None) => {
                "A certificate of conduct (VOG) is needed; whether it is in order is not known.".to_owned()
            }
        }
    }
}

fn list<C: Code>(set: CodeSet<C>, language: Language) -> String {
    let labels: Vec<&str> = set.iter().map(|value| value.label(language)).collect();
    labels.join("; ")
}

fn amount(amount: f64, unit: CapacityUnit, language: Language) -> String {
    format!("{} {}", number(amount, language), unit.label(language))
}

/// One decimal where there is any, with the language's mark.
fn number(number: f64, language: Language) -> String {
    let text = format!("{number:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    match language {
        Language::Nl => text.replace('.', ","),
        Language::En => text.to_owned(),
    }
}

/// Rounded down, but never to nothing: what is not whole is never called whole.
fn percent(share: f64) -> String {
    format!("{:.0}%", (share * 100.0).floor().max(1.0))
}
