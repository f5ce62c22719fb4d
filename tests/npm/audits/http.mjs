// Every audit of graphql-http, the reference implementation of GraphQL over HTTP: MUST, SHOULD and MAY alike.
// node http.mjs URL
import { serverAudits } from "graphql-http";

const [url] = process.argv.slice(2);
let failed = 0;
const audits = serverAudits({ url, fetchFn: fetch });
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === "ok") continue;
  failed += 1;
  const body = result.response ? await result.response.text().catch(() => "") : "";
  console.log(`${result.status}: ${audit.id} ${audit.name}: ${result.reason} (${result.response?.status}) ${body.slice(0, 300)}`);
}
console.log(`${audits.length - failed} of ${audits.length} audits of graphql-http pass`);
process.exit(audits.length > 50 && failed === 0 ? 0 : 1);
