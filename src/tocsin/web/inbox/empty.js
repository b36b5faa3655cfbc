import { css, html } from "../vendor/lit.js";
import { icon } from "./icons.js";

export { copy } from "./copying.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/** How it looks. */
export const emptyStyles = css`
  .empty { z-index: 1; display: grid; grid-auto-rows: max-content; justify-items: center; align-content: safe center; gap: 0.75rem; min-inline-size: 0; padding: 2rem 1rem; overflow-y: auto; text-align: center; }
  .empty h2 { margin: 0.5rem 0 0; font-size: 1.375rem; }
  .empty p { margin: 0; color: var(--quiet); }
  .example { inline-size: min(100%, 40rem); margin-block-start: 1rem; border: 1px solid var(--line); border-radius: 0.9rem; background: var(--ground); text-align: start; overflow: hidden; }
  .tabs { display: flex; flex-wrap: wrap; border-block-end: 1px solid var(--line); }
  .tabs [role="tab"] { padding: 0.6rem 0.9rem; border: 0; border-block-end: 2px solid transparent; background: none; color: var(--quiet); font-size: 0.875rem; font-weight: 600; }
  .tabs [aria-selected="true"] { border-color: var(--accent); color: var(--text); }
  .tabs :focus-visible, .example pre:focus-visible { outline-offset: -3px; }
  .example [role="tabpanel"] { position: relative; }
  .example pre { margin: 0; padding: 1rem 1rem 3.25rem; overflow-x: auto; font: 0.8125rem/1.55 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
  .example .copy { position: absolute; inset-block-end: 0.6rem; inset-inline-end: 0.6rem; }
`;

/** Who reads with a credential, asked once. @type {WeakMap<import("../client.js").Tocsin, Promise<string | null>>} */
const readers = new WeakMap();

/**
 * The id of who reads; null where it cannot be had.
 * @param {import("../client.js").Tocsin} server
 */
export function readerOf(server) {
  let reader = readers.get(server);
  if (!reader) readers.set(server, reader = server.session().then(({ user }) => user?.id ?? null, () => null));
  return reader;
}

/**
 * How to send the first one, in each language. Each can be pasted as it stands, once the credential is put in. It names
 * whom it is for: a superuser's key would tell everybody otherwise.
 * @param {string} base the server's address
 * @param {string} token stands for a credential
 * @param {string | null} user whom it is for
 * @returns {Record<string, string>} by the name of the tab
 */
export function examples(base, token, user) {
  const address = base.replace(/\/$/, ""), to = user === null ? "" : JSON.stringify(user);
  const draft = `{"title": "Hello", "message": "My first notification", "type": "success"${to && `, "userId": ${to}`}}`;
  return {
    curl: `curl ${address}/api/notifications/send \\
  -H "Authorization: Bearer ${token}" \\
  -H "Content-Type: application/json" \\
  -d ${quoted(draft)}`,
    Python: `from tocsin.client import Client

with Client("${address}", "${token}") as tocsin:
    tocsin.send("Hello", "My first notification", type="success"${to && `, user_id=${to}`})`,
    JavaScript: `await fetch("${address}/api/notifications/send", {
  method: "POST",
  headers: { "Authorization": "Bearer ${token}", "Content-Type": "application/json" },
  body: JSON.stringify(${draft}),
});`,
    commandLine: `export TOCSIN_URL=${address} TOCSIN_TOKEN=${token}
tocsin send "Hello" "My first notification" --type success${user === null ? "" : ` --user ${quoted(user)}`}`,
  };
}

/** As one word of a shell. @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * What an empty inbox shows.
 * @param {Record<string, string>} code
 * @param {string} chosen the tab
 * @param {boolean} copied
 * @param {Texts} texts
 * @param {(tab: string) => void} choose
 * @param {() => void} copy
 */
export function empty(code, chosen, copied, texts, choose, copy) {
  const tabs = Object.keys(code);
  /** @param {KeyboardEvent} event */
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const forward = texts.direction === "rtl" ? -by : by;
    const next = tabs[(tabs.indexOf(chosen) + forward + tabs.length) % tabs.length] ?? chosen;
    choose(next);
    const list = /** @type {HTMLElement} */ (event.currentTarget);
    queueMicrotask(() => /** @type {HTMLElement | null} */ (list.querySelector(`[data-tab="${next}"]`))?.focus());
    event.preventDefault();
    event.stopPropagation();
  };
  return html`
    <div class="empty" part="empty">
      <span class="large-icon">${icon("bell")}</span>
      <h2>${texts.say("emptyTitle")}</h2>
      <p>${texts.say("emptyText")}</p>
      <div class="example">
        <div class="tabs" role="tablist" aria-label=${texts.say("emptyTitle")} @keydown=${step}>
          ${tabs.map((tab) => html`
            <button type="button" role="tab" id="tab-${tab}" data-tab=${tab} aria-selected=${String(tab === chosen)} aria-controls="example" tabindex=${tab === chosen ? 0 : -1} @click=${() => choose(tab)}>
              ${tab === "commandLine" ? texts.say("commandLine") : tab}
            </button>`)}
        </div>
        <div role="tabpanel" id="example" aria-labelledby="tab-${chosen}">
          <pre dir="ltr" tabindex="0">${code[chosen]}</pre>
          <button type="button" class="button copy" @click=${copy}>${icon(copied ? "check" : "copy")}${texts.say(copied ? "copied" : "copy")}</button>
        </div>
      </div>
      <p>${texts.say("emptyToken")}</p>
    </div>`;
}
