import { LitElement, html } from "../vendor/lit.js";
import { copy } from "../inbox/copying.js";
import { icon } from "../inbox/icons.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/** A secret that is shown this once, to be copied. Tells `kept` when somebody has it. */
export class Once extends LitElement {
  static properties = { texts: { attribute: false }, says: {}, secret: { attribute: false }, copied: { state: true } };

  constructor() {
    super();
    /** @type {Texts} */
    this.texts = /** @type {any} */ (null);
    this.says = "";
    this.secret = "";
    this.copied = false;
  }

  createRenderRoot() {
    return this;
  }

  firstUpdated() {
    this.querySelector("input")?.focus();
  }

  render() {
    const { texts } = this;
    return html`
      <section class="card once">
        <p role="status">${icon("key-round")}<span><b>${this.says}</b> ${texts.say("adminOnce")}</span></p>
        <div class="line">
          <input readonly dir="ltr" class="secret" name="secret" aria-label=${this.says} .value=${this.secret} @focus=${(/** @type {FocusEvent} */ { target }) => /** @type {HTMLInputElement} */ (target).select()}>
          <button type="button" class="button strong" data-act="copy" @click=${() => this.#copy()}>${icon(this.copied ? "check" : "copy")}${texts.say(this.copied ? "copied" : "copy")}</button>
          <button type="button" class="button" data-act="kept" @click=${() => this.dispatchEvent(new CustomEvent("kept"))}>${texts.say("adminKept")}</button>
        </div>
      </section>`;
  }

  async #copy() {
    const input = this.querySelector("input");
    input?.select();
    if (input) await copy(input);
    this.copied = true;
    setTimeout(() => { this.copied = false; }, 2_000);
  }
}
