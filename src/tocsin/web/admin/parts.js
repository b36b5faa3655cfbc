import { html, live, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { addressOf } from "./place.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/** The head of a page. @param {string} title @param {unknown} [beside] */
export function heading(title, beside = nothing) {
  return html`<div class="heading"><h1 tabindex="-1">${title}</h1>${beside}</div>`;
}

/**
 * A table, which where there is little room becomes a list of its rows. The roles are written out because browsers forget
 * them where a table is drawn as something else.
 * @param {string} label
 * @param {string[]} columns their heads
 * @param {unknown[][]} rows
 */
export function table(label, columns, rows) {
  return html`
    <table class="table" role="table" aria-label=${label}>
      <thead role="rowgroup"><tr role="row">${columns.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}</tr></thead>
      <tbody role="rowgroup">
        ${rows.map((cells) => html`
          <tr role="row">${cells.map((cell, at) => html`<td role="cell"><span class="of" aria-hidden="true">${columns[at]}</span><span class="cell">${cell}</span></td>`)}</tr>`)}
      </tbody>
    </table>`;
}

/** A field that narrows a list as one types. @param {string} label @param {string} words @param {(typed: string) => void} typed */
export function finder(label, words, typed) {
  return html`
    <div class="search" role="search">${icon("search")}
      <input type="search" autocomplete="off" spellcheck="false" aria-label=${label} placeholder=${label} .value=${live(words)}
        @input=${(/** @type {InputEvent} */ { target }) => typed(/** @type {HTMLInputElement} */ (target).value)}></div>`;
}

/** A moment, short; the whole of it for who points at it. @param {string | null} at @param {Texts} texts @param {string} [none] */
export function moment(at, texts, none = "–") {
  if (at === null) return html`<span class="quiet">${none}</span>`;
  const time = Date.parse(at), now = Date.now();
  const today = new Date(time).toDateString() === new Date(now).toDateString();
  return html`<time datetime=${at} title=${texts.full(time)}>${today ? "" : `${texts.date.format(time)} `}${texts.precise.format(time)}</time>`;
}

/** A user, as a way to what there is to know of them. @param {string} id */
export function userLink(id) {
  return html`<a class="link" href=${addressOf("look-up", null, { user: id })}><bdi>${id}</bdi></a>`;
}

/**
 * Who sent something, `user:<id>` or `app:<id>`, as a way to them.
 * @param {string} sender
 */
export function senderLink(sender) {
  const at = sender.indexOf(":"), kind = sender.slice(0, at), id = sender.slice(at + 1);
  return kind === "app" ? html`<a class="link" href=${addressOf("apps", id)}>${icon("layout-grid")}<bdi>${id}</bdi></a>` : userLink(id);
}

/** @type {Record<string, string>} */
const CREDENTIALS = { key: "adminByKey", token: "adminByToken", session: "adminBySession", secret: "adminBySecret" };

/** Which credential, in words, without its secret. @param {string | null} credential @param {Texts} texts */
export function credentialOf(credential, texts) {
  if (credential === null) return texts.say("adminByNone");
  const at = credential.indexOf(":"), kind = CREDENTIALS[credential.slice(0, at)], id = credential.slice(at + 1);
  return kind ? html`${texts.say(kind)} <code><bdi>${id}</bdi></code>` : html`<code><bdi>${credential}</bdi></code>`;
}

/** What holds or happened, as a sentence with a mark. @param {string} tone `success`, `info`, `warning` or `error` @param {unknown} sentence */
export function finding(tone, sentence) {
  const shape = { success: "circle-check", info: "info", warning: "triangle-alert", error: "octagon-alert" }[tone] ?? "info";
  return html`<li class="finding ${tone}">${icon(shape)}<span>${sentence}</span></li>`;
}
