import { LitElement } from "../vendor/lit.js";
import { TocsinError } from "../client.js";
import { reasonOf } from "../inbox/sentences.js";
import { placeOf } from "./place.js";

/** @typedef {import("../client.js").Tocsin} Tocsin */
/** @typedef {import("../texts/texts.js").Texts} Texts */
/** @typedef {import("./place.js").Place} Place */

/**
 * A question before something that cannot be taken back.
 * @typedef {{question: string, verb: string, answer: (yes: boolean) => void}} Question
 */

/**
 * What all pages have. They draw into the root of the shell that holds them, and tell it: `told` with a sentence that is
 * to be said, `asked` with a Question, `refused` when they may no longer.
 */
export class Page extends LitElement {
  static properties = { server: { attribute: false }, texts: { attribute: false }, place: { attribute: false } };

  /** @type {ReturnType<typeof setInterval>[]} */
  #timers = [];

  constructor() {
    super();
    /** @type {Tocsin} */
    this.server = /** @type {any} */ (null);
    /** @type {Texts} */
    this.texts = /** @type {any} */ (null);
    /** @type {Place} */
    this.place = placeOf("");
  }

  createRenderRoot() {
    return this;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("place")) this.enter();
  }

  /** Somebody came here, or went from one thing to another of the kind. */
  enter() {}

  /** @param {string} key @param {Record<string, string | number>} [values] */
  say(key, values) {
    return this.texts.say(key, values);
  }

  /**
   * A request. Whoever is signed out meanwhile is asked to sign in again; what they were doing stays. Whoever is no
   * superuser any more is told so.
   * @param {string} method @param {string} path @param {Parameters<Tocsin["request"]>[2]} [with_]
   */
  async ask(method, path, with_) {
    try {
      return await this.server.request(method, path, with_);
    } catch (error) {
      if (error instanceof TocsinError && (error.status === 401 || error.status === 403)) this.#report("refused", null);
      throw error;
    }
  }

  /** Whether there is something, so that making it would not overwrite it. @param {string} path */
  async exists(path) {
    try {
      await this.ask("GET", path);
      return true;
    } catch (error) {
      if (error instanceof TocsinError && error.status === 404) return false;
      throw error;
    }
  }

  /**
   * Do something; tell of it, or why it did not work.
   * @param {() => Promise<unknown>} what
   * @param {string} [done] a sentence
   * @returns {Promise<boolean>} whether it worked
   */
  async act(what, done = "") {
    try {
      await what();
      if (done) this.tell(done);
      return true;
    } catch (error) {
      this.tell(this.say("adminRefused", { why: reasonOf(/** @type {Error} */ (error), this.texts) }), true);
      return false;
    } finally {
      this.requestUpdate();
    }
  }

  /** @param {string} sentence @param {boolean} [refused] */
  tell(sentence, refused = false) {
    this.#report("told", { sentence, refused });
  }

  /**
   * Ask before something that cannot be taken back.
   * @param {string} question @param {string} verb what the button says
   * @returns {Promise<boolean>}
   */
  sure(question, verb) {
    return new Promise((answer) => this.#report("asked", { question, verb, answer }));
  }

  /**
   * Do something now and again, while somebody looks and it is not being done.
   * @param {number} milliseconds @param {() => Promise<unknown>} what which must not fail
   */
  every(milliseconds, what) {
    let busy = false;
    const once = async () => {
      if (busy || document.hidden || !this.checkVisibility()) return;
      busy = true;
      try {
        await what();
      } finally {
        busy = false;
      }
    };
    this.#timers.push(setInterval(() => void once(), milliseconds));
    void once();
  }

  /** @param {string} name @param {unknown} detail */
  #report(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}
