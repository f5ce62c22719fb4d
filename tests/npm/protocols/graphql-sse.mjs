// The npm client `graphql-sse` against a hub whose feed grows all the while: node graphql-sse.mjs http://HOST:PORT CURSOR
import assert from "node:assert/strict";
import { createClient } from "graphql-sse";

const [base, cursor] = process.argv.slice(2);
const url = `${base}/graphql`;
const CHANGES = "subscription($after: String) { changes(after: $after) { cursor sequence } }";
const client = (options = {}) => createClient({ url, singleConnection: false, retryAttempts: 0, ...options });

{
  const sse = client();
  const results = [];
  for await (const result of sse.iterate({ query: "{ __typename }" })) results.push(result);
  assert.deepEqual(results.map(({ data }) => data), [{ __typename: "Query" }]);
  for await (const result of sse.iterate({ query: "subscription { nothing }" })) {
    assert.equal(result.data, undefined);
    assert.ok(result.errors[0].message.includes("nothing"));
  }
  await assert.rejects(async () => {
    for await (const _ of sse.iterate({ query: "" })) assert.fail("an answer");
  });
  sse.dispose();
}

// What was missed, then what is new.
{
  const sse = client();
  let expected;
  for await (const { data, errors } of sse.iterate({ query: CHANGES, variables: { after: cursor } })) {
    assert.equal(errors, undefined);
    const sequence = Number(data.changes.sequence);
    if (expected !== undefined) assert.equal(sequence, expected);
    expected = sequence + 1;
    if (expected > 25) break;
  }
  assert.ok(expected > 25);
  sse.dispose();
}

// Several at once, each ended by itself.
{
  const sse = client();
  const first = async () => {
    for await (const { data } of sse.iterate({ query: CHANGES })) return Number(data.changes.sequence);
  };
  const sequences = await Promise.all(Array.from({ length: 5 }, first));
  assert.ok(sequences.every((sequence) => sequence > 0));
  sse.dispose();
}
console.log("graphql-sse: all held");
