// Starts GraphiQL on this hub's own endpoint, with the README's samples as tabs. The address may say what to begin with:
// ?query= or ?document= (the request behind a page), and ?variables=.
(async () => {
  "use strict";
  // What GraphiQL's bundler calls the nonce that styles written into the page carry (react-style-singleton).
  window.__webpack_nonce__ = document.currentScript.nonce;
  const asked = new URLSearchParams(location.search);
  const get = async (address) => {
    const answer = await fetch(address);
    return answer.ok ? answer : undefined;
  };
  const samples = await get("/explorer/samples.json").then((answer) => answer?.json() ?? []);
  const page = asked.get("document");
  const wanted = page
    ? await get(`/explorer/pages/${encodeURIComponent(page)}.graphql`).then((answer) => answer?.text())
    : asked.get("query");
  const variables = asked.get("variables") ?? undefined;
  const tabs = samples.map((query) => ({ query, variables: query.includes("$brin") ? '{ "brin": "99AA00" }' : "" }));
  if (wanted) tabs.unshift({ query: wanted, variables });
  const explorer = React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({
      url: "/graphql",
      // In the name of who is signed in to the console.
      headers: { "x-hub-session": "1" },
      wsConnectionParams: { "x-hub-session": "1" },
      subscriptionUrl: `${location.origin.replace(/^http/, "ws")}/graphql/ws`,
    }),
    defaultTabs: tabs,
    // What the address asks for comes before what this browser remembers.
    query: wanted || undefined,
    variables: wanted ? variables : undefined,
  });
  ReactDOM.createRoot(document.getElementById("explorer")).render(explorer);
})();
