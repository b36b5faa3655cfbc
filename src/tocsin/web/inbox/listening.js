import { LitElement } from "../vendor/lit.js";
import { languageFor, loadTexts } from "../texts/texts.js";
import { feedFor, letGo } from "./feeds.js";
import { adopt } from "./icons.js";
import { Teller } from "./teller.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** What the elements have in common: whose notifications they are about, in which language, and what they tell the page of them. */
export class Listening extends LitElement {
  /** @type {typeof LitElement.properties} */
  static properties = {
    src: {}, token: {}, tokenProviderUrl: { attribute: "token-provider" }, tokenProvider: { attribute: false },
    theme: { reflect: true }, density: { reflect: true }, lang: {}, sound: { type: Boolean }, quiet: { type: Boolean },
    within: { attribute: false }, texts: { state: true },
  };

  /** Before which elements of a page it tells of what comes: those of a higher rank. */
  static rank = 0;

  /** @type {Feed | null} */
  feed = null;
  /** Tells of what comes, where no other element of the page does. */
  teller = new Teller(this);

  #language = "";
  #unread = -1;
  #state = "";

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
    this.lang = "";
    this.sound = false;
    this.quiet = false;
    /** Whether it is a part of another one, which tells the page for both. */
    this.within = false;
    /** @type {Texts | null} */
    this.texts = null;
    this.onFeed = this.onFeed.bind(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.teller.stop();
    this.#disconnect();
  }

  firstUpdated() {
    void adopt(/** @type {ShadowRoot} */ (this.renderRoot));
    for (const near of ["pointerover", "focusin"]) this.addEventListener(near, this.teller.fetch);
  }

  /** Styles of what was fetched later. @param {import("../vendor/lit.js").Styles} styles */
  wear({ styleSheet }) {
    const root = /** @type {ShadowRoot} */ (this.renderRoot);
    if (!root.adoptedStyleSheets.includes(styleSheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, styleSheet];
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
    const feed = this.feed = feedFor(this);
    for (const name of ["change", "notification", "signed-out"]) feed.addEventListener(name, this.onFeed);
    if (!this.within) feed.offer(this, /** @type {typeof Listening} */ (this.constructor).rank);
    this.connected(feed);
  }

  #disconnect() {
    const { feed } = this;
    if (!feed) return;
    this.released();
    for (const name of ["change", "notification", "signed-out"]) feed.removeEventListener(name, this.onFeed);
    feed.takeBack(this);
    letGo(feed);
    this.feed = null;
  }

  /** It is about this feed from now on. @param {Feed} _feed */
  connected(_feed) {}

  /** It is about `feed` no longer. */
  released() {}

  /** The stream has gone from that state into the feed's. @param {string} _before */
  changedState(_before) {}

  /** Whether it tells of what comes. */
  get tells() {
    return this.feed?.tells(this) === true;
  }

  /** @param {Event} event */
  onFeed(event) {
    const { feed } = this;
    if (!feed) return;
    if (event.type === "signed-out") this.report("tocsin-signed-out", null);
    if (event instanceof CustomEvent && event.type === "notification") {
      this.report("tocsin-notification", event.detail.told);
      if (this.tells) this.teller.came(event.detail);
    }
    if (feed.unread.total !== this.#unread) this.report("tocsin-unread", { total: this.#unread = feed.unread.total });
    if (feed.state !== this.#state) {
      const before = this.#state;
      this.#state = feed.state;
      this.report("tocsin-state", { state: feed.state });
      this.changedState(before);
    }
    this.requestUpdate();
  }

  /** Tell the page. @param {string} name @param {unknown} detail */
  report(name, detail) {
    if (!this.within) this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
