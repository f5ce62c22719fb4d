// Starts GraphiQL on this hub's own endpoint. The address may say what to begin with: ?query= and ?variables=.
(async () => {
  "use strict";
  const asked = new URLSearchParams(location.search);
  const sample = await fetch("/explorer/school-card.graphql").then((answer) => answer.text());
  const query = asked.get("query") ?? sample;
  const variables = asked.get("variables") ?? (asked.has("query") ? undefined : '{ "brin": "99AA00" }');
  const explorer = React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({
      url: "/graphql",
      subscriptionUrl: `${location.origin.replace(/^http/, "ws")}/graphql/ws`,
    }),
    defaultQuery: query,
    // What the address asks for comes before what this browser remembers.
    query: asked.has("query") || asked.has("variables") ? query : undefined,
    variables,
  });
  ReactDOM.createRoot(document.getElementById("explorer")).render(explorer);
})();
