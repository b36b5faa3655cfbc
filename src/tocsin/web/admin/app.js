import { html, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { reasonOf } from "../inbox/sentences.js";
import { appBody, appFields, appPath } from "./apps.js";
import { Form } from "./form.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading, moment, userLink } from "./parts.js";
import { addressOf } from "./place.js";

/** @typedef {import("./apps.js").App} App */

/** One app: what it is, its secrets, and for whom it is installed. */
export class AppPage extends Page {
  /** @type {App | null} */
  #app = null;
  /** @type {Error | null} */
  #trouble = null;
  /** @type {string | null} */
  #made = null;
  #form = new Form("app", { name: "", quotaPerHour: "", installForAll: false }, () => this.requestUpdate());
  #install = new Form("install", { userId: "" }, () => this.requestUpdate());
  /** @type {Listing<{id: string, createdAt: string}>} */
  #secrets = new Listing((query) => this.ask("GET", `${this.#path}/secrets`, { query }), "secrets", () => this.requestUpdate());

  /** @type {Listing<{appId: string, userId: string}>} */
  #installs = new Listing((query) => this.ask("GET", `${this.#path}/installs`, { query }), "installs", () => this.requestUpdate());

  get #path() {
    return appPath(this.place.id ?? "");
  }

  enter() {
    this.#app = this.#made = null;
    this.#install.reset();
    void this.#read();
    void this.#secrets.refresh();
    void this.#installs.refresh();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#made = null;
  }

  async #read() {
    this.#trouble = null;
    try {
      this.#take(await this.ask("GET", this.#path));
    } catch (error) {
      this.#trouble = /** @type {Error} */ (error);
    }
    this.requestUpdate();
  }

  /** @param {App} app */
  #take(app) {
    this.#app = app;
    this.#form.reset({ name: app.name, quotaPerHour: String(app.quotaPerHour), installForAll: app.installForAll });
  }

  render() {
    const { texts } = this, app = this.#app;
    return html`
      <a class="link up" href=${addressOf("apps")}>${icon("arrow-left")}${this.say("adminApps")}</a>
      ${heading(this.place.id ?? "")}
      ${this.#trouble ? html`<p class="problem" role="alert">${reasonOf(this.#trouble, texts)}</p>` : nothing}
      ${app ? html`
        <form class="card" novalidate aria-label=${this.say("app")} @submit=${this.#save}>
          ${appFields(this.#form, texts)}
          <div class="line">${this.#form.button("adminSave", texts)}</div>
        </form>
        ${this.#secretsOf(app)}
        <form class="card" novalidate aria-label=${this.say("adminInstalls")} @submit=${this.#put}>
          <h2>${this.say("adminInstalls")}</h2>
          <p>${this.say(app.installForAll ? "adminInstallsAllText" : "adminInstallsText")}</p>
          ${this.#install.field("userId", { label: "adminUser" }, texts)}
          ${this.#install.trouble}
          <div class="line">
            <button type="submit" class="button strong" data-install="PUT">${this.say("adminInstall")}</button>
            <button type="submit" class="button" data-install="DELETE">${this.say("adminUninstall")}</button>
          </div>
          <h3>${this.say("adminHaveIt")}</h3>
          <ul class="entries inner" aria-label=${this.say("adminHaveIt")}>
            ${this.#installs.items.map(({ userId }) => html`<li><div class="entry"><span class="lines">${userLink(userId)}</span></div></li>`)}
          </ul>
          ${this.#installs.foot(texts, this.say("adminNobodyHasIt"))}
        </form>
        <section class="card">
          <h2>${this.say("adminDelete")}</h2>
          <p>${this.say("adminDeleteAppText")}</p>
          <div class="line"><button type="button" class="button danger" data-act="delete" @click=${() => this.#delete(app)}>${icon("trash-2")}${this.say("adminDeleteApp")}</button></div>
        </section>` : nothing}`;
  }

  /** @param {App} app */
  #secretsOf(app) {
    const { texts } = this;
    return html`
      <section class="card" aria-labelledby="secrets">
        <div class="heading"><h2 id="secrets">${this.say("adminSecrets")}</h2>
          <button type="button" class="button" data-act="secret" @click=${() => this.#makeSecret()}>${icon("plus")}${this.say("adminNewSecret")}</button></div>
        <p>${this.say("adminSecretsText")}</p>
        ${this.#made === null ? nothing : html`<admin-once .texts=${texts} says=${this.say("adminSecretMade", { name: app.name })} .secret=${this.#made} @kept=${() => { this.#made = null; this.requestUpdate(); }}></admin-once>`}
        <ul class="entries inner">
          ${this.#secrets.items.map((secret) => html`
            <li><div class="entry">
              <span class="lines"><code>${secret.id}</code><span class="quiet">${this.say("adminMadeAt")} ${moment(secret.createdAt, texts)}</span></span>
              <button type="button" class="button danger" data-act="revoke" aria-label=${this.say("adminRevokeThis", { name: secret.id })} @click=${() => this.#revoke(secret.id)}>${this.say("adminRevoke")}</button>
            </div></li>`)}
        </ul>
        ${this.#secrets.foot(texts, this.say("adminNoSecrets"))}
      </section>`;
  }

  /** @param {SubmitEvent} event */
  async #save(event) {
    const saved = await this.#form.submit(event, this.texts, {
      missing: ["name", "quotaPerHour"],
      // One that is gone by now is not made anew by that.
      send: async () => this.#take(await this.ask("PUT", this.#path, { body: this.#form.over(appBody(this.#form, this.place.id ?? ""), await this.ask("GET", this.#path)) })),
    });
    void this.#installs.refresh();
    if (saved) this.tell(this.say("adminSaved"));
  }

  async #makeSecret() {
    await this.act(async () => { this.#made = (await this.ask("POST", `${this.#path}/secrets`)).secret; });
    void this.#secrets.refresh();
  }

  /** @param {string} id */
  async #revoke(id) {
    if (!await this.sure(this.say("adminRevokeAsk", { name: id }), this.say("adminRevoke"))) return;
    await this.act(() => this.ask("DELETE", `${this.#path}/secrets/${encodeURIComponent(id)}`), this.say("adminRevoked", { name: id }));
    void this.#secrets.refresh();
  }

  /** @param {SubmitEvent} event */
  async #put(event) {
    const user = this.#install.text("userId").trim(), method = event.submitter?.dataset["install"] ?? "PUT";
    const done = await this.#install.submit(event, this.texts, {
      missing: ["userId"],
      of: { 404: "userId" },
      send: () => this.ask(method, `${this.#path}/installs/${encodeURIComponent(user)}`),
    });
    if (!done) return;
    this.#install.reset();
    void this.#installs.refresh();
    this.tell(this.say(method === "PUT" ? "adminInstalled" : "adminUninstalled", { name: user }));
  }

  /** @param {App} app */
  async #delete(app) {
    if (!await this.sure(this.say("adminDeleteAppAsk", { name: app.id }), this.say("adminDelete"))) return;
    if (await this.act(() => this.ask("DELETE", this.#path), this.say("adminDeleted", { name: app.id }))) location.hash = addressOf("apps");
  }
}
