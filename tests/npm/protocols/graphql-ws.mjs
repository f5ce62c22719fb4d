// The npm client `graphql-ws` against a hub whose feed grows all the while: node graphql-ws.mjs http://HOST:PORT CURSOR
import assert from "node:assert/strict";
import { CloseCode, createClient } from "graphql-ws";
import WebSocket from "ws";

const [base, cursor] = process.argv.slice(2);
const url = `${base.replace(/^http/, "ws")}/graphql/ws`;
const CHANGES = "subscription($after: String) { changes(after: $after) { cursor sequence } }";

const client = (options = {}) => createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...options });

// A query and what is wrong with one.
{
  const ws = client();
  const results = [];
  for await (const result of ws.iterate({ query: "{ __typename }" })) results.push(result);
  assert.deepEqual(results.map(({ data }) => data), [{ __typename: "Query" }]);
  await assert.rejects(
    async () => {
      for await (const _ of ws.iterate({ query: "{ nothing }" })) assert.fail("an answer");
    },
    (errors) => Array.isArray(errors) && errors[0].message.includes("nothing"),
  );
  await ws.dispose();
}

// What was missed, then what is new, over two connections that break: no gap, nothing twice.
{
  let sockets = 0;
  let after = cursor;
  let expected;
  const ws = client({
    retryAttempts: 5,
    retryWait: async () => {},
    on: { connected: (socket) => (sockets += 1, setTimeout(() => socket.terminate(), 700)) },
  });
  while (sockets < 3) {
    try {
      for await (const { data, errors } of ws.iterate({ query: CHANGES, variables: { after } })) {
        assert.equal(errors, undefined);
        const sequence = Number(data.changes.sequence);
        // The library repeats the subscription as it was when a connection breaks: skip what is known.
        if (expected !== undefined && sequence < expected) continue;
        if (expected !== undefined) assert.equal(sequence, expected);
        expected = sequence + 1;
        after = data.changes.cursor;
        if (sockets >= 3) break;
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
  }
  await ws.dispose();
  assert.ok(expected > 5, `${expected}`);
}

// Many on one socket, each ended by itself; the client's pings are answered.
{
  let pongs = 0;
  const ws = client({ keepAlive: 100, on: { pong: (received) => (pongs += received ? 1 : 0) } });
  const first = async () => {
    for await (const { data } of ws.iterate({ query: CHANGES })) return data.changes.sequence;
  };
  const sequences = await Promise.all(Array.from({ length: 20 }, first));
  assert.ok(sequences.every((sequence) => Number(sequence) > 0));
  const deadline = Date.now() + 5000;
  const held = ws.iterate({ query: CHANGES });
  while (pongs < 3 && Date.now() < deadline) await held.next();
  await held.return();
  assert.ok(pongs >= 3, `${pongs} pongs`);
  await ws.dispose();
}

// A wrong subprotocol, seen as a client sees it.
{
  const closed = await new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.on("close", (code) => resolve(code));
    socket.on("error", reject);
  });
  assert.equal(closed, CloseCode.SubprotocolNotAcceptable);
}
console.log("graphql-ws: all held");
