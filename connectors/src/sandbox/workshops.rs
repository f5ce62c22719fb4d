//! Workshops that a school can book: a partner's live graph, a subgraph of Apollo Federation 2. It knows schools by their
//! BRIN code alone, and adds to them what it offers them.

use std::sync::Arc;

use async_graphql::{Context, EmptyMutation, EmptySubscription, ID, Object, Request, Response, Schema, SimpleObject};
use axum::Router;
use axum::extract::{Json, State};
use axum::routing::post;

use super::sample::{brin_code, school_code};
use super::server::Shared;

/// Title, what it is about, minutes, price in cents.
const OFFERED: [(&str, &str, i32, i32); 6] = [
    ("Robots leren rijden", "Groepen 5 en 6 programmeren een robot door een doolhof.", 90, 24_500),
    ("Muziek uit afval", "Instrumenten bouwen van wat anders weggegooid wordt, en erop spelen.", 120, 19_000),
    ("Rekenen in de moestuin", "Meten, wegen en delen met wat er groeit.", 60, 12_500),
    ("De krant van de klas", "Interviewen, schrijven en opmaken: aan het eind ligt er een krant.", 150, 27_500),
    ("Samen koken", "Een maaltijd voor de hele groep, van boodschappenlijst tot afwas.", 120, 21_000),
    ("Sterren kijken overdag", "Een opblaasbaar planetarium in de gymzaal.", 75, 31_500),
];
/// How many of them a school is offered.
const EACH: u32 = 3;

type Workshops = Schema<Query, EmptyMutation, EmptySubscription>;

/// What can be read.
struct Query;

/// A workshop that schools can book.
#[derive(SimpleObject)]
struct Workshop {
    /// Its identifier.
    id: ID,
    /// What it is called.
    title: &'static str,
    /// What happens in it.
    about: &'static str,
    /// How long it takes, in minutes.
    minutes: i32,
    /// What it costs a school.
    price: Money,
}

/// An amount of money.
#[derive(SimpleObject)]
#[graphql(shareable)]
struct Money {
    /// In cents.
    amount: i32,
    /// ISO 4217.
    currency: &'static str,
}

/// A school, by its BRIN code.
struct School(u32);

fn workshop(number: usize) -> Option<Workshop> {
    let (title, about, minutes, cents) = OFFERED.get(number).copied()?;
    let price = Money { amount: cents, currency: "EUR" };
    Some(Workshop { id: format!("workshop-{number}").into(), title, about, minutes, price })
}

/// What can be read.
#[Object]
impl Query {
    /// All workshops.
    async fn workshops(&self) -> Vec<Workshop> {
        (0..OFFERED.len()).filter_map(workshop).collect()
    }

    /// A workshop by its identifier.
    #[graphql(entity)]
    async fn workshop(&self, id: ID) -> Option<Workshop> {
        id.strip_prefix("workshop-")?.parse().ok().and_then(workshop)
    }

    /// A school by its BRIN code, where it is known here.
    #[graphql(entity)]
    async fn school(&self, ctx: &Context<'_>, brin: String) -> async_graphql::Result<Option<School>> {
        let shared = ctx.data::<Arc<Shared>>()?;
        let is_known = |code: &u32| shared.read().schools.live().any(|school| school.code == *code);
        Ok(school_code(&brin).filter(is_known).map(School))
    }
}

/// A school, by its BRIN code.
#[Object]
impl School {
    /// BRIN code of the location.
    async fn brin(&self) -> String {
        brin_code(self.0)
    }

    /// The workshops that it can book.
    async fn workshops(&self) -> Vec<Workshop> {
        let number = |each: u32| usize::try_from((self.0 + each * 2) % 6).ok();
        (0..EACH).filter_map(number).filter_map(workshop).collect()
    }
}

pub(super) fn routes(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription).data(Arc::clone(shared)).enable_federation();
    Router::new().route("/graphql", post(answer)).with_state(schema.finish())
}

async fn answer(State(schema): State<Workshops>, Json(request): Json<Request>) -> Json<Response> {
    Json(schema.execute(request).await)
}
