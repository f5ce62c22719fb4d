// What the makers of clients' tools say of the hub's schema. Writes what they generate below FOLDER.
// node schema.mjs SCHEMA RELEASED FOLDER
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "@graphql-codegen/cli";
import eslintPlugin from "@graphql-eslint/eslint-plugin";
import { ESLint } from "eslint";
import { buildSchema, findBreakingChanges, validateSchema } from "graphql";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const [schemaFile, releasedFile, folder] = process.argv.slice(2);
const text = readFileSync(schemaFile, "utf8");
let failed = 0;

function tell(tool, problems) {
  failed += problems.length;
  problems.forEach((problem) => console.log(`${tool}: ${problem}`));
  console.log(`${tool}: ${problems.length === 0 ? "passes" : `${problems.length} problems`}`);
}

// graphql-js: the schema is one, and breaks nothing that was released.
const schema = buildSchema(text);
tell("graphql-js", validateSchema(schema).map((error) => error.message));
const released = buildSchema(readFileSync(releasedFile, "utf8"));
tell("breaking changes", findBreakingChanges(released, schema).map((change) => `${change.type}: ${change.description}`));

// relay-compiler: pages, refetching and node identity as Relay wants them.
const relay = join(folder, "relay");
mkdirSync(join(relay, "generated"), { recursive: true });
cpSync(join(here, "client"), join(relay, "src"), { recursive: true });
cpSync(schemaFile, join(relay, "schema.graphql"));
const config = { src: "./src", schema: "./schema.graphql", language: "typescript", artifactDirectory: "./generated", eagerEsModules: true };
writeFileSync(join(relay, "relay.config.json"), JSON.stringify(config));
writeFileSync(join(relay, "package.json"), "{}");
try {
  const compiler = require.resolve("relay-compiler/cli.js");
  execFileSync(process.execPath, [compiler, "relay.config.json", "--noWatchman"], { cwd: relay, stdio: "pipe" });
  const written = readdirSync(join(relay, "generated")).length;
  tell("relay-compiler", written >= 4 ? [] : [`wrote ${written} files`]);
} catch (error) {
  tell("relay-compiler", [`${error.stdout}${error.stderr}` || error.message]);
}

// graphql-codegen: types for TypeScript.
try {
  const [output] = await generate(
    {
      schema: schemaFile,
      documents: join(here, "client", "operations.graphql"),
      generates: { [join(folder, "types.ts")]: { plugins: ["typescript", "typescript-operations"] } },
      silent: true,
    },
    true,
  );
  tell("graphql-codegen", output.content.includes("SchoolsQuery") ? [] : ["wrote no type for the query"]);
} catch (error) {
  tell("graphql-codegen", [error.message]);
}

// GraphQL-ESLint: names, descriptions, deprecations, and Relay's rules for pages.
const rules = {
  ...eslintPlugin.configs["flat/schema-recommended"].rules,
  ...eslintPlugin.configs["flat/schema-relay"].rules,
  // Some pages are only read forwards, as the contract has them.
  "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
  // Values, pages and edges have no identity; what has one implements Node.
  "@graphql-eslint/strict-id-in-types": "off",
  // Pages also give their `nodes`, and not all of them are records: a change, a run, a refusal.
  "@graphql-eslint/relay-edge-types": ["error", { shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
  "@graphql-eslint/require-description": [
    "error",
    {
      types: true,
      FieldDefinition: true,
      InputValueDefinition: true,
      EnumValueDefinition: true,
      DirectiveDefinition: true,
      rootField: true,
      // The specification's own directives, as the library writes them.
      ignoredSelectors: ["DirectiveDefinition > InputValueDefinition"],
    },
  ],
  "@graphql-eslint/require-deprecation-reason": "error",
  "@graphql-eslint/require-deprecation-date": "error",
};
const eslint = new ESLint({
  cwd: dirname(schemaFile),
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ["**/*.graphql"],
      plugins: { "@graphql-eslint": eslintPlugin },
      languageOptions: { parser: eslintPlugin.parser, parserOptions: { graphQLConfig: { schema: schemaFile } } },
      rules,
    },
  ],
});
const [result] = await eslint.lintFiles([schemaFile]);
// The library writes the specification's directives out, used or not.
const messages = result.messages.filter((message) => message.message !== "Directive `specifiedBy` is unreachable.");
tell("graphql-eslint", messages.map((message) => `${message.line}: ${message.ruleId}: ${message.message}`));

process.exit(failed === 0 ? 0 : 1);
