// The school card as a team would write it with graphql-yoga: a resolver for each relation, each behind a DataLoader that
// reads for all parents at once, statements with names so that PostgreSQL keeps their plans.
//
// node yoga.mjs PORT DATABASE_URL

import { createServer } from 'node:http';
import DataLoader from 'dataloader';
import { createSchema, createYoga } from 'graphql-yoga';
import pg from 'pg';

const [port, database] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: database, max: 10 });
const EARTH_KM = 6371.0088;

const read = async (name, text, values) => (await pool.query({ name, text, values })).rows;

/** One row for each key. */
const one = (name, text, key) => new DataLoader(async (keys) => {
  const rows = new Map((await read(name, text, [keys])).map((row) => [row[key], row]));
  return keys.map((each) => rows.get(each) ?? null);
});

/** Some rows for each key. */
const many = (name, text, key) => new DataLoader(async (keys) => {
  const rows = Map.groupBy(await read(name, text, [keys]), (row) => row[key]);
  return keys.map((each) => rows.get(each) ?? []);
});

const loaders = () => ({
  school: one('school', 'SELECT * FROM school WHERE brin = ANY ($1) AND deleted_at IS NULL', 'brin'),
  schoolsIn: many(
    'schools-in',
    `SELECT * FROM school WHERE municipality_code = ANY ($1) AND deleted_at IS NULL ORDER BY name, id LIMIT 50`,
    'municipality_code',
  ),
  municipality: one('municipality', 'SELECT * FROM municipality WHERE code = ANY ($1)', 'code'),
  partner: one('partner', 'SELECT * FROM partner WHERE id = ANY ($1)', 'id'),
  source: one('source', 'SELECT id, name FROM source WHERE id = ANY ($1)', 'id'),
  needs: many(
    'needs',
    `SELECT * FROM (
       SELECT *, count(*) OVER (PARTITION BY school_id) AS total,
         row_number() OVER (PARTITION BY school_id ORDER BY urgency DESC, id DESC) AS place
       FROM need
       WHERE school_id = ANY ($1) AND deleted_at IS NULL AND status NOT IN ('DRAFT', 'WITHDRAWN')
     ) AS listed WHERE place <= 20 ORDER BY place`,
    'school_id',
  ),
  commitmentsTo: many(
    'commitments-to',
    `SELECT * FROM (
       SELECT *, row_number() OVER (PARTITION BY need_id ORDER BY created_at DESC, id DESC) AS place
       FROM commitment
       WHERE need_id = ANY ($1) AND deleted_at IS NULL
         AND status IN ('ACCEPTED', 'ACTIVE', 'COMPLETED', 'CONFIRMED', 'BROKEN')
     ) AS listed WHERE place <= 5 ORDER BY place`,
    'need_id',
  ),
  live: many(
    'live',
    `SELECT * FROM commitment WHERE school_id = ANY ($1) AND deleted_at IS NULL AND status IN ('ACCEPTED', 'ACTIVE')
     ORDER BY created_at DESC, id DESC`,
    'school_id',
  ),
  homes: many(
    'homes',
    `SELECT home.*, school.id AS school_id, chord, total
     FROM school
     CROSS JOIN LATERAL (
       SELECT home.id, chord, count(*) OVER () AS total
       FROM housing_option AS home
       CROSS JOIN LATERAL (
         SELECT (home.geo_x - school.geo_x) ^ 2 + (home.geo_y - school.geo_y) ^ 2 + (home.geo_z - school.geo_z) ^ 2
           AS chord
       ) AS distance
       WHERE home.deleted_at IS NULL AND home.status = 'AVAILABLE' AND (
         home.municipality_code = school.municipality_code
         OR home.latitude BETWEEN school.latitude - 0.1349 AND school.latitude + 0.1349
           AND home.longitude BETWEEN school.longitude - 0.2275 AND school.longitude + 0.2275
           AND chord <= (15 / 6371.0088) ^ 2
       )
       ORDER BY chord, home.id
       LIMIT 10
     ) AS near
     INNER JOIN housing_option AS home ON home.id = near.id
     WHERE school.id = ANY ($1)
     ORDER BY chord, home.id`,
    'school_id',
  ),
});

const typeDefs = /* GraphQL */ `
  type Query { school(brin: String!): School  schools(filter: SchoolFilter, first: Int): Schools! }
  input SchoolFilter { municipality: [String!] }
  type Schools { nodes: [School!]! }
  type School {
    name: String!
    municipality: Municipality
    needs(first: Int): Needs!
    committedPartners(first: Int): CommittedPartners!
    housingOptions(first: Int): Homes!
  }
  type Municipality { name: String! }
  type Needs { totalCount: Int!  nodes: [Need!]! }
  type Need { title: String!  themes: Int!  urgency: Int!  status: String!  commitments(first: Int): Commitments! }
  type Commitments { nodes: [Commitment!]! }
  type Commitment { title: String!  status: String!  startsOn: String  endsOn: String  partner: Partner! }
  type Partner { name: String!  kind: String! }
  type CommittedPartners { edges: [CommittedPartner!]! }
  type CommittedPartner { node: Partner!  commitments: [Commitment!]! }
  type Homes { totalCount: Int!  edges: [NearHome!]! }
  type NearHome { distanceKm: Float  node: Home! }
  type Home {
    title: String!
    rentPerMonth: Money
    floorAreaM2: Float
    availableFrom: String
    applyUrl: String
    provenance: Provenance!
  }
  type Money { amount: Float! }
  type Provenance { source: Source!  lastSeenAt: String!  isStale: Boolean! }
  type Source { name: String! }
`;

const page = (rows) => ({ totalCount: Number(rows[0]?.total ?? 0), nodes: rows });

const resolvers = {
  Query: {
    school: (_, { brin }, { load }) => load.school.load(brin),
    schools: async (_, { filter }, { load }) => ({ nodes: await load.schoolsIn.load(filter.municipality[0]) }),
  },
  School: {
    municipality: (school, _, { load }) => load.municipality.load(school.municipality_code),
    needs: async (school, _, { load }) => page(await load.needs.load(school.id)),
    committedPartners: async (school, { first }, { load }) => {
      const grouped = Map.groupBy(await load.live.load(school.id), (row) => row.partner_id);
      const partners = await load.partner.loadMany([...grouped.keys()]);
      partners.sort((one, other) => (one.name < other.name ? -1 : 1));
      return { edges: partners.slice(0, first).map((node) => ({ node, commitments: grouped.get(node.id) })) };
    },
    housingOptions: async (school, _, { load }) => {
      const rows = await load.homes.load(school.id);
      const km = (chord) => (chord === null ? null : EARTH_KM * 2 * Math.asin(Math.min(Math.sqrt(chord) / 2, 1)));
      return { totalCount: page(rows).totalCount, edges: rows.map((node) => ({ node, distanceKm: km(node.chord) })) };
    },
  },
  Need: { commitments: async (need, _, { load }) => ({ nodes: await load.commitmentsTo.load(need.id) }) },
  Commitment: {
    startsOn: (row) => row.starts_on,
    endsOn: (row) => row.ends_on,
    partner: (row, _, { load }) => load.partner.load(row.partner_id),
  },
  Home: {
    rentPerMonth: (home) => (home.rent_cents === null ? null : { amount: Number(home.rent_cents) / 100 }),
    floorAreaM2: (home) => home.floor_area_m2,
    availableFrom: (home) => home.available_from,
    applyUrl: (home) => home.apply_url,
    provenance: (home) => ({ source: home.source_id, lastSeenAt: home.updated_at, isStale: false }),
  },
  Provenance: { source: ({ source }, _, { load }) => load.source.load(source) },
};

// Dates as PostgreSQL writes them.
for (const type of [1082, 1184]) pg.types.setTypeParser(type, (text) => text);

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: () => ({ load: loaders() }),
  logging: false,
  landingPage: false,
});
createServer(yoga).listen(Number(port), '127.0.0.1');
