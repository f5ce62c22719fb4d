// Hive Gateway over the same subgraphs, with what it would do beside that switched off.
//
// TOKEN=… hive-gateway supergraph SUPERGRAPH --config-path gateway.config.mjs --port PORT --host 127.0.0.1 --fork 1

import { defineConfig } from '@graphql-hive/gateway';

export const gatewayConfig = defineConfig({
  logging: 'error',
  graphiql: false,
  landingPage: false,
  transportEntries: { workshops: { headers: [['authorization', `Bearer ${process.env.TOKEN}`]] } },
});
