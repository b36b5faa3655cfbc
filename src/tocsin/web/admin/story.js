import { html, nothing } from "../vendor/lit.js";
import { icon } from "../inbox/icons.js";
import { TocsinError } from "../client.js";
import { reasonOf } from "../inbox/sentences.js";
import { ofReach, ofStory } from "./findings.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading, moment, table, userLink } from "./parts.js";
import { addressOf } from "./place.js";
import { findingsList, reachOf } from "./reach.js";
import { origin, whole } from "./sending.js";

/** @typedef {import("./findings.js").Reach} Reach */
/** @typedef {import("./findings.js").Receipt} Receipt */
/** @typedef {import("./findings.js").Receipts} Receipts */

/** How often it is looked at again, in milliseconds. */
const LOOK = 2_000;

/** All that is known of one notification. */
export class Story extends Page {
  /** @type {Listing<Receipt>} */
  #receipts = new Listing((query) => this.ask("GET", `${this.#path}/receipts`, { query }), "receipts", () => this.requestUpdate());
  /** @type {Receipts | null} */
  #story = null;
  /** @type {Reach | null} */
  #reach = null;
  #unknown = false;

  get #id() {
    return this.place.id ?? "";
  }

  get #path() {
    return `api/notifications/${encodeURIComponent(this.#id)}`;
  }

  connectedCallback() {
    super.connectedCallback();
    // Who has asked for more pages is reading them.
    this.every(LOOK, async () => { if (this.#story && this.#receipts.items.length <= 50) await this.#read(); });
  }

  enter() {
    this.#story = this.#reach = null;
    this.#unknown = false;
    void this.#read().then(() => this.#lookAround());
  }

  async #read() {
    await this.#receipts.refresh();
    const { trouble, page } = this.#receipts;
    this.#unknown = trouble instanceof TocsinError && trouble.status === 404;
    if (!trouble && page?.id === this.#id) this.#story = page;
    this.requestUpdate();
  }

  /** How whom it is for is reached now. */
  async #lookAround() {
    const user = this.#story?.userId ?? null;
    if (user !== null) await this.act(async () => { this.#reach = await reachOf(this, user); });
  }

  render() {
    const story = this.#story;
    return html`
      <a class="link up" href=${addressOf("look-up")}>${icon("arrow-left")}${this.say("adminLookUp")}</a>
      ${heading(this.say("adminStory"), story && story.withdrawn === null ? html`<button type="button" class="button danger" data-act="withdraw" @click=${() => this.#withdraw()}>${icon("undo-2")}${this.say("adminWithdraw")}</button>` : nothing)}
      ${story ? this.#whole(story) : this.#unknown ? html`
        <section class="card"><p role="alert">${this.say("adminNoSuchNotification")} <code><bdi>${this.#id}</bdi></code></p><p>${this.say("adminNoSuchNotificationText")}</p></section>`
        : this.#receipts.trouble ? html`<p class="problem" role="alert">${reasonOf(this.#receipts.trouble, this.texts)}</p>` : html`<p class="quiet" aria-busy="true">${this.say("loading")}</p>`}`;
  }

  /** @param {Receipts} story */
  #whole(story) {
    const { texts } = this, { notification } = story, receipts = this.#receipts;
    return html`
      <section class="card" aria-labelledby="became">
        <h2 id="became">${this.say("adminWhatBecame")}</h2>
        ${findingsList(ofStory(story, notification?.type ?? ""), texts)}
        ${this.#reach ? html`<h3>${this.say("adminAsOfNow")}</h3>${findingsList(ofReach(this.#reach, notification?.deviceId ?? null), texts)}` : nothing}
      </section>
      ${this.#counts(story)}
      <div class="columns">
        <section class="card" aria-labelledby="origin"><h2 id="origin">${this.say("adminOrigin")}</h2>${origin(story, texts)}</section>
        <section class="card as-seen" aria-labelledby="as-seen"><h2 id="as-seen">${this.say("adminAsSeen")}</h2>
          ${notification ? whole(notification, texts) : html`<p class="quiet">${this.say(story.withdrawn === null ? "adminTextNotFound" : "adminTextGone")}</p>`}</section>
      </div>
      <section class="card" aria-labelledby="recipients">
        <h2 id="recipients">${this.say("adminRecipients", { count: story.recipients })}</h2>
        ${receipts.items.length ? table(this.say("adminRecipients", { count: story.recipients }), ["adminUser", "adminDelivered", "readAt", "acknowledgedAt", "dismissedAt"].map((key) => this.say(key)),
          receipts.items.map(({ userId, delivered, read, acknowledged, dismissed }) => [userLink(userId), ...[delivered, read, acknowledged, dismissed].map((at) => moment(at, texts, this.say("adminNot")))])) : nothing}
        ${receipts.foot(texts, this.say("adminNoRecipients"))}
      </section>`;
  }

  /** @param {Receipts} story */
  #counts({ streamed, recipients, delivered, read, acknowledged, dismissed }) {
    const one = (/** @type {string} */ key, /** @type {number} */ count, /** @type {number | null} */ of = recipients) => html`
      <div class="tile"><dt>${this.say(key)}</dt><dd>${this.texts.numbers.format(count)}${of === null ? nothing : html` <small>${this.say("adminOf", { count: of })}</small>`}</dd></div>`;
    return html`
      <dl class="tiles">${one("adminStreamed", streamed, null)}${one("adminDelivered", delivered)}${one("readAt", read)}${one("acknowledgedAt", acknowledged)}${one("dismissedAt", dismissed)}</dl>`;
  }

  async #withdraw() {
    if (!await this.sure(this.say("adminWithdrawAsk"), this.say("adminWithdraw"))) return;
    await this.act(() => this.ask("DELETE", this.#path), this.say("adminDidWithdraw"));
    await this.#read();
  }
}
