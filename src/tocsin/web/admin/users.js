import { html, nothing, repeat } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { Form, Mistake } from "./form.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";
import { addressOf } from "./place.js";

/** @typedef {{id: string, name: string, permissions: string[], superuser: boolean, disabled: boolean}} User */

/** All users, and making one. */
export class Users extends Page {
  /** @type {Listing<User>} */
  #users = new Listing((query) => this.ask("GET", "api/users", { query }), "users", () => this.requestUpdate());
  #form = new Form("user", { id: "", name: "", password: "", maySend: true, superuser: false }, () => this.requestUpdate());
  #wanted = new Form("open", { id: "" }, () => this.requestUpdate());
  #making = false;

  enter() {
    void this.#users.refresh();
  }

  render() {
    const { texts } = this;
    return html`
      ${heading(this.say("adminUsers"), html`
        <button type="button" class="button strong" aria-expanded=${String(this.#making)} @click=${() => { this.#making = !this.#making; this.requestUpdate(); }}>${icon("plus")}${this.say("adminNewUser")}</button>`)}
      ${this.#making ? this.#maker() : nothing}
      <form class="inline" novalidate @submit=${this.#open}>
        ${this.#wanted.field("id", { label: "adminOpenUser" }, texts)}<button type="submit" class="button">${this.say("adminOpen")}</button>
      </form>
      <ul class="entries" aria-label=${this.say("adminUsers")}>
        ${repeat(this.#users.items, ({ id }) => id, (user) => html`
          <li><a class="entry" href=${addressOf("users", user.id)}>
            <span class="badge">${icon(user.disabled ? "ban" : user.superuser ? "shield" : "user")}</span>
            <span class="lines"><bdi class="name">${user.name}</bdi><bdi class="quiet">${user.id}</bdi></span>
            <span class="chips">${rights(user, (key) => this.say(key))}</span>
          </a></li>`)}
      </ul>
      ${this.#users.foot(texts, this.say("adminNoUsers"))}`;
  }

  #maker() {
    const form = this.#form, { texts } = this;
    return html`
      <form class="card" novalidate aria-label=${this.say("adminNewUser")} @submit=${this.#make}>
        <div class="pair">
          ${form.field("id", { label: "adminId", hint: "adminUserIdHint" }, texts)}
          ${form.field("name", { label: "name", optional: true }, texts)}
        </div>
        ${form.field("password", { label: "password", kind: "password", hint: "adminPasswordHint", optional: true, auto: "new-password" }, texts)}
        ${form.toggle("maySend", "adminMaySend", "adminMaySendText", texts)}
        ${form.toggle("superuser", "adminSuperuser", "adminSuperuserText", texts)}
        ${form.trouble}
        <div class="line">${form.button("adminCreate", texts)}</div>
      </form>`;
  }

  /** @param {SubmitEvent} event */
  async #make(event) {
    const form = this.#form, id = form.text("id").trim();
    const made = await form.submit(event, this.texts, {
      missing: ["id"],
      send: async () => {
        if (await this.exists(userPath(id))) throw new Mistake("id", this.say("adminUserExists"));
        await this.ask("PUT", userPath(id), {
          body: { name: form.text("name").trim() || id, superuser: form.on("superuser"), permissions: form.on("maySend") ? ["notifications"] : [], ...(form.text("password") ? { password: form.text("password") } : {}) },
        });
      },
    });
    if (!made) return;
    this.tell(this.say("adminUserMade", { name: id }));
    form.reset();
    this.#making = false;
    void this.#users.refresh();
  }

  /** @param {SubmitEvent} event */
  async #open(event) {
    const id = this.#wanted.text("id").trim();
    const there = await this.#wanted.submit(event, this.texts, { missing: ["id"], send: () => this.ask("GET", userPath(id)), of: { 404: "id" } });
    if (there) location.hash = addressOf("users", id);
  }
}

/** @param {string} id */
export function userPath(id) {
  return `api/users/${encodeURIComponent(id)}`;
}

/** What a user may do, in chips. @param {User} user @param {(key: string) => string} say */
export function rights({ permissions, superuser, disabled }, say) {
  return html`
    ${disabled ? html`<span class="tag error">${say("adminDisabled")}</span>` : nothing}
    ${superuser ? html`<span class="tag accent">${say("adminSuperuser")}</span>` : nothing}
    ${permissions.map((name) => html`<span class="tag"><bdi>${name === "notifications" ? say("adminMaySend") : name}</bdi></span>`)}`;
}
