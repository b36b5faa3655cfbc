import { LitElement, html, nothing } from "../vendor/lit.js";
import { TocsinError } from "../client.js";
import { ring } from "../inbox/sound.js";
import { LANGUAGES, languageFor } from "../texts/texts.js";
import { appStyles } from "./both.js";

/** @typedef {import("./preferences.js").Preferences} Preferences */
/** @typedef {import("../client.js").Tocsin} Tocsin */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** Preferences and the password, in a dialog. Tells `preferences` with what was chosen. */
export class Settings extends LitElement {
  static styles = appStyles;
  static properties = { server: { attribute: false }, texts: { attribute: false }, preferences: { attribute: false }, user: { attribute: false } };

  /** @type {{current?: string, new?: string, form?: string}} */
  #problems = {};
  #changed = false;
  /** What is to be shown once there is something. @type {{what?: "password"} | null} */
  #wanted = null;

  constructor() {
    super();
    /** @type {Tocsin | null} */
    this.server = null;
    /** @type {Texts | null} */
    this.texts = null;
    /** @type {Preferences | null} */
    this.preferences = null;
    /** @type {{id: string, name: string} | null} */
    this.user = null;
  }

  firstUpdated() {
    if (this.#wanted) this.show(this.#wanted.what);
  }

  /** @param {"password"} [what] is looked for there */
  show(what) {
    if (!this.hasUpdated) return void (this.#wanted = { ...(what ? { what } : {}) });
    this.#problems = {};
    this.#changed = false;
    this.requestUpdate();
    /** @type {HTMLDialogElement | null} */ (this.renderRoot.querySelector("dialog"))?.showModal();
    if (what !== "password") return;
    /** @type {HTMLDetailsElement} */ (this.renderRoot.querySelector("details")).open = true;
    /** @type {HTMLInputElement} */ (this.renderRoot.querySelector("#current")).focus();
  }

  render() {
    const { texts, preferences, user } = this;
    if (!texts || !preferences) return nothing;
    return html`
      <dialog class="settings" dir=${texts.direction} lang=${texts.language} aria-labelledby="settings" @click=${this.#outside}>
        <div class="inside">
          <div class="headline">
            <h2 id="settings">${texts.say("preferences")}</h2>
            <form method="dialog"><button class="button">${texts.say("done")}</button></form>
          </div>
          ${this.#radios("theme", { system: "system", light: "lightTheme", dark: "darkTheme" }, preferences.theme, texts)}
          ${this.#radios("density", { comfortable: "comfortable", compact: "compact" }, preferences.density, texts)}
          <label class="switch">
            <input type="checkbox" role="switch" name="sound" .checked=${preferences.sound} @change=${this.#sound}>
            <span><b>${texts.say("sound")}</b> ${texts.say("soundText")}</span>
          </label>
          <div class="field">
            <label for="language">${texts.say("language")}</label>
            <select id="language" @change=${(/** @type {Event} */ { target }) => this.#choose({ language: /** @type {HTMLSelectElement} */ (target).value })}>
              ${Object.entries(LANGUAGES).map(([code, name]) => html`<option value=${code} lang=${code} .selected=${languageFor(preferences.language) === code}>${name}</option>`)}
            </select>
          </div>
          ${user ? this.#account(user, texts) : nothing}
        </div>
      </dialog>`;
  }

  /** @param {"theme" | "density"} name @param {Record<string, string>} choices @param {string} chosen @param {Texts} texts */
  #radios(name, choices, chosen, texts) {
    return html`
      <fieldset>
        <legend>${texts.say(name)}</legend>
        <div class="radios">
          ${Object.entries(choices).map(([value, label]) => html`
            <label><input type="radio" name=${name} value=${value} .checked=${value === chosen} @change=${() => this.#choose({ [name]: value })}><span>${texts.say(label)}</span></label>`)}
        </div>
      </fieldset>`;
  }

  /** @param {{id: string, name: string}} user @param {Texts} texts */
  #account(user, texts) {
    const field = (/** @type {"current" | "new"} */ name, /** @type {string} */ label, /** @type {string} */ known) => html`
      <div class="field">
        <label for=${name}>${texts.say(label)}</label>
        <input id=${name} name=${name} type="password" autocomplete=${known} required aria-invalid=${String(Boolean(this.#problems[name]))} aria-describedby="${name}-problem">
        <span class="problem" id="${name}-problem">${this.#problems[name] ?? ""}</span>
      </div>`;
    return html`
      <section class="account">
        <h3>${texts.say("account")}</h3>
        <p>${texts.say("signedInAs", { name: "" })}<bdi>${user.name}</bdi></p>
        <details>
          <summary>${texts.say("changePassword")}</summary>
          <form novalidate @submit=${this.#password}>
            <input type="text" name="username" autocomplete="username" .value=${user.id} hidden>
            ${field("current", "currentPassword", "current-password")}
            ${field("new", "newPassword", "new-password")}
            <p class="problem" role="alert">${this.#problems.form ?? ""}</p>
            <p class="good" role="status">${this.#changed ? texts.say("passwordChanged") : ""}</p>
            <button type="submit" class="button">${texts.say("changePassword")}</button>
          </form>
        </details>
      </section>`;
  }

  /** @param {MouseEvent} event */
  #outside(event) {
    if (event.target instanceof HTMLDialogElement) event.target.close();
  }

  /** @param {Partial<Preferences>} change */
  #choose(change) {
    this.dispatchEvent(new CustomEvent("preferences", { detail: { ...this.preferences, ...change } }));
  }

  /** @param {Event} event */
  #sound({ target }) {
    const { checked } = /** @type {HTMLInputElement} */ (target);
    // The browser lets it sound from now on because somebody has asked for it.
    if (checked) void ring("error");
    this.#choose({ sound: checked });
  }

  /** @param {SubmitEvent} event */
  async #password(event) {
    event.preventDefault();
    const { server, texts } = this, form = /** @type {HTMLFormElement} */ (event.target);
    if (!server || !texts) return;
    const current = form["current"].value, wanted = form["new"].value;
    this.#changed = false;
    this.#problems = { ...(current ? {} : { current: texts.say("passwordMissing") }), ...(wanted ? {} : { new: texts.say("newMissing") }) };
    if (current && wanted) {
      try {
        await server.request("PUT", "api/auth/password", { body: { current, new: wanted } });
        this.#changed = true;
        form.reset();
      } catch (error) {
        this.#problems = refusals(error, texts);
      }
    }
    this.requestUpdate();
    await this.updateComplete;
    /** @type {HTMLElement | null} */ (this.renderRoot.querySelector("[aria-invalid=true]"))?.focus();
  }
}

/** @param {unknown} error @param {Texts} texts */
function refusals(error, texts) {
  if (!(error instanceof TocsinError)) return { form: String(error) };
  if (error.status === 403 || error.status === 401) return { current: texts.say("currentWrong") };
  if (error.status === 422) return { new: error.message };
  if (error.status === 429) return { form: texts.say("tooMany", { count: error.retryAfter ?? 0 }) };
  return { form: error.status === 0 ? texts.say("noConnection") : error.message };
}

customElements.define("tocsin-settings", Settings);
