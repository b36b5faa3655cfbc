import { html, nothing, repeat } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { Form } from "./form.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading, userLink } from "./parts.js";

/** @typedef {{id: string, name: string, userId: string, expiresAt: string | null}} Key */

/** API keys: made, shown once, revoked. */
export class Keys extends Page {
  /** @type {Listing<Key>} */
  #keys = new Listing((query) => this.ask("GET", "api/keys", { query }), "keys", () => this.requestUpdate());
  #form = new Form("key", { userId: "", name: "", expiresAt: "" }, () => this.requestUpdate());
  #making = false;
  /** @type {string | null} */
  #made = null;

  enter() {
    void this.#keys.refresh();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#made = null;
  }

  render() {
    const { texts } = this, form = this.#form;
    return html`
      ${heading(this.say("adminKeys"), html`
        <button type="button" class="button strong" aria-expanded=${String(this.#making)} @click=${() => { this.#making = !this.#making; this.requestUpdate(); }}>${icon("plus")}${this.say("adminNewKey")}</button>`)}
      ${this.#made === null ? nothing : html`<admin-once .texts=${texts} says=${this.say("adminKeyMade")} .secret=${this.#made} @kept=${() => { this.#made = null; this.requestUpdate(); }}></admin-once>`}
      ${this.#making ? html`
        <form class="card" novalidate aria-label=${this.say("adminNewKey")} @submit=${this.#make}>
          <div class="pair">
            ${form.field("userId", { label: "adminActsAs", hint: "adminActsAsHint" }, texts)}
            ${form.field("name", { label: "name", hint: "adminKeyNameHint", optional: true }, texts)}
          </div>
          ${form.field("expiresAt", { label: "adminExpires", kind: "datetime-local", hint: "adminExpiresHint", optional: true }, texts)}
          ${form.trouble}
          <div class="line">${form.button("adminCreate", texts)}</div>
        </form>` : nothing}
      <ul class="entries" aria-label=${this.say("adminKeys")}>
        ${repeat(this.#keys.items, ({ id }) => id, (key) => html`
          <li><div class="entry">
            <span class="badge">${icon("key-round")}</span>
            <span class="lines"><bdi class="name">${key.name || key.id}</bdi><span class="quiet"><code>${key.id}</code></span></span>
            <span class="chips"><span>${this.say("adminActsAs")} ${userLink(key.userId)}</span>${this.#expiry(key)}</span>
            <button type="button" class="button danger" data-act="revoke" aria-label=${this.say("adminRevokeThis", { name: key.name || key.id })} @click=${() => this.#revoke(key)}>${this.say("adminRevoke")}</button>
          </div></li>`)}
      </ul>
      ${this.#keys.foot(texts, this.say("adminNoKeys"))}`;
  }

  /** @param {Key} key */
  #expiry({ expiresAt }) {
    if (expiresAt === null) return nothing;
    const at = Date.parse(expiresAt), over = at <= Date.now();
    return html`<span class="tag ${over ? "error" : ""}">${this.say(over ? "adminExpired" : "adminExpiresAt", { at: this.texts.medium.format(at) })}</span>`;
  }

  /** @param {SubmitEvent} event */
  async #make(event) {
    const form = this.#form;
    await form.submit(event, this.texts, {
      missing: ["userId"],
      of: { 404: "userId" },
      send: async () => {
        const at = form.text("expiresAt");
        const { key } = await this.ask("POST", "api/keys", {
          body: { userId: form.text("userId").trim(), name: form.text("name").trim(), ...(at ? { expiresAt: new Date(at).toISOString() } : {}) },
        });
        this.#made = key;
        this.#making = false;
        form.reset();
        void this.#keys.refresh();
      },
    });
  }

  /** @param {Key} key */
  async #revoke(key) {
    const name = key.name || key.id;
    if (!await this.sure(this.say("adminRevokeAsk", { name }), this.say("adminRevoke"))) return;
    await this.act(() => this.ask("DELETE", `api/keys/${encodeURIComponent(key.id)}`), this.say("adminRevoked", { name }));
    void this.#keys.refresh();
  }
}
