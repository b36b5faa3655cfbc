import { html, nothing } from "../vendor/lit.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { credentialOf, heading, moment, table, userLink } from "./parts.js";

/**
 * A stream, as the server tells of it.
 * @typedef {{id: string, node: string | null, userId: string | null, credential: string | null, kind: "websocket" | "events" | "lines", devices: string[] | null,
 *   address: string, since: string, sent: number, behind: boolean}} Stream
 */

/** How often they are looked at, in milliseconds. */
const LOOK = 3_000;

/** The streams that are open now. */
export class Streams extends Page {
  /** @type {Listing<Stream>} */
  #streams = new Listing((query) => this.ask("GET", "api/streams", { query }), "streams", () => this.requestUpdate());

  connectedCallback() {
    super.connectedCallback();
    // Who has asked for more pages is reading them.
    this.every(LOOK, async () => { if (this.#streams.items.length <= 50) await this.#streams.refresh(); });
  }

  render() {
    const { texts } = this, { items, page } = this.#streams;
    return html`
      ${heading(this.say("adminStreams"), html`<span class="total" role="status">${page ? this.say("adminOpenNow", { count: page.total }) : ""}</span>`)}
      <p class="quiet">${this.say("adminStreamsText")}</p>
      ${page?.missing.length ? html`<p class="problem" role="alert">${this.say("adminMissingNodes", { nodes: page.missing.join(", ") })}</p>` : nothing}
      ${items.length ? streamsTable(items, texts) : nothing}
      ${this.#streams.foot(texts, this.say("adminNoStreams"))}`;
  }
}

/** @param {Stream[]} streams @param {import("../texts/texts.js").Texts} texts */
export function streamsTable(streams, texts) {
  // One process by itself has no name.
  const nodes = streams.some(({ node }) => node !== null);
  const columns = ["adminUser", "adminKind", "adminCredential", "adminHears", "adminFrom", "adminSince", "adminBytes", "adminState", ...(nodes ? ["adminNode"] : [])];
  return table(texts.say("adminStreams"), columns.map((key) => texts.say(key)),
    streams.map(({ node, userId, kind, credential, devices, address, since, sent, behind }) => [
      userId === null ? html`<span class="quiet">${texts.say("adminNobody")}</span>` : userLink(userId),
      texts.say(`adminKind-${kind}`),
      credentialOf(credential, texts),
      devices === null ? texts.say("adminEverything") : html`<bdi>${devices.join(", ")}</bdi>`,
      html`<bdi>${address}</bdi>`,
      moment(since, texts),
      bytes(sent, texts),
      html`<span class="tag ${behind ? "warning" : "success"}">${texts.say(behind ? "catching-up" : "live")}</span>`,
      ...(nodes ? [html`<bdi>${node}</bdi>`] : []),
    ]));
}

/** @param {number} count @param {import("../texts/texts.js").Texts} texts */
function bytes(count, texts) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), units.length - 1);
  // In short it would be "962 byte".
  const unitDisplay = step ? "short" : "long";
  return new Intl.NumberFormat(texts.language, { style: "unit", unit: units[step] ?? "byte", unitDisplay, maximumFractionDigits: 1 }).format(count / 1_000 ** step);
}
