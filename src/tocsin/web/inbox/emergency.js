import { LitElement, html, nothing } from "../vendor/lit.js";
import { Acting } from "./acting.js";
import { icon } from "./icons.js";
import { about } from "./row.js";
import { reasonOf } from "./sentences.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("./notification.js").Item} Item */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** How often it rings, in milliseconds. */
const RINGS = 3_500;

/** An emergency takes the screen until somebody acknowledges it, here or anywhere. It draws into the root that holds it. */
export class Emergency extends LitElement {
  static properties = { feed: { attribute: false }, texts: { attribute: false }, sound: { type: Boolean }, version: { attribute: false } };

  /** @type {Error | null} */
  #refusal = null;
  #blocked = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ringing;
  /** @type {string | null} */
  #shown = null;

  constructor() {
    super();
    /** @type {Feed | null} */
    this.feed = null;
    /** @type {Texts | null} */
    this.texts = null;
    this.sound = false;
    this.version = 0;
  }

  createRenderRoot() {
    return this;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#hush();
  }

  /** Those that nobody has acknowledged, oldest first. @returns {Item[]} */
  get #open() {
    const inbox = this.feed?.emergencies;
    return inbox ? inbox.items.filter((item) => inbox.state(item).acknowledged === null).reverse() : [];
  }

  render() {
    const { texts, feed } = this, open = this.#open, item = open[0];
    if (!texts || !feed) return nothing;
    return html`
      <dialog role="alertdialog" class="emergency" part="emergency" aria-labelledby="emergency-title" aria-describedby="emergency-message"
        @cancel=${(/** @type {Event} */ event) => event.preventDefault()} @close=${() => this.requestUpdate()}>
        ${item ? html`
          <div class="alarm">
            <span class="siren">${icon("siren")}</span>
            <p class="kind">${texts.say("emergency")}${open.length > 1 ? html` <span>${texts.say("emergencyOf", { number: 1, count: open.length })}</span>` : nothing}</p>
            <h2 id="emergency-title"><bdi>${item.told.title}</bdi></h2>
            <p id="emergency-message"><bdi>${item.told.message}</bdi></p>
            ${about(item.told, feed.names, texts)}
            <time datetime=${item.told.timestamp}>${texts.full(item.at)}</time>
            ${this.#refusal ? html`<p class="problem" role="alert">${texts.say("ackFailed", { why: reasonOf(this.#refusal, texts) })}</p>` : nothing}
            <button type="button" class="button acknowledge" part="acknowledge" @click=${() => this.#acknowledge(item)}>${icon("check-check")}${texts.say("acknowledge")}</button>
            ${this.sound && this.#blocked ? html`<button type="button" class="button quiet" @click=${() => this.#ring()}>${icon("volume-2")}${texts.say("soundBlocked")}</button>` : nothing}
          </div>` : nothing}
      </dialog>`;
  }

  updated() {
    const dialog = this.querySelector("dialog"), item = this.#open[0];
    if (!dialog) return;
    if (item && !dialog.open) dialog.showModal();
    if (!item && dialog.open) dialog.close();
    if (item && item.id !== this.#shown) {
      dialog.querySelector("button")?.focus();
      this.#refusal = null;
    }
    this.#shown = item?.id ?? null;
    if (item && this.sound) this.#ringing ??= this.#begin();
    else this.#hush();
  }

  #begin() {
    void this.#ring();
    return setInterval(() => void this.#ring(), RINGS);
  }

  #hush() {
    clearInterval(this.#ringing);
    this.#ringing = undefined;
  }

  async #ring() {
    const { ring } = await import("./sound.js");
    const blocked = !await ring("emergency");
    if (blocked !== this.#blocked) {
      this.#blocked = blocked;
      this.requestUpdate();
    }
  }

  /** @param {Item} item */
  async #acknowledge(item) {
    if (!this.feed) return;
    this.#refusal = await new Acting(this.feed).do("acknowledge", [item]).finished;
    this.requestUpdate();
  }
}
