import { LitElement, html } from "../vendor/lit.js";
import { Tocsin, TocsinError } from "../client.js";
import { adopt } from "../inbox/icons.js";
import { languageFor, loadTexts } from "../texts/texts.js";
import { keepPreferences, readPreferences } from "./preferences.js";

/** @typedef {import("./preferences.js").Preferences} Preferences */
/** @typedef {import("../texts/texts.js").Texts} Texts */
/** @typedef {{id: string, name: string, superuser: boolean}} User */

/** What the inbox page and the admin pages have in common: who is signed in, in which language, and what they like. */
export class Shell extends LitElement {
  /** @type {typeof LitElement.properties} */
  static properties = { texts: { state: true }, user: { state: true }, preferences: { state: true }, trouble: { state: true } };
  /** A folder with texts that only this page needs, or nothing. */
  static more = "";

  server = new Tocsin({ cookie: true, retryFor: 0 });
  #language = "";

  constructor() {
    super();
    /** @type {Texts | null} */
    this.texts = null;
    /** Who is signed in; null: nobody; undefined: not known yet. @type {User | null | undefined} */
    this.user = undefined;
    this.preferences = readPreferences();
    /** Why it is not known who is signed in. @type {Error | null} */
    this.trouble = null;
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("online", () => { if (this.trouble) void this.whoIsThere(); });
    void this.whoIsThere();
  }

  firstUpdated() {
    void adopt(/** @type {ShadowRoot} */ (this.renderRoot));
  }

  willUpdate() {
    const language = languageFor(this.preferences.language);
    if (language === this.#language) return;
    this.#language = language;
    void loadTexts(language, /** @type {typeof Shell} */ (this.constructor).more).then((texts) => {
      if (language !== this.#language) return;
      this.texts = texts;
      document.documentElement.lang = texts.language;
      document.documentElement.dir = texts.direction;
    });
  }

  async whoIsThere() {
    this.trouble = null;
    try {
      this.user = (await this.server.session()).user;
    } catch (error) {
      if (error instanceof TocsinError && error.status === 401) this.user = null;
      else this.trouble = /** @type {Error} */ (error);
    }
  }

  /** What is to be seen while it is not known who is there, and what the page is called. @param {string} title */
  notYet(title) {
    const { texts } = this;
    if (!texts || !this.trouble) return html`<slot></slot>`;
    return html`
      <main class="door"><h1>${title}</h1><p class="problem">${texts.say("noConnection")}</p>
        <button type="button" class="button" @click=${() => this.whoIsThere()}>${texts.say("again")}</button></main>`;
  }

  /** @param {CustomEvent<Preferences>} event */
  prefer({ detail }) {
    this.preferences = detail;
    keepPreferences(detail);
  }
}
