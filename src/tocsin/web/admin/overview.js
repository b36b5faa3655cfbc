import { html, nothing } from "../vendor/lit.js";
import { reasonOf } from "../inbox/sentences.js";
import { Page } from "./page.js";
import { heading } from "./parts.js";
import { addressOf } from "./place.js";

/**
 * @typedef {{at: string, sends: number, deliveries: number, refusals: number, streams: number, p50: number | null, p99: number | null}} Figure
 * @typedef {{span: "hour" | "day", began: string, step: number, figures: Figure[]}} Figures
 */

/** How often the figures are read, in milliseconds. */
const LOOK = 5_000;
/** Milliseconds. */
const SPANS = { hour: 3_600_000, day: 86_400_000 };

/** How it goes: what is sent, to how many, how fast, and what is refused. */
export class Overview extends Page {
  /** @type {Figures | null} */
  #figures = null;
  /** @type {Error | null} */
  #trouble = null;
  /** @type {"hour" | "day"} */
  #span = "hour";
  #at = Date.now();

  connectedCallback() {
    super.connectedCallback();
    this.every(LOOK, () => this.#read());
  }

  async #read() {
    const span = this.#span;
    try {
      const figures = await this.ask("GET", "api/figures", { query: { span } });
      if (span !== this.#span) return;
      this.#figures = figures;
      this.#at = Date.now();
      this.#trouble = null;
    } catch (error) {
      this.#trouble = /** @type {Error} */ (error);
    }
    this.requestUpdate();
  }

  render() {
    const figures = this.#figures;
    return html`
      <link rel="stylesheet" href=${new URL("./vendor/uplot.css", import.meta.url).href}>
      ${heading(this.say("adminOverview"), html`
        <div class="views" role="group" aria-label=${this.say("adminSpan")}>
          ${/** @type {const} */ (["hour", "day"]).map((span) => html`<button type="button" class="view" aria-pressed=${String(this.#span === span)} @click=${() => this.#choose(span)}>${this.say(`adminSpan-${span}`)}</button>`)}
        </div>`)}
      ${this.#trouble ? html`<p class="problem" role="alert">${this.say("loadFailed", { why: reasonOf(this.#trouble, this.texts) })}</p>` : nothing}
      ${figures ? this.#all(figures) : this.#trouble ? nothing : html`<p class="quiet" aria-busy="true">${this.say("loading")}</p>`}`;
  }

  /** @param {"hour" | "day"} span */
  #choose(span) {
    this.#span = span;
    void this.#read();
    this.requestUpdate();
  }

  /** @param {Figures} all */
  #all({ began, figures, span }) {
    const sum = (/** @type {"sends" | "deliveries" | "refusals"} */ name) => figures.reduce((total, figure) => total + figure[name], 0);
    const last = figures.at(-1), latencies = figures.map(({ p99 }) => p99).filter((p99) => p99 !== null);
    const tile = (/** @type {string} */ key, /** @type {string} */ value, /** @type {string} */ to, tone = "") => html`
      <div class="tile ${tone}"><dt><a class="link" href=${to}>${this.say(key)}</a></dt><dd><bdi>${value}</bdi></dd></div>`;
    const number = (/** @type {number} */ count) => this.texts.numbers.format(count), refused = sum("refusals");
    return html`
      <dl class="tiles">
        ${tile("adminStreamsNow", number(last?.streams ?? 0), addressOf("streams"))}
        ${tile("adminSends", number(sum("sends")), addressOf("sent"))}
        ${tile("adminDeliveries", number(sum("deliveries")), addressOf("sent"))}
        ${tile("adminRefusals", number(refused), addressOf("refusals"), refused ? "error" : "")}
        ${tile("adminSlowest", latencies.length ? `${this.texts.short.format(Math.max(...latencies))} ms` : "–", addressOf("sent"))}
      </dl>
      <div class="charts">
        ${this.#chart("adminSends", "", figures, span, [["adminSends", "accent", "sends"]])}
        ${this.#chart("adminDeliveries", "", figures, span, [["adminDeliveries", "success", "deliveries"]])}
        ${this.#chart("adminLatency", "ms", figures, span, [["adminP99", "warning", "p99"], ["adminP50", "info", "p50"]])}
        ${this.#chart("adminRefusals", "", figures, span, [["adminRefusals", "error", "refusals"]])}
        ${this.#chart("adminStreams", "", figures, span, [["adminStreams", "info", "streams"]])}
      </div>
      <p class="quiet">${this.say("adminBegan", { at: this.texts.full(Date.parse(began)) })}</p>`;
  }

  /**
   * @param {string} key @param {string} unit @param {Figure[]} figures @param {"hour" | "day"} span
   * @param {[string, string, Exclude<keyof Figure, "at">][]} lines label, tone and what
   */
  #chart(key, unit, figures, span, lines) {
    return html`
      <admin-chart .texts=${this.texts} label=${this.say(key)} unit=${unit} .times=${figures.map(({ at }) => Date.parse(at) / 1_000)} .from=${(this.#at - SPANS[span]) / 1_000} .to=${this.#at / 1_000}
        .lines=${lines.map(([label, tone, name]) => ({ label: this.say(label), tone, values: figures.map((figure) => figure[name]) }))}></admin-chart>`;
  }
}
