//! Reads a home (eenheid) of a publication: what and where it is, what it costs, who qualifies.

use entity::GeoPoint;
use entity::vocabulary::HousingType;
use serde_json::Value;

use super::{code, municipality};
use crate::record::{Address, Eligibility, Municipality};
use crate::systems::fields::{Fields, at, items, spaced};

/// What a publication says of its home.
pub(super) struct Home {
    pub(super) title: Option<String>,
    pub(super) municipality: Option<Municipality>,
    pub(super) neighbourhood: Option<String>,
    pub(super) address: Option<Address>,
    pub(super) location: Option<GeoPoint>,
    pub(super) housing_type: Option<HousingType>,
    /// Whether tenants share it.
    pub(super) is_shared: bool,
    pub(super) rent_cents: Option<i64>,
    pub(super) service_costs_cents: Option<i64>,
    pub(super) floor_area_m2: Option<f64>,
    pub(super) rooms: Option<i32>,
    pub(super) eligibility: Eligibility,
}

/// Why `home` is none that the hub keeps, where that is so.
pub(super) fn none_of_ours(home: &Value) -> Option<&'static str> {
    // EENHEIDSOORT has businesses, institutions, parking places, holiday homes and others beside homes (WOO).
    let soort = code(at(home, &["soort"]));
    if matches!(soort.as_deref(), Some("BED" | "INT" | "MOG" | "OVE" | "PAR" | "REC")) {
        return Some("a publication of what is no home");
    }
    let for_sale = at(home, &["verkoop"]).and_then(Value::as_bool).unwrap_or(false);
    let has_rent = at(home, &["brutohuur"]).is_some() || items(home.get("prijscomponenten")).next().is_some();
    (for_sale && !has_rent).then_some("a home for sale")
}

/// Reads the home; `label` is that of its publication.
pub(super) fn read(fields: &mut Fields<'_>, label: Option<&str>) -> Home {
    let address = address(fields);
    let title = fields.line(&["naam"]).or_else(|| address.as_ref().and_then(in_a_line));
    if title.is_none() {
        fields.fault("`naam` is missing, and so is its street");
    }
    let detail = code(fields.get(&["detailSoort"]));
    let rent_cents = match components(fields, "NET") {
        Some(net) => Some(net),
        None => fields.cents(&["brutohuur"]),
    };
    if rent_cents.is_none() {
        fields.fault("its rent is missing: neither a NET of `prijscomponenten` nor `brutohuur`");
    }
    let own_label = fields.line(&["publicatieLabel"]);
    let is_studio =
        [own_label.as_deref(), label].into_iter().flatten().any(|label| label.eq_ignore_ascii_case("studio"));
    Home {
        title,
        municipality: municipality(fields, &["adres", "gemeente"]),
        neighbourhood: ["buurt", "wijk", "stadsdeel"]
            .into_iter()
            .find_map(|part| fields.line(&["adres", part, "naam"])),
        address,
        location: fields.point(&["adres", "geometrie", "breedtegraad"], &["adres", "geometrie", "lengtegraad"]),
        // The standard has no code for studios; its labels are for what it has none for.
        housing_type: if is_studio { Some(HousingType::Studio) } else { detail.as_deref().and_then(housing_type) },
        is_shared: detail.as_deref() == Some("KAM") || fields.get(&["zelfstandig"]) == Some(&Value::Bool(false)),
        rent_cents,
        service_costs_cents: components(fields, "SER"),
        floor_area_m2: floor_area(fields),
        rooms: fields.count(&["kamersAantal"]),
        eligibility: eligibility(fields),
    }
}

/// What kind of home it is, by the codes of EENHEIDDETAILSOORT. `None` for those that are neither, as houseboats.
fn housing_type(code: &str) -> Option<HousingType> {
    Some(match code {
        "BEN" | "BOV" | "COR" | "GAL" | "MAI" | "POF" | "POW" => HousingType::Apartment,
        "EIN" | "GTW" | "GWO" | "HAL" | "HER" | "HOE" | "TIN" | "TUS" | "TWE" | "VRI" => HousingType::House,
        "KAM" => HousingType::Room,
        _ => return None,
    })
}

fn address(fields: &mut Fields<'_>) -> Option<Address> {
    let number = fields.line(&["adres", "huisnummer"]);
    let letter = fields.line(&["adres", "huisletter"]);
    let addition = fields.line(&["adres", "huisnummerToevoeging"]);
    let address = Address {
        street: fields.line(&["adres", "straatnaam"]),
        house_number: number.map(|number| {
            let addition = addition.map(|addition| format!("-{}", addition.trim_start_matches('-')));
            [Some(number), letter, addition].into_iter().flatten().collect()
        }),
        postcode: fields.line(&["adres", "postcode"]).map(spaced),
        city: fields.line(&["adres", "woonplaats", "naam"]),
    };
    (address != Address::default()).then_some(address)
}

fn in_a_line(address: &Address) -> Option<String> {
    let street = address.street.as_deref()?;
    let number = address.house_number.as_deref().map(|number| format!(" {number}")).unwrap_or_default();
    let city = address.city.as_deref().map(|city| format!(", {city}")).unwrap_or_default();
    Some(format!("{street}{number}{city}"))
}

/// The sum of the components of this PRIJSCOMPONENTSOORT. `None` where there are none.
fn components(fields: &mut Fields<'_>, soort: &str) -> Option<i64> {
    let mut sum = None;
    for (index, item) in items(fields.get(&["prijscomponenten"])).enumerate() {
        if code(at(item, &["soort"])).as_deref() != Some(soort) {
            continue;
        }
        let cents = fields.part(item, &format!("prijscomponenten[{index}]"), |item| {
            item.cents(&["bedrag"]).or_else(|| item.cents(&["bedragInclusiefBtw"]))
        });
        sum = cents.map(|cents| sum.unwrap_or(0) + cents).or(sum);
    }
    sum
}

/// The usable area (gebruiksoppervlakte, NEN 2580).
fn floor_area(fields: &mut Fields<'_>) -> Option<f64> {
    let mut areas = items(fields.get(&["oppervlakten"])).enumerate();
    let (index, usable) = areas.find(|(_, area)| code(at(area, &["soort"])).as_deref() == Some("GBO"))?;
    fields.part(usable, &format!("oppervlakten[{index}]"), |area| area.amount(&["waarde"]))
}

fn eligibility(fields: &mut Fields<'_>) -> Eligibility {
    let mut eligibility = Eligibility {
        maximum_income_cents: fields.cents(&["voorwaarden", "maximuminkomen"]),
        minimum_income_cents: fields.cents(&["voorwaarden", "minimuminkomen"]),
        ..Eligibility::default()
    };
    for (index, item) in items(fields.get(&["criteria"])).enumerate() {
        fields.part(item, &format!("criteria[{index}]"), |item| criterion(item, &mut eligibility));
    }
    eligibility
}

/// A criterion. One by which candidates are but put in order (SOR) keeps nobody out.
fn criterion(fields: &mut Fields<'_>, eligibility: &mut Eligibility) {
    let toepassing = code(fields.get(&["toepassing"]));
    // The standard spells this one without a capital, and the same word elsewhere with one.
    let detail = code(fields.get(&["detailsoort"]).or_else(|| fields.get(&["detailSoort"])));
    let sorts = toepassing.as_deref() == Some("SOR");
    match detail.as_deref() {
        // Its profession gives a candidate urgency: education, care, police.
        Some("BER") if toepassing.as_deref() == Some("SEL") => {
            eligibility.teachers_only = Some(true);
            eligibility.minimum_hours_per_week = fields.amount(&["aantalOndergrens"]);
        }
        Some("DOE") if !sorts && code(fields.get(&["doelgroep"])).as_deref() == Some("STA") => {
            eligibility.starters_only = Some(true);
        }
        Some("ECO") if !sorts => eligibility.maximum_distance_km = fields.amount(&["aantalBovengrens"]),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn home(raw: &Value) -> Home {
        read(&mut Fields::new(raw), None)
    }

    #[test]
    fn the_kind_of_home_is_that_of_the_code_unless_its_label_says_studio() {
        let kind = |raw: &Value, label: Option<&str>| read(&mut Fields::new(raw), label).housing_type;
        assert_eq!(kind(&json!({"detailSoort": {"code": "tus"}}), None), Some(HousingType::House));
        assert_eq!(kind(&json!({"detailSoort": {"code": "WOB"}}), None), None);
        assert_eq!(kind(&json!({"detailSoort": {"code": "POF"}}), Some("Studio")), Some(HousingType::Studio));
        let labelled = json!({"detailSoort": {"code": "POF"}, "publicatieLabel": "studio"});
        assert_eq!(kind(&labelled, Some("Nieuw")), Some(HousingType::Studio));
    }

    #[test]
    fn rent_is_net_where_that_is_told_and_gross_elsewhere() {
        let gross =
            home(&json!({"brutohuur": 900, "prijscomponenten": [{"soort": {"code": "SER"}, "bedrag": "30,50"}]}));
        assert_eq!((gross.rent_cents, gross.service_costs_cents), (Some(90_000), Some(3_050)));
        let net = json!({"prijscomponenten": [{"soort": {"code": "NET"}, "bedragInclusiefBtw": 870}, {"soort": null}]});
        assert_eq!((home(&net).rent_cents, home(&net).service_costs_cents), (Some(87_000), None));
    }

    #[test]
    fn a_criterion_that_only_puts_in_order_keeps_nobody_out() {
        let criteria = |toepassing: &str| {
            home(&json!({"criteria": [
                {"detailsoort": {"code": "BER"}, "toepassing": {"code": toepassing}, "aantalOndergrens": 20},
                {"detailSoort": {"code": "DOE"}, "toepassing": {"code": toepassing}, "doelgroep": {"code": "STA"}},
                {"detailsoort": {"code": "ECO"}, "toepassing": {"code": toepassing}, "aantalBovengrens": 45}]}))
            .eligibility
        };
        assert_eq!(criteria("SOR"), Eligibility::default());
        let selecting = criteria("SEL");
        assert_eq!((selecting.teachers_only, selecting.starters_only), (Some(true), Some(true)));
        assert_eq!(selecting.maximum_distance_km, Some(45.0));
    }

    #[test]
    fn postcodes_get_their_space() {
        for (text, postcode) in [("1012ab", "1012 AB"), ("1012 AB", "1012 AB"), ("B-1000", "B-1000"), ("éé", "éé")]
        {
            assert_eq!(spaced(text.to_owned()), postcode);
        }
    }

    #[test]
    fn parking_places_and_homes_for_sale_are_none_of_ours() {
        assert!(none_of_ours(&json!({"soort": {"code": "PAR"}})).is_some());
        assert!(none_of_ours(&json!({"verkoop": true, "vraagprijs": 350_000})).is_some());
        assert!(none_of_ours(&json!({"soort": {"code": "WOO"}, "verkoop": true, "brutohuur": 900})).is_none());
        assert!(none_of_ours(&json!({})).is_none());
    }
}
