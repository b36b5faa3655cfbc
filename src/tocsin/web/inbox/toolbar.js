import { classMap, html, live, nothing } from "../vendor/lit.js";
import { icon, iconOf } from "./icons.js";
import { TYPES } from "./notification.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./query.js").Query} Query */
/** @typedef {import("../texts/texts.js").Texts} Texts */

const VIEWS = /** @type {const} */ (["inbox", "unread", "dismissed"]);

/**
 * What is looked at, and what is done with all of it.
 * @param {Desk} desk
 * @param {Texts} texts
 * @param {unknown} state the state line
 * @param {string} words what stands in the search, asked for or not
 * @param {(words: string) => void} search is told what is typed, as it is typed
 * @param {boolean} filters whether all filters are to be seen where there is little room
 * @param {() => void} toggle
 */
export function toolbar(desk, texts, state, words, search, filters, toggle) {
  const { query, feed } = desk;
  return html`
    <div class="toolbar ${filters ? "all-filters" : ""}" part="toolbar">
      <div class="line">
        <div class="views" role="group" aria-label=${texts.say("views")}>
          ${VIEWS.map((view) => html`
            <button type="button" class="view" aria-pressed=${String(query.view === view)} data-view=${view} @click=${() => desk.ask({ view })}>
              ${texts.say(view)}${view === "unread" && feed.unread.total > 0 ? html` <span class="count">${texts.numbers.format(feed.unread.total)}</span>` : nothing}
            </button>`)}
        </div>
        ${state}
        <div class="search">
          ${icon("search")}
          <input type="search" autocomplete="off" spellcheck="false" enterkeyhint="search" aria-label=${texts.say("searchFor")} placeholder=${texts.say("search")}
            .value=${live(words)} @input=${(/** @type {InputEvent} */ event) => search(/** @type {HTMLInputElement} */ (event.target).value)}>
        </div>
        <button type="button" class="button more" aria-pressed=${String(filters)} aria-label=${texts.say("filters")} title=${texts.say("filters")} @click=${toggle}>${icon("sliders-horizontal")}</button>
      </div>
      <div class="line filters">
        <div class="types" role="group" aria-label=${texts.say("severity")}>
          ${TYPES.map((type) => html`
            <button type="button" class=${classMap({ type: true, [type]: true })} aria-pressed=${String(query.types.includes(type))} data-type=${type} title=${texts.say(type)}
              @click=${() => desk.ask({ types: query.types.includes(type) ? query.types.filter((one) => one !== type) : [...query.types, type] })}>
              ${iconOf(type)}<span>${texts.say(type)}</span>
            </button>`)}
        </div>
        <div class="rest">
          ${choice("device", "allDevices", feed.names.devices, query.devices[0], (id) => desk.ask({ devices: id === null ? [] : [id] }), texts)}
          ${choice("app", "allApps", feed.names.apps, query.apps[0], (id) => desk.ask({ apps: id === null ? [] : [id] }), texts)}
          ${desk.mayReadAll ? html`
            <button type="button" class="button quiet" data-act="readAll" ?disabled=${feed.unread.total === 0} title=${texts.say("readAll")} @click=${() => desk.readAll()}>
              ${icon("check-check")}<span class="label">${texts.say("readAll")}</span>
            </button>` : nothing}
        </div>
      </div>
    </div>`;
}

/**
 * A choice among what notifications were about.
 * @param {string} label @param {string} all @param {Map<string, string>} names @param {string | undefined} chosen
 * @param {(id: string | null) => void} choose @param {Texts} texts
 */
function choice(label, all, names, chosen, choose, texts) {
  if (names.size === 0) return nothing;
  const sorted = [...names].sort(([, one], [, other]) => one.localeCompare(other));
  return html`
    <select aria-label=${texts.say(label)} data-choice=${label}
      @change=${(/** @type {Event} */ { target }) => { const { selectedIndex } = /** @type {HTMLSelectElement} */ (target); choose(sorted[selectedIndex - 1]?.[0] ?? null); }}>
      <option .selected=${chosen === undefined}>${texts.say(all)}</option>
      ${sorted.map(([id, name]) => html`<option .selected=${chosen === id}>${name}</option>`)}
    </select>`;
}

/**
 * What can be done with what is selected.
 * @param {Desk} desk
 * @param {Texts} texts
 */
export function selectionBar(desk, texts) {
  const button = (/** @type {string} */ what, /** @type {string} */ shape, /** @type {() => unknown} */ click, label = what) => html`
    <button type="button" class="button quiet" data-act=${what} title=${texts.say(label)} @click=${click}>${icon(shape)}<span class="label">${texts.say(label)}</span></button>`;
  const away = desk.query.view === "dismissed" ? button("undismiss", "undo-2", () => desk.act("undismiss")) : button("dismiss", "archive", () => desk.act("dismiss"));
  return html`
    <div class="selection" role="group" aria-label=${texts.say("selected", { count: desk.selected.size })}>
      <strong>${texts.say("selected", { count: desk.selected.size })}</strong>
      ${button("read", "mail-open", () => desk.act("read"))}
      ${button("unread", "mail", () => desk.act("unread"), "unreadAgain")}
      ${away}
      ${button("selectAll", "list-checks", () => desk.selectAll())}
      ${button("selectNone", "x", () => desk.selectNone())}
    </div>`;
}
