import { LitElement, html, nothing } from "../vendor/lit.js";
import { TocsinError } from "../client.js";
import { appStyles } from "./both.js";

/** @typedef {import("../client.js").Tocsin} Tocsin */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** The two fields that one signs in with. Tells `signed-in` with who that is. */
export class SignIn extends LitElement {
  static styles = appStyles;
  static properties = { server: { attribute: false }, texts: { attribute: false }, notice: {} };

  #busy = false;
  /** Sentences by field, and of the whole form. @type {{name?: string, password?: string, form?: string}} */
  #problems = {};

  constructor() {
    super();
    /** @type {Tocsin | null} */
    this.server = null;
    /** @type {Texts | null} */
    this.texts = null;
    /** Why one is here again. */
    this.notice = "";
  }

  firstUpdated() {
    this.#field("name").focus();
  }

  /** @param {string} name @returns {HTMLInputElement} */
  #field(name) {
    return /** @type {HTMLInputElement} */ (this.renderRoot.querySelector(`input[name=${name}]`));
  }

  render() {
    const { texts } = this;
    if (!texts) return nothing;
    return html`
      <main class="door" dir=${texts.direction} lang=${texts.language}>
        <form novalidate @submit=${this.#submit} aria-labelledby="door">
          <span class="mark large"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M10.3 21a2 2 0 0 0 3.4 0M3.3 15.3A1 1 0 0 0 4 17h16a1 1 0 0 0 .7-1.7C19.4 14 18 12.5 18 8A6 6 0 0 0 6 8c0 4.5-1.4 6-2.7 7.3"/></svg></span>
          <h1 id="door">${texts.say("signInTitle")}</h1>
          ${this.notice && !this.#problems.form ? html`<p class="notice">${this.notice}</p>` : nothing}
          ${this.#input("name", "text", "username", texts)}
          ${this.#input("password", "password", "current-password", texts)}
          <p class="problem" role="alert">${this.#problems.form ?? ""}</p>
          <button type="submit" class="button strong" aria-disabled=${String(this.#busy)}>${texts.say("signIn")}</button>
        </form>
      </main>`;
  }

  /** @param {"name" | "password"} name @param {string} type @param {string} known @param {Texts} texts */
  #input(name, type, known, texts) {
    const problem = this.#problems[name];
    return html`
      <div class="field">
        <label for=${name}>${texts.say(name)}</label>
        <input id=${name} name=${name} type=${type} autocomplete=${known} autocapitalize="none" spellcheck="false" required
          aria-invalid=${String(Boolean(problem))} aria-describedby="${name}-problem">
        <span class="problem" id="${name}-problem">${problem ?? ""}</span>
      </div>`;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const { server, texts } = this;
    if (!server || !texts || this.#busy) return;
    const username = this.#field("name").value, password = this.#field("password").value;
    this.#problems = {
      ...(username ? {} : { name: texts.say("nameMissing") }),
      ...(password ? {} : { password: texts.say("passwordMissing") }),
    };
    if (username && password) await this.#try(server, username, password, texts);
    this.requestUpdate();
    await this.updateComplete;
    const first = /** @type {HTMLElement | null} */ (this.renderRoot.querySelector("[aria-invalid=true]"));
    first?.focus();
  }

  /** @param {Tocsin} server @param {string} username @param {string} password @param {Texts} texts */
  async #try(server, username, password, texts) {
    this.#busy = true;
    this.requestUpdate();
    try {
      const { user } = await server.signIn(username, password);
      this.dispatchEvent(new CustomEvent("signed-in", { detail: user }));
    } catch (error) {
      this.#problems = problemsOf(error, texts);
    }
    this.#busy = false;
  }
}

/** @param {unknown} error @param {Texts} texts */
function problemsOf(error, texts) {
  if (!(error instanceof TocsinError)) return { form: String(error) };
  if (error.status === 401) return { password: texts.say("wrongPassword") };
  if (error.status === 429) return { form: texts.say("tooMany", { count: error.retryAfter ?? 0 }) };
  return { form: texts.say("signInFailed", { why: error.status === 0 ? texts.say("noConnection") : error.message }) };
}

customElements.define("tocsin-sign-in", SignIn);
