// The console as people use it: found by typing, read, followed to the explorer, changed live; held to WCAG 2.2 AA at three
// widths in both colour schemes; and nothing leaves the hub's own host.
//
//   CHROMIUM=/usr/bin/chromium node console.mjs <hub> <brin> [<folder for screenshots>]
//
// What happens elsewhere meanwhile is done by whoever runs it, where it prints: CHANGE (a need of the school is renamed to
// "Zojuist gewijzigd" by its source), PUSH (a partner pushes an offer "Zojuist aangeboden" that fits one), SLOW (the housing
// system answers slowly from now on), LOSE (it has lost most of its homes, and answers as before), REFUSE (the newest schema
// of the partner "workshops" does not compose).
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [hub, brin, shots] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});

// A window that notes what goes wrong in it: requests elsewhere, what the policy stopped, errors.
async function open(options = {}) {
  const context = await browser.newContext({ locale: "nl-NL", ...options });
  context.wrongs = [];
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(hub).origin) context.wrongs.push(`left for ${request.url()}`);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => context.wrongs.push(`${page.url()}: ${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") context.wrongs.push(`${page.url()}: ${message.text()}`);
  });
  page.setDefaultTimeout(15_000);
  return page;
}
async function close(page) {
  assert.deepEqual(page.context().wrongs, []);
  await page.context().close();
}

// Somebody signs in from the page that is open, and comes back to it.
async function signIn(page, person) {
  const { pathname } = new URL(page.url());
  await page.getByRole("link", { name: "Inloggen" }).click();
  await choose(page, person, pathname);
}

// Whoever is at the issuer becomes this person, and comes back.
async function choose(page, person, pathname) {
  await page.getByRole("link", { name: `Sample person of a ${person}` }).click();
  await page.waitForURL(`**${pathname}`);
  await page.getByRole("button", { name: "Uitloggen" }).waitFor();
  // Where people sign in is another host, and no other is.
  page.context().wrongs = page.context().wrongs.filter((wrong) => !wrong.includes("/issuer/authorize"));
}

async function look(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

// Nothing that WCAG asks for is missing, as far as a program can tell.
async function audit(page, name) {
  // By the debugger, which the page's own policy does not stop.
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      // What is new in WCAG 2.2 is off in axe where it is not named.
      rules: { "target-size": { enabled: true } },
    }),
  );
  const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ").slice(0, 400)}`);
  assert.deepEqual(told, [], name);
}

// A page fits its window, and its header takes two rows at most.
async function fits(page, name) {
  const { overflow, rows } = await page.evaluate(() => {
    const parts = [...document.querySelectorAll(".brand, .menu, .enter, .leave, .switch")];
    const boxes = parts.map((part) => part.getBoundingClientRect()).sort((one, other) => one.top - other.top);
    let [rows, end] = [0, -1];
    for (const box of boxes) {
      if (box.top >= end) rows += 1;
      end = Math.max(end, box.bottom);
    }
    return { overflow: document.documentElement.scrollWidth - window.innerWidth, rows };
  });
  assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
  assert.ok(rows >= 1 && rows <= 2, `${name} has a header of ${rows} rows`);
}

const card = `/schools/${brin}`;
const pages = {
  front: "/",
  schools: "/schools",
  found: "/schools?q=a",
  card,
  country: "/municipalities",
  municipality: "/municipalities/GM0363",
  knowledge: "/knowledge",
  systems: "/knowledge/systems",
  sources: "/sources",
  source: "/sources/school-boards",
  missing: "/schools/99ZZ99",
};

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 768, 1440]) {
    const page = await open({ colorScheme, viewport: { width, height: 900 } });
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(hub + path);
      const label = `${name}-${width}-${colorScheme}`;
      await look(page, label);
      await audit(page, label);
      await fits(page, label);
    }
    // A browser tells of a page that is answered with 404.
    page.context().wrongs = page.context().wrongs.filter((wrong) => !wrong.includes("404"));
    await close(page);
  }
}

{
  // Without a script, everything is there.
  const page = await open({ javaScriptEnabled: false });
  await page.goto(hub);
  await page.getByRole("searchbox").fill(brin);
  await page.getByRole("button", { name: "Zoeken" }).click();
  assert.equal(new URL(page.url()).pathname, card);
  assert.ok((await page.getByRole("article").count()) > 3);
  await close(page);
}

{
  // By keyboard alone: type, choose, arrive.
  const page = await open();
  await page.goto(hub);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  const field = page.getByRole("combobox");
  await field.focus();
  await page.keyboard.type(brin.slice(0, 5), { delay: 30 });
  await page.getByRole("option").first().waitFor();
  await look(page, "suggestions");
  await audit(page, "suggestions");
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("option").count(), 0);
  await field.fill("");
  await page.keyboard.type(brin, { delay: 30 });
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("ArrowDown");
  assert.equal(await field.getAttribute("aria-activedescendant"), "suggestion-0");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**${card}`);

  // A home on the map leads to its place in the list.
  await page.locator(".map a").first().click();
  assert.match(page.url(), /#home-\d+$/);

  // In English, and it stays so.
  await page.getByRole("link", { name: "English" }).click();
  await page.getByRole("heading", { name: "Homes for teachers" }).waitFor();
  await page.goto(`${hub}/schools`);
  await page.getByRole("heading", { name: "Schools" }).waitFor();

  // What is behind the page runs in the explorer, and says the same.
  await page.goto(hub + card);
  const name = await page.getByRole("heading", { level: 1 }).textContent();
  await page.getByRole("link", { name: "Show the query behind this page" }).click();
  await page.getByRole("button", { name: /Execute query/ }).click();
  await page.locator(".result-window", { hasText: name }).waitFor();
  assert.ok((await page.locator(".graphiql-query-editor").textContent()).includes("ConsoleSchool"));
  await close(page);
}

{
  // A card on paper: whole, and nothing on it that can only be clicked. And how soon it is there.
  const page = await open({ viewport: { width: 794, height: 1100 } });
  await page.goto(hub + card);
  const paint = await page.evaluate(() => new Promise((resolve) => {
    const told = (list) => list.getEntriesByName("first-contentful-paint").forEach((entry) => resolve(entry.startTime));
    new PerformanceObserver(told).observe({ type: "paint", buffered: true });
  }));
  console.log(`first paint of the card after ${Math.round(paint)} ms`);
  await page.evaluate(() => { window.dispatchEvent(new Event("beforeprint")); });
  await page.emulateMedia({ media: "print" });
  for (const clicked of [".menu", ".switch", ".enter", ".within", "footer .noprint"]) {
    assert.ok(await page.locator(clicked).first().isHidden(), `${clicked} is on paper`);
  }
  const texts = await page.locator("main h3, main .offers li, main .reasons li").all();
  assert.ok(texts.length > 20);
  for (const text of texts) assert.ok(await text.isVisible(), `not on paper: ${await text.textContent()}`);
  assert.ok((await page.pdf({ format: "A4" })).length > 20_000);
  await page.evaluate(() => { window.dispatchEvent(new Event("afterprint")); });
  assert.equal(await page.locator("details[open]").count(), 0, "and then it is as it was");
  await close(page);
}

{
  // Somebody of the board signs in, and accepts what a partner proposes.
  const page = await open();
  await page.goto(hub + card);
  await signIn(page, "school board");
  await page.getByText("Schoolbestuur 9").waitFor();
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await look(page, `signed-in-${width}`);
    await audit(page, `signed-in-${width}`);
    await fits(page, `signed-in-${width}`);
  }
  const accept = page.getByRole("button", { name: /^Aanvaarden.*Een voorstel & meer$/ });
  await accept.click();
  await accept.waitFor({ state: "detached" });
  await page.locator("article", { hasText: "Een voorstel & meer" }).getByText("Aanvaard", { exact: true }).first().waitFor();
  // Every page is as usable as it was, and so is one that is not for them.
  for (const [name, path] of Object.entries({ ...pages, refused: "/subgraphs" })) {
    await page.goto(hub + path);
    await audit(page, `${name}, signed in`);
  }
  await page.getByRole("heading", { name: "Dit is niet voor u" }).waitFor();
  page.context().wrongs = page.context().wrongs.filter((wrong) => !/40[34]/.test(wrong));
  // The explorer asks in their name.
  await page.goto(`${hub}/explorer?${new URLSearchParams({ query: "query Who { viewer { organisationKind } }" })}`);
  await page.getByRole("button", { name: /Execute query/ }).click();
  await page.locator(".result-window", { hasText: "SCHOOL_BOARD" }).waitFor();
  // Its dialogs style what lies behind them; the policy lets them, and nothing else.
  await page.getByRole("button", { name: "Open settings dialog" }).click();
  await page.getByRole("dialog").waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).overflow), "hidden");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto(hub + card);
  await page.getByRole("button", { name: "Uitloggen" }).click();
  await page.getByRole("link", { name: "Inloggen" }).waitFor();
  await close(page);
}

{
  // Somebody reads a card while it changes.
  const page = await open();
  const following = page.waitForRequest((request) => request.url().includes("/graphql?"));
  await page.goto(hub + card);
  await following;
  await page.locator("details summary").first().click();
  console.log("CHANGE");
  await page.getByText("Zojuist gewijzigd").first().waitFor();
  await page.getByText("Deze pagina is zojuist bijgewerkt").waitFor();
  await close(page);
}

{
  // Somebody of the board is at their keyboard, with a screen reader, when a partner pushes an offer that fits.
  const page = await open();
  await page.goto(hub + card);
  await signIn(page, "school board");
  const following = page.waitForRequest((request) => request.url().includes("/graphql?"));
  await page.reload();
  assert.equal((await following).headers()["x-hub-session"], "1", "it is followed in their name");
  await page.evaluate(() => { window.notReloaded = true; });
  const summaries = page.locator("main details summary");
  for (let index = 0; index < await summaries.count(); index += 1) {
    await summaries.nth(index).focus();
    await page.keyboard.press("Enter");
  }
  console.log("PUSH");
  await page.getByText("Zojuist aangeboden").first().waitFor();
  const told = page.getByRole("status").filter({ hasText: "Deze pagina is zojuist bijgewerkt" });
  await told.waitFor();
  assert.ok(await page.evaluate(() => window.notReloaded), "the page was not loaded again");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SUMMARY", "they are where they were");
  assert.ok(await page.evaluate(() => document.activeElement.parentElement.open), "what they opened is open");
  await look(page, "pushed");
  await audit(page, "pushed");
  await close(page);
}

{
  // An operator reads a source and watches it, without loading the page again.
  const page = await open();
  await page.goto(`${hub}/sources/housing`);
  assert.equal(await page.getByRole("button", { name: "Nu lezen" }).count(), 0, "the public reads no sources");
  await signIn(page, "operator");
  console.log("SLOW");
  await page.getByRole("button", { name: "Alles opnieuw lezen" }).click();
  await page.waitForURL("**/sources/housing");
  await page.evaluate(() => { window.notReloaded = true; });
  const run = page.locator("tbody tr").first();
  await run.getByText("Loopt", { exact: true }).waitFor();
  assert.ok(await page.getByRole("button", { name: "Nu lezen" }).isDisabled(), "one run at a time");
  await look(page, "running");
  await audit(page, "running");
  await run.getByText("Geslaagd", { exact: true }).waitFor({ timeout: 60_000 });
  await page.getByRole("status").filter({ hasText: "Geslaagd" }).waitFor({ state: "attached" });
  assert.ok(await page.evaluate(() => window.notReloaded), "the page was not loaded again");

  // The system has lost its homes: nothing is deleted until the operator says so.
  console.log("LOSE");
  await page.getByRole("button", { name: "Alles opnieuw lezen" }).click();
  await page.getByRole("heading", { name: "Deze bron wacht op uw besluit" }).waitFor({ timeout: 60_000 });
  await look(page, "held");
  await audit(page, "held");
  await page.getByRole("button", { name: "Opnieuw lezen en verwijderen" }).click();
  assert.ok(await page.getByRole("checkbox").evaluate((box) => !box.checkValidity()), "it has to be said");
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: "Opnieuw lezen en verwijderen" }).click();
  await page.getByRole("heading", { name: "Deze bron wacht op uw besluit" }).waitFor({ state: "detached", timeout: 60_000 });
  await page.locator("tbody tr").first().getByText("Geslaagd", { exact: true }).waitFor({ timeout: 60_000 });
  // In the explorer it is watched in their name as well, over a WebSocket.
  const explorer = await page.context().newPage();
  // From when the socket is opened: what it receives may be there before the button is let go.
  const acknowledged = explorer.waitForEvent("websocket").then((socket) =>
    socket.waitForEvent("framereceived", { predicate: ({ payload }) => payload.includes("connection_ack") }),
  );
  await explorer.goto(`${hub}/explorer?${new URLSearchParams({ query: "subscription Runs { syncRuns { status } }" })}`);
  await explorer.getByRole("button", { name: /Execute query/ }).click();
  await acknowledged;
  await page.getByRole("button", { name: "Nu lezen" }).click();
  await explorer.locator(".result-window", { hasText: "SUCCEEDED" }).waitFor({ timeout: 60_000 });
  await explorer.close();
  await page.goto(`${hub}/sources`);
  await page.getByRole("button", { name: /^Nu lezen/ }).first().waitFor();
  await look(page, "operations");
  await audit(page, "operations");
  await close(page);
}

for (const colorScheme of ["light", "dark"]) {
  // Partners' graphs are for operators: whoever comes there signs in first, and is back. What changes is shown meanwhile.
  const page = await open({ colorScheme });
  await page.goto(`${hub}/subgraphs`);
  await choose(page, "operator", "/subgraphs");
  await page.getByRole("heading", { name: /^workshops/ }).waitFor();
  for (const width of [360, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await look(page, `subgraphs-${width}-${colorScheme}`);
    await audit(page, `subgraphs-${width}-${colorScheme}`);
    await fits(page, `subgraphs-${width}-${colorScheme}`);
  }
  await page.getByRole("link", { name: "Bronnen", exact: true }).click();
  await page.getByRole("link", { name: "Subgrafen" }).click();
  await page.waitForURL("**/subgraphs");
  await page.evaluate(() => { window.notReloaded = true; });
  if (colorScheme === "light") console.log("REFUSE");
  await page.getByRole("heading", { name: "Het laatste schema is geweigerd" }).waitFor({ timeout: 30_000 });
  if (colorScheme === "light") {
    await page.getByRole("status").filter({ hasText: "zoals eerder" }).waitFor({ state: "attached" });
  }
  assert.ok(await page.evaluate(() => window.notReloaded), "the page was not loaded again");
  await look(page, `subgraph-refused-${colorScheme}`);
  await audit(page, `subgraph-refused-${colorScheme}`);
  await page.getByRole("link", { name: "Toon de query achter deze pagina" }).click();
  await page.getByRole("button", { name: /Execute query/ }).click();
  await page.locator(".result-window", { hasText: "LIVE_AS_BEFORE" }).waitFor();
  await close(page);
}

await browser.close();
console.log("all held");
