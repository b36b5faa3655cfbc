import { html, repeat } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { Form } from "./form.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";

/** @typedef {{id: string, name: string}} Device */

/** The names of the things that notifications are about. */
export class Devices extends Page {
  /** @type {Listing<Device>} */
  #devices = new Listing((query) => this.ask("GET", "api/devices", { query }), "devices", () => this.requestUpdate());
  #form = new Form("device", { id: "", name: "" }, () => this.requestUpdate());

  enter() {
    void this.#devices.refresh();
  }

  render() {
    const { texts } = this, form = this.#form;
    return html`
      ${heading(this.say("adminDevices"))}
      <p class="quiet">${this.say("adminDevicesText")}</p>
      <form class="card" novalidate aria-label=${this.say("adminNameDevice")} @submit=${this.#put}>
        <h2>${this.say("adminNameDevice")}</h2>
        <div class="pair">
          ${form.field("id", { label: "adminId", hint: "adminDeviceIdHint" }, texts)}
          ${form.field("name", { label: "name" }, texts)}
        </div>
        ${form.trouble}
        <div class="line">${form.button("adminSave", texts)}</div>
      </form>
      <ul class="entries" aria-label=${this.say("adminDevices")}>
        ${repeat(this.#devices.items, ({ id }) => id, (device) => html`
          <li><div class="entry">
            <span class="badge">${icon("cpu")}</span>
            <span class="lines"><bdi class="name">${device.name}</bdi><bdi class="quiet">${device.id}</bdi></span>
            <button type="button" class="button" data-act="edit" aria-label=${this.say("adminRenameThis", { name: device.name })} @click=${() => this.#edit(device)}>${this.say("adminRename")}</button>
            <button type="button" class="button danger" data-act="delete" aria-label=${this.say("adminDeleteThis", { name: device.name })} @click=${() => this.#delete(device)}>${this.say("adminDelete")}</button>
          </div></li>`)}
      </ul>
      ${this.#devices.foot(texts, this.say("adminNoDevices"))}`;
  }

  /** @param {Device} device */
  #edit({ id, name }) {
    this.#form.reset({ id, name });
    /** @type {HTMLInputElement | null} */ (this.querySelector("input[name=name]"))?.focus();
  }

  /** @param {SubmitEvent} event */
  async #put(event) {
    const form = this.#form, id = form.text("id").trim(), name = form.text("name").trim();
    const saved = await form.submit(event, this.texts, { missing: ["id", "name"], send: () => this.ask("PUT", devicePath(id), { body: { name } }) });
    if (!saved) return;
    form.reset({ id: "", name: "" });
    this.tell(this.say("adminSaved"));
    void this.#devices.refresh();
  }

  /** @param {Device} device */
  async #delete({ id, name }) {
    if (!await this.sure(this.say("adminDeleteDeviceAsk", { name }), this.say("adminDelete"))) return;
    await this.act(() => this.ask("DELETE", devicePath(id)), this.say("adminDeleted", { name }));
    void this.#devices.refresh();
  }
}

/** @param {string} id */
function devicePath(id) {
  return `api/devices/${encodeURIComponent(id)}`;
}
