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
/** How long one is there to be read before it can be acknowledged, in milliseconds. */
const READING = 1_000;

/**
 * An emergency takes the screen until somebody acknowledges it, here or anywhere. It draws into the root that holds it.
 *
 * It comes while somebody types or clicks, and nothing of that may acknowledge it: the dialog takes the focus, not the
 * button, and the button waits, for each alarm anew. It is not `disabled` meanwhile, or Tab would find nothing to go to.
 */
export class Emergency extends LitElement {
  static properties = { feed: { attribute: false }, texts: { attribute: false }, sound: { type: Boolean }, version: { attribute: false } };

  /** Why which one could not be acknowledged. @type {{id: string, why: Error} | null} */
  #refused = null;
  #blocked = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ringing;
  /** @type {string | null} */
  #shown = null;
  /** Another one than before is to be shown. */
  #moved = false;
  #ready = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;
  /** What the button is being pressed for; null: it was pressed too early. @type {string | null | undefined} */
  #pressed;

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

  connectedCallback() {
    super.connectedCallback();
    // Who comes back to a page that was behind others has not seen what came meanwhile.
    addEventListener("focus", this.#wait);
    document.addEventListener("visibilitychange", this.#wait);
    this.#wait();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("focus", this.#wait);
    document.removeEventListener("visibilitychange", this.#wait);
    clearTimeout(this.#waiting);
    this.#hush();
  }

  /** Those that nobody has acknowledged, oldest first. @returns {Item[]} */
  get #open() {
    const inbox = this.feed?.emergencies;
    return inbox ? inbox.items.filter((item) => inbox.state(item).acknowledged === null).reverse() : [];
  }

  willUpdate() {
    const id = this.#open[0]?.id ?? null;
    if (id === this.#shown) return;
    this.#shown = id;
    this.#moved = true;
    this.#wait();
  }

  #wait = () => {
    this.#ready = false;
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => {
      this.#ready = true;
      this.requestUpdate();
    }, READING);
    this.requestUpdate();
  };

  render() {
    const { texts, feed } = this, open = this.#open, item = open[0];
    if (!texts || !feed) return nothing;
    return html`
      <dialog role="alertdialog" class="emergency" part="emergency" tabindex="-1" autofocus aria-labelledby="emergency-title" aria-describedby="emergency-message"
        @keydown=${this.#key} @cancel=${(/** @type {Event} */ event) => event.preventDefault()} @close=${() => this.requestUpdate()}>
        ${item ? html`
          <div class="alarm">
            <span class="siren">${icon("siren")}</span>
            <p class="kind">${texts.say("emergency")}${open.length > 1 ? html` <span>${texts.say("emergencyOf", { number: 1, count: open.length })}</span>` : nothing}</p>
            <h2 id="emergency-title"><bdi>${item.told.title}</bdi></h2>
            <p id="emergency-message"><bdi>${item.told.message}</bdi></p>
            ${about(item.told, feed.names, texts)}
            <time datetime=${item.told.timestamp}>${texts.full(item.at)}</time>
            ${this.#refused?.id === item.id ? html`<p class="problem" role="alert">${texts.say("ackFailed", { why: reasonOf(this.#refused.why, texts) })}</p>` : nothing}
            <button type="button" class="button acknowledge" part="acknowledge" aria-disabled=${String(!this.#ready)}
              @pointerdown=${this.#press} @mousedown=${this.#hold} @keydown=${this.#press} @click=${() => this.#acknowledge(item)}>${icon("check-check")}${texts.say("acknowledge")}</button>
            ${this.sound && this.#blocked ? html`<button type="button" class="button quiet" @click=${() => this.#ring()}>${icon("volume-2")}${texts.say("soundBlocked")}</button>` : nothing}
          </div>` : nothing}
      </dialog>`;
  }

  updated() {
    const dialog = this.querySelector("dialog"), item = this.#open[0];
    if (!dialog) return;
    if (item && !dialog.open) dialog.showModal();
    if (!item && dialog.open) dialog.close();
    if (item && this.#moved) {
      // Where the focus is already, nothing would be read anew.
      dialog.blur();
      dialog.focus();
    }
    this.#moved = false;
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

  /** What is typed on is lost, and no shortcut of the page. @param {KeyboardEvent} event */
  #key(event) {
    event.stopPropagation();
    // The browser heeds a cancelled `cancel` once; the second Escape would close it.
    if (event.key === "Escape") event.preventDefault();
  }

  /** @param {PointerEvent | KeyboardEvent} event */
  #press(event) {
    // A key that is held down would press again and again, from before it could be acknowledged until after.
    if (event instanceof KeyboardEvent && event.repeat) {
      if (event.key === "Enter" || event.key === " ") event.preventDefault();
      return;
    }
    this.#pressed = this.#ready ? this.#shown : null;
  }

  /** The second of two clicks takes no focus to the button of the next one. @param {MouseEvent} event */
  #hold(event) {
    if (!this.#ready) event.preventDefault();
  }

  /** @param {Item} item */
  async #acknowledge(item) {
    const pressed = this.#pressed;
    this.#pressed = undefined;
    if (!this.feed || !this.#ready || (pressed !== undefined && pressed !== item.id)) return;
    this.#refused = null;
    const why = await new Acting(this.feed).do("acknowledge", [item]).finished;
    if (why) this.#refused = { id: item.id, why };
    this.requestUpdate();
  }
}
