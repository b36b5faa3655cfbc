import { LitElement, html } from "../vendor/lit.js";
import uPlot from "./vendor/uplot.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/**
 * One line of a chart: the tone is that of the notifications' severities, or `accent`.
 * @typedef {{label: string, tone: string, values: (number | null)[]}} Line
 */

/** Between the lines of the scale: what is counted has no halves. */
const STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const HEIGHT = 180, LEAST = 200;

/** Figures over time, drawn by uPlot; the same as a table for who does not see them. */
export class Chart extends LitElement {
  static properties = {
    texts: { attribute: false }, label: {}, unit: {}, times: { attribute: false }, lines: { attribute: false }, from: { attribute: false }, to: { attribute: false }, at: { state: true },
  };

  /** @type {uPlot | null} */
  #plot = null;
  #drawn = "";
  /** @type {ResizeObserver | null} */
  #sizes = null;
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  /** @type {MutationObserver | null} */
  #theme = null;

  constructor() {
    super();
    /** @type {Texts} */
    this.texts = /** @type {any} */ (null);
    this.label = "";
    this.unit = "";
    /** Seconds. @type {number[]} */
    this.times = [];
    /** @type {Line[]} */
    this.lines = [];
    this.from = 0;
    this.to = 0;
    /** Which moment is pointed at. @type {number | null} */
    this.at = null;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.#scheme.addEventListener("change", this.#redraw);
    this.#theme = new MutationObserver(this.#redraw);
    this.#theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#scheme.removeEventListener("change", this.#redraw);
    this.#theme?.disconnect();
    this.#sizes?.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
    this.#drawn = "";
  }

  #redraw = () => {
    this.#plot?.redraw(false, true);
  };

  render() {
    const { texts, lines, times, at } = this;
    const shown = at ?? times.length - 1;
    return html`
      <figure class="card chart">
        <figcaption>
          <h2>${this.label}</h2>
          <span class="legend">
            ${at !== null && times[at] !== undefined ? html`<b>${texts.clock.format(times[at] * 1_000)}</b>` : ""}
            ${lines.map(({ label, tone, values }) => html`<span class="key ${tone}"><span class="swatch"></span>${lines.length > 1 ? `${label} ` : ""}<b>${this.#number(values[shown] ?? null)}</b></span>`)}
          </span>
        </figcaption>
        <div class="plot" dir="ltr" role="img" aria-label=${this.#summary}></div>
        <details class="as-table"><summary>${texts.say("adminAsTable")}</summary>
          <div class="scroll" tabindex="0" role="region" aria-label=${this.label}>
            <table><thead><tr><th scope="col">${texts.say("adminAt")}</th>${lines.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
              <tbody>${times.map((time, row) => html`<tr><th scope="row">${texts.clock.format(time * 1_000)}</th>${lines.map(({ values }) => html`<td>${this.#number(values[row] ?? null)}</td>`)}</tr>`).reverse()}</tbody></table>
          </div>
        </details>
      </figure>`;
  }

  /** @param {number | null} value */
  #number(value) {
    if (value === null) return "–";
    return this.unit ? `${this.texts.short.format(value)} ${this.unit}` : this.texts.numbers.format(value);
  }

  get #summary() {
    const { texts } = this;
    return this.lines.map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      return `${label}: ${texts.say("adminMost", { most: known.length ? this.#number(Math.max(...known)) : "–" })}`;
    }).join("; ");
  }

  updated() {
    const target = /** @type {HTMLElement | null} */ (this.querySelector(".plot"));
    if (!target) return;
    const drawn = this.texts.language + this.lines.map(({ label, tone }) => label + tone).join();
    if (!this.#plot || drawn !== this.#drawn) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(target), this.#data, target);
      this.#drawn = drawn;
      this.#sizes ??= new ResizeObserver(() => this.#plot?.setSize({ width: widthOf(target), height: HEIGHT }));
      this.#sizes.observe(target);
    }
    if (this.at === null || !this.#pointing) this.#plot.setData(this.#data);
    this.#pointing = false;
  }

  /** Only what is pointed at has changed: nothing is to be drawn anew. */
  #pointing = false;

  /** @returns {import("./vendor/uplot.js").Columns} */
  get #data() {
    return [this.times, ...this.lines.map(({ values }) => values)];
  }

  /** @param {HTMLElement} target */
  #options(target) {
    const colour = (/** @type {string} */ name) => getComputedStyle(this).getPropertyValue(`--${name}`).trim();
    // A custom property keeps light-dark() as it was written; only a property that takes a colour says which one it is.
    const resolved = (/** @type {string} */ tone, share = 100) => {
      target.style.color = `color-mix(in srgb, var(--${tone}) ${share}%, transparent)`;
      const found = getComputedStyle(target).color;
      target.style.color = "";
      return found || colour(tone);
    };
    const axis = { stroke: () => resolved("quiet"), grid: { stroke: () => resolved("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: widthOf(target),
      height: HEIGHT,
      padding: [8, 28, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true, range: () => [this.from, this.to] }, y: { range: (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, Math.max(1, most * 1.15)] } },
      axes: [
        { ...axis, space: 70, size: 28, values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map((at) => this.texts.clock.format(at * 1_000)) },
        { ...axis, space: 34, size: 46, incrs: STEPS, values: (/** @type {unknown} */ _, /** @type {number[]} */ splits) => splits.map((value) => compact(value, this.texts)) },
      ],
      series: [{}, ...this.lines.map(({ tone }, at) => ({
        stroke: () => resolved(tone), width: 2, spanGaps: false, ...(at === 0 ? { fill: () => resolved(tone, 14) } : {}), points: { show: this.times.length < 4, size: 7, fill: () => resolved(tone), filter: alone },
      }))],
      hooks: {
        setCursor: [(/** @type {uPlot} */ plot) => {
          const at = plot.cursor.idx ?? null;
          if (at === this.at) return;
          this.#pointing = true;
          this.at = at;
        }],
      },
    };
  }
}

/**
 * Which values have no neighbour that a line could be drawn to: they are drawn as points.
 * @param {uPlot} plot @param {number} series @param {boolean} all are drawn as points
 */
function alone(plot, series, all) {
  const values = plot.data[series] ?? [];
  return all ? null : [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null);
}

/** @param {HTMLElement} target */
function widthOf(target) {
  return Math.max(LEAST, Math.floor(target.clientWidth));
}

/** @param {number} value @param {Texts} texts */
function compact(value, texts) {
  return new Intl.NumberFormat(texts.language, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}
