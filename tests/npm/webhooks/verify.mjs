// Verifies messages with the library of Standard Webhooks. Reads a JSON list of { secret, headers, body } from standard
// input, and prints what each message says, or why it was refused.
import { Webhook } from "standardwebhooks";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const told = JSON.parse(input).map(({ secret, headers, body }) => {
  try {
    return { said: new Webhook(secret).verify(body, headers) };
  } catch (error) {
    return { refused: error.message };
  }
});
console.log(JSON.stringify(told));
