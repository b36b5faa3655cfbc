import { html, nothing } from "../vendor/lit.js";
import { icon, iconOf } from "./icons.js";
import { mayDismiss, wantsAcknowledging } from "./notification.js";
import { about } from "./row.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./notification.js").Item} Item */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * The notification that is open, whole.
 * @param {Item} item
 * @param {Desk} desk
 * @param {Texts} texts
 */
export function detail(item, desk, texts) {
  const { told } = item, state = desk.inbox.state(item);
  const act = (/** @type {import("./notification.js").Act} */ what, /** @type {string} */ shape, label = /** @type {string} */ (what), kind = "") => html`
    <button type="button" class="button ${kind}" data-act=${what} title=${texts.say(label)} @click=${() => desk.act(what, item.id)}>${icon(shape)}<span>${texts.say(label)}</span></button>`;
  const link = linkOf(told.url);
  return html`
    <article class="whole ${told.type}" part="detail" aria-label=${told.title}>
      <header>
        <button type="button" class="act back" title=${texts.say("back")} aria-label=${texts.say("back")} @click=${() => desk.close()}>${icon("arrow-left")}</button>
        <div class="tools">
          ${wantsAcknowledging(told, state) ? act("acknowledge", "check-check", "acknowledge", "strong") : nothing}
          ${state.read === null ? act("read", "mail-open") : act("unread", "mail", "unreadAgain")}
          ${state.dismissed !== null ? act("undismiss", "undo-2") : mayDismiss(told, state) ? act("dismiss", "archive") : nothing}
        </div>
      </header>
      <div class="body">
        <span class="badge large">${iconOf(told.type)}</span>
        <h2><bdi>${told.title}</bdi></h2>
        ${about(told, desk.feed.names, texts)}
        <p class="text"><bdi>${told.message}</bdi></p>
        ${link ? html`<p><a class="link" href=${link} target="_blank" rel="noopener noreferrer">${icon("external-link")}<bdi>${link}</bdi></a></p>` : nothing}
        ${facts(item, desk, texts)}
        ${metadata(told.metadata, texts)}
        <slot name="detail"></slot>
      </div>
    </article>`;
}

/** @param {Item} item @param {Desk} desk @param {Texts} texts */
function facts(item, desk, texts) {
  const { told } = item, state = desk.inbox.state(item);
  const time = (/** @type {string} */ at) => html`<time datetime=${at}>${texts.full(Date.parse(at))}</time>`;
  /** @type {[string, unknown][]} */
  const rows = [["sent", time(told.timestamp)]];
  if (state.read !== null) rows.push(["readAt", time(state.read)]);
  if (state.acknowledged !== null) rows.push(["acknowledgedAt", time(state.acknowledged)]);
  if (state.dismissed !== null) rows.push(["dismissedAt", time(state.dismissed)]);
  if (told.group !== undefined) rows.push(["group", html`<bdi>${told.group}</bdi>`]);
  if (told.tags?.length) rows.push(["tags", told.tags.map((tag) => html`<bdi class="tag">${tag}</bdi>`)]);
  return html`
    <dl class="facts">
      ${rows.map(([name, value]) => html`<div><dt>${texts.say(name)}</dt><dd>${value}</dd></div>`)}
      ${told.userId === null ? html`<div><dt>${icon("user")}</dt><dd>${texts.say("toEverybody")}</dd></div>` : nothing}
    </dl>`;
}

/** What was sent along, on demand. @param {Record<string, unknown>} data @param {Texts} texts */
export function metadata(data, texts) {
  if (Object.keys(data).length === 0) return nothing;
  return html`
    <details class="data">
      <summary>${icon("braces")}${texts.say("metadata")}</summary>
      <pre tabindex="0" dir="ltr">${JSON.stringify(data, null, 2)}</pre>
    </details>`;
}

/** What may be followed; nothing else runs, or is opened by, a click. */
const FOLLOWED = ["https:", "http:", "mailto:", "tel:"];

/** An address that may be followed. @param {string | undefined} text */
export function linkOf(text) {
  if (text === undefined || !URL.canParse(text)) return null;
  const { protocol, href } = new URL(text);
  return FOLLOWED.includes(protocol) ? href : null;
}
