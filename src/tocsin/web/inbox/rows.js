import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { lineOf, lines } from "./days.js";
import { mayDismiss } from "./notification.js";
import { row } from "./row.js";
import { Heights } from "./span.js";
import { swiping } from "./swipe.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./days.js").Line} Line */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** Heights of a line in the unit of the text, by density. Every row is as high as every other, so that any of 100,000 is found at once. */
const ROW = { comfortable: 5.25, compact: 3.5 }, DAY = 2.25;
/** So many pixels above and below what is in sight are in the document, and the next page is asked for before so many are left. */
const AROUND = 400, AHEAD = 2_000;

/** The list: only what is in sight is in the document. It draws into the root of the inbox that holds it. */
export class Rows extends LitElement {
  static properties = {
    desk: { attribute: false }, texts: { attribute: false }, density: {}, now: { attribute: false }, version: { attribute: false },
  };

  /** @type {readonly unknown[] | null} */
  #items = null;
  /** @type {Line[]} */
  #lines = [];
  #heights = new Heights([], 1, 1);
  #unit = 16;
  /** What is at the top of what is in sight, to stay there. @type {{id: string, by: number} | null} */
  #anchor = null;
  #seenTop = Infinity;
  #fresh = 0;
  /** Whether the row that had the focus has gone: then keys would be heard by nobody. */
  #takeFocus = false;
  /** The line that keys act on, as it was last drawn. */
  #place = 0;
  #measured = "";
  /** @type {ResizeObserver | null} */
  #sizes = null;
  /** @type {(() => void) | null} */
  #noSwipes = null;

  constructor() {
    super();
    /** @type {Desk | null} */
    this.desk = null;
    /** @type {Texts | null} */
    this.texts = null;
    /** @type {"comfortable" | "compact"} */
    this.density = "comfortable";
    this.now = Date.now();
    this.version = 0;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.tabIndex = -1;
    this.#sizes = new ResizeObserver(() => this.requestUpdate());
    this.#sizes.observe(this);
    this.#noSwipes = swiping(this, (id) => {
      const item = this.desk?.inbox.find(id);
      return item !== undefined && mayDismiss(item.told, this.desk?.inbox.state(item) ?? item.confirmed);
    }, (id) => {
      const item = this.desk?.inbox.find(id);
      if (item && this.desk) void this.desk.act(this.desk.inbox.state(item).dismissed === null ? "dismiss" : "undismiss", id);
    });
    this.addEventListener("scroll", () => this.requestUpdate(), { passive: true });
    this.addEventListener("click", (event) => this.#clicked(event));
    this.addEventListener("focusin", (event) => this.#focused(event));
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#noSwipes?.();
  }

  /** Have a row in sight, and keys act on it. @param {string} id */
  async focusRow(id) {
    const line = this.#lineOf(id);
    if (line === undefined) return;
    const top = this.#heights.top(line), bottom = this.#heights.top(line + 1);
    // The heading of the day stays above.
    const above = this.#unit * DAY;
    if (top - above < this.scrollTop) this.scrollTo({ top: line === 1 ? 0 : top - above });
    else if (bottom > this.scrollTop + this.clientHeight) this.scrollTo({ top: bottom - this.clientHeight });
    this.requestUpdate();
    await this.updateComplete;
    this.#button(id)?.focus({ preventScroll: true });
  }

  /** Have the newest in sight. */
  toTop() {
    this.#anchor = null;
    this.scrollTo({ top: 0 });
    this.requestUpdate();
  }

  /** How many rows are in sight. */
  get page() {
    return Math.max(1, Math.floor(this.clientHeight / (this.#unit * ROW[this.density])) - 1);
  }

  /** @param {string | null} id @returns {number | undefined} */
  #lineOf(id) {
    return id === null ? undefined : lineOf(this.#lines, this.desk?.inbox.find(id));
  }

  /** @param {string} id @returns {HTMLElement | null} */
  #button(id) {
    return this.querySelector(`.row[data-id="${CSS.escape(id)}"] .main`);
  }

  willUpdate() {
    const { desk } = this;
    if (!desk) return;
    const items = desk.inbox.items, unit = parseFloat(getComputedStyle(this).fontSize);
    const measure = `${this.density} ${unit} ${new Date(this.now).toDateString()}`;
    if (items === this.#items && measure === this.#measured) return;
    const place = this.#lineOf(desk.current) ?? this.#place;
    const focused = /** @type {HTMLElement | null} */ (this.querySelector(".row:focus-within"))?.dataset["id"] ?? null;
    if (items !== this.#items) {
      this.#lines = lines(items);
      this.#items = items;
    }
    this.#measured = measure;
    this.#unit = unit;
    this.#heights = new Heights(this.#lines, Math.round(unit * DAY), Math.round(unit * ROW[this.density]));
    this.#stepOn(desk, place);
    this.#takeFocus ||= focused !== null && this.#lineOf(focused) === undefined;
    this.#stay();
  }

  /**
   * When the row that keys act on has gone, the one in its place takes over.
   * @param {Desk} desk
   * @param {number} place the line where it was
   */
  #stepOn(desk, place) {
    if (this.#lineOf(desk.current) !== undefined) return;
    const from = desk.current === null ? 0 : place;
    const next = this.#lines.slice(from, from + 2).find(({ item }) => item) ?? this.#lines.at(-1);
    desk.current = next?.item?.id ?? null;
  }

  /** What is looked at stays where it is when something comes above it. */
  #stay() {
    const line = this.#lineOf(this.#anchor?.id ?? null);
    if (!this.#anchor || line === undefined || this.scrollTop < this.#unit) return;
    const top = this.#heights.top(line) - this.#anchor.by;
    if (top === this.scrollTop) return;
    // The height has to be there before it can be scrolled to.
    const inside = /** @type {HTMLElement | null} */ (this.querySelector(".all"));
    if (inside) inside.style.height = `${this.#heights.total}px`;
    this.scrollTo({ top: top });
  }

  render() {
    const { desk, texts } = this;
    if (!desk || !texts) return nothing;
    const [from, to] = this.#heights.span(this.scrollTop, this.clientHeight || 800, AROUND);
    const visible = this.#lines.slice(from, to).map((line, at) => ({ line, at: from + at }));
    const current = this.#lineOf(desk.current);
    // The row that has the focus stays in the document, or the focus would be lost by scrolling.
    if (current !== undefined && (current < from || current >= to) && this.querySelector(".row.current :focus")) {
      const line = this.#lines[current];
      if (line) visible[current < from ? "unshift" : "push"]({ line, at: current });
    }
    const sticky = this.#lines[this.#heights.at(this.scrollTop)]?.day;
    return html`
      ${sticky === undefined ? nothing : html`<div class="sticky" aria-hidden="true"><span>${this.#day(this.#heights.at(this.scrollTop))}</span></div>`}
      <div class="all" role="list" aria-label=${texts.say("notifications")} part="list" .style=${`height:${this.#heights.total}px`}>
        ${repeat(visible, ({ line }) => line.item?.id ?? line.day, ({ line, at }) => this.#line(line, at, desk, texts))}
      </div>`;
  }

  /** @param {Line} line @param {number} at @param {Desk} desk @param {Texts} texts */
  #line({ item }, at, desk, texts) {
    const top = this.#heights.top(at), height = this.#heights.top(at + 1) - top;
    if (!item) {
      return html`<div role="listitem" class="day" part="day" .style=${`top:${top}px;height:${height}px`}><h2>${this.#day(at + 1)}</h2></div>`;
    }
    return row(item, {
      state: desk.inbox.state(item), names: desk.feed.names, texts, now: this.now, top, height,
      current: item.id === desk.current, open: item.id === desk.opened,
      selected: desk.selected.has(item.id), selecting: desk.selected.size > 0,
    });
  }

  /** The day of a line, as people call it. @param {number} at */
  #day(at) {
    const item = this.#lines[at]?.item ?? this.#lines[at + 1]?.item;
    return item && this.texts ? this.texts.day(item.at, this.now) : "";
  }

  updated() {
    const { desk } = this;
    if (!desk) return;
    const at = this.#heights.at(this.scrollTop + 1), line = this.#lines[at]?.item ? at : at + 1, item = this.#lines[line]?.item;
    this.#anchor = item ? { id: item.id, by: this.#heights.top(line) - this.scrollTop } : null;
    this.#place = this.#lineOf(desk.current) ?? 0;
    this.#count(desk);
    if (this.#takeFocus) {
      this.#takeFocus = false;
      if (desk.current === null) this.focus();
      else void this.focusRow(desk.current);
    }
    if (this.#heights.total - this.scrollTop - this.clientHeight < AHEAD && typeof desk.inbox.next === "string") void desk.more();
  }

  /** How many came above while somebody was further down. @param {Desk} desk */
  #count({ inbox }) {
    const newest = inbox.items[0]?.first ?? 0;
    if (this.scrollTop < this.#unit * 2 || this.#seenTop === Infinity) this.#seenTop = newest;
    let fresh = 0;
    while ((inbox.items[fresh]?.first ?? 0) > this.#seenTop) fresh += 1;
    if (fresh === this.#fresh) return;
    this.#fresh = fresh;
    this.dispatchEvent(new CustomEvent("fresh", { detail: fresh }));
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const id = idOf(event);
    if (!id || !this.desk || this.desk.current === id) return;
    this.desk.current = id;
    this.requestUpdate();
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const id = idOf(event), { desk } = this;
    const what = event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest("[data-do]"))?.dataset["do"] : undefined;
    if (!id || !what || !desk) return;
    if (what === "select" || (what === "open" && (event.ctrlKey || event.metaKey || event.shiftKey))) {
      desk.select(id, { through: event.shiftKey });
    } else if (what === "open") {
      desk.open(id);
    } else {
      void desk.act(/** @type {import("./notification.js").Act} */ (what), id);
    }
  }
}

/** @param {Event} event @returns {string | undefined} */
function idOf(event) {
  const row = event.target instanceof Element ? event.target.closest(".row") : null;
  return row instanceof HTMLElement ? row.dataset["id"] : undefined;
}
