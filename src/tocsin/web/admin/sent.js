import { html, nothing, repeat } from "../vendor/lit.js";
import { icon, iconOf } from "../inbox/icons.js";
import { TYPES } from "../inbox/notification.js";
import { reasonOf } from "../inbox/sentences.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { finder, heading } from "./parts.js";
import { sendingEntry, speaksOf } from "./sending.js";

/** @typedef {import("./sending.js").Sending} Sending */
/** @typedef {import("../inbox/notification.js").Type} Type */

/** How often is asked for more, in milliseconds; pages of what came that are read at once; and how many are shown at most. */
const LOOK = 1_000, PAGES = 5, MOST = 1_000;

/** What is sent, as it is sent. */
export class Sent extends Page {
  /** @type {Listing<Sending>} */
  #sent = new Listing((query) => this.ask("GET", "api/sent", { query }), "sent", () => this.requestUpdate());
  /** What came since. @type {Sending[]} */
  #came = [];
  /** Asked for what is after it. @type {string | null} */
  #after = null;
  #paused = false;
  /** @type {Error | null} */
  #trouble = null;
  /** More was sent in a moment than can be shown. */
  #skipped = false;
  /** @type {Type[]} */
  #types = [];
  #words = "";

  connectedCallback() {
    super.connectedCallback();
    this.every(LOOK, () => this.#look());
  }

  async #look() {
    if (this.#paused) return;
    try {
      if (this.#after === null) await this.#begin();
      else await this.#follow(this.#after);
      this.#trouble = this.#sent.trouble;
    } catch (error) {
      this.#trouble = /** @type {Error} */ (error);
    }
    this.requestUpdate();
  }

  async #begin() {
    await this.#sent.refresh();
    this.#came = [];
    this.#skipped = false;
    this.#after = this.#sent.page?.position ?? null;
  }

  /** @param {string} after */
  async #follow(after) {
    /** @type {Sending[]} */
    const found = [];
    /** @type {string | null} */
    let before = null, upto = after;
    for (let page = 0; page < PAGES; page += 1) {
      const answer = await this.ask("GET", "api/sent", { query: { after, limit: 200, before } });
      found.push(...answer.sent);
      if (page === 0) upto = answer.position;
      before = answer.next;
      if (before === null) break;
    }
    this.#after = upto;
    if (before !== null) this.#skipped = true;
    if (found.length) this.#came = [...found, ...this.#came].slice(0, MOST);
  }

  render() {
    const { texts } = this, shown = this.#shown;
    return html`
      ${heading(this.say("adminSent"), html`
        <span class="line">${this.#state()}
          <button type="button" class="button" aria-pressed=${String(this.#paused)} data-act="pause" @click=${() => { this.#paused = !this.#paused; this.requestUpdate(); }}>${icon(this.#paused ? "play" : "pause")}${this.say(this.#paused ? "adminGoOn" : "adminPause")}</button></span>`)}
      <div class="tail-tools">
        ${finder(this.say("adminFilter"), this.#words, (typed) => { this.#words = typed; this.requestUpdate(); })}
        <div class="types" role="group" aria-label=${this.say("severity")}>
          ${TYPES.map((type) => html`
            <button type="button" class="type ${type}" aria-pressed=${String(this.#types.includes(type))} title=${this.say(type)}
              @click=${() => { this.#types = this.#types.includes(type) ? this.#types.filter((one) => one !== type) : [...this.#types, type]; this.requestUpdate(); }}>${iconOf(type)}<span>${this.say(type)}</span></button>`)}
        </div>
      </div>
      ${this.#skipped ? html`<p class="notice">${this.say("adminSkipped")} <button type="button" class="link" @click=${() => { this.#after = null; void this.#look(); }}>${this.say("adminRefresh")}</button></p>` : nothing}
      <ul class="entries" aria-label=${this.say("adminSent")}>${repeat(shown, ({ id }) => id, (sending) => sendingEntry(sending, texts))}</ul>
      ${shown.length === 0 && this.#sent.items.length + this.#came.length > 0 ? html`<p class="foot quiet">${this.say("nothingFound")}</p>` : nothing}
      ${this.#sent.foot(texts, this.#came.length ? "" : this.say("adminNothingSent"))}`;
  }

  #state() {
    const state = this.#paused ? "ended" : this.#trouble ? "offline" : this.#after === null ? "connecting" : "live";
    const says = this.#paused ? this.say("adminPaused") : this.#trouble ? reasonOf(this.#trouble, this.texts) : this.say(state);
    return html`<span class="state ${state}" data-state=${state} role="status"><span class="pulse"></span><span class="says">${says}</span></span>`;
  }

  get #shown() {
    const words = this.#words.trim();
    return [...this.#came, ...this.#sent.items].filter((sending) => (this.#types.length === 0 || this.#types.includes(sending.type)) && (!words || speaksOf(sending, words)));
  }
}
