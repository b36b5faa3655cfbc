import { html, nothing } from "../vendor/lit.js";
import { icon } from "./icons.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("../texts/texts.js").Texts} Texts */

const SHAPES = { connecting: "refresh-cw", "catching-up": "refresh-cw", live: "wifi", offline: "wifi-off", ended: "cloud-off" };

/**
 * Whether what is shown is what is true now.
 * @param {Feed} feed
 * @param {Texts} texts
 * @param {number} now
 */
export function stateLine(feed, texts, now) {
  const { state, retryAt } = feed;
  const waits = Math.max(0, Math.ceil((retryAt - now) / 1000));
  const says = state === "offline" && waits > 0 ? texts.say("offlineUntil", { count: waits }) : texts.say(state);
  return html`
    <div class="state ${state}" part="state ${state}" data-state=${state}>
      <span class="pulse" aria-hidden="true"></span>
      <span class="says">${says}</span>
      ${state === "offline" ? html`<button type="button" class="link" @click=${() => feed.hurry()}>${texts.say("tryNow")}</button>` : icon(SHAPES[state])}
    </div>`;
}

/**
 * That something is gone for good.
 * @param {Feed} feed
 * @param {Texts} texts
 * @param {() => void} forget
 */
export function gapLine({ gapAt }, texts, forget) {
  if (!gapAt) return nothing;
  return html`
    <div class="gap" part="gap">
      ${icon("circle-alert")}<span>${texts.say("gap")}</span>
      <button type="button" class="act" aria-label=${texts.say("close")} title=${texts.say("close")} @click=${forget}>${icon("x")}</button>
    </div>`;
}
