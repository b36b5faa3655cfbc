import { html, nothing } from "../vendor/lit.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { credentialOf, finder, heading, moment, senderLink, table, userLink } from "./parts.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * A send that was refused, as `GET /api/refusals` tells of it.
 * @typedef {{node: string | null, at: string, since: string, count: number, route: string, status: number, code: string, error: string, userId: string | null,
 *   sender: string | null, credential: string | null, keyId: string | null, appId: string | null, address: string}} Refusal
 */

/** How often they are looked at, in milliseconds. */
const LOOK = 2_000;

/** What was not taken, and why. */
export class Refusals extends Page {
  /** @type {Listing<Refusal>} */
  #refusals = new Listing((query) => this.ask("GET", "api/refusals", { query }), "refusals", () => this.requestUpdate());
  #words = "";

  connectedCallback() {
    super.connectedCallback();
    // Who has asked for more pages is reading them.
    this.every(LOOK, async () => { if (this.#refusals.items.length <= 50) await this.#refusals.refresh(); });
  }

  render() {
    const { texts } = this, { items, page } = this.#refusals, words = this.#words.trim();
    const shown = words ? items.filter((refusal) => tells(refusal, words)) : items;
    return html`
      ${heading(this.say("adminRefusals"))}
      <p class="quiet">${this.say("adminRefusalsText")}</p>
      <div class="tail-tools">${finder(this.say("adminFilterRefusals"), this.#words, (typed) => { this.#words = typed; this.requestUpdate(); })}</div>
      ${shown.length ? refusalsTable(shown, texts) : items.length ? html`<p class="foot quiet">${this.say("nothingFound")}</p>` : nothing}
      ${this.#refusals.foot(texts, this.say("adminNoRefusals"))}
      ${page?.missing.length ? html`<p class="problem" role="alert">${this.say("adminMissingRefusals", { nodes: page.missing.join(", ") })}</p>` : nothing}
      ${page ? html`<p class="quiet">${this.say("adminRefusalsBegan", { at: texts.full(Date.parse(page.began)) })}</p>` : nothing}`;
  }
}

/** Whether words are in what is told of it. @param {Refusal} refusal @param {string} words */
export function tells({ status, error, userId, sender, credential, keyId, appId, address }, words) {
  const wanted = words.toLowerCase();
  return [String(status), error, userId, sender, credential, keyId, appId, address].some((text) => text?.toLowerCase().includes(wanted));
}

/** @param {Refusal[]} refusals @param {Texts} texts */
export function refusalsTable(refusals, texts) {
  const nodes = refusals.some(({ node }) => node !== null);
  const columns = ["adminAt", "adminAnswer", "adminTo", "adminSender", "adminFrom", ...(nodes ? ["adminNode"] : [])].map((key) => texts.say(key));
  return table(texts.say("adminRefusals"), columns, refusals.map((refusal) => [
    html`${moment(refusal.at, texts)}${refusal.count > 1 ? html`<br><span class="quiet">${texts.say("adminRefusedTimes", { count: refusal.count })}</span>` : nothing}`,
    html`<span class="tag error">${refusal.status}</span> <bdi>${refusal.error}</bdi>`,
    refusal.userId === null ? html`<span class="quiet">–</span>` : userLink(refusal.userId),
    senderOf(refusal, texts),
    html`<bdi>${refusal.address}</bdi>`,
    ...(nodes ? [html`<bdi>${refusal.node}</bdi>`] : []),
  ]));
}

/** @param {Refusal} refusal @param {Texts} texts */
function senderOf({ sender, credential, keyId, appId }, texts) {
  if (sender !== null) return html`${senderLink(sender)}<br><span class="quiet">${credentialOf(credential, texts)}</span>`;
  // Of a credential that does not hold, nothing is known but what it says of itself.
  return html`<span class="quiet">${texts.say("adminHoldsNot")}</span>
    ${keyId === null ? nothing : html` <code><bdi>${keyId}</bdi></code>`}${appId === null ? nothing : html` <span class="quiet">${texts.say("app")} <bdi>${appId}</bdi></span>`}`;
}
