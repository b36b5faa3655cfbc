import { LitElement, css, html, nothing } from "../vendor/lit.js";
import { adopt, icon } from "../inbox/icons.js";
import { reasonOf } from "../inbox/sentences.js";
import { appStyles } from "./both.js";

/** @typedef {import("../client.js").Tocsin} Tocsin */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * Who is signed in, and the ways out: what the button with their name opens. Tells `change-password`, and `signed-out`
 * once they are.
 */
export class Account extends LitElement {
  static styles = [...appStyles, css`
    :host(:popover-open) { display: grid; gap: 0.25rem; block-size: auto; min-block-size: 0; min-inline-size: 15rem; max-inline-size: calc(100vw - 1rem); padding: 0.5rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); color: var(--text); box-shadow: var(--shadow); }
    .who { display: grid; justify-items: start; margin: 0 0 0.25rem; padding: 0.5rem 0.75rem 0.75rem; border-block-end: 1px solid var(--line); overflow-wrap: anywhere; }
    .who span, .who bdi + bdi { color: var(--quiet); font-size: 0.875rem; }
    .who b { font-weight: 650; }
    .button { justify-content: start; }
    .problem { padding: 0.25rem 0.75rem; }
  `];
  static properties = { server: { attribute: false }, texts: { attribute: false }, user: { attribute: false }, trouble: { state: true } };

  constructor() {
    super();
    /** @type {Tocsin | null} */
    this.server = null;
    /** @type {Texts | null} */
    this.texts = null;
    /** @type {{id: string, name: string} | null} */
    this.user = null;
    /** Why signing out did not work. @type {Error | null} */
    this.trouble = null;
  }

  firstUpdated() {
    void adopt(/** @type {ShadowRoot} */ (this.renderRoot));
    this.addEventListener("toggle", () => { this.trouble = null; });
  }

  render() {
    const { texts, user } = this;
    if (!texts || !user) return nothing;
    return html`
      <p class="who"><span>${texts.say("signedInAs", { name: "" })}</span><bdi><b>${user.name}</b></bdi>${user.name === user.id ? nothing : html`<bdi>${user.id}</bdi>`}</p>
      <button type="button" class="button quiet" data-act="password" @click=${this.#password}>${icon("settings")}${texts.say("changePassword")}</button>
      <button type="button" class="button quiet" data-act="out" @click=${() => this.#signOut(false)}>${icon("log-out")}${texts.say("signOut")}</button>
      <button type="button" class="button quiet" data-act="everywhere" @click=${() => this.#signOut(true)}>${icon("monitor")}${texts.say("signOutEverywhere")}</button>
      <p class="problem" role="alert">${this.trouble ? reasonOf(this.trouble, texts) : ""}</p>`;
  }

  #password() {
    this.hidePopover();
    this.dispatchEvent(new CustomEvent("change-password"));
  }

  /** @param {boolean} everywhere */
  async #signOut(everywhere) {
    this.trouble = null;
    try {
      await this.server?.signOut({ everywhere });
      this.dispatchEvent(new CustomEvent("signed-out"));
    } catch (error) {
      this.trouble = /** @type {Error} */ (error);
    }
  }
}

customElements.define("tocsin-account", Account);
