import { classMap, html, nothing } from "../vendor/lit.js";
import { icon, iconOf } from "./icons.js";
import { mayDismiss, wantsAcknowledging } from "./notification.js";

/** @typedef {import("./notification.js").Item} Item */
/** @typedef {import("./notification.js").State} State */
/** @typedef {import("./names.js").Names} Names */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * What is not the notification's own in its row.
 * @typedef {{state: State, names: Names, texts: Texts, now: number, top: number, height: number, current: boolean, open: boolean,
 *   selected: boolean, selecting: boolean}} Surroundings
 */

/**
 * One notification in the list. All that was sent goes in as text.
 * @param {Item} item
 * @param {Surroundings} around
 */
export function row(item, { state, names, texts, now, top, height, current, open, selected, selecting }) {
  const { told } = item;
  const unread = state.read === null;
  const classes = { row: true, [told.type]: true, unread, open, selected, selecting, current };
  const tab = current ? "0" : "-1";
  return html`
    <div role="listitem" part="row ${told.type} ${unread ? "unread" : "read"}" class=${classMap(classes)} data-id=${item.id}
      .style=${`top:${top}px;height:${height}px`}>
      <span class="under" aria-hidden="true">${icon("archive")}</span>
      <div class="slide">
        <label class="pick">
          <input type="checkbox" tabindex=${tab} .checked=${selected} data-do="select" aria-label=${texts.say("select", { title: told.title })}>
        </label>
        <button type="button" class="main" tabindex=${tab} data-do="open" aria-current=${open ? "true" : nothing}>
          <span class="badge">${iconOf(told.type)}</span>
          <span class="lines">
            <span class="first">
              ${unread ? html`<span class="hidden">${texts.say("unread")}. </span>` : nothing}
              <span class="title" part="title"><bdi>${told.title}</bdi></span>
              <time datetime=${told.timestamp} title=${texts.full(item.at)}>${texts.ago(item.at, now)}</time>
            </span>
            <span class="message" part="message"><bdi>${told.message}</bdi></span>
            ${about(told, names, texts)}
          </span>
        </button>
        <span class="acts">${acts(item, state, texts, tab)}</span>
      </div>
    </div>`;
}

/**
 * The severity in words, and what it is about.
 * @param {import("./notification.js").Told} told
 * @param {Names} names
 * @param {Texts} texts
 */
export function about(told, names, texts) {
  return html`
    <span class="about">
      <span class="word">${texts.say(told.type)}</span>
      ${told.appId === undefined ? nothing : html`<span class="chip">${icon("layout-grid")}<bdi title=${names.app(told.appId)}>${names.app(told.appId)}</bdi></span>`}
      ${told.deviceId === null ? nothing : html`<span class="chip">${icon("cpu")}<bdi title=${names.device(told.deviceId)}>${names.device(told.deviceId)}</bdi></span>`}
    </span>`;
}

/** @param {Item} item @param {State} state @param {Texts} texts @param {string} tab */
function acts({ told }, state, texts, tab) {
  const button = (/** @type {string} */ what, /** @type {string} */ shape, label = what) => html`
    <button type="button" class="act" tabindex=${tab} data-do=${what} title=${texts.say(label)} aria-label=${texts.say(label)}>${icon(shape)}</button>`;
  return [
    wantsAcknowledging(told, state) ? button("acknowledge", "check-check") : nothing,
    state.read === null ? button("read", "mail-open") : button("unread", "mail", "unreadAgain"),
    state.dismissed !== null ? button("undismiss", "undo-2") : mayDismiss(told, state) ? button("dismiss", "x") : nothing,
  ];
}
