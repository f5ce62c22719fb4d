// The hub against a certified OpenID provider (oidc-provider) on loopback: its tokens are taken, whatever they are
// signed with, and every forged or wrong one is refused. HUB_BIN names the hub's binary.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const AUDIENCE = "https://hub.example";
const HUB = process.env.HUB_BIN ?? resolve(import.meta.dirname, "../../../target/debug/hub");
const CLIENT = { id: "a-board", secret: "not-a-secret" };

let issuer, server, hub, hubUrl, folder;
const keys = {};

/** A key pair, made now, and its JWK. */
async function key(algorithm, id) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: id, use: "sig", alg: algorithm };
  keys[algorithm] = { privateKey, publicKey, jwk, id };
  return jwk;
}

before(async () => {
  const jwks = { keys: [await key("RS256", "rsa"), await key("PS256", "pss"), await key("ES256", "ec")] };
  server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    jwks,
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    }],
    scopes: ["alliance:read", "sync:read"],
    extraTokenClaims: () => ({ hub_org: "board:41775" }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // The algorithm is asked for in the resource's query, which is no part of the audience.
        getResourceServerInfo: (_, resource) => {
          const url = new URL(resource);
          return {
            scope: "alliance:read sync:read",
            audience: url.origin,
            accessTokenFormat: "jwt",
            accessTokenTTL: 600,
            jwt: { sign: { alg: url.searchParams.get("alg") ?? "RS256" } },
          };
        },
      },
    },
  });
  server.on("request", provider.callback());

  folder = mkdtempSync(join(tmpdir(), "hub-issuer-"));
  hub = spawn(HUB, ["serve"], {
    cwd: folder,
    env: {
      HUB__HTTP__LISTEN: "127.0.0.1:0",
      HUB__AUTH__ISSUER: issuer,
      HUB__AUTH__AUDIENCE: AUDIENCE,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  hubUrl = await new Promise((done, fail) => {
    hub.on("exit", () => fail(new Error("the hub ended before it served")));
    hub.on("error", fail);
    createInterface({ input: hub.stderr }).on("line", (line) => {
      const found = /serving on (http:[^"\s]+)/.exec(line);
      if (found) done(found[1]);
    });
  });
});

after(() => {
  hub?.removeAllListeners("exit");
  hub?.kill();
  server?.close();
  server?.closeAllConnections();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A token as the provider gives it. */
async function token({ algorithm = "RS256", resource = AUDIENCE, scope = "alliance:read" } = {}) {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({ grant_type: "client_credentials", scope, resource: `${resource}/?alg=${algorithm}` }),
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer.access_token;
}

/** A token of the provider's own key, with these changes to what it would say. */
function forged({ algorithm = "RS256", header = {}, claims = {} } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const said = {
    iss: issuer, aud: AUDIENCE, sub: CLIENT.id, client_id: CLIENT.id, scope: "alliance:read", iat: now, exp: now + 600,
    ...claims,
  };
  const { privateKey, id } = keys[algorithm];
  return new SignJWT(said).setProtectedHeader({ alg: algorithm, typ: "at+jwt", kid: id, ...header }).sign(privateKey, {
    crit: { "urn:hub:unknown": true },
  });
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function ask(bearer, query = "{ viewer { isAuthenticated client organisation scopes } }") {
  const response = await fetch(`${hubUrl}/graphql`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, challenge: response.headers.get("www-authenticate"), body: await response.json() };
}

async function refused(bearer, sentence) {
  const { status, challenge, body } = await ask(bearer);
  assert.equal(status, 401, JSON.stringify(body));
  assert.match(challenge, /^Bearer .*error="invalid_token"/);
  assert.match(challenge, /resource_metadata="http/);
  assert.match(challenge, sentence);
  assert.equal(body.data, undefined);
}

for (const algorithm of ["RS256", "PS256", "ES256"]) {
  test(`a token signed with ${algorithm} is taken`, async () => {
    const { status, body } = await ask(await token({ algorithm }));
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.data.viewer, {
      isAuthenticated: true, client: CLIENT.id, organisation: "board:41775", scopes: ["alliance:read"],
    });
  });
}

test("a token made by hand as the provider makes them is taken: what is refused below is refused for its fault", async () => {
  for (const algorithm of ["RS256", "PS256", "ES256"]) assert.equal((await ask(await forged({ algorithm }))).status, 200);
});

test("a token for another audience is refused", async () => {
  await refused(await token({ resource: "https://other.example" }), /another audience/);
});

test("a token without the scope leaves the field null", async () => {
  const query = "{ sources { id runs { totalCount } } }";
  const without = (await ask(await token(), query)).body;
  assert.equal(without.data.sources[0].runs, null);
  assert.equal(without.errors[0].extensions.code, "FORBIDDEN");
  const having = (await ask(await token({ scope: "sync:read" }), query)).body;
  assert.equal(having.errors, undefined);
  assert.equal(having.data.sources[0].runs.totalCount, 0);
});

const now = () => Math.floor(Date.now() / 1000);
for (const [name, change, sentence] of [
  ["that has expired", { claims: { exp: now() - 60 } }, /has expired/],
  ["that is not valid yet", { claims: { nbf: now() + 300 } }, /not valid yet/],
  ["of another issuer", { claims: { iss: "https://login.example" } }, /this issuer/],
  ["of the wrong type", { header: { typ: "JWT" } }, /no access token/],
  ["with an unknown critical header", { header: { crit: ["urn:hub:unknown"], "urn:hub:unknown": 1 } }, /critical header/],
  ["with an unknown key", { header: { kid: "unknown" } }, /does not publish/],
  ["for an organisation of no kind", { claims: { hub_org: "queen" } }, /organisation/],
]) {
  test(`a token ${name} is refused`, async () => {
    for (const algorithm of ["RS256", "ES256"]) await refused(await forged({ algorithm, ...change }), sentence);
  });
}

test("a token without a signature is refused", async () => {
  const [, payload] = (await token()).split(".");
  for (const alg of ["none", "None", "NONE"]) {
    await refused(`${encoded({ alg, typ: "at+jwt", kid: "rsa" })}.${payload}.`, /RS256, PS256 or ES256/);
  }
});

test("a public key is not taken for an HMAC secret", async () => {
  const [, payload] = (await token()).split(".");
  const message = `${encoded({ alg: "HS256", typ: "at+jwt", kid: "rsa" })}.${payload}`;
  const published = createPublicKey({ key: keys.RS256.jwk, format: "jwk" });
  for (const secret of [
    published.export({ type: "spki", format: "pem" }),
    published.export({ type: "spki", format: "der" }),
    published.export({ type: "pkcs1", format: "pem" }),
  ]) {
    const signature = createHmac("sha256", secret).update(message).digest("base64url");
    await refused(`${message}.${signature}`, /RS256, PS256 or ES256/);
  }
});

test("a token that was changed is refused", async () => {
  const [header, payload, signature] = (await token()).split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const changed = encoded({ ...claims, scope: "alliance:read sync:read", hub_org: "operator" });
  await refused(`${header}.${changed}.${signature}`, /signature does not hold/);
});

test("a key that the token brings along is not taken", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const claims = { iss: issuer, aud: AUDIENCE, exp: now() + 600 };
  const header = { alg: "ES256", typ: "at+jwt", kid: "ec", jwk: await exportJWK(publicKey) };
  await refused(await new SignJWT(claims).setProtectedHeader(header).sign(privateKey), /signature does not hold/);
});
