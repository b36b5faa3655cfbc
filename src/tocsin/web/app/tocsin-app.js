import { html, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { Shell, accountButton, appStyles } from "./both.js";
import { showCount } from "./badge.js";

/** @typedef {import("./shell.js").User} User */

/** The page: its head, and below it the sign-in or the inbox. */
export class App extends Shell {
  static styles = appStyles;

  #notice = "";
  #count = 0;

  render() {
    const { texts, user } = this;
    if (!texts || user === undefined) return this.notYet("Tocsin");
    if (user === null) {
      void import("./sign-in.js");
      return html`<tocsin-sign-in .server=${this.server} .texts=${texts} notice=${this.#notice}
        @signed-in=${(/** @type {CustomEvent<User>} */ { detail }) => { this.user = detail; this.#notice = ""; }}></tocsin-sign-in>`;
    }
    const { theme, density, sound } = this.preferences;
    return html`
      <div class="app" dir=${texts.direction} lang=${texts.language}>
        <header class="top">
          <button type="button" class="skip" @click=${this.#skip}>${texts.say("skip")}</button>
          <span class="brand"><span class="mark">${icon("bell")}</span><h1>Tocsin</h1></span>
          <nav>
            ${user.superuser ? html`<a class="button quiet" href="admin">${icon("shield")}<span>${texts.say("admin")}</span></a>` : nothing}
            <a class="button quiet" href="docs">${icon("braces")}<span>${texts.say("api")}</span></a>
            <button type="button" class="button quiet" aria-haspopup="dialog" @click=${() => void this.#showSettings()}>${icon("sliders-horizontal")}<span>${texts.say("preferences")}</span></button>
            ${accountButton(user, texts)}
          </nav>
          <tocsin-account id="account" popover .server=${this.server} .texts=${texts} .user=${user}
            @change-password=${() => void this.#showSettings("password")} @signed-out=${() => this.#out("")}></tocsin-account>
        </header>
        <main id="inbox">
          <tocsin-inbox src=${this.server.url.href} theme=${theme === "system" ? nothing : theme} density=${density} lang=${texts.language} ?sound=${sound}
            @tocsin-unread=${this.#unread} @tocsin-signed-out=${() => this.#out(texts.say("signedOut"))}></tocsin-inbox>
        </main>
        <tocsin-settings .server=${this.server} .texts=${texts} .preferences=${this.preferences} .user=${user}
          @preferences=${this.prefer}></tocsin-settings>
      </div>`;
  }

  /** @returns {import("./settings.js").Settings | null} */
  get #settings() {
    return this.renderRoot.querySelector("tocsin-settings");
  }

  /** @param {"password"} [what] is looked for there */
  async #showSettings(what) {
    await import("./settings.js");
    this.#settings?.show(what);
  }

  /** @param {CustomEvent<{total: number}>} event */
  #unread({ detail }) {
    this.#count = detail.total;
    showCount(this.#count, "Tocsin");
  }

  #skip() {
    const inbox = /** @type {import("../inbox/element.js").TocsinInbox | null} */ (this.renderRoot.querySelector("tocsin-inbox"));
    inbox?.focusList();
  }

  /** @param {string} notice */
  #out(notice) {
    this.#notice = notice;
    this.user = null;
    showCount(0, "Tocsin");
  }
}
