import { html, nothing } from "../vendor/lit.js";
import { Desk } from "./desk.js";
import { keyed } from "./keyboard.js";
import { Listening } from "./listening.js";
import { keys } from "./nothing-open.js";
import { EVERYTHING, narrowed } from "./query.js";
import { Rows } from "./rows.js";
import { gapLine, stateLine } from "./state-line.js";
import { styles } from "./styles.js";
import { reasonOf, sentenceOf } from "./sentences.js";
import { selectionBar, toolbar } from "./toolbar.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** How often relative times are looked at, and how long what was done can be undone, in milliseconds. */
const TICK = 15_000, UNDO = 10_000, TYPING = 180;

/**
 * `<tocsin-inbox>`: somebody's notifications, live.
 *
 * Attributes: `src` the server's address (its own where the file came from unless given), `token` a token, or
 * `token-provider` the address of a page of one's own that answers `{"token": …}`; neither: the session cookie.
 * `theme` is light, dark or nothing (the system's), `density` comfortable or compact, `lang` a language, `sound`
 * lets it ring, `quiet` leaves toasts out. Property `tokenProvider`: a function that gives a promise of a token.
 * Events: `tocsin-notification`, `tocsin-unread`, `tocsin-open` (all with `detail`), `tocsin-state`, `tocsin-signed-out`.
 * Slots: `title`, `empty`, `detail`, `footer`. Parts: see docs/howto/embed-the-inbox.md.
 */
export class TocsinInbox extends Listening {
  static styles = styles;
  /** @type {typeof Listening.properties} */
  static properties = { now: { state: true } };
  static rank = 1;

  /** @type {Desk | null} */
  desk = null;

  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #undoing;
  #tab = "curl";
  /** The tab whose text was copied last. */
  #copied = "";
  #filters = false;
  /** What an empty inbox shows, fetched when there is one. @type {typeof import("./empty.js") | null} */
  #emptied = null;
  /** Whom the first one is for. @type {string | null} */
  #reader = null;
  #fresh = 0;
  /** What is typed and not asked for yet. @type {string | null} */
  #typed = null;
  #version = 0;
  #wasOffline = false;

  constructor() {
    super();
    this.now = Date.now();
  }

  connectedCallback() {
    super.connectedCallback();
    this.#ticking = setInterval(() => this.#tick(), 1_000);
    this.addEventListener("keydown", this.#key);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
    clearTimeout(this.#typing);
    clearTimeout(this.#undoing);
    this.removeEventListener("keydown", this.#key);
  }

  /** @param {Feed} feed */
  connected(feed) {
    this.desk = new Desk(feed, (what) => this.#desk(what));
    void this.desk.begin();
  }

  released() {
    this.#emptied = null;
    this.desk?.end();
    this.desk = null;
  }

  /** @param {Event} event */
  onFeed(event) {
    this.#version += 1;
    super.onFeed(event);
  }

  /** @param {string} before */
  changedState(before) {
    const { texts } = this, state = this.feed?.state;
    if (state === "live" && this.desk?.trouble) void this.desk.begin();
    if (texts && state && (state === "offline" ? before === "live" : state === "live" && before === "catching-up" && this.#wasOffline)) {
      this.teller.announcer.say(texts.say(state));
    }
    this.#wasOffline = state === "offline" || (this.#wasOffline && state !== "live");
  }

  /** @param {"changed" | "done"} what */
  #desk(what) {
    const { desk, texts } = this;
    if (what === "done" && desk && texts) {
      this.teller.announcer.say(sentenceOf(desk, texts));
      clearTimeout(this.#undoing);
      this.#undoing = setTimeout(() => desk.forget(), UNDO);
    }
    this.#version += 1;
    this.requestUpdate();
  }

  #tick() {
    const now = Date.now();
    if (now - this.now >= TICK || this.feed?.state === "offline") this.now = now;
  }

  #key = (/** @type {KeyboardEvent} */ event) => {
    if (!this.desk) return;
    if (event.key === "Escape" && event.composedPath()[0] === this.#search && this.#typed) {
      // Left to itself, what was typed a moment ago would be asked for after it was cleared.
      clearTimeout(this.#typing);
      this.#typed = null;
      void this.desk.ask({ words: "" });
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    keyed(event, this.desk, this.#rows, () => this.#search?.focus());
  };

  /** @returns {Rows | null} */
  get #rows() {
    return this.renderRoot.querySelector("tocsin-rows");
  }

  /** @returns {HTMLInputElement | null} */
  get #search() {
    return this.renderRoot.querySelector("input[type=search]");
  }

  /** Open a notification, whatever is being looked at. @param {string} id */
  async open(id) {
    const { desk } = this;
    if (desk && !desk.inbox.find(id)) await desk.ask(EVERYTHING);
    desk?.open(id);
  }

  /** Bring the focus to the list. */
  focusList() {
    const id = this.desk?.current ?? this.desk?.inbox.items[0]?.id;
    if (id) void this.#rows?.focusRow(id);
    else /** @type {HTMLElement | null} */ (this.renderRoot.querySelector("button"))?.focus();
  }

  render() {
    const { desk, feed, texts } = this;
    if (!desk || !feed || !texts) return html`<div class="frame" aria-busy="true"></div>`;
    const item = desk.openItem;
    if (item) this.teller.fetch();
    return html`
      <div class="frame ${item ? "opened" : ""}" part="frame" dir=${texts.direction} lang=${texts.language}>
        <div class="head"><slot name="title"></slot>${gapLine(feed, texts, () => { feed.gapAt = 0; this.requestUpdate(); })}</div>
        ${desk.selected.size ? selectionBar(desk, texts) : toolbar(desk, texts, stateLine(feed, texts, Date.now()), this.#typed ?? desk.query.words, (words) => this.#type(words),
          this.#filters, () => { this.#filters = !this.#filters; this.requestUpdate(); })}
        <div class="panes">
          <div class="left">
            ${this.#fresh ? html`<button type="button" class="fresh button" @click=${() => this.#rows?.toTop()}>↑ ${texts.say("newAbove", { count: this.#fresh })}</button>` : nothing}
            <tocsin-rows .desk=${desk} .texts=${texts} .density=${this.density} .now=${this.now} .version=${this.#version}
              @fresh=${(/** @type {CustomEvent<number>} */ { detail: fresh }) => { this.#fresh = fresh; this.requestUpdate(); }}></tocsin-rows>
            ${this.#instead(desk, texts)}
          </div>
          <div class="right" id="detail">${item ? this.teller.over?.detail(item, desk, texts) ?? nothing : keys(texts)}</div>
        </div>
        <slot name="footer"></slot>
        ${this.teller.draw(desk, texts, this.#version, (id) => void this.open(id))}
      </div>`;
  }

  /** What stands there when there are no rows. @param {Desk} desk @param {Texts} texts */
  #instead(desk, texts) {
    if (desk.trouble) {
      return html`
        <div class="instead problem">
          <p>${texts.say("loadFailed", { why: reasonOf(desk.trouble, texts) })}</p>
          <button type="button" class="button" @click=${() => (typeof desk.inbox.next === "string" ? desk.more({ again: true }) : desk.begin())}>${texts.say("again")}</button>
        </div>`;
    }
    if (desk.inbox.items.length > 0) return nothing;
    if (desk.loading) return html`<div class="instead loading" aria-busy="true">${texts.say("loading")}</div>`;
    if (narrowed(desk.query)) {
      return html`
        <div class="instead"><p>${texts.say("nothingFound")}</p>
          <button type="button" class="button" @click=${() => this.#everything(desk)}>${texts.say("showEverything")}</button>
        </div>`;
    }
    if (desk.query.view !== "inbox") return html`<div class="instead"><p>${texts.say(desk.query.view === "unread" ? "allRead" : "nothingDismissed")}</p></div>`;
    const shown = this.#emptied;
    if (!shown) {
      void import("./empty.js").then(async (module) => {
        this.#reader = await module.readerOf(desk.feed.server);
        this.#emptied = module;
        this.wear(module.emptyStyles);
        this.requestUpdate();
      });
      return nothing;
    }
    const code = shown.examples(desk.feed.server.url.href, texts.say("yourToken"), this.#reader);
    return html`<slot name="empty">${shown.empty(code, this.#tab, this.#copied === this.#tab, texts,
      (tab) => { this.#tab = tab; this.requestUpdate(); }, () => void this.#copy(shown))}</slot>`;
  }

  /** @param {Desk} desk */
  #everything(desk) {
    clearTimeout(this.#typing);
    this.#typed = null;
    void desk.ask({ ...EVERYTHING, view: desk.query.view });
  }

  /** @param {string} words */
  #type(words) {
    this.#typed = words;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      this.#typed = null;
      if (this.desk && this.desk.query.words !== words) void this.desk.ask({ words });
    }, TYPING);
  }

  /** @param {typeof import("./empty.js")} shown */
  async #copy(shown) {
    const tab = this.#tab;
    await shown.copy(/** @type {HTMLElement} */ (this.renderRoot.querySelector("#example pre")));
    this.#copied = tab;
    this.requestUpdate();
  }

  /** @type {string | null} */
  #openBefore = null;

  updated() {
    const opened = this.desk?.opened ?? null;
    if (opened === this.#openBefore || (opened !== null && !this.teller.over)) return;
    const before = this.#openBefore;
    this.#openBefore = opened;
    this.report("tocsin-open", { id: opened });
    const covers = this.renderRoot.querySelector(".left")?.checkVisibility() === false;
    if (opened !== null && covers) /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".back"))?.focus();
    // Back to the row that was open, unless the focus is somewhere of its own.
    if (opened === null && before !== null && !this.shadowRoot?.activeElement) void this.#rows?.focusRow(this.desk?.current ?? before);
  }
}

/** Make the elements known to the page. */
export function define() {
  for (const [name, element] of /** @type {[string, CustomElementConstructor][]} */ ([["tocsin-rows", Rows], ["tocsin-inbox", TocsinInbox]])) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
}
