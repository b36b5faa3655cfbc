import { LitElement, css, html, nothing } from "../vendor/lit.js";
import { feedFor, letGo } from "../inbox/feeds.js";
import { adopt, icon } from "../inbox/icons.js";
import { controls } from "../inbox/styles.js";
import { languageFor, loadTexts } from "../texts/texts.js";

/** @typedef {import("../inbox/feed.js").Feed} Feed */
/** @typedef {import("../texts/texts.js").Texts} Texts */

const styles = css`
  :host { position: relative; display: inline-block; block-size: auto; min-block-size: 0; color: inherit; }
  .bell { position: relative; display: grid; place-items: center; inline-size: 2.75rem; block-size: 2.75rem; padding: 0; border: 0; border-radius: 0.8rem; background: transparent; color: inherit; font-size: 1.25rem; }
  .bell:hover, .bell[aria-expanded="true"] { background: color-mix(in srgb, currentColor 10%, transparent); }
  .counter { position: absolute; inset-block-start: 0.15rem; inset-inline-end: 0.1rem; min-inline-size: 1.15rem; padding-inline: 0.3rem; border-radius: 1rem; background: var(--accent); color: var(--on-accent); font-size: 0.6875rem; font-weight: 700; line-height: 1.15rem; text-align: center; font-variant-numeric: tabular-nums; }
  .panel { position: fixed; inset: auto; margin: 0; padding: 0; inline-size: min(27rem, 100vw - 1rem); block-size: min(38rem, 100dvh - 5rem); border: 1px solid var(--line); border-radius: 1rem; background: var(--ground); color: var(--text); box-shadow: var(--shadow); overflow: hidden; }
`;

/**
 * `<tocsin-bell>`: a bell with how many are unread, which opens the inbox below it.
 *
 * Attributes, properties and events are those of `<tocsin-inbox>`; both share one stream where they show the same.
 * Parts: `bell`, `counter`, `panel`. Slot: `icon`.
 */
export class TocsinBell extends LitElement {
  static styles = [controls, styles];
  static properties = {
    src: {}, token: {}, tokenProviderUrl: { attribute: "token-provider" }, tokenProvider: { attribute: false },
    theme: { reflect: true }, density: {}, lang: {}, sound: { type: Boolean }, quiet: { type: Boolean },
    texts: { state: true }, open: { type: Boolean, reflect: true },
  };

  /** @type {Feed | null} */
  feed = null;
  #language = "";

  constructor() {
    super();
    /** @type {string | null} */
    this.src = null;
    /** @type {string | null} */
    this.token = null;
    /** @type {string | null} */
    this.tokenProviderUrl = null;
    /** @type {(() => Promise<string>) | null} */
    this.tokenProvider = null;
    /** @type {"light" | "dark" | null} */
    this.theme = null;
    this.density = "compact";
    this.lang = "";
    this.sound = false;
    this.quiet = false;
    /** @type {Texts | null} */
    this.texts = null;
    this.open = false;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#disconnect();
  }

  firstUpdated() {
    void adopt(/** @type {ShadowRoot} */ (this.renderRoot));
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    const language = languageFor(this.lang || null);
    if (language !== this.#language) {
      this.#language = language;
      void loadTexts(language).then((texts) => { if (language === this.#language) this.texts = texts; });
    }
    const moved = ["src", "token", "tokenProvider", "tokenProviderUrl"].some((name) => changed.has(name));
    if (this.isConnected && (moved || !this.feed)) {
      this.#disconnect();
      this.feed = feedFor(this);
      this.feed.addEventListener("change", this.#changed);
    }
  }

  #changed = () => this.requestUpdate();

  #disconnect() {
    if (!this.feed) return;
    this.feed.removeEventListener("change", this.#changed);
    letGo(this.feed);
    this.feed = null;
  }

  render() {
    const { texts, feed } = this;
    if (!texts || !feed) return html`<button type="button" class="bell" aria-busy="true">${icon("bell")}</button>`;
    const count = feed.unread.total, says = texts.say("bell", { count });
    return html`
      <button type="button" class="bell" part="bell" aria-haspopup="dialog" aria-expanded=${String(this.open)} aria-label=${says} title=${says} popovertarget="panel">
        <slot name="icon">${icon("bell")}</slot>
        ${count > 0 ? html`<span class="counter" part="counter">${count > 99 ? "99+" : texts.numbers.format(count)}</span>` : nothing}
      </button>
      <div class="panel" part="panel" id="panel" popover role="dialog" aria-label=${texts.say("notifications")} dir=${texts.direction} @beforetoggle=${this.#toggling} @toggle=${this.#toggled}>
        ${this.open ? html`
          <tocsin-inbox part="inbox" src=${this.src ?? nothing} .token=${this.token} .tokenProvider=${this.tokenProvider} .tokenProviderUrl=${this.tokenProviderUrl}
            theme=${this.theme ?? nothing} density=${this.density} lang=${this.lang || nothing} ?sound=${this.sound} ?quiet=${this.quiet}></tocsin-inbox>` : nothing}
      </div>`;
  }

  /** @param {ToggleEvent} event */
  #toggling({ newState }) {
    if (newState !== "open") return;
    const bell = this.renderRoot.querySelector(".bell")?.getBoundingClientRect();
    const panel = /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".panel"));
    if (!bell || !panel) return;
    const wide = Math.min(27 * 16, innerWidth - 16);
    panel.style.top = `${Math.min(bell.bottom + 6, innerHeight - 200)}px`;
    panel.style.left = `${Math.max(8, Math.min(bell.right - wide, innerWidth - wide - 8))}px`;
  }

  /** @param {ToggleEvent} event */
  #toggled({ newState }) {
    this.open = newState === "open";
  }
}
