import { html, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { reasonOf } from "../inbox/sentences.js";
import { ofReach } from "./findings.js";
import { Form } from "./form.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";
import { addressOf } from "./place.js";
import { refusalsTable, tells } from "./refusals.js";
import { findingsList, reachOf } from "./reach.js";
import { sendingEntry, speaksOf } from "./sending.js";
import { streamsTable } from "./streams.js";

/** @typedef {import("./findings.js").Reach} Reach */
/** @typedef {import("./refusals.js").Refusal} Refusal */
/** @typedef {import("./sending.js").Sending} Sending */

/** So many sends are looked through at a time for those to one user, in pages of this many. */
const LOOKED = 2_000, PAGE = 200;

/** Why did it not arrive: by the id of a notification, by whom it was for, or by words of it. */
export class LookUp extends Page {
  #form = new Form("look-up", { wanted: "" }, () => this.requestUpdate());
  /** @type {Reach | null} */
  #reach = null;
  /** What was sent to them; where there is no such user, what speaks of it. @type {Sending[]} */
  #sent = [];
  /** What was refused: to them or by them; where there is no such user, what speaks of it. @type {Refusal[]} */
  #refused = [];
  #looked = 0;
  /** @type {string | null | undefined} */
  #next = undefined;
  /** @type {Error | null} */
  #trouble = null;
  #busy = false;

  get #user() {
    return this.place.query.get("user");
  }

  enter() {
    this.#reach = null;
    this.#sent = [];
    this.#refused = [];
    this.#looked = 0;
    this.#next = undefined;
    if (this.#user !== null) {
      this.#form.set("wanted", this.#user);
      void this.#find(this.#user);
    }
  }

  /** @param {string} user */
  async #find(user) {
    this.#busy = true;
    this.#trouble = null;
    this.requestUpdate();
    try {
      const reach = await reachOf(this, user);
      if (user !== this.#user) return;
      this.#reach = reach;
      await this.#refusedOf(reach);
      await this.#lookBack(reach);
    } catch (error) {
      this.#trouble = /** @type {Error} */ (error);
    }
    this.#busy = false;
    this.requestUpdate();
  }

  /** @param {Reach} reach */
  async #refusedOf({ id, user }) {
    const { refusals } = await this.ask("GET", "api/refusals", { query: { limit: PAGE, userId: user ? id : null } });
    if (id === this.#user) this.#refused = user ? refusals : refusals.filter((/** @type {Refusal} */ refusal) => tells(refusal, id));
  }

  /** Look through what was sent, newest first. @param {Reach} reach */
  async #lookBack({ id, user }) {
    for (let page = 0; page < LOOKED / PAGE; page += 1) {
      const { sent, next } = await this.ask("GET", "api/sent", { query: { limit: PAGE, before: this.#next } });
      if (id !== this.#user) return;
      this.#looked += sent.length;
      this.#sent = [...this.#sent, ...sent.filter((/** @type {Sending} */ sending) => (user ? sending.userId === id || sending.userId === null : speaksOf(sending, id)))];
      this.#next = next;
      if (next === null) return;
    }
  }

  render() {
    const { texts } = this;
    return html`
      ${heading(this.say("adminLookUp"))}
      <p class="quiet">${this.say("adminLookUpText")}</p>
      <form class="card inline" novalidate role="search" @submit=${this.#submit}>
        ${this.#form.field("wanted", { label: "adminWanted", placeholder: "notif_… / user" }, texts)}
        <button type="submit" class="button strong">${icon("search")}${this.say("adminFind")}</button>
      </form>
      ${this.#trouble ? html`<p class="problem" role="alert">${reasonOf(this.#trouble, texts)}</p>` : nothing}
      ${this.#reach ? this.#found(this.#reach) : nothing}
      ${this.#busy ? html`<p class="foot quiet" aria-busy="true">${this.say("loading")}</p>` : nothing}
      ${this.#user === null || this.#reach ? this.#refusals() : nothing}`;
  }

  /** @param {Reach} reach */
  #found(reach) {
    const { texts } = this;
    return html`
      <section class="card" aria-labelledby="reach">
        <div class="heading"><h2 id="reach"><bdi>${reach.id}</bdi></h2>
          ${reach.user ? html`<a class="button" href=${addressOf("users", reach.id)}>${icon("user")}${this.say("adminRights")}</a>` : nothing}</div>
        <div role="status">${findingsList(ofReach(reach), texts)}</div>
        ${reach.streams.length ? streamsTable(reach.streams, texts) : nothing}
      </section>
      <section class="card" aria-labelledby="refused">
        <h2 id="refused">${reach.user ? this.say("adminRefusedToThem") : this.say("adminRefusedWith", { words: reach.id })}</h2>
        ${this.#refused.length ? refusalsTable(this.#refused, texts) : html`<p class="quiet">${this.say("adminNoneRefused")}</p>`}
      </section>
      <section aria-labelledby="to-them">
        <h2 id="to-them">${reach.user ? this.say("adminSentToThem") : this.say("adminSentWith", { words: reach.id })}</h2>
        <ul class="entries">${this.#sent.map((sending) => sendingEntry(sending, texts))}</ul>
        <p class="quiet">${this.#busy ? "" : this.#next === null ? this.say(this.#sent.length ? "thatIsAll" : reach.user ? "adminNothingToThem" : "adminNothingWith") : this.say("adminLooked", { count: this.#looked })}
          ${this.#next && !this.#busy ? html`<button type="button" class="button" @click=${this.#further}>${this.say("adminLookFurther")}</button>` : nothing}</p>
      </section>`;
  }

  /** What a sender is told whose notification is not in the list. */
  #refusals() {
    return html`
      <details class="card refusals" ?open=${Boolean(this.#reach)}>
        <summary><h2>${this.say("adminNotThere")}</h2></summary>
        <p>${this.say("adminNotThereText")}</p>
        <dl class="facts">
          ${["401", "403", "404", "404app", "422", "429", "503"].map((status) => html`<div><dt><code>${status.slice(0, 3)}</code></dt><dd>${this.say(`adminRefusal-${status}`)}</dd></div>`)}
        </dl>
      </details>`;
  }

  #further = async () => {
    const reach = this.#reach;
    if (reach === null) return;
    this.#busy = true;
    this.requestUpdate();
    await this.act(() => this.#lookBack(reach));
    this.#busy = false;
    this.requestUpdate();
  };

  /** @param {SubmitEvent} event */
  async #submit(event) {
    const wanted = this.#form.text("wanted").trim();
    if (!await this.#form.submit(event, this.texts, { missing: ["wanted"], send: () => Promise.resolve() })) return;
    if (wanted.startsWith("notif_")) location.hash = addressOf("look-up", wanted);
    else if (wanted === this.#user) this.enter();
    else location.hash = addressOf("look-up", null, { user: wanted });
  }
}
