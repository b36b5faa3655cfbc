import { html, nothing } from "../vendor/lit.js";
import { Shell, accountButton } from "../app/both.js";
import { icon } from "../inbox/icons.js";
import { TocsinError } from "../client.js";
import { adminStyles } from "./admin-styles.js";
import { PAGES, pageOf, titleOf } from "./pages.js";
import { addressOf, placeOf } from "./place.js";

/** @typedef {import("../app/shell.js").User} User */
/** @typedef {import("../texts/texts.js").Texts} Texts */
/** @typedef {import("./page.js").Question} Question */

/** How long what was done is shown, in milliseconds. */
const STAYS = 8_000;

/** The admin pages: their head, the ways between them, and the page where one is. */
export class Admin extends Shell {
  static styles = adminStyles;
  /** @type {typeof Shell.properties} */
  static properties = { out: { state: true }, place: { state: true }, told: { state: true }, question: { state: true }, menu: { state: true } };
  static more = "admin/";

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;

  constructor() {
    super();
    /** Whether they have been signed out while they were at it. */
    this.out = false;
    this.place = placeOf(location.hash);
    /** What was done, or refused. @type {{sentence: string, refused: boolean} | null} */
    this.told = null;
    /** @type {Question | null} */
    this.question = null;
    /** Whether the ways are to be seen where there is little room. */
    this.menu = false;
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("hashchange", this.#moved);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.#moved);
    clearTimeout(this.#telling);
  }

  updated() {
    if (this.texts) document.title = `${titleOf(this.place, this.texts)} · Tocsin`;
    const dialog = /** @type {HTMLDialogElement | null} */ (this.renderRoot.querySelector("dialog.question"));
    if (this.question && dialog && !dialog.open) dialog.showModal();
  }

  #moved = () => {
    const before = this.place;
    this.place = placeOf(location.hash);
    this.menu = false;
    if (before.page === this.place.page && before.id === this.place.id) return;
    scrollTo(0, 0);
    void this.updateComplete.then(() => setTimeout(() => /** @type {HTMLElement | null} */ (this.renderRoot.querySelector("main h1"))?.focus()));
  };

  /** A request was refused; but it may have been on its way while a changed password gave this page another session. */
  async #askAgain() {
    try {
      const { user } = await this.server.session();
      if (user === null) this.out = true;
      else if (!user.superuser) this.user = user;
    } catch (error) {
      if (error instanceof TocsinError && error.status === 401) this.out = true;
    }
  }

  render() {
    const { texts, user } = this;
    if (!texts || user === undefined) return this.notYet(texts?.say("admin") ?? "");
    return html`
      ${user === null || this.out ? html`<tocsin-sign-in .server=${this.server} .texts=${texts} notice=${this.out ? texts.say("adminSignedOut") : ""}
        @signed-in=${(/** @type {CustomEvent<User>} */ { detail }) => { this.user = detail; this.out = false; }}></tocsin-sign-in>` : nothing}
      ${user === null ? nothing : user.superuser ? this.#app(user, texts) : this.out ? nothing : this.#noSuperuser(user, texts)}`;
  }

  /** @param {User} user @param {Texts} texts */
  #noSuperuser(user, texts) {
    return html`
      <main class="door" dir=${texts.direction} lang=${texts.language}>
        <div class="card no-superuser">
          <span class="mark large">${icon("shield")}</span>
          <h1>${texts.say("adminOnly")}</h1>
          <p>${texts.say("signedInAs", { name: "" })}<bdi>${user.name}</bdi>. ${texts.say("adminOnlyText")}</p>
          <p class="line"><a class="button strong" href="./">${icon("inbox")}${texts.say("adminToInbox")}</a>
            <button type="button" class="button" @click=${() => this.#signOut()}>${icon("log-out")}${texts.say("adminAsSomebodyElse")}</button></p>
        </div>
      </main>`;
  }

  /** @param {User} user @param {Texts} texts */
  #app(user, texts) {
    const { place } = this;
    return html`
      <div class="app admin" dir=${texts.direction} lang=${texts.language} ?hidden=${this.out} @told=${this.#told} @refused=${() => void this.#askAgain()}
        @asked=${(/** @type {CustomEvent<Question>} */ { detail }) => { this.question = detail; }}>
        <header class="top">
          <button type="button" class="skip" @click=${this.#skip}>${texts.say("adminSkip")}</button>
          <span class="brand"><span class="mark">${icon("shield")}</span><b>Tocsin</b> <span class="quiet">${texts.say("admin")}</span></span>
          <nav aria-label="Tocsin">
            <a class="button quiet" href="./">${icon("inbox")}<span>${texts.say("inbox")}</span></a>
            <a class="button quiet" href="docs">${icon("braces")}<span>${texts.say("api")}</span></a>
            <button type="button" class="button quiet" aria-haspopup="dialog" @click=${() => this.#settings?.show()}>${icon("sliders-horizontal")}<span>${texts.say("preferences")}</span></button>
            ${accountButton(user, texts)}
          </nav>
          <tocsin-account id="account" popover .server=${this.server} .texts=${texts} .user=${user}
            @change-password=${() => this.#settings?.show("password")} @signed-out=${() => { this.user = null; }}></tocsin-account>
        </header>
        <div class="around">
          <nav class="side ${this.menu ? "open" : ""}" aria-label=${texts.say("admin")} @keydown=${this.#closeMenu}>
            <button type="button" class="button menu" aria-expanded=${String(this.menu)} aria-controls="ways" @click=${() => { this.menu = !this.menu; }}>${icon("menu")}<span>${texts.say(PAGES.find(({ name, shape }) => shape && name === pageOf(place).name)?.title ?? "")}</span></button>
            <ul id="ways">
              ${PAGES.filter(({ shape }) => shape).map(({ name, shape, title }) => html`
                <li><a href=${addressOf(name)} aria-current=${pageOf(place).name !== name ? nothing : place.id === null ? "page" : "true"}>${icon(shape ?? "")}<span>${texts.say(title)}</span></a></li>`)}
            </ul>
          </nav>
          <main>${pageOf(place).draw({ server: this.server, texts, place })}</main>
        </div>
        ${this.#snack(texts)}
        <div class="hidden" role="status">${this.told && !this.told.refused ? this.told.sentence : ""}</div>
        <div class="hidden" role="alert">${this.told?.refused ? this.told.sentence : ""}</div>
        ${this.#asking(texts)}
        <tocsin-settings .server=${this.server} .texts=${texts} .preferences=${this.preferences} .user=${user}
          @preferences=${this.prefer}></tocsin-settings>
      </div>`;
  }

  /** @param {Texts} texts */
  #snack(texts) {
    if (!this.told) return nothing;
    return html`
      <div class="toasts told"><div class="snack ${this.told.refused ? "refused" : ""}"><span aria-hidden="true">${this.told.sentence}</span>
        <button type="button" class="act" aria-label=${texts.say("close")} title=${texts.say("close")} @click=${() => { this.told = null; }}>${icon("x")}</button></div></div>`;
  }

  /** @param {Texts} texts */
  #asking(texts) {
    const { question } = this;
    if (!question) return nothing;
    const answer = (/** @type {boolean} */ yes) => { this.question = null; question.answer(yes); };
    return html`
      <dialog class="settings question" role="alertdialog" aria-labelledby="question" @cancel=${() => answer(false)}>
        <div class="inside">
          <h2 id="question">${question.question}</h2>
          <div class="line">
            <button type="button" class="button" data-act="no" @click=${() => answer(false)}>${texts.say("adminNo")}</button>
            <button type="button" class="button danger" data-act="yes" @click=${() => answer(true)}>${question.verb}</button>
          </div>
        </div>
      </dialog>`;
  }

  /** @returns {import("../app/settings.js").Settings | null} */
  get #settings() {
    return this.renderRoot.querySelector("tocsin-settings");
  }

  /** @param {CustomEvent<{sentence: string, refused: boolean}>} event */
  #told({ detail }) {
    clearTimeout(this.#telling);
    this.told = detail;
    this.#telling = setTimeout(() => { this.told = null; }, STAYS);
  }

  #skip() {
    /** @type {HTMLElement | null} */ (this.renderRoot.querySelector("main h1"))?.focus();
  }

  /** @param {KeyboardEvent} event */
  #closeMenu(event) {
    if (event.key !== "Escape" || !this.menu) return;
    this.menu = false;
    /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".menu"))?.focus();
  }

  async #signOut() {
    await this.server.signOut().catch(() => undefined);
    this.user = null;
  }
}
