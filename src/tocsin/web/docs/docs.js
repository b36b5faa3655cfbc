// Draws /openapi.json. Everything goes into the page as text nodes, so that no text can become markup.

const METHODS = ["get", "post", "put", "delete"];

/** An element with attributes and children; strings become text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Text with what stands between backquotes as code. */
function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? make("code", {}, part) : part));
}

/** The schema behind a reference. */
function follow(api, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? api.components.schemas[name] : schema ?? {};
}

/** A type as people say it: `string (1-256)`, `info | error`, `string[]`. */
function typeOf(api, given) {
  const schema = follow(api, given);
  if (schema.anyOf) {
    return schema.anyOf.map((one) => typeOf(api, one)).filter((text) => text !== "null").join(" | ");
  }
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `${typeOf(api, schema.items)}[]`;
  const least = schema.minLength ?? schema.minimum;
  const most = schema.maxLength ?? schema.maximum;
  const range = most !== undefined ? ` (${least ?? 0} to ${most})` : "";
  return (schema.format ?? schema.type ?? "any") + range;
}

/** An example of a value: what must be there, and no more. */
function sample(api, given, name) {
  const schema = follow(api, given);
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.enum) return schema.enum.includes("info") ? "info" : schema.enum[0];
  if (schema.anyOf) return sample(api, schema.anyOf[0], name);
  switch (schema.type) {
    case "object": {
      const wanted = schema.required ?? Object.keys(schema.properties ?? {}).filter((key) => key !== "id");
      return Object.fromEntries(wanted.map((key) => [key, sample(api, schema.properties[key], key)]));
    }
    case "array":
      if (name === "permissions") return ["notifications"];
      return follow(api, schema.items).type === "object" ? [sample(api, schema.items, "")] : [];
    case "integer": return 10;
    case "boolean": return false;
    default: return schema.format === "date-time" ? "2030-01-01T00:00:00Z" : name;
  }
}

/** A command that calls the route, ready to be filled in. */
function curl(api, path, method, operation) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => name.toUpperCase());
  const query = (operation.parameters ?? [])
    .filter((parameter) => parameter.in === "query" && parameter.required)
    .map((parameter) => `${parameter.name}=${parameter.name.toUpperCase()}`)
    .join("&");
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quote(new URL(`.${filled}`, location.href) + (query && `?${query}`))}`];
  const schemes = new Set(operation.security?.flatMap((one) => Object.keys(one)));
  if (schemes.has("apiKey")) lines.push(`-H ${quote("Authorization: Bearer YOUR_TOKEN_OR_API_KEY")}`);
  else if (schemes.has("bearer")) lines.push(`-H ${quote(`Authorization: Bearer ${schemes.has("session") ? "YOUR_TOKEN" : "YOUR_APP_SECRET"}`)}`);
  else if (schemes.has("session")) {
    // As the browser's own requests: more than reading is taken from a page of the server only.
    lines.push(`-b ${quote(`${api.components.securitySchemes.session.name}=YOUR_SESSION`)}`, `-H ${quote(`Origin: ${new URL(location.href).origin}`)}`);
  }
  const content = operation.responses["200"]?.content ?? {};
  if (content["text/event-stream"]) lines.push(`-N -H ${quote("Accept: text/event-stream")}`);
  if (content["application/vnd.sqlite3"]) lines.push("-o backup.db");
  const body = operation.requestBody?.content["application/json"].schema;
  if (body) lines.push(`-H ${quote("Content-Type: application/json")}`, `-d ${quote(JSON.stringify(sample(api, body, ""), null, 2))}`);
  return lines.join(" \\\n  ");
}

/** A heading and a table of three columns, or nothing where there are no rows. */
function table(title, rows) {
  if (!rows.length) return null;
  const body = rows.map(([name, kind, says]) => make("tr", {}, make("th", { scope: "row" }, make("code", {}, name)), make("td", {}, kind), make("td", {}, ...prose(says))));
  return make("div", {}, make("h3", {}, title), make("table", {}, make("tbody", {}, ...body)));
}

/** The fields of a form, as rows; what must be there is said of bodies, since an answer has all of its fields. */
function fields(api, schema, { demands }) {
  const form = follow(api, schema);
  return Object.entries(form.properties ?? {}).map(([name, field]) => [
    name,
    typeOf(api, field),
    [demands && form.required?.includes(name) ? "Required." : "", field.description ?? ""].filter(Boolean).join(" "),
  ]);
}

/** What a status answers with, in a word. */
function answered(api, response) {
  const [kind, content] = Object.entries(response.content ?? {})[0] ?? ["", {}];
  return content.schema?.$ref?.split("/").pop() ?? kind;
}

/** One route. */
function route(api, path, method, operation) {
  const id = operation.operationId;
  const command = curl(api, path, method, operation);
  const shown = make("pre", {}, make("code", {}, command));
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command);
    } catch {
      // Without TLS a page has no clipboard but the old way, which takes what is selected.
      getSelection().selectAllChildren(shown);
      document.execCommand("copy");
    }
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  const schema = operation.requestBody?.content["application/json"].schema;
  const success = Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1];
  const answer = success?.content?.["application/json"]?.schema;
  return make(
    "details",
    { id, "data-words": `${method} ${path} ${operation.summary}`.toLowerCase() },
    make("summary", {}, make("b", { class: `method ${method}` }, method.toUpperCase()), make("code", {}, path), make("span", {}, ...prose(operation.summary))),
    make(
      "div",
      {},
      make("p", {}, ...prose(operation.description)),
      table("Parameters", (operation.parameters ?? []).map((one) => [
        one.name,
        `${one.in}, ${typeOf(api, one.schema)}`,
        one.description ?? "",
      ])),
      table("Body", schema ? fields(api, schema, { demands: true }) : []),
      table("Answer", answer ? fields(api, answer, { demands: false }) : []),
      table("Statuses", Object.entries(operation.responses).map(([status, response]) => [
        status,
        answered(api, response),
        response.description,
      ])),
      make("h3", {}, "Try it"),
      make("div", { class: "curl" }, shown, copy),
    ),
  );
}

/** The whole page. */
function draw(api) {
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("about").replaceChildren(...prose(api.info.description));
  const contents = document.getElementById("contents");
  const main = document.getElementById("routes");
  main.replaceChildren();
  for (const { name } of api.tags) {
    const section = make("section", { "aria-label": name }, make("h2", {}, name));
    const list = make("ul");
    for (const [path, operations] of Object.entries(api.paths)) {
      for (const method of METHODS) {
        const operation = operations[method];
        if (!operation?.tags.includes(name)) continue;
        section.append(route(api, path, method, operation));
        const link = make("a", { href: `#${operation.operationId}` }, make("b", { class: `method ${method}` }, method.toUpperCase()), ` ${path}`);
        list.append(make("li", {}, link));
      }
    }
    main.append(section);
    contents.append(make("strong", {}, name), list);
  }
}

/** Open the route that the address names. */
function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

/** Show only the routes that hold every word. */
function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const details of document.querySelectorAll("details")) {
    details.hidden = !words.every((word) => details.dataset.words.includes(word));
  }
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
}

try {
  const answer = await fetch("openapi.json");
  if (!answer.ok) throw new Error(`/openapi.json answered ${answer.status}`);
  draw(await answer.json());
  document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value));
  addEventListener("hashchange", openNamed);
  openNamed();
} catch (error) {
  document.getElementById("state").textContent = `The API's description could not be read: ${error.message}`;
}
