//! Publications and priority schemes as the housing allocation system sends them.
//!
//! Codes are those of Aedes' reference data, save `MID` for mid-rent, which publishers add themselves.

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::sandbox::sample::{Home, HomeRules, SEGMENTS, Scheme, places, publication_id, scheme_id, words};
use crate::sandbox::server::decimal;

/// Publicatie, with its one eenheid.
pub(super) fn publication(home: &Home) -> Value {
    let id = publication_id(home.number);
    let place = places::place_at(home.place);
    let model = match home.segment {
        Some("VRI") => "VRI",
        // Where no module says the segment, the model says it of some.
        None if home.number.is_multiple_of(2) => "VRI",
        _ if home.number.is_multiple_of(5) => "LOT",
        _ => "AAN",
    };
    let site = format!("https://wonen-{}.example/aanbod/{id}", words::slug(place.name));
    home.overlay.apply(json!({
        "id": id,
        "status": reference(home.status, status_name(home.status)),
        "begindatum": midnight(home.published_on),
        "einddatum": home.respond_before.map(midnight),
        "opleverdatum": home.available_from.map(midnight),
        "advertentieUrl": site,
        "reactieUrl": (!home.number.is_multiple_of(9)).then(|| format!("{site}/reageren")),
        "label": home.studio.then_some("Studio"),
        "looptijd": home.contract_months.map(|months| format!("{months} maanden")),
        "aantalEenheden": home.homes,
        "aantalEenhedenBeschikbaar": if home.status == "GEP" { home.homes } else { 0 },
        "model": reference(model, match model { "VRI" => "Vrijesectormodel", "LOT" => "Lotingmodel", _ => "Aanbodmodel" }),
        "modules": home.segment.map(|segment| [reference(segment, match segment {
            "SOC" => "Sociale huur",
            "MID" => "Middenhuur",
            _ => "Vrije sector",
        })]),
        "voorrangsregeling": home.scheme.map(|scheme| json!({"id": scheme_id(scheme)})),
        "eenheden": [unit(home)],
    }))
}

/// Eenheid.
fn unit(home: &Home) -> Value {
    let place = places::place_at(home.place);
    let street = home.street.or_else(words::street);
    let house_number = words::house_number(home.number);
    let gross = home.rent_cents + home.service_cents.unwrap_or(0);
    let prices = home.service_cents.map(|service| {
        json!([
            {"soort": reference("NET", "Netto Huur"), "bedrag": euros(home.rent_cents)},
            {"soort": reference("SER", "Service"), "bedrag": euros(service)},
        ])
    });
    let mut areas = vec![json!({"soort": reference("GBO", "Gebruiksoppervlakte"), "waarde": home.area_m2})];
    if home.number.is_multiple_of(5) {
        // Some give the gross area first.
        areas.insert(0, json!({"soort": reference("BVO", "Bruto vloeroppervlakte"), "waarde": home.area_m2 + 8}));
    }
    json!({
        "id": format!("eh-{:06}", home.number),
        "naam": format!("{street} {house_number}, {}", place.name),
        "omschrijving": format!("Woonruimte van {} m2 in {}, verzonnen voor de zandbak.", home.area_m2, place.name),
        "soort": reference("WOO", "Woonruimte"),
        "detailSoort": reference(home.kind, kind_name(home.kind)),
        "publicatieLabel": home.studio.then_some("Studio"),
        "zelfstandig": home.kind != "KAM",
        "kamersAantal": home.rooms,
        "adres": address(home, &street, &house_number),
        "oppervlakten": areas,
        "brutohuur": euros(gross),
        "prijscomponenten": prices,
        "doelgroep": home.rules.starters_only.then(|| reference("STA", "Starters")),
        "criteria": criteria(home),
        "voorwaarden": terms(home.rules),
    })
}

fn address(home: &Home, street: &str, house_number: &str) -> Value {
    let place = places::place_at(home.place);
    let area = home.number % 12;
    let neighbourhood = words::neighbourhood(area * 24);
    json!({
        "straatnaam": street,
        "huisnummer": house_number,
        "huisletter": home.number.is_multiple_of(11).then_some("A"),
        "huisnummerToevoeging": home.number.is_multiple_of(13).then_some("2"),
        "postcode": words::postcode(home.number, place),
        "woonplaats": {"naam": place.name},
        "gemeente": {"code": format!("{:04}", place.code), "naam": place.name},
        "wijk": {"code": format!("WK{:04}{area:02}", place.code), "naam": neighbourhood},
        "buurt": {"code": format!("BU{:04}{area:02}01", place.code), "naam": neighbourhood},
        "geometrie": home.location.map(|(latitude, longitude)| json!({
            "soort": reference("PUN", "Punt"),
            "breedtegraad": decimal(latitude, 5),
            "lengtegraad": decimal(longitude, 5),
        })),
    })
}

/// Who may have it (`SEL`), or who goes first (`SOR`).
fn criteria(home: &Home) -> Vec<Value> {
    let rules = home.rules;
    let mut criteria = Vec::new();
    let goes_first = home.number.is_multiple_of(7);
    if rules.teachers_only || goes_first {
        let application =
            if rules.teachers_only { reference("SEL", "Selecteren") } else { reference("SOR", "Sorteren") };
        criteria.push(json!({
            "soort": reference("URG", "Urgentie"),
            // The standard spells this one without a capital, and `detailSoort` everywhere else.
            "detailsoort": reference("BER", "Beroep"),
            "toepassing": application,
            "aantalOndergrens": rules.minimum_hours,
        }));
    }
    if rules.starters_only {
        criteria.push(json!({
            "soort": reference("GRO", "Groep"),
            "detailsoort": reference("DOE", "Doelgroep"),
            "toepassing": reference("SEL", "Selecteren"),
            "doelgroep": reference("STA", "Starters"),
        }));
    }
    if let Some(kilometres) = rules.maximum_distance_km {
        criteria.push(json!({
            "soort": reference("BIN", "Binding"),
            "detailsoort": reference("ECO", "Economisch"),
            "toepassing": reference("SEL", "Selecteren"),
            "aantalBovengrens": kilometres,
        }));
    }
    criteria
}

fn terms(rules: HomeRules) -> Value {
    if rules.minimum_income.is_none() && rules.maximum_income.is_none() {
        return Value::Null;
    }
    json!({"minimuminkomen": rules.minimum_income, "maximuminkomen": rules.maximum_income})
}

/// A priority scheme, in the alliance's own shape: statuses and segments are the hub's codes, incomes euros a year.
pub(super) fn scheme(scheme: &Scheme) -> Value {
    let place = places::place_at(scheme.place);
    let site = format!("https://gemeente-{}.example/voorrang-leraren", words::slug(place.name));
    scheme.overlay.apply(json!({
        "id": scheme_id(scheme.number),
        "naam": format!("Voorrangsregeling leraren {}", place.name),
        "gemeente": {"code": format!("{:04}", place.code), "naam": place.name},
        "status": {"code": scheme.status},
        "begindatum": scheme.starts_on,
        "einddatum": scheme.ends_on,
        "quotum": scheme.quota,
        "gebruikt": scheme.used,
        "segmenten": scheme.segments.list(&SEGMENTS).into_iter().map(|code| json!({"code": code})).collect::<Vec<_>>(),
        "voorwaarden": {
            "alleenLeerkrachten": scheme.rules.teachers_only,
            "alleenStarters": scheme.rules.starters_only,
            "viaWerkgever": scheme.via_employer,
            "minimumFte": scheme.minimum_fte.map(|fte| decimal(fte, 2)),
            "minimumUrenPerWeek": scheme.rules.minimum_hours,
            "minimuminkomen": scheme.rules.minimum_income,
            "maximuminkomen": scheme.rules.maximum_income,
            "maximumAfstandKm": scheme.rules.maximum_distance_km,
            "toelichting": "Verzonnen regeling. Wie in de gemeente voor de klas staat, kan zich melden.",
        },
        "inschrijfUrl": format!("{site}/aanmelden"),
        "informatieUrl": site,
    }))
}

fn reference(code: &str, name: &str) -> Value {
    json!({"code": code, "naam": name})
}

/// A date in the standard's form: midnight with a `Z`, meant as the Dutch day.
fn midnight(day: NaiveDate) -> String {
    format!("{day}T00:00:00Z")
}

fn euros(cents: u32) -> f64 {
    f64::from(cents) / 100.0
}

fn status_name(code: &str) -> &'static str {
    match code {
        "GEP" => "Gepubliceerd",
        "AAN" => "In aanbieding",
        "AFG" => "Afgerond",
        "ING" => "Ingetrokken",
        "GER" => "Gereed voor publicatie",
        _ => "Voorbereiding",
    }
}

fn kind_name(code: &str) -> &'static str {
    match code {
        "POF" => "Portiekflat",
        "GAL" => "Galerijflat",
        "BOV" => "Bovenwoning",
        "MAI" => "Maisonette",
        "TUS" => "Tussenwoning",
        "HOE" => "Hoekwoning",
        _ => "Kamer",
    }
}
