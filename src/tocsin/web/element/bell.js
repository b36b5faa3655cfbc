import { css, html, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { Listening } from "../inbox/listening.js";
import { listStyles } from "../inbox/list-styles.js";
import { controls } from "../inbox/styles.js";

const styles = css`
  :host { position: relative; display: inline-block; block-size: auto; min-block-size: 0; color: inherit; }
  .bell { position: relative; display: grid; place-items: center; inline-size: 2.75rem; block-size: 2.75rem; padding: 0; border: 0; border-radius: 0.8rem; background: transparent; color: inherit; font-size: 1.25rem; }
  .bell:hover, .bell[aria-expanded="true"] { background: color-mix(in srgb, currentColor 10%, transparent); }
  .counter { position: absolute; inset-block-start: 0.15rem; inset-inline-end: 0.1rem; min-inline-size: 1.15rem; padding-inline: 0.3rem; border-radius: 1rem; background: var(--accent); color: var(--on-accent); font-size: 0.6875rem; font-weight: 700; line-height: 1.15rem; text-align: center; font-variant-numeric: tabular-nums; }
  .over .toasts { position: fixed; z-index: 1000; }
  .panel { position: fixed; inset: auto; margin: 0; padding: 0; inline-size: min(27rem, 100vw - 1rem); block-size: min(38rem, 100dvh - 5rem); border: 1px solid var(--line); border-radius: 1rem; background: var(--ground); color: var(--text); box-shadow: var(--shadow); overflow: hidden; }
`;

/**
 * `<tocsin-bell>`: a bell with how many are unread, which opens the inbox below it.
 *
 * Attributes, properties and events are those of `<tocsin-inbox>`; both share one stream where they show the same. In a
 * page without an inbox the bell shows the toasts and the emergencies; where there is one, that does.
 * Parts: `bell`, `counter`, `panel`, `toasts`. Slot: `icon`.
 */
export class TocsinBell extends Listening {
  static styles = [controls, listStyles, styles];
  /** @type {typeof Listening.properties} */
  static properties = { open: { type: Boolean, reflect: true } };

  #version = 0;
  /** Where the focus was when an emergency covered the inbox; null: none covers it. @type {HTMLElement | null} */
  #covered = null;

  constructor() {
    super();
    /** @type {"comfortable" | "compact"} */
    this.density = "compact";
    this.open = false;
  }

  /** @param {Event} event */
  onFeed(event) {
    this.#version += 1;
    super.onFeed(event);
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
            theme=${this.theme ?? nothing} density=${this.density} lang=${this.lang || nothing} .within=${true}></tocsin-inbox>` : nothing}
      </div>
      <div class="over" @close=${{ handleEvent: () => this.#uncover(), capture: true }} dir=${texts.direction} lang=${texts.language}>${this.teller.draw(null, texts, this.#version, (id) => void this.#show(id))}</div>`;
  }

  /** Open the inbox with a notification. @param {string} id */
  async #show(id) {
    this.open = true;
    /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".panel"))?.showPopover();
    await this.updateComplete;
    const inbox = /** @type {import("../inbox/element.js").TocsinInbox | null} */ (this.renderRoot.querySelector("tocsin-inbox"));
    await inbox?.updateComplete;
    await inbox?.open(id);
  }

  /** @param {ToggleEvent} event */
  #toggling({ newState }) {
    if (newState !== "open") {
      // An emergency closes every popover: what is written in this one stays, and is shown again.
      this.#covered = this.renderRoot.querySelector("dialog.emergency[open]") ? focused() : null;
      return;
    }
    const bell = this.renderRoot.querySelector(".bell")?.getBoundingClientRect();
    const panel = /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".panel"));
    if (!bell || !panel) return;
    const wide = Math.min(27 * 16, innerWidth - 16);
    panel.style.top = `${Math.min(bell.bottom + 6, innerHeight - 200)}px`;
    panel.style.left = `${Math.max(8, Math.min(bell.right - wide, innerWidth - wide - 8))}px`;
  }

  /** @param {ToggleEvent} event */
  #toggled({ newState }) {
    this.open = newState === "open" || this.#covered !== null;
  }

  #uncover() {
    const before = this.#covered;
    if (!before) return;
    this.#covered = null;
    /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".panel"))?.showPopover();
    before.focus();
  }
}

/** What has the focus, in whichever root it is. */
function focused() {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return /** @type {HTMLElement} */ (at ?? document.body);
}
