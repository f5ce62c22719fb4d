// Runs Apollo's gateway over the hub and a subgraph of its own, which extends the hub's types.
// node gateway.mjs HUB_URL OTHER_SDL BRIN
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import apolloGateway from "@apollo/gateway";
import apolloSubgraph from "@apollo/subgraph";
import { graphql, parse } from "graphql";

const { ApolloGateway, IntrospectAndCompose } = apolloGateway;
const [hubUrl, sdlFile, brin] = process.argv.slice(2);

async function post(url, query, variables = {}) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) })).json();
}

const { data: known } = await post(
  hubUrl,
  "query ($brin: String!) { school(brin: $brin) { id brin name municipality { name } } partners(first: 2) { nodes { id name } } }",
  { brin },
);

// The other subgraph: workshops at the school, and one at a school that the hub does not know.
const money = { amount: 25000, currency: "EUR" };
const workshops = [
  { id: "w1", title: "Programmeren", price: money, school: { brin } },
  { id: "w2", title: "Muziek", price: money, school: { brin: "99ZZ99" } },
];
const resolvers = {
  Query: { workshops: () => workshops },
  School: {
    __resolveReference: (school) => school,
    workshops: (school) => workshops.filter((workshop) => workshop.school.brin === school.brin),
  },
  Partner: { __resolveReference: (partner) => partner, workshops: () => workshops.slice(0, 1) },
  Workshop: { __resolveReference: ({ id }) => workshops.find((workshop) => workshop.id === id) },
};
const schema = apolloSubgraph.buildSubgraphSchema({ typeDefs: parse(readFileSync(sdlFile, "utf8")), resolvers });
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { query, variables } = JSON.parse(body);
  const answer = await graphql({ schema, source: query, variableValues: variables });
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const otherUrl = `http://127.0.0.1:${server.address().port}/`;

const subgraphs = [{ name: "hub", url: hubUrl }, { name: "workshops", url: otherUrl }];
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error };
const gateway = new ApolloGateway({ supergraphSdl: new IntrospectAndCompose({ subgraphs }), logger: quiet });
const { executor, schema: api } = await gateway.load();

async function ask(query, variables = {}) {
  const request = { query, variables };
  const context = { document: parse(query), request, queryHash: query, operationName: null, context: {}, metrics: {}, cache: new Map(), schema: api };
  return JSON.parse(JSON.stringify(await executor({ ...context, operation: context.document.definitions[0] })));
}

try {
  // From the hub to the other and back.
  const down = await ask(
    "query ($brin: String!) { school(brin: $brin) { name workshops { title price { amount } school { name municipality { name } } } } }",
    { brin },
  );
  const { name, municipality } = known.school;
  assert.deepEqual(down, {
    data: { school: { name, workshops: [{ title: "Programmeren", price: { amount: 25000 }, school: { name, municipality } }] } },
  });
  // From the other to the hub, by a key of the other's. The hub knows one of the two.
  const partial = await ask("{ workshops { title school { brin pupils } } }");
  assert.deepEqual(partial.data.workshops.map(({ title, school }) => [title, school.brin]), [["Programmeren", brin], ["Muziek", "99ZZ99"]]);
  assert.equal(partial.data.workshops[1].school.pupils, null);
  // Many at once, by id, below a page.
  const many = await ask("{ partners(first: 2) { nodes { name workshops { title } } } }");
  const expected = known.partners.nodes.map(({ name }) => ({ name, workshops: [{ title: "Programmeren" }] }));
  assert.deepEqual(many, { data: { partners: { nodes: expected } } });
  console.log("the gateway joins them");
} finally {
  await gateway.stop();
  server.close();
}
