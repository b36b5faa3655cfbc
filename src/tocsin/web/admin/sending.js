import { html, nothing } from "../vendor/lit.js";
import { icon, iconOf } from "../inbox/icons.js";
import { about } from "../inbox/row.js";
import { linkOf, metadata } from "../inbox/detail.js";
import { credentialOf, moment, senderLink, userLink } from "./parts.js";
import { addressOf } from "./place.js";

/** @typedef {import("../inbox/notification.js").Told} Told */
/** @typedef {import("../inbox/notification.js").Type} Type */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * Something that was sent, as `GET /api/sent` tells of it.
 * @typedef {{id: string, position: string, sentAt: string, type: Type, userId: string | null, deviceId: string | null, sender: string,
 *   credential: string, streamed: number, withdrawn: string | null, notification: Told | null}} Sending
 */

/** Whether words are in what can be seen of it, in ids or text. @param {Sending} sending @param {string} words */
export function speaksOf({ id, userId, sender, credential, deviceId, notification }, words) {
  const wanted = words.toLowerCase();
  return [id, userId, sender, credential, deviceId, notification?.title, notification?.message, notification?.appId].some((text) => text?.toLowerCase().includes(wanted));
}

/** On these pages ids are what one looks for. */
export const IDS = /** @type {import("../inbox/names.js").Names} */ (/** @type {unknown} */ ({ device: (/** @type {string} */ id) => id, app: (/** @type {string} */ id) => id }));

/**
 * One line of what was sent, as a way to its story. All that was sent goes in as text.
 * @param {Sending} sending
 * @param {Texts} texts
 */
export function sendingEntry({ id, type, sentAt, userId, sender, credential, streamed, withdrawn, notification }, texts) {
  const from = `${texts.say("adminFrom")} ${sender.slice(sender.indexOf(":") + 1)}`;
  return html`
    <li data-id=${id}><a class="entry ${type} ${withdrawn ? "withdrawn" : ""}" href=${addressOf("look-up", id)}>
      <span class="badge">${iconOf(type)}</span>
      <span class="lines">
        <span class="first"><bdi class="name">${notification ? notification.title : texts.say("adminGone")}</bdi>${moment(sentAt, texts)}</span>
        <span class="message"><bdi>${notification?.message ?? id}</bdi></span>
        <span class="about">
          <span class="word">${texts.say(type)}</span>
          <span class="chip">${icon(userId === null ? "users" : "user")}<bdi title=${userId ?? nothing}>${userId ?? texts.say("adminEveryone")}</bdi></span>
          <span class="chip" title=${credential}>${icon("send")}<bdi>${from}</bdi></span>
          ${notification?.deviceId ? html`<span class="chip">${icon("cpu")}<bdi title=${notification.deviceId}>${notification.deviceId}</bdi></span>` : nothing}
          <span class="chip ${streamed ? "" : "none"}">${icon("radio")}${streamed ? texts.say("adminToStreams", { count: streamed }) : texts.say("adminNoStream")}</span>
          ${withdrawn ? html`<span class="tag warning">${texts.say("adminWithdrawn")}</span>` : nothing}
        </span>
      </span>
    </a></li>`;
}

/**
 * A notification, whole, as its readers see it.
 * @param {Told} told
 * @param {Texts} texts
 */
export function whole(told, texts) {
  const link = linkOf(told.url);
  return html`
    <article class="whole ${told.type}">
      <div class="body">
        <span class="badge large">${iconOf(told.type)}</span>
        <h2><bdi>${told.title}</bdi></h2>
        ${about(told, IDS, texts)}
        <p class="text"><bdi>${told.message}</bdi></p>
        ${link ? html`<p><a class="link" href=${link} target="_blank" rel="noopener noreferrer">${icon("external-link")}<bdi>${link}</bdi></a></p>` : nothing}
        ${told.tags?.length || told.group !== undefined || told.icon !== undefined ? html`
          <dl class="facts">
            ${told.group === undefined ? nothing : html`<div><dt>${texts.say("group")}</dt><dd><bdi>${told.group}</bdi></dd></div>`}
            ${told.tags?.length ? html`<div><dt>${texts.say("tags")}</dt><dd>${told.tags.map((tag) => html`<bdi class="tag">${tag}</bdi> `)}</dd></div>` : nothing}
            ${told.icon === undefined ? nothing : html`<div><dt>${texts.say("adminIcon")}</dt><dd><bdi>${told.icon}</bdi></dd></div>`}
          </dl>` : nothing}
        ${metadata(told.metadata, texts)}
      </div>
    </article>`;
}

/**
 * Who sent it, how, when and to whom.
 * @param {{sender: string, credential: string, sentAt: string, userId: string | null, id: string}} sending
 * @param {Texts} texts
 */
export function origin({ sender, credential, sentAt, userId, id }, texts) {
  return html`
    <dl class="facts">
      <div><dt>${texts.say("adminSender")}</dt><dd>${senderLink(sender)}</dd></div>
      <div><dt>${texts.say("adminCredential")}</dt><dd>${credentialOf(credential, texts)}</dd></div>
      <div><dt>${texts.say("sent")}</dt><dd><time datetime=${sentAt}>${texts.full(Date.parse(sentAt))}</time></dd></div>
      <div><dt>${texts.say("adminTo")}</dt><dd>${userId === null ? texts.say("adminEveryone") : userLink(userId)}</dd></div>
      <div><dt>${texts.say("adminId")}</dt><dd><code>${id}</code></dd></div>
    </dl>`;
}
