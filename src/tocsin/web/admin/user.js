import { html, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { reasonOf } from "../inbox/sentences.js";
import { appPath } from "./apps.js";
import { Form } from "./form.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";
import { addressOf } from "./place.js";
import { rights, userPath } from "./users.js";

/** @typedef {import("./users.js").User} User */

/** One user: their rights and their password, and deleting them. */
export class UserPage extends Page {
  /** @type {User | null} */
  #user = null;
  /** @type {Error | null} */
  #trouble = null;
  #form = new Form("user", { name: "", permissions: false, superuser: false, disabled: false }, () => this.requestUpdate());
  /** @type {Listing<{appId: string, userId: string}>} */
  #installs = new Listing((query) => this.ask("GET", `${userPath(this.#id)}/installs`, { query }), "installs", () => this.requestUpdate());
  #password = new Form("password", { password: "" }, () => this.requestUpdate());

  get #id() {
    return this.place.id ?? "";
  }

  enter() {
    this.#user = null;
    this.#password.reset();
    void this.#read();
    void this.#installs.refresh();
  }

  async #read() {
    this.#trouble = null;
    try {
      const user = await this.ask("GET", userPath(this.#id));
      this.#take(user);
    } catch (error) {
      this.#trouble = /** @type {Error} */ (error);
    }
    this.requestUpdate();
  }

  /** @param {User} user */
  #take(user) {
    this.#user = user;
    this.#form.reset({ name: user.name, permissions: user.permissions.includes("notifications"), superuser: user.superuser, disabled: user.disabled });
  }

  render() {
    const { texts } = this, user = this.#user, form = this.#form;
    return html`
      <a class="link up" href=${addressOf("users")}>${icon("arrow-left")}${this.say("adminUsers")}</a>
      ${heading(this.#id, user ? html`<span class="chips">${rights(user, (key) => this.say(key))}</span>` : nothing)}
      ${this.#trouble ? html`<p class="problem" role="alert">${reasonOf(this.#trouble, texts)}</p>` : nothing}
      ${user ? html`
        <p><a class="button" href=${addressOf("look-up", null, { user: user.id })}>${icon("file-search")}${this.say("adminWhatReaches")}</a></p>
        <form class="card" novalidate aria-label=${this.say("adminRights")} @submit=${this.#save}>
          <h2>${this.say("adminRights")}</h2>
          ${form.field("name", { label: "name" }, texts)}
          ${form.toggle("permissions", "adminMaySend", "adminMaySendText", texts)}
          ${form.toggle("superuser", "adminSuperuser", "adminSuperuserText", texts)}
          ${form.toggle("disabled", "adminDisabled", "adminDisabledText", texts)}
          ${form.trouble}
          <div class="line">${form.button("adminSave", texts)}</div>
        </form>
        <form class="card" novalidate aria-label=${this.say("password")} @submit=${this.#setPassword}>
          <h2>${this.say("password")}</h2>
          <input type="text" name="username" autocomplete="username" .value=${user.id} hidden>
          ${this.#password.field("password", { label: "newPassword", kind: "password", hint: "adminPasswordEnds", auto: "new-password" }, texts)}
          ${this.#password.trouble}
          <div class="line">${this.#password.button("adminSetPassword", texts)}</div>
        </form>
        <section class="card" aria-labelledby="installs">
          <h2 id="installs">${this.say("adminInstalls")}</h2>
          <p>${this.say("adminInstallsOfUser")}</p>
          <ul class="entries inner">
            ${this.#installs.items.map(({ appId }) => html`
              <li><div class="entry">
                <span class="lines"><a class="link" href=${addressOf("apps", appId)}><bdi>${appId}</bdi></a></span>
                <button type="button" class="button" data-act="uninstall" aria-label=${this.say("adminUninstallThis", { name: appId })} @click=${() => this.#uninstall(appId)}>${this.say("adminUninstall")}</button>
              </div></li>`)}
          </ul>
          ${this.#installs.foot(texts, this.say("adminHasNone"))}
        </section>
        <section class="card">
          <h2>${this.say("adminDelete")}</h2>
          <p>${this.say("adminDeleteUserText")}</p>
          <div class="line"><button type="button" class="button danger" data-act="delete" @click=${() => this.#delete(user)}>${icon("trash-2")}${this.say("adminDeleteUser")}</button></div>
        </section>` : nothing}`;
  }

  /** All of the user, as what is left out of a PUT would get its default. One who is gone by now is not made anew by that. */
  async #now() {
    const { name, permissions, superuser, disabled } = await this.ask("GET", userPath(this.#id));
    return { name, permissions, superuser, disabled };
  }

  /** What the form has. */
  get #mine() {
    const form = this.#form;
    return { name: form.text("name").trim(), permissions: form.on("permissions") ? ["notifications"] : [], superuser: form.on("superuser"), disabled: form.on("disabled") };
  }

  /** @param {SubmitEvent} event */
  async #save(event) {
    const saved = await this.#form.submit(event, this.texts, {
      missing: ["name"],
      send: async () => this.#take(await this.ask("PUT", userPath(this.#id), { body: this.#form.over(this.#mine, await this.#now()) })),
    });
    if (saved) this.tell(this.say("adminSaved"));
  }

  /** @param {SubmitEvent} event */
  async #setPassword(event) {
    const set = await this.#password.submit(event, this.texts, {
      missing: ["password"],
      send: async () => this.ask("PUT", userPath(this.#id), { body: { ...await this.#now(), password: this.#password.text("password") } }),
    });
    if (!set) return;
    this.#password.reset();
    this.tell(this.say("adminPasswordSet"));
  }

  /** @param {string} app */
  async #uninstall(app) {
    await this.act(() => this.ask("DELETE", `${appPath(app)}/installs/${encodeURIComponent(this.#id)}`), this.say("adminUninstalled", { name: this.#id }));
    void this.#installs.refresh();
  }

  /** @param {User} user */
  async #delete(user) {
    if (!await this.sure(this.say("adminDeleteUserAsk", { name: user.id }), this.say("adminDelete"))) return;
    if (await this.act(() => this.ask("DELETE", userPath(user.id)), this.say("adminDeleted", { name: user.id }))) location.hash = addressOf("users");
  }
}
