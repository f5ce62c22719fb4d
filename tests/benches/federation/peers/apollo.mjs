// Apollo's gateway, as its documentation has it stand alone.
//
// TOKEN=… node apollo.mjs PORT SUPERGRAPH

import { readFileSync } from 'node:fs';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';

const [port, supergraph] = process.argv.slice(2);
const token = process.env.TOKEN;

const gateway = new ApolloGateway({
  supergraphSdl: readFileSync(supergraph, 'utf8'),
  buildService: ({ name, url }) => new RemoteGraphQLDataSource({
    url,
    willSendRequest({ request }) {
      if (name === 'workshops') request.http.headers.set('authorization', `Bearer ${token}`);
    },
  }),
});
await startStandaloneServer(new ApolloServer({ gateway }), { listen: { port: Number(port), host: '127.0.0.1' } });
