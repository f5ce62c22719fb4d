// What makes pages quicker to use. Each works by itself, and every page works without.

const json = async (address, signal) => {
  const answer = await fetch(address, { headers: { accept: "application/json" }, signal });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
};

// Schools that may be meant while somebody types: a combobox as the ARIA authoring practices describe it.
function suggest(form) {
  const input = form.querySelector("input");
  const list = Object.assign(document.createElement("ul"), { id: "suggestions", hidden: true, className: "suggestions" });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", form.querySelector("label").textContent);
  const told = Object.assign(document.createElement("p"), { className: "hidden" });
  told.setAttribute("role", "status");
  input.after(list, told);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false",
  })) input.setAttribute(name, value);

  let chosen = -1;
  let asking = new AbortController();
  let wait;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const choose = (index) => {
    chosen = (index + list.children.length) % list.children.length;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === chosen)));
    input.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  };
  const go = (option) => location.assign(`/schools/${encodeURIComponent(option.dataset.brin)}`);
  const show = (schools) => {
    list.replaceChildren(...schools.map((school, index) => {
      const option = Object.assign(document.createElement("li"), { id: `suggestion-${index}` });
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.brin = school.brin;
      const name = Object.assign(document.createElement("span"), { textContent: school.name });
      const rest = [school.place, school.brin].filter(Boolean).join(" · ");
      option.append(name, Object.assign(document.createElement("span"), { className: "meta", textContent: rest }));
      // Before the field loses focus, which closes the list.
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); go(option); });
      return option;
    }));
    chosen = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = schools.length === 0;
    input.setAttribute("aria-expanded", String(schools.length > 0));
    told.textContent = schools.length > 0 ? `${schools.length} ${form.dataset.some}` : form.dataset.none;
  };

  input.addEventListener("input", () => {
    clearTimeout(wait);
    asking.abort();
    const text = input.value.trim();
    if (text.length < 2) return close();
    wait = setTimeout(async () => {
      asking = new AbortController();
      try {
        show(await json(`${form.dataset.suggest}?${new URLSearchParams({ q: text })}`, asking.signal));
      } catch {
        close();
      }
    }, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return close();
    if (list.hidden) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter" && chosen >= 0) go(list.children[chosen]);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", close);
}

// Instants in the reader's own time.
function localTimes(within) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "long", timeStyle: "short" });
  for (const time of within.querySelectorAll("time[datetime]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// Hears the answers of a subscription (graphql-sse, a connection for each) until there are no more, which is an error: it is
// followed again by whoever still wants to hear. Returns where the hub does not take it.
// Not by EventSource, which sends no headers: with this one the hub asks in the name of who is signed in.
async function hear(query, variables, signal, next) {
  const headers = { accept: "text/event-stream", "x-hub-session": "1" };
  const answer = await fetch(`/graphql?${new URLSearchParams({ query, variables })}`, { headers, signal });
  if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return;
  if (!answer.ok) throw new Error(`${answer.status}`);
  const chunks = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await chunks.read();
    if (done) throw new Error("lost");
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      if (event.startsWith("event: complete")) throw new Error("over");
      // What is refused, as when a token has ended, is no news.
      if (event.startsWith("event: next") && !event.includes('"errors":')) next();
    }
  }
}

// What somebody is at in a part of the page that is about to be replaced: where they are, what they opened and ticked.
function state(main) {
  const parts = () => [...main.querySelectorAll("a, button, input, summary, [tabindex]")];
  const details = () => [...main.querySelectorAll("details")];
  const boxes = () => [...main.querySelectorAll("input[type=checkbox]")];
  const at = parts().indexOf(document.activeElement);
  const open = details().map((part) => part.open);
  const ticked = boxes().map((box) => box.checked);
  return () => {
    details().forEach((part, index) => { part.open = open[index] ?? part.open; });
    boxes().forEach((box, index) => { box.checked = ticked[index] ?? box.checked; });
    if (at >= 0) parts()[at]?.focus({ preventScroll: true });
  };
}

// A page that is open shows what changes while it changes, and says so. Nothing is held open while nobody looks at it. What
// no subscription tells of is asked for every so many seconds.
function live(part) {
  const { live: query, liveVariables: variables, liveText: text, every } = part.dataset;
  const told = Object.assign(document.createElement("p"), { className: text ? "updated noprint" : "hidden" });
  told.setAttribute("role", "status");
  document.querySelector("main").before(told);
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
  let following = new AbortController();
  let wait;
  let shown;

  const renew = async () => {
    wait = undefined;
    // The hub may be away, and who was signed in may be led to sign in again.
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" }).catch(() => undefined);
    if (answer?.type === "opaqueredirect") return location.reload();
    if (!answer?.ok) return;
    const html = await answer.text();
    if (html === shown) return;
    shown = html;
    // Scripts of a document that is parsed like this do not run.
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("main");
    if (!fresh) return;
    const main = document.querySelector("main");
    const restore = state(main);
    main.replaceChildren(...fresh.childNodes);
    restore();
    localTimes(main);
    const words = text ? `${text} (${clock.format()})` : main.querySelector("[data-live-told]")?.textContent ?? "";
    if (told.textContent !== words) told.textContent = words;
  };
  // What comes together is shown once.
  const soon = () => { wait ??= setTimeout(renew, 300); };
  const follow = async () => {
    following.abort();
    following = new AbortController();
    const { signal } = following;
    if (every) {
      const clock = setInterval(renew, every * 1000);
      return signal.addEventListener("abort", () => clearInterval(clock));
    }
    for (let pause = 1000; !document.hidden && !signal.aborted; pause = Math.min(pause * 2, 30000)) {
      try {
        return await hear(query, variables, signal, () => { pause = 1000; soon(); });
      } catch {
        // The hub or the way to it is away: what changes meanwhile is looked for afterwards.
        await new Promise((resolve) => { setTimeout(resolve, pause * (0.5 + Math.random())); });
        if (!signal.aborted) soon();
      }
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return following.abort();
    // What changed meanwhile.
    soon();
    follow();
  });
  addEventListener("pagehide", () => following.abort());
  // A page that was put aside whole and is taken up again.
  addEventListener("pageshow", (event) => { if (event.persisted) { soon(); follow(); } });
  follow();
}

// On paper nothing can be opened: everything is.
const opened = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    opened.push(part);
  }
});
addEventListener("afterprint", () => opened.splice(0).forEach((part) => { part.open = false; }));

document.querySelectorAll("form[data-suggest]").forEach(suggest);
localTimes(document);
document.querySelectorAll("[data-live], [data-every]").forEach(live);
