import { html, nothing, repeat } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { Form, Mistake } from "./form.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";
import { addressOf } from "./place.js";

/** @typedef {{id: string, name: string, quotaPerHour: number, installForAll: boolean}} App */

/** All apps, and making one. */
export class Apps extends Page {
  /** @type {Listing<App>} */
  #apps = new Listing((query) => this.ask("GET", "api/apps", { query }), "apps", () => this.requestUpdate());
  #form = new Form("app", { id: "", name: "", quotaPerHour: "10", installForAll: false }, () => this.requestUpdate());
  #making = false;

  enter() {
    void this.#apps.refresh();
  }

  render() {
    const { texts } = this, form = this.#form;
    return html`
      ${heading(this.say("adminApps"), html`
        <button type="button" class="button strong" aria-expanded=${String(this.#making)} @click=${() => { this.#making = !this.#making; this.requestUpdate(); }}>${icon("plus")}${this.say("adminNewApp")}</button>`)}
      ${this.#making ? html`
        <form class="card" novalidate aria-label=${this.say("adminNewApp")} @submit=${this.#make}>
          ${form.field("id", { label: "adminId", hint: "adminAppIdHint" }, texts)}
          ${appFields(form, texts)}
          <div class="line">${form.button("adminCreate", texts)}</div>
        </form>` : nothing}
      <ul class="entries" aria-label=${this.say("adminApps")}>
        ${repeat(this.#apps.items, ({ id }) => id, (app) => html`
          <li><a class="entry" href=${addressOf("apps", app.id)}>
            <span class="badge">${icon("layout-grid")}</span>
            <span class="lines"><bdi class="name">${app.name}</bdi><bdi class="quiet">${app.id}</bdi></span>
            <span class="chips"><span class="tag">${this.say("adminQuotaOf", { count: app.quotaPerHour })}</span>${app.installForAll ? html`<span class="tag accent">${this.say("adminForAll")}</span>` : nothing}</span>
          </a></li>`)}
      </ul>
      ${this.#apps.foot(texts, this.say("adminNoApps"))}`;
  }

  /** @param {SubmitEvent} event */
  async #make(event) {
    const form = this.#form, id = form.text("id").trim();
    const made = await form.submit(event, this.texts, {
      missing: ["id"],
      send: async () => {
        if (await this.exists(appPath(id))) throw new Mistake("id", this.say("adminAppExists"));
        await this.ask("PUT", appPath(id), { body: appBody(form, id) });
      },
    });
    if (!made) return;
    form.reset();
    location.hash = addressOf("apps", id);
  }
}

/** @param {string} id */
export function appPath(id) {
  return `api/apps/${encodeURIComponent(id)}`;
}

/** @param {Form} form @param {import("../texts/texts.js").Texts} texts */
export function appFields(form, texts) {
  return html`
    <div class="pair">
      ${form.field("name", { label: "name", hint: "adminAppNameHint" }, texts)}
      ${form.field("quotaPerHour", { label: "adminQuota", kind: "number", hint: "adminQuotaHint" }, texts)}
    </div>
    ${form.toggle("installForAll", "adminForAll", "adminForAllText", texts)}
    ${form.trouble}`;
}

/** @param {Form} form @param {string} id */
export function appBody(form, id) {
  const quota = form.text("quotaPerHour").trim();
  // What is no number goes as it is: the server says what is wrong with it, at its field.
  return { name: form.text("name").trim() || id, quotaPerHour: quota && Number.isFinite(Number(quota)) ? Number(quota) : quota, installForAll: form.on("installForAll") };
}
