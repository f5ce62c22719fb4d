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

// A card that is open shows what changes while it changes. Nothing is held open for a page that nobody looks at.
function live(card) {
  const query = "subscription ($brin: String!) { schoolChanged(brin: $brin) { id } }";
  const variables = JSON.stringify({ brin: card.dataset.live });
  const address = `/graphql?${new URLSearchParams({ query, variables })}`;
  const told = Object.assign(document.createElement("p"), { className: "updated noprint" });
  told.setAttribute("role", "status");
  document.querySelector("main").before(told);
  let events;
  let wait;

  const renew = async () => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    // Scripts of a document that is parsed like this do not run.
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (!fresh) return;
    const main = document.querySelector("main");
    const open = [...main.querySelectorAll("details")].map((details) => details.open);
    [...fresh.querySelectorAll("details")].forEach((details, index) => { details.open = open[index] ?? false; });
    main.replaceChildren(...fresh.childNodes);
    localTimes(main);
    told.textContent = card.dataset.liveText;
  };
  const follow = () => {
    events?.close();
    events = undefined;
    if (document.hidden) return;
    events = new EventSource(address);
    events.addEventListener("next", () => {
      clearTimeout(wait);
      wait = setTimeout(renew, 300);
    });
    events.addEventListener("complete", () => events.close());
  };
  document.addEventListener("visibilitychange", () => {
    // What changed meanwhile.
    if (!document.hidden) renew();
    follow();
  });
  addEventListener("pagehide", () => events?.close());
  follow();
}

document.querySelectorAll("form[data-suggest]").forEach(suggest);
localTimes(document);
document.querySelectorAll("[data-live]").forEach(live);
