//! From what sources call a record to the hub's own identity of it, many at a time.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use entity::global_id::{GlobalId, Kind};
use entity::life_cycle::Committed;
use entity::vocabulary::RecordType;
use entity::{Brin, Kvk, SchoolBoardNumber, claim, need, offer, partner, region, school, school_board};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::record::Reference;

/// Values in one `IN` list.
const MOST_VALUES: usize = 5_000;

/// A qualified identifier, `source/identifier`, of a record of this type.
type External = (RecordType, String);

/// What has to be known.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    brins: HashSet<String>,
    board_numbers: HashSet<String>,
    kvks: HashSet<String>,
    externals: HashSet<External>,
    need_names: HashSet<String>,
    offers: HashSet<Uuid>,
    regions: bool,
}

/// What is known: of each key that was asked for, the record, or `None` where there is none.
#[derive(Debug, Default)]
pub(crate) struct Known {
    schools: HashMap<String, Option<Uuid>>,
    boards: HashMap<String, Option<Uuid>>,
    partners: HashMap<String, Option<Uuid>>,
    externals: HashMap<External, Option<Uuid>>,
    /// Needs by the identifier that they have in the system they came from, with their schools.
    needs: HashMap<String, Vec<(Uuid, Uuid)>>,
    offer_partners: HashMap<Uuid, Uuid>,
    /// What live commitments give to needs.
    committed: HashMap<Uuid, Committed>,
    regions: HashSet<String>,
}

impl Wanted {
    pub(crate) fn brin(&mut self, brin: &Brin) {
        self.brins.insert(brin.as_str().to_owned());
    }

    pub(crate) fn board_number(&mut self, number: &SchoolBoardNumber) {
        self.board_numbers.insert(number.as_str().to_owned());
    }

    pub(crate) fn kvk(&mut self, kvk: &Kvk) {
        self.kvks.insert(kvk.as_str().to_owned());
    }

    pub(crate) fn external(&mut self, record_type: RecordType, external_id: &str) {
        self.externals.insert((record_type, external_id.to_owned()));
    }

    pub(crate) fn need(&mut self, name: &str) {
        self.need_names.insert(name.to_owned());
    }

    /// An offer, by the hub's global id or by its qualified identifier.
    pub(crate) fn offer(&mut self, name: &str) {
        match global_id(name, Kind::Offer) {
            Some(id) => {
                self.offers.insert(id);
            }
            None => self.external(RecordType::Offer, name),
        }
    }

    pub(crate) fn regions(&mut self) {
        self.regions = true;
    }

    pub(crate) fn school(&mut self, reference: &Reference<Brin>) {
        match reference {
            Reference::Key(brin) => self.brin(brin),
            Reference::External(external_id) => self.external(RecordType::School, external_id),
            Reference::Record(_) => {}
        }
    }

    pub(crate) fn board(&mut self, reference: &Reference<SchoolBoardNumber>) {
        match reference {
            Reference::Key(number) => self.board_number(number),
            Reference::External(external_id) => self.external(RecordType::SchoolBoard, external_id),
            Reference::Record(_) => {}
        }
    }

    pub(crate) fn partner(&mut self, reference: &Reference<Kvk>) {
        match reference {
            Reference::Key(kvk) => self.kvk(kvk),
            Reference::External(external_id) => self.external(RecordType::Partner, external_id),
            Reference::Record(_) => {}
        }
    }
}

impl Known {
    pub(crate) fn school_of_brin(&self, brin: &Brin) -> Option<Uuid> {
        self.schools.get(brin.as_str()).copied().flatten()
    }

    pub(crate) fn board_of_number(&self, number: &SchoolBoardNumber) -> Option<Uuid> {
        self.boards.get(number.as_str()).copied().flatten()
    }

    pub(crate) fn partner_of_kvk(&self, kvk: &Kvk) -> Option<Uuid> {
        self.partners.get(kvk.as_str()).copied().flatten()
    }

    pub(crate) fn external(&self, record_type: RecordType, external_id: &str) -> Option<Uuid> {
        self.externals.get(&(record_type, external_id.to_owned())).copied().flatten()
    }

    pub(crate) fn school(&self, reference: &Reference<Brin>) -> Option<Uuid> {
        match reference {
            Reference::Key(brin) => self.school_of_brin(brin),
            Reference::External(external_id) => self.external(RecordType::School, external_id),
            Reference::Record(id) => Some(*id),
        }
    }

    pub(crate) fn board(&self, reference: &Reference<SchoolBoardNumber>) -> Option<Uuid> {
        match reference {
            Reference::Key(number) => self.board_of_number(number),
            Reference::External(external_id) => self.external(RecordType::SchoolBoard, external_id),
            Reference::Record(id) => Some(*id),
        }
    }

    pub(crate) fn partner(&self, reference: &Reference<Kvk>) -> Option<Uuid> {
        match reference {
            Reference::Key(kvk) => self.partner_of_kvk(kvk),
            Reference::External(external_id) => self.external(RecordType::Partner, external_id),
            Reference::Record(id) => Some(*id),
        }
    }

    /// Needs that are called `name` where they came from, as (need, school).
    pub(crate) fn needs(&self, name: &str) -> &[(Uuid, Uuid)] {
        self.needs.get(name).map_or(&[], Vec::as_slice)
    }

    /// The offer that is called so: by the hub's global id, or by its qualified identifier.
    pub(crate) fn offer(&self, name: &str) -> Option<Uuid> {
        match global_id(name, Kind::Offer) {
            Some(id) => self.offer_partners.contains_key(&id).then_some(id),
            None => self.external(RecordType::Offer, name),
        }
    }

    /// What live commitments give to the need.
    pub(crate) fn committed(&self, need_id: Uuid) -> Committed {
        self.committed.get(&need_id).copied().unwrap_or_default()
    }

    /// Remembers what live commitments give to needs.
    pub(crate) fn learn_committed(&mut self, committed: HashMap<Uuid, Committed>) {
        self.committed.extend(committed);
    }

    /// The partner whose offer it is.
    pub(crate) fn partner_of_offer(&self, offer_id: Uuid) -> Option<Uuid> {
        self.offer_partners.get(&offer_id).copied()
    }

    pub(crate) fn is_region(&self, slug: &str) -> bool {
        self.regions.contains(slug)
    }

    /// Remembers identities given out in this transaction, before they can be read from the store.
    pub(crate) fn learn_school(&mut self, brin: &Brin, id: Uuid) {
        self.schools.insert(brin.as_str().to_owned(), Some(id));
    }

    pub(crate) fn learn_board(&mut self, number: &SchoolBoardNumber, id: Uuid) {
        self.boards.insert(number.as_str().to_owned(), Some(id));
    }

    pub(crate) fn learn_partner(&mut self, kvk: &Kvk, id: Uuid) {
        self.partners.insert(kvk.as_str().to_owned(), Some(id));
    }

    /// Looks up whatever is wanted and not known yet.
    pub(crate) async fn look_up(&mut self, db: &impl ConnectionTrait, wanted: Wanted) -> Result<(), DbErr> {
        for keys in missing(&mut self.schools, wanted.brins) {
            let rows: Vec<(String, Uuid)> = school::Entity::find()
                .select_only()
                .columns([school::Column::Brin, school::Column::Id])
                .filter(school::Column::Brin.is_in(keys))
                .into_tuple()
                .all(db)
                .await?;
            self.schools.extend(rows.into_iter().map(|(key, id)| (key, Some(id))));
        }
        for keys in missing(&mut self.boards, wanted.board_numbers) {
            let rows: Vec<(String, Uuid)> = school_board::Entity::find()
                .select_only()
                .columns([school_board::Column::Number, school_board::Column::Id])
                .filter(school_board::Column::Number.is_in(keys))
                .into_tuple()
                .all(db)
                .await?;
            self.boards.extend(rows.into_iter().map(|(key, id)| (key, Some(id))));
        }
        for keys in missing(&mut self.partners, wanted.kvks) {
            let rows: Vec<(String, Uuid)> = partner::Entity::find()
                .select_only()
                .columns([partner::Column::Kvk, partner::Column::Id])
                .filter(partner::Column::Kvk.is_in(keys))
                .into_tuple()
                .all(db)
                .await?;
            self.partners.extend(rows.into_iter().map(|(key, id)| (key, Some(id))));
        }
        let offers = self.look_up_externals(db, wanted.externals).await?;
        self.look_up_offers(db, wanted.offers.into_iter().chain(offers).collect()).await?;
        self.look_up_needs(db, wanted.need_names).await?;
        if wanted.regions && self.regions.is_empty() {
            let slugs: Vec<String> =
                region::Entity::find().select_only().column(region::Column::Slug).into_tuple().all(db).await?;
            self.regions.extend(slugs);
        }
        Ok(())
    }

    /// Returns the offers among them.
    async fn look_up_externals(
        &mut self,
        db: &impl ConnectionTrait,
        wanted: HashSet<External>,
    ) -> Result<Vec<Uuid>, DbErr> {
        let mut by_source: HashMap<(String, RecordType), Vec<String>> = HashMap::new();
        for (record_type, qualified) in wanted {
            let key = (record_type, qualified);
            if self.externals.contains_key(&key) {
                continue;
            }
            if let Some((source_id, external_id)) = key.1.split_once('/') {
                by_source.entry((source_id.to_owned(), record_type)).or_default().push(external_id.to_owned());
            }
            self.externals.insert(key, None);
        }
        let mut offers = Vec::new();
        for ((source_id, record_type), external_ids) in by_source {
            for external_ids in external_ids.chunks(MOST_VALUES) {
                let rows: Vec<(String, Uuid)> = claim::Entity::find()
                    .select_only()
                    .columns([claim::Column::ExternalId, claim::Column::RecordId])
                    .filter(claim::Column::SourceId.eq(&source_id))
                    .filter(claim::Column::RecordType.eq(record_type))
                    .filter(claim::Column::ExternalId.is_in(external_ids))
                    .filter(claim::Column::DeletedAt.is_null())
                    .into_tuple()
                    .all(db)
                    .await?;
                for (external_id, id) in rows {
                    if record_type == RecordType::Offer {
                        offers.push(id);
                    }
                    self.externals.insert((record_type, format!("{source_id}/{external_id}")), Some(id));
                }
            }
        }
        Ok(offers)
    }

    async fn look_up_offers(&mut self, db: &impl ConnectionTrait, offers: Vec<Uuid>) -> Result<(), DbErr> {
        for offers in offers.chunks(MOST_VALUES) {
            let rows: Vec<(Uuid, Uuid)> = offer::Entity::find()
                .select_only()
                .columns([offer::Column::Id, offer::Column::PartnerId])
                .filter(offer::Column::Id.is_in(offers.iter().copied()))
                .into_tuple()
                .all(db)
                .await?;
            self.offer_partners.extend(rows);
        }
        Ok(())
    }

    async fn look_up_needs(&mut self, db: &impl ConnectionTrait, wanted: HashSet<String>) -> Result<(), DbErr> {
        let names: Vec<String> = wanted.into_iter().filter(|name| !self.needs.contains_key(name)).collect();
        for names in names.chunks(MOST_VALUES) {
            let ids: Vec<Uuid> = names.iter().filter_map(|name| global_id(name, Kind::Need)).collect();
            let rows: Vec<(Option<String>, Uuid, Uuid)> = need::Entity::find()
                .select_only()
                .columns([need::Column::ExternalId, need::Column::Id, need::Column::SchoolId])
                .filter(need::Column::ExternalId.is_in(names).or(need::Column::Id.is_in(ids)))
                .into_tuple()
                .all(db)
                .await?;
            let by_id: HashMap<Uuid, Uuid> = rows.iter().map(|(_, id, school_id)| (*id, *school_id)).collect();
            for name in names {
                let mut found: Vec<(Uuid, Uuid)> = rows
                    .iter()
                    .filter(|(external_id, ..)| external_id.as_ref() == Some(name))
                    .map(|(_, id, school_id)| (*id, *school_id))
                    .collect();
                if let Some((id, school_id)) = global_id(name, Kind::Need).and_then(|id| Some((id, *by_id.get(&id)?))) {
                    found.push((id, school_id));
                }
                self.needs.insert(name.clone(), found);
            }
        }
        Ok(())
    }
}

/// The record of this kind that `name` is the hub's own global id of, where it is one.
fn global_id(name: &str, kind: Kind) -> Option<Uuid> {
    GlobalId::parse(name).ok()?.uuid_of(kind)
}

/// Notes the keys that are not known yet as not there, and gives them back in lists that fit a statement.
fn missing<K: Clone + Eq + Hash, V>(known: &mut HashMap<K, Option<V>>, wanted: HashSet<K>) -> Vec<Vec<K>> {
    let keys: Vec<K> = wanted.into_iter().filter(|key| !known.contains_key(key)).collect();
    for key in &keys {
        known.insert(key.clone(), None);
    }
    keys.chunks(MOST_VALUES).map(<[K]>::to_vec).collect()
}
