import { html, nothing } from "../vendor/lit.js";
import { icon, iconOf } from "../inbox/icons.js";
import { Item, TYPES } from "../inbox/notification.js";
import { row } from "../inbox/row.js";
import { reasonOf } from "../inbox/sentences.js";
import { Form, Mistake } from "./form.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";
import { addressOf } from "./place.js";
import { IDS, whole } from "./sending.js";

/** @typedef {import("../inbox/notification.js").Told} Told */
/** @typedef {import("../inbox/notification.js").Type} Type */

/** How long after a key is whom it would reach asked for, in milliseconds. */
const TYPING = 300;
const EMPTY = {
  to: "one", userId: "", title: "", message: "", type: "info", deviceId: "", dismissible: true, url: "", icon: "", tags: "", group: "", appId: "", metadata: "",
};
/** Left out where they are empty. */
const OPTIONAL = ["deviceId", "url", "icon", "group", "appId"];

/** What is being written stays while one looks at other pages. @type {Record<string, string | boolean>} */
let kept = EMPTY;

/** Writing a notification, with what it will look like and whom it will reach. */
export class Send extends Page {
  #form = new Form("send", EMPTY, () => this.#changed());
  /** Whom it would reach; null: not known. @type {{users: number, streams: number} | null} */
  #audience = null;
  /** Why nobody. @type {Error | null} */
  #nobody = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  #asked = "";
  /** Sent twice under the same key, it is sent once. */
  #once = crypto.randomUUID?.() ?? String(Math.random());
  /** @type {{id: string, streams: number} | null} */
  #sent = null;
  #now = Date.now();

  connectedCallback() {
    super.connectedCallback();
    this.#form.values = { ...EMPTY, ...kept };
    this.every(5_000, () => this.#count());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
  }

  #changed() {
    if (kept !== this.#form.values) {
      kept = this.#form.values;
      this.#once = crypto.randomUUID?.() ?? String(Math.random());
    }
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => void this.#count(), TYPING);
    this.requestUpdate();
  }

  async #count() {
    const form = this.#form, one = form.text("to") === "one", user = form.text("userId").trim(), device = form.text("deviceId").trim();
    if (one && !user) {
      this.#audience = this.#nobody = null;
      this.#asked = "";
      this.requestUpdate();
      return;
    }
    const query = { userId: one ? user : null, deviceId: device || null };
    const asked = this.#asked = JSON.stringify(query);
    try {
      const audience = await this.ask("GET", "api/audience", { query });
      if (asked !== this.#asked) return;
      this.#audience = audience;
      this.#nobody = null;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#audience = null;
      this.#nobody = /** @type {Error} */ (error);
    }
    this.requestUpdate();
  }

  render() {
    return html`
      ${heading(this.say("adminSend"))}
      <div class="columns compose">${this.#writing()}${this.#preview()}</div>`;
  }

  #writing() {
    const form = this.#form, { texts } = this, everyone = form.text("to") === "all";
    const choice = (/** @type {string} */ to, /** @type {string} */ label) => html`
      <label><input type="radio" name="to" value=${to} .checked=${form.text("to") === to} @change=${() => form.set("to", to)}><span>${this.say(label)}</span></label>`;
    return html`
      <form class="card" novalidate aria-label=${this.say("adminSend")} @submit=${this.#send}>
        <fieldset><legend>${this.say("adminTo")}</legend><div class="radios">${choice("one", "adminOneUser")}${choice("all", "adminEveryone")}</div></fieldset>
        ${everyone ? nothing : form.field("userId", { label: "adminUser" }, texts)}
        <p class="reach" role="status">${this.#reach()}</p>
        <fieldset><legend>${this.say("severity")}</legend>
          <div class="types choose">
            ${TYPES.map((type) => html`
              <label class="type ${type}"><input type="radio" name="type" value=${type} .checked=${form.text("type") === type} @change=${() => form.set("type", type)}>${iconOf(type)}<span>${this.say(type)}</span></label>`)}
          </div>
        </fieldset>
        ${form.field("title", { label: "adminTitle" }, texts)}
        ${form.field("message", { label: "adminMessage", rows: 4 }, texts)}
        ${form.field("deviceId", { label: "device", optional: true, hint: "adminDeviceHint" }, texts)}
        ${form.toggle("dismissible", "adminDismissible", "adminDismissibleText", texts)}
        <details class="more-fields" ?open=${["url", "icon", "tags", "group", "appId", "metadata"].some((name) => form.text(name) || form.problems[name])}>
          <summary>${this.say("adminMoreFields")}</summary>
          ${form.field("url", { label: "adminUrl", optional: true, kind: "url", placeholder: "https://" }, texts)}
          ${form.field("icon", { label: "adminIcon", optional: true, kind: "url", placeholder: "https://" }, texts)}
          <div class="pair">
            ${form.field("tags", { label: "tags", optional: true, hint: "adminTagsHint" }, texts)}
            ${form.field("group", { label: "group", optional: true }, texts)}
          </div>
          ${form.field("appId", { label: "adminInNameOf", optional: true, hint: "adminInNameOfHint" }, texts)}
          ${form.field("metadata", { label: "metadata", optional: true, hint: "adminMetadataHint", rows: 4, mono: true }, texts)}
        </details>
        ${form.trouble}
        <div class="line">
          <button type="submit" class="button strong" aria-disabled=${String(form.busy)}>${icon("send")}${everyone ? this.say("adminSendAll", { count: this.#audience?.users ?? 0 }) : this.say("adminSendIt")}</button>
          <button type="button" class="button" data-act="clear" @click=${() => { this.#sent = null; form.reset(EMPTY); }}>${this.say("adminClear")}</button>
        </div>
        ${this.#sent ? html`
          <p class="notice good" role="status">${icon("circle-check")}<span>${this.#sent.streams ? this.say("adminDidSend", { count: this.#sent.streams }) : this.say("adminDidSendToNone")} <a class="link" href=${addressOf("look-up", this.#sent.id)}>${this.say("adminItsStory")}</a></span></p>` : nothing}
      </form>`;
  }

  #reach() {
    if (this.#nobody) return html`<span class="problem">${reasonOf(this.#nobody, this.texts)}</span>`;
    if (!this.#audience) return this.say("adminReachNobodyYet");
    const { users, streams } = this.#audience;
    return html`${icon("radio")}<span>${this.say("adminReaches", { count: users })} ${streams ? this.say("adminReachesNow", { count: streams }) : this.say("adminReachesNoStream")}</span>`;
  }

  #preview() {
    const { texts } = this, told = this.#told();
    const item = new Item(told, 0), state = { read: null, dismissed: null, acknowledged: null };
    return html`
      <section class="preview" aria-label=${this.say("adminPreview")}>
        <h2>${this.say("adminPreview")}</h2>
        <div class="card as-row" inert>${row(item, { state, names: IDS, texts, now: this.#now, top: 0, height: 84, current: false, open: false, selected: false, selecting: false })}</div>
        <div class="card" inert>${whole(told, texts)}</div>
      </section>`;
  }

  /** What it would be. @returns {Told} */
  #told() {
    const form = this.#form, tags = tagsOf(form.text("tags"));
    let metadata = {};
    try {
      metadata = JSON.parse(form.text("metadata") || "{}");
    } catch {
      // Told at its field when it is sent.
    }
    return /** @type {Told} */ ({
      id: "preview", type: /** @type {Type} */ (form.text("type")), title: form.text("title") || this.say("adminTitle"), message: form.text("message") || this.say("adminMessage"),
      userId: form.text("to") === "all" ? null : form.text("userId"), deviceId: form.text("deviceId").trim() || null, dismissible: form.on("dismissible"),
      metadata: metadata && typeof metadata === "object" ? metadata : {}, timestamp: new Date(this.#now).toISOString(), first: "0-0", since: "0-0", read: null, dismissed: null, acknowledged: null,
      ...(form.text("url") ? { url: form.text("url") } : {}), ...(form.text("icon") ? { icon: form.text("icon") } : {}), ...(tags.length ? { tags } : {}),
      ...(form.text("group") ? { group: form.text("group") } : {}), ...(form.text("appId") ? { appId: form.text("appId") } : {}),
    });
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    const form = this.#form, everyone = form.text("to") === "all";
    this.#sent = null;
    await form.submit(event, this.texts, {
      missing: [...(everyone ? [] : ["userId"]), "title", "message"],
      of: { 404: "userId" },
      send: async () => {
        const json = this.#body(everyone);
        if (everyone && !await this.sure(this.say("adminSendAllAsk", { count: this.#audience?.users ?? 0 }), this.say("adminSendIt"))) return;
        const answer = await this.ask("POST", "api/notifications/send", { json, headers: { "idempotency-key": this.#once } });
        this.#sent = { id: answer.notificationId, streams: answer.recipientCount };
        this.#once = crypto.randomUUID?.() ?? String(Math.random());
      },
    });
  }

  /** The body; metadata goes as it was typed, with all its digits. @param {boolean} everyone */
  #body(everyone) {
    const form = this.#form, tags = tagsOf(form.text("tags")), metadata = form.text("metadata").trim();
    /** @type {Record<string, unknown>} */
    const fields = { title: form.text("title"), message: form.text("message"), type: form.text("type"), dismissible: form.on("dismissible") };
    if (!everyone) fields["userId"] = form.text("userId").trim();
    for (const name of OPTIONAL) if (form.text(name).trim()) fields[name] = form.text(name).trim();
    if (tags.length) fields["tags"] = tags;
    const text = JSON.stringify(fields);
    if (!metadata) return text;
    let object;
    try {
      object = JSON.parse(metadata);
    } catch (error) {
      throw new Mistake("metadata", this.say("adminNoJson", { why: /** @type {Error} */ (error).message }));
    }
    if (object === null || typeof object !== "object" || Array.isArray(object)) throw new Mistake("metadata", this.say("adminNoObject"));
    return `${text.slice(0, -1)},"metadata":${metadata}}`;
  }
}

/** @param {string} text */
function tagsOf(text) {
  return text.split(",").map((tag) => tag.trim()).filter(Boolean);
}
