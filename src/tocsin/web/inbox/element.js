import { LitElement, html, nothing } from "../vendor/lit.js";
import { Announcer } from "./announcer.js";
import { Desk } from "./desk.js";
import { detail, keys } from "./detail.js";
import { Emergency } from "./emergency.js";
import { adopt } from "./icons.js";
import { keyed } from "./keyboard.js";
import { EVERYTHING, narrowed } from "./query.js";
import { Rows } from "./rows.js";
import { gapLine, stateLine } from "./state-line.js";
import { styles } from "./styles.js";
import { languageFor, loadTexts } from "../texts/texts.js";
import { reasonOf, sentenceOf, toaster } from "./toaster.js";
import { Toasts } from "./toasts.js";
import { selectionBar, toolbar } from "./toolbar.js";
import { feedFor, letGo } from "./feeds.js";

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
export class TocsinInbox extends LitElement {
  static styles = styles;
  static properties = {
    src: {}, token: {}, tokenProviderUrl: { attribute: "token-provider" }, tokenProvider: { attribute: false },
    theme: { reflect: true }, density: { reflect: true }, lang: {}, sound: { type: Boolean }, quiet: { type: Boolean },
    texts: { state: true }, now: { state: true },
  };

  /** @type {Feed | null} */
  feed = null;
  /** @type {Desk | null} */
  desk = null;

  #announcer = new Announcer(() => /** @type {Texts} */ (this.texts), () => this.requestUpdate());
  #toasts = new Toasts(() => this.requestUpdate());
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #undoing;
  #tab = "curl";
  #copied = false;
  #filters = false;
  /** What an empty inbox shows, fetched when there is one. @type {typeof import("./empty.js") | null} */
  #emptied = null;
  #fresh = 0;
  #unread = -1;
  #state = "";
  #words = "";
  #version = 0;
  #language = "";

  constructor() {
    super();
    /** @type {string | null} */
    this.src = null;
    /** @type {string | null} */
    this.token = null;
    /** @type {string | null} */
    this.tokenProviderUrl = null;
    /** @type {(() => Promise<string>) | null} */
    this.tokenProvider = null;
    /** @type {"light" | "dark" | null} */
    this.theme = null;
    /** @type {"comfortable" | "compact"} */
    this.density = "comfortable";
    this.sound = false;
    this.quiet = false;
    /** @type {Texts | null} */
    this.texts = null;
    this.now = Date.now();
    this.lang = "";
    this.onFeed = this.onFeed.bind(this);
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
    this.#announcer.stop();
    this.#toasts.stop();
    this.removeEventListener("keydown", this.#key);
    this.#disconnect();
  }

  firstUpdated() {
    void adopt(/** @type {ShadowRoot} */ (this.renderRoot));
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    const language = languageFor(this.lang || null);
    if (language !== this.#language) {
      this.#language = language;
      void loadTexts(language).then((texts) => { if (language === this.#language) this.texts = texts; });
    }
    const moved = ["src", "token", "tokenProvider", "tokenProviderUrl"].some((name) => changed.has(name));
    if (this.isConnected && (moved || !this.feed)) this.#connect();
  }

  #connect() {
    this.#disconnect();
    this.feed = feedFor(this);
    this.feed.addEventListener("change", this.onFeed);
    this.feed.addEventListener("notification", this.onFeed);
    this.feed.addEventListener("signed-out", this.onFeed);
    this.desk = new Desk(this.feed, (what) => this.#desk(what));
    void this.desk.begin();
  }

  #disconnect() {
    if (!this.feed) return;
    this.desk?.end();
    for (const name of ["change", "notification", "signed-out"]) this.feed.removeEventListener(name, this.onFeed);
    letGo(this.feed);
    this.feed = this.desk = null;
  }

  /** @param {Event} event */
  onFeed(event) {
    const { feed, texts } = this;
    if (!feed) return;
    if (event.type === "signed-out") this.#tell("tocsin-signed-out", null);
    if (event instanceof CustomEvent && event.type === "notification") this.#came(event.detail);
    if (feed.unread.total !== this.#unread) this.#tell("tocsin-unread", { total: this.#unread = feed.unread.total });
    if (feed.stream.state !== this.#state) {
      const before = this.#state;
      this.#state = feed.stream.state;
      this.#tell("tocsin-state", { state: this.#state });
      if (this.#state === "live" && this.desk?.trouble) void this.desk.begin();
      if (texts && (this.#state === "offline" ? before === "live" : this.#state === "live" && before === "catching-up" && this.#wasOffline)) {
        this.#announcer.say(texts.say(this.#state));
      }
      this.#wasOffline = this.#state === "offline" || (this.#wasOffline && this.#state !== "live");
    }
    this.#version += 1;
    this.requestUpdate();
  }

  #wasOffline = false;

  /** @param {{told: import("./notification.js").Told, live: boolean}} what */
  #came({ told, live }) {
    this.#tell("tocsin-notification", told);
    if (told.read !== null || told.dismissed !== null) return;
    if (told.type === "emergency") return;
    this.#announcer.came(told);
    if (!this.quiet && live) this.#toasts.show(told);
    if (this.sound && told.type === "error") void import("./sound.js").then(({ ring }) => ring("error"));
  }

  /** @param {"changed" | "done"} what */
  #desk(what) {
    const { desk, texts } = this;
    if (what === "done" && desk && texts) {
      this.#announcer.say(sentenceOf(desk, texts));
      clearTimeout(this.#undoing);
      this.#undoing = setTimeout(() => desk.forget(), UNDO);
    }
    this.#version += 1;
    this.requestUpdate();
  }

  /** @param {string} name @param {unknown} what */
  #tell(name, what) {
    this.dispatchEvent(new CustomEvent(name, { detail: what, bubbles: true, composed: true }));
  }

  #tick() {
    const now = Date.now();
    if (now - this.now >= TICK || this.feed?.stream.state === "offline") this.now = now;
  }

  #key = (/** @type {KeyboardEvent} */ event) => {
    if (this.desk) keyed(event, this.desk, this.#rows, () => this.#search?.focus());
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
    return html`
      <div class="frame ${item ? "opened" : ""}" part="frame" dir=${texts.direction} lang=${texts.language}>
        <div class="head"><slot name="title"></slot>${gapLine(feed, texts, () => { feed.gapAt = 0; this.requestUpdate(); })}</div>
        ${desk.selected.size ? selectionBar(desk, texts) : toolbar(desk, texts, stateLine(feed, texts, Date.now()), (words) => this.#type(words),
          this.#filters, () => { this.#filters = !this.#filters; this.requestUpdate(); })}
        <div class="panes">
          <div class="left">
            ${this.#fresh ? html`<button type="button" class="fresh button" @click=${() => this.#rows?.toTop()}>↑ ${texts.say("newAbove", { count: this.#fresh })}</button>` : nothing}
            <tocsin-rows .desk=${desk} .texts=${texts} .density=${this.density} .now=${this.now} .version=${this.#version}
              @fresh=${(/** @type {CustomEvent<number>} */ { detail: fresh }) => { this.#fresh = fresh; this.requestUpdate(); }}></tocsin-rows>
            ${this.#instead(desk, texts)}
          </div>
          <div class="right" id="detail">${item ? detail(item, desk, texts) : keys(texts)}</div>
        </div>
        <slot name="footer"></slot>
        ${toaster(this.#toasts, desk, texts, (id) => void this.open(id))}
        <tocsin-emergency .feed=${feed} .texts=${texts} .sound=${this.sound} .version=${this.#version}></tocsin-emergency>
        <div class="hidden" role="status" aria-atomic="true">${this.#announcer.status}</div>
        <div class="hidden" role="alert" aria-atomic="true">${this.#announcer.alert}</div>
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
      void import("./empty.js").then((module) => { this.#emptied = module; this.requestUpdate(); });
      return nothing;
    }
    const code = shown.examples(desk.feed.server.base, texts.say("yourToken"));
    return html`<slot name="empty">${shown.empty(code, this.#tab, this.#copied, texts,
      (tab) => { this.#tab = tab; this.requestUpdate(); }, () => void this.#copy(code[this.#tab] ?? ""))}</slot>`;
  }

  /** @param {Desk} desk */
  #everything(desk) {
    void desk.ask({ ...EVERYTHING, view: desk.query.view });
  }

  /** @param {string} words */
  #type(words) {
    this.#words = words;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => { if (this.desk && this.desk.query.words !== this.#words) void this.desk.ask({ words: this.#words }); }, TYPING);
  }

  /** @param {string} text */
  async #copy(text) {
    await navigator.clipboard.writeText(text);
    this.#copied = true;
    this.requestUpdate();
    setTimeout(() => { this.#copied = false; this.requestUpdate(); }, 2_000);
  }

  /** @type {string | null} */
  #openBefore = null;

  updated() {
    const opened = this.desk?.opened ?? null;
    if (opened === this.#openBefore) return;
    const before = this.#openBefore;
    this.#openBefore = opened;
    this.#tell("tocsin-open", { id: opened });
    const covers = this.renderRoot.querySelector(".left")?.checkVisibility() === false;
    if (opened !== null && covers) /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".back"))?.focus();
    // Back to the row that was open, unless the focus is somewhere of its own.
    if (opened === null && before !== null && !this.shadowRoot?.activeElement) void this.#rows?.focusRow(this.desk?.current ?? before);
  }
}

/** Make the elements known to the page. */
export function define() {
  for (const [name, element] of /** @type {[string, CustomElementConstructor][]} */ ([["tocsin-rows", Rows], ["tocsin-emergency", Emergency], ["tocsin-inbox", TocsinInbox]])) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
}
