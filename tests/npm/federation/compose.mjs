// Composes the hub's schema alone and with another, by Apollo's tool and by The Guild's.
// node compose.mjs HUB_SDL OTHER_SDL
import { readFileSync } from "node:fs";
import apollo from "@apollo/composition";
import { composeServices as guild } from "@theguild/federation-composition";
import { parse } from "graphql";

const [hubFile, otherFile] = process.argv.slice(2);
const hub = { name: "hub", url: "http://127.0.0.1/hub", typeDefs: parse(readFileSync(hubFile, "utf8")) };
const other = { name: "workshops", url: "http://127.0.0.1/workshops", typeDefs: parse(readFileSync(otherFile, "utf8")) };
let failed = 0;

function expect(what, holds, told = "") {
  console.log(`${what}: ${holds ? "holds" : `FAILS ${told}`}`);
  failed += holds ? 0 : 1;
}

for (const services of [[hub], [hub, other]]) {
  const names = services.map((service) => service.name).join(" and ");
  for (const [tool, compose] of [["@apollo/composition", apollo.composeServices], ["@theguild/federation-composition", guild]]) {
    const { errors, supergraphSdl } = compose(services);
    expect(`${tool} composes ${names}`, !errors?.length, (errors ?? []).map((error) => error.message).join("; "));
    if (!supergraphSdl) continue;
    for (const part of ['@join__type(graph: HUB, key: "brin")', "@tag(name: \"operators\")", "@listSize", "@cost"]) {
      expect(`${tool} keeps ${part}`, supergraphSdl.includes(part));
    }
    if (services.length === 2) {
      expect(`${tool} joins School`, /workshops: \[Workshop!\]! @join__field\(graph: WORKSHOPS\)/.test(supergraphSdl));
    }
  }
}
process.exit(failed === 0 ? 0 : 1);
