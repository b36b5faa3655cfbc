import { html, nothing } from "../vendor/lit.js";
import { Listing } from "./listing.js";
import { Page } from "./page.js";
import { heading, moment, table } from "./parts.js";

/** @typedef {{number: number, at: string, who: string, action: string, what: string, origin: string, result: string}} Entry */

/** Who did what, from where, and how it ended. */
export class Audit extends Page {
  /** @type {Listing<Entry>} */
  #entries = new Listing((query) => this.ask("GET", "api/audit", { query }), "audit", () => this.requestUpdate());

  enter() {
    void this.#entries.refresh();
  }

  render() {
    const { texts } = this, { items } = this.#entries;
    return html`
      ${heading(this.say("adminAudit"), html`<button type="button" class="button" @click=${() => this.#entries.refresh()}>${this.say("adminRefresh")}</button>`)}
      ${items.length ? table(this.say("adminAudit"), ["adminAt", "adminWho", "adminAction", "adminWhat", "adminFrom", "adminResult"].map((key) => this.say(key)),
        items.map(({ at, who, action, what, origin, result }) => [
          moment(at, texts), html`<bdi>${who}</bdi>`, html`<code>${action}</code>`, html`<bdi>${what}</bdi>`, html`<bdi>${origin || "–"}</bdi>`,
          html`<span class="tag ${result === "done" ? "success" : "error"}">${result === "done" ? this.say("adminDone") : result}</span>`,
        ])) : nothing}
      ${this.#entries.foot(texts, this.say("adminNoAudit"))}`;
  }
}
