// Small federated graphs, one for each directive and each kind of merge: subgraphs of Apollo's own on loopback, composed
// by Apollo's tool. Writes each supergraph below FOLDER, prints the cases as a line of JSON, and ends with its input.
// node suites.mjs FOLDER
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import apollo from "@apollo/composition";
import apolloSubgraph from "@apollo/subgraph";
import { graphql, parse } from "graphql";

const folder = process.argv[2];
const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable",
  "@external", "@requires", "@provides", "@override", "@inaccessible", "@interfaceObject", "@authenticated", "@requiresScopes"])\n`;

const users = [{ id: "u1", name: "Ada", email: "ada@example.nl" }, { id: "u2", name: "Bo", email: "bo@example.nl" }];
const things = [{ __typename: "Seen", id: "s" }, { __typename: "Unseen", id: "u" }];
const order = [];

/** @type {Record<string, { subgraphs: Record<string, [string, object]>, cases: object[] }>} */
const suites = {
  keys: {
    subgraphs: {
      a: [
        `type Query { item: Item byPair: Pair } type Item @key(fields: "id") @key(fields: "sku") { id: ID! sku: String! a: Int }
         type Pair @key(fields: "left { id } right") { left: Left! right: Int! a: Int } type Left @shareable { id: ID! }`,
        { Query: { item: () => ({ id: "1", sku: "s1", a: 1 }), byPair: () => ({ left: { id: "l" }, right: 2, a: 1 }) } },
      ],
      b: [
        `type Item @key(fields: "sku") { sku: String! b: Int } type Pair @key(fields: "left { id } right") { left: Left! right: Int! b: Int }
         type Left @shareable { id: ID! }`,
        { Item: { __resolveReference: ({ sku }) => ({ sku, b: sku.length }) }, Pair: { __resolveReference: (pair) => ({ ...pair, b: pair.right * 10 }) } },
      ],
      c: [
        `type Item @key(fields: "id", resolvable: false) { id: ID! } type Query { refs: [Item!]! }`,
        { Query: { refs: () => [{ id: "1" }, { id: "9" }] } },
      ],
    },
    cases: [
      { query: "{ item { id a b } byPair { a b } }", data: { item: { id: "1", a: 1, b: 2 }, byPair: { a: 1, b: 20 } } },
      { query: "{ refs { id } }", data: { refs: [{ id: "1" }, { id: "9" }] } },
    ],
  },
  requires: {
    subgraphs: {
      a: [
        `type Query { products: [Product!]! } type Product @key(fields: "id") { id: ID! size: Size weight: Int! }
         type Size @shareable { width: Int height: Int }`,
        {
          Query: { products: () => [{ id: "p1", size: { width: 2, height: 3 }, weight: 5 }, { id: "p2", size: null, weight: 7 }] },
          Product: { __resolveReference: ({ id }) => (id === "p1" ? { id, size: { width: 2, height: 3 }, weight: 5 } : { id, size: null, weight: 7 }) },
        },
      ],
      b: [
        `type Query { featured: Product } type Product @key(fields: "id") { id: ID! size: Size @external weight: Int! @external
           area: Int @requires(fields: "size { width height }") shipping: Int @requires(fields: "weight") total: Int @requires(fields: "weight size { width }") }
         type Size @shareable { width: Int height: Int }`,
        {
          Query: { featured: () => ({ id: "p1" }) },
          Product: {
            __resolveReference: (product) => product,
            area: ({ size }) => (size ? size.width * size.height : null),
            shipping: ({ weight }) => weight * 2,
            total: ({ weight, size }) => weight + (size?.width ?? 0),
          },
        },
      ],
    },
    cases: [
      { query: "{ products { id area shipping total } }", data: { products: [{ id: "p1", area: 6, shipping: 10, total: 7 }, { id: "p2", area: null, shipping: 14, total: 7 }] } },
      { query: "{ featured { area weight } }", data: { featured: { area: 6, weight: 5 } } },
      { query: "{ featured { x: area shipping size { width } } }", data: { featured: { x: 6, shipping: 10, size: { width: 2 } } } },
    ],
  },
  requiresAgain: {
    subgraphs: {
      a: [
        `type Query { course: Course courses: [[Course]] } type Course @key(fields: "id") { id: ID! title: String level(by: Int = 0): Int }`,
        (() => {
          const course = ({ id }) => ({ id, title: `t${id}`, level: ({ by }) => Number(id) + by });
          return { Query: { course: () => course({ id: "1" }), courses: () => [[course({ id: "2" }), null], null] }, Course: { __resolveReference: course } };
        })(),
      ],
      b: [
        `type Course @key(fields: "id") { id: ID! title: String @external label: String @requires(fields: "title") next: Course
           reviews: [Review!]! about: Review @requires(fields: "title") } type Review { stars: Int! course: Course! }`,
        (() => {
          const review = ({ id }) => ({ stars: Number(id), course: { id } });
          return {
            Course: {
              __resolveReference: (course) => course,
              label: ({ title }) => `<${title}>`,
              next: ({ id }) => (Number(id) < 3 ? { id: String(Number(id) + 1) } : null),
              reviews: (course) => [review(course), review({ id: "7" })],
              about: ({ id, title }) => (title ? review({ id }) : null),
            },
          };
        })(),
      ],
    },
    cases: [
      { query: "{ course { reviews { stars course { level label title } } } }", data: { course: { reviews: [{ stars: 1, course: { level: 1, label: "<t1>", title: "t1" } }, { stars: 7, course: { level: 7, label: "<t7>", title: "t7" } }] } } },
      { query: "{ courses { label next { x: label l: level(by: 3) m: level(by: 3) next { label next { id label } } } } }", data: { courses: [[{ label: "<t2>", next: { x: "<t3>", l: 6, m: 6, next: null } }, null], null] } },
      { query: "{ course { about { course { about { stars course { label } } title } } } }", data: { course: { about: { course: { about: { stars: 1, course: { label: "<t1>" } }, title: "t1" } } } } },
      { query: "{ course { next { ...F next { ... on Course { ...F label } } } } } fragment F on Course { label id }", data: { course: { next: { label: "<t2>", id: "2", next: { label: "<t3>", id: "3" } } } } },
    ],
  },
  requiresArguments: {
    subgraphs: {
      a: [
        `type Query { product: Product } type Product @key(fields: "id") { id: ID! price(currency: String!): Int weight: Int category: Category } type Category @shareable { mean(currency: String!): Int }`,
        (() => {
          const inCurrency = (amount) => ({ currency }) => (currency === "EUR" ? amount * 2 : amount);
          const product = ({ id }) => ({ id, price: inCurrency(10), weight: 1, category: { mean: inCurrency(100) } });
          return { Query: { product: () => product({ id: "p" }) }, Product: { __resolveReference: product } };
        })(),
      ],
      b: [
        `type Product @key(fields: "id") { id: ID! price(currency: String!): Int @external weight: Int @external category: Category @external
           dollars: Int @requires(fields: "price(currency: \\"USD\\") weight") euros: Int @requires(fields: "price(currency: \\"EUR\\") weight") dear: Boolean @requires(fields: "category { mean(currency: \\"USD\\") }") }
         type Category @shareable { mean(currency: String!): Int }`,
        { Product: { __resolveReference: (product) => product, dollars: ({ price, weight }) => price + weight, euros: ({ price, weight }) => price + weight, dear: ({ category }) => category.mean > 150 } },
      ],
    },
    cases: [["dollars", "euros", "dear"], ["dollars", "dear", "euros"], ["euros", "dollars", "dear"], ["euros", "dear", "dollars"], ["dear", "dollars", "euros"], ["dear", "euros", "dollars"]].map((fields) => ({
      query: `{ product { ${fields.join(" ")} price(currency: "GBP") } }`,
      data: { product: { dollars: 11, euros: 21, dear: false, price: 10 } },
    })),
  },
  provides: {
    subgraphs: {
      a: [
        `type Query { posts: [Post!]! } type Post @key(fields: "id") { id: ID! author: User! @provides(fields: "name") } type User @key(fields: "id") { id: ID! name: String! @external }`,
        { Query: { posts: () => [{ id: "1", author: { id: "u1", name: "as a knows" } }] } },
      ],
      b: [
        `type User @key(fields: "id") { id: ID! name: String! @shareable email: String }`,
        { User: { __resolveReference: ({ id }) => users.find((user) => user.id === id) } },
      ],
    },
    cases: [
      { query: "{ posts { author { name } } }", data: { posts: [{ author: { name: "as a knows" } }] } },
      { query: "{ posts { author { email } } }", data: { posts: [{ author: { email: "ada@example.nl" } }] } },
    ],
  },
  override: {
    subgraphs: {
      a: [
        `type Query { user: User } type User @key(fields: "id") { id: ID! name: String always: String never: String }`,
        { Query: { user: () => ({ id: "u1" }) }, User: { __resolveReference: (user) => user, name: () => "a", always: () => "a", never: () => "a" } },
      ],
      b: [
        `type User @key(fields: "id") { id: ID! name: String @override(from: "a") always: String @override(from: "a", label: "percent(100)") never: String @override(from: "a", label: "percent(0)") }`,
        { User: { __resolveReference: (user) => user, name: () => "b", always: () => "b", never: () => "b" } },
      ],
    },
    cases: [{ query: "{ user { name always never } }", data: { user: { name: "b", always: "b", never: "a" } } }],
  },
  inaccessible: {
    subgraphs: {
      a: [
        `type Query { user: User secret: Int @inaccessible kind(of: Kind): Kind kinds: [Kind] } type User @key(fields: "id") { id: ID! key: String @inaccessible } enum Kind { SEEN HIDDEN @inaccessible }
         extend type Query { things: [Thing] any: [Any] } interface Thing { id: ID! } union Any = Seen | Unseen
         type Seen implements Thing { id: ID! } type Unseen implements Thing @inaccessible { id: ID! }`,
        { Query: { things: () => things, any: () => things, user: () => ({ id: "u1", key: "k" }), secret: () => 1, kind: (_, { of }) => of, kinds: () => ["SEEN", "HIDDEN"] } },
      ],
    },
    cases: [
      { query: "{ user { id } kind(of: SEEN) }", data: { user: { id: "u1" }, kind: "SEEN" } },
      { query: "{ user { key } }", refused: "GRAPHQL_VALIDATION_FAILED" },
      { query: "{ secret }", refused: "GRAPHQL_VALIDATION_FAILED" },
      { query: "{ kind(of: HIDDEN) }", refused: "GRAPHQL_VALIDATION_FAILED" },
      { query: "query ($of: Kind) { kind(of: $of) }", variables: { of: "HIDDEN" }, refused: "BAD_USER_INPUT" },
      { query: "{ kinds }", data: { kinds: ["SEEN", null] } },
      // An object that is not shown is not there, whether or not anybody asked what it is.
      { query: "{ things { id } }", data: { things: [{ id: "s" }, null] } },
      { query: "{ t: things { i: id } things { __typename } }", data: { t: [{ i: "s" }, null], things: [{ __typename: "Seen" }, null] } },
      { query: "{ any { ... on Seen { id } } }", data: { any: [{ id: "s" }, null] } },
      {
        query: "{ user: __type(name: \"User\") { fields { name } } kind: __type(name: \"Kind\") { enumValues { name } } }",
        data: { user: { fields: [{ name: "id" }] }, kind: { enumValues: [{ name: "SEEN" }] } },
      },
    ],
  },
  interfaceObject: {
    subgraphs: {
      a: [
        `type Query { media: [Media!]! } interface Media @key(fields: "id") { id: ID! title: String! }
         type Book implements Media @key(fields: "id") { id: ID! title: String! pages: Int } type Film implements Media @key(fields: "id") { id: ID! title: String! minutes: Int }`,
        (() => {
          const all = [{ __typename: "Book", id: "b1", title: "B", pages: 9 }, { __typename: "Film", id: "f1", title: "F", minutes: 90 }];
          const find = ({ id }) => all.find((media) => media.id === id);
          return { Query: { media: () => all }, Media: { __resolveReference: find, __resolveType: ({ __typename }) => __typename }, Book: { __resolveReference: find }, Film: { __resolveReference: find } };
        })(),
      ],
      b: [
        `type Query { best: [Media!]! } type Media @key(fields: "id") @interfaceObject { id: ID! stars: Int! }`,
        { Query: { best: () => [{ id: "f1" }, { id: "b1" }] }, Media: { __resolveReference: (media) => media, stars: ({ id }) => id.charCodeAt(0) } },
      ],
    },
    cases: [
      { query: "{ media { __typename id stars ... on Book { pages } } }", data: { media: [{ __typename: "Book", id: "b1", stars: 98, pages: 9 }, { __typename: "Film", id: "f1", stars: 102 }] } },
      { query: "{ best { id stars } }", data: { best: [{ id: "f1", stars: 102 }, { id: "b1", stars: 98 }] } },
      { query: "{ best { title stars ... on Film { minutes } __typename } }", data: { best: [{ title: "F", stars: 102, minutes: 90, __typename: "Film" }, { title: "B", stars: 98, __typename: "Book" }] } },
      { query: "{ media { ... on Film { stars } } }", data: { media: [{}, { stars: 102 }] } },
      { query: "{ media { ... on Book { stars } ... on Film { x: stars } } }", data: { media: [{ stars: 98 }, { x: 102 }] } },
      { query: "{ best { ... on Book { pages } t: __typename } }", data: { best: [{ t: "Film" }, { pages: 9, t: "Book" }] } },
      { query: "{ media { id stars } media { id ...B } ...M } fragment M on Query { media { id ...B ... on Film { minutes } } } fragment B on Book { pages }", data: { media: [{ id: "b1", stars: 98, pages: 9 }, { id: "f1", stars: 102, minutes: 90 }] } },
    ],
  },
  abstract: {
    subgraphs: {
      a: [
        `type Query { nodes: [Node]! found: [Found] } interface Node { id: ID! } union Found = User | Group
         type User implements Node @key(fields: "id") { id: ID! name: String } type Group implements Node @key(fields: "id") { id: ID! members: [User!]! }`,
        {
          Query: {
            nodes: () => [{ __typename: "User", ...users[0] }, null, { __typename: "Group", id: "g1", members: users }],
            found: () => [{ __typename: "Group", id: "g1", members: users }, { __typename: "User", ...users[1] }],
          },
        },
      ],
      b: [
        `type User @key(fields: "id") { id: ID! email: String } type Group @key(fields: "id") { id: ID! size: Int }`,
        { User: { __resolveReference: ({ id }) => users.find((user) => user.id === id) }, Group: { __resolveReference: ({ id }) => ({ id, size: 2 }) } },
      ],
    },
    cases: [
      { query: "{ nodes { id ... on User { email } ... on Group { size members { email } } } }", data: { nodes: [{ id: "u1", email: "ada@example.nl" }, null, { id: "g1", size: 2, members: [{ email: "ada@example.nl" }, { email: "bo@example.nl" }] }] } },
      { query: "{ nodes { t: __typename } found { a: __typename b: __typename } n: nodes { id } nodes { id } }", data: { nodes: [{ t: "User", id: "u1" }, null, { t: "Group", id: "g1" }], found: [{ a: "Group", b: "Group" }, { a: "User", b: "User" }], n: [{ id: "u1" }, null, { id: "g1" }] } },
      { query: "{ found { __typename ... on Node { id } ... on User { mail: email } ...G } } fragment G on Group { size }", data: { found: [{ __typename: "Group", id: "g1", size: 2 }, { __typename: "User", id: "u2", mail: "bo@example.nl" }] } },
    ],
  },
  aliases: {
    subgraphs: {
      a: [
        `type Query { user(n: Int! = 0): User } type User @key(fields: "id") { id: ID! name(upper: Boolean = false): String }`,
        { Query: { user: (_, { n }) => users[n] ?? null }, User: { name: ({ name }, { upper }) => (upper ? name.toUpperCase() : name) } },
      ],
      b: [`type User @key(fields: "id") { id: ID! pad(by: Int!): String }`, { User: { __resolveReference: (user) => user, pad: ({ id }, { by }) => id.padEnd(by, ".") } }],
    },
    cases: [
      {
        query: "query ($n: Int!, $by: Int = 4, $no: Boolean!) { a: user { naam: name x: pad(by: $by) y: pad(by: 3) } user(n: $n) { name(upper: true) small: name pad(by: 5) @include(if: $no) } none: user(n: 7) { pad(by: 1) } }",
        variables: { n: 1, no: false },
        data: { a: { naam: "Ada", x: "u1..", y: "u1." }, user: { name: "BO", small: "Bo" }, none: null },
      },
      { query: "query ($yes: Boolean!) { user { ... @skip(if: $yes) { pad(by: 3) } } }", variables: { yes: true }, data: { user: {} } },
      { query: "{ user { id: name x: pad(by: 4) } two: user(n: 1) { name: id id: pad(by: 3) } }", data: { user: { id: "Ada", x: "u1.." }, two: { name: "u2", id: "u2." } } },
    ],
  },
  sharedRoot: {
    subgraphs: {
      a: [`type Query { product: Product @shareable } type Product @shareable { id: ID! name: Name! } type Name @shareable { first: String } `, { Query: { product: () => ({ id: "1", name: { first: "one" } }) } }],
      b: [`type Query { product: Product @shareable } type Product @shareable { id: ID! price: Int name: Name! } type Name @shareable { first: String last: String }`, { Query: { product: () => ({ id: "1", price: 3, name: { first: "one", last: "two" } }) } }],
    },
    cases: [{ query: "{ product { id price name { first last } } }", data: { product: { id: "1", price: 3, name: { first: "one", last: "two" } } } }],
  },
  mutations: {
    subgraphs: {
      a: [
        `type Query { log: [String!]! } type Mutation { a(say: String!): Done } type Done @key(fields: "id") { id: ID! at: Int! }`,
        { Query: { log: () => order }, Mutation: { a: async (_, { say }) => { await new Promise((done) => setTimeout(done, 30)); return { id: say, at: order.push(`a ${say}`) }; } } },
      ],
      b: [
        `type Mutation { b(say: String!): Done } type Done @key(fields: "id") { id: ID! said: String }`,
        { Mutation: { b: (_, { say }) => { order.push(`b ${say}`); return { id: say }; } }, Done: { __resolveReference: (done) => done, said: ({ id }) => id } },
      ],
    },
    cases: [
      { query: "mutation { one: a(say: \"1\") { at said } two: b(say: \"2\") { said } three: a(say: \"3\") { at } four: b(say: \"4\") { id } }", data: { one: { at: 1, said: "1" }, two: { said: "2" }, three: { at: 3 }, four: { id: "4" } } },
      { query: "{ log }", data: { log: ["a 1", "b 2", "a 3", "b 4"] } },
    ],
  },
  nulls: {
    subgraphs: {
      a: [
        `type Query { users: [User] one: User! two: User } type User @key(fields: "id") { id: ID! }`,
        { Query: { users: () => [{ id: "u1" }, { id: "gone" }, { id: "u2" }], one: () => ({ id: "gone" }), two: () => ({ id: "throws" }) } },
      ],
      b: [
        `type User @key(fields: "id") { id: ID! must: String! may: String list: [Int!] }`,
        {
          User: {
            __resolveReference: ({ id }) => {
              if (id === "throws") throw new Error("thrown");
              return id === "gone" ? null : { id, must: id, may: null, list: [1, 2] };
            },
          },
        },
      ],
    },
    cases: [
      { query: "{ users { id may list } }", data: { users: [{ id: "u1", may: null, list: [1, 2] }, { id: "gone", may: null, list: null }, { id: "u2", may: null, list: [1, 2] }] } },
      { query: "{ users { must } }", data: { users: [{ must: "u1" }, null, { must: "u2" }] }, errors: [["users", 1, "must"]] },
      { query: "{ one { must } users { id } }", data: null, errors: [["one", "must"]] },
      { query: "{ two { id may } }", data: { two: { id: "throws", may: null } }, errors: [["two"]] },
    ],
  },
  guarded: {
    subgraphs: {
      a: [
        `type Query { open: Int own: Int @authenticated user: User } type User @key(fields: "id") { id: ID! salary: Int @requiresScopes(scopes: [["salaries:read"]]) }`,
        { Query: { open: () => 1, own: () => { throw new Error("it was asked for"); }, user: () => ({ id: "u1", get salary() { throw new Error("it was asked for"); } }) } },
      ],
    },
    cases: [
      { query: "{ open user { id } }", data: { open: 1, user: { id: "u1" } } },
      { query: "{ open own }", data: { open: 1, own: null }, errors: [["own"]] },
      { query: "{ ...F } fragment F on Query { user { ... on User { pay: salary id } } }", data: { user: { pay: null, id: "u1" } }, errors: [["user", "pay"]] },
      { query: "{ own }", data: { own: null }, errors: [["own"]] },
    ],
  },
  circular: {
    subgraphs: {
      a: [`type Query { root: Place } type Place @key(fields: "id") { id: ID! up: Place name: String }`, (() => { const place = (id) => ({ id, name: `n${id}`, up: () => (id > 0 ? place(id - 1) : null) }); return { Query: { root: () => place(3) }, Place: { __resolveReference: ({ id }) => place(Number(id)) } }; })()],
      b: [`type Place @key(fields: "id") { id: ID! twin: Place @shareable depth: Int }`, { Place: { __resolveReference: (place) => place, twin: ({ id }) => ({ id }), depth: ({ id }) => Number(id) } }],
    },
    cases: [{ query: "{ root { depth up { depth twin { name up { depth twin { up { name depth up { id } } } } } } } }", data: { root: { depth: 3, up: { depth: 2, twin: { name: "n2", up: { depth: 1, twin: { up: { name: "n0", depth: 0, up: null } } } } } } } }],
  },
};

const told = {};
for (const [name, { subgraphs, cases }] of Object.entries(suites)) {
  const services = [];
  for (const [subgraph, [sdl, resolvers]] of Object.entries(subgraphs)) {
    const typeDefs = parse(LINK + sdl);
    const schema = apolloSubgraph.buildSubgraphSchema({ typeDefs, resolvers });
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { query, variables } = JSON.parse(body);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(await graphql({ schema, source: query, variableValues: variables })));
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    services.push({ name: subgraph, url: `http://127.0.0.1:${server.address().port}/`, typeDefs });
  }
  const { errors, supergraphSdl } = apollo.composeServices(services);
  if (errors?.length) throw new Error(`${name}: ${errors.map((error) => error.message).join("; ")}`);
  writeFileSync(join(folder, `${name}.graphql`), supergraphSdl);
  told[name] = cases;
}
console.log(JSON.stringify(told));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
