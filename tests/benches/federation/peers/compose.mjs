// Composes a supergraph by Apollo's tool.
//
// node compose.mjs HUB_SDL HUB_URL OTHER_SDL OTHER_URL > supergraph.graphql

import { readFileSync } from 'node:fs';
import apollo from '@apollo/composition';
import { parse } from 'graphql';

const [hubSdl, hubUrl, otherSdl, otherUrl] = process.argv.slice(2);
const service = (name, url, file) => ({ name, url, typeDefs: parse(readFileSync(file, 'utf8')) });
const { errors, supergraphSdl } = apollo.composeServices([
  service('hub', hubUrl, hubSdl), service('workshops', otherUrl, otherSdl),
]);
if (errors?.length) {
  console.error(errors.map((error) => error.message).join('\n'));
  process.exit(1);
}
process.stdout.write(supergraphSdl);
