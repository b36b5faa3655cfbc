import { Inbox } from "./model.js";
import { Names } from "./names.js";
import { EVERYTHING, concerns, parameters } from "./query.js";
import { numberOf } from "./position.js";
import { TocsinError } from "../client.js";
import { Unread } from "./unread.js";

/** @typedef {import("./model.js").Event} Event */
/** @typedef {import("./model.js").Page} Page */
/** @typedef {import("./query.js").Query} Query */
/** @typedef {import("../client.js").Tocsin} Tocsin */


/**
 * `connecting`, `catching-up` until what was missed is told, `live`; `offline` and trying again at `retryAt`; `ended` when
 * coming back unchanged would not help.
 * @typedef {"connecting" | "catching-up" | "live" | "offline" | "ended"} StreamState
 */

/** How many the first page holds, and the following ones. */
const FIRST_PAGE = 50, PAGE = 200;
/** The new credential may be on its way still when the old one's stream ends, in milliseconds. */
const REPLACED_WITHIN = 2_500;
/** A stream that is refused twice within so many milliseconds will be refused again. */
const ASKED_LATELY = 10_000;
/** Milliseconds in which what comes together is asked for together. */
const SOON = 300;
/** Where the server was never reached, it is tried again after so many milliseconds. */
const AGAIN = 2_000;
/** More than so many to be read one by one, and the list is read anew instead. */
const ONE_BY_ONE = 20;

/**
 * All that a page knows of one user's notifications: one stream, the counts, the emergencies, and the views that
 * are open on them. Says `change` when something of it changed, `notification` when one came, `signed-out` when the
 * credential no longer holds.
 */
export class Feed extends EventTarget {
  unread = new Unread();
  /** A loss that the stream has told of: when, or 0. */
  gapAt = 0;
  /** @type {StreamState} */
  state = "connecting";
  /** When the stream is tried again, in milliseconds; 0: it is not waiting. */
  retryAt = 0;
  /** Emergencies nobody has acknowledged are among these. */
  emergencies = new Inbox({ ...EVERYTHING, types: ["emergency"] });

  /** @type {Set<Inbox>} */
  #inboxes = new Set([this.emergencies]);
  /** @type {WeakMap<Inbox, AbortController>} */
  #loading = new WeakMap();
  /** Elements that would tell of what comes, with their ranks. @type {Map<object, number>} */
  #tellers = new Map();
  #told = false;
  #started = false;
  #caughtUp = false;
  /** Whether it was said that the credential does not hold: once, until it does again. */
  #out = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #beginning;
  #askedAt = 0;
  /** @type {Promise<void> | null} */
  #positioned = null;
  /** @type {import("../client.js").Stream | null} */
  #stream = null;
  /** Grows with every stream: what one of before still tells is not heard. */
  #turn = 0;

  /** @param {Tocsin} server */
  constructor(server) {
    super();
    this.server = server;
    this.names = new Names(server, () => this.changed());
  }

  /** Begin to listen; done twice, it is once. */
  start() {
    if (this.#started) return;
    this.#started = true;
    void this.#begin();
  }

  stop() {
    this.#started = false;
    clearTimeout(this.#beginning);
    this.#positioned = null;
    this.#turn += 1;
    this.#stream?.stop();
    this.#stream = null;
  }

  /** Up to where the stream has come. @returns {string | null} */
  get position() {
    return this.#stream?.position ?? null;
  }

  /** The number of that. */
  get asOf() {
    return this.position === null ? 0 : numberOf(this.position);
  }

  /** Try the stream again now, where it waits to. */
  hurry() {
    if (this.#stream) this.#stream.hurry();
    else void this.#begin();
  }

  /** @returns {ReadonlySet<Inbox>} */
  get inboxes() {
    return this.#inboxes;
  }

  /**
   * A view, kept as new as the stream is.
   * @param {Query} query
   */
  open(query) {
    const inbox = new Inbox(query);
    this.#inboxes.add(inbox);
    return inbox;
  }

  /** @param {Inbox} inbox */
  close(inbox) {
    this.#loading.get(inbox)?.abort();
    this.#inboxes.delete(inbox);
  }

  /**
   * Read the first page of a view.
   * @param {Inbox} inbox
   * @throws {TocsinError}
   */
  async refresh(inbox) {
    this.#loading.get(inbox)?.abort();
    await this.#load(inbox, null);
  }

  /**
   * Read the following page of a view, where there is one.
   * @param {Inbox} inbox
   * @throws {TocsinError}
   */
  async more(inbox) {
    if (typeof inbox.next === "string" && !this.#loading.has(inbox)) await this.#load(inbox, inbox.next);
  }

  /** @param {Inbox} inbox */
  isLoading(inbox) {
    return this.#loading.has(inbox);
  }

  /** An element would tell of what comes. @param {object} teller @param {number} rank those of a higher one do it before it */
  offer(teller, rank) {
    this.#tellers.set(teller, rank);
    this.changed();
  }

  /** @param {object} teller */
  takeBack(teller) {
    if (this.#tellers.delete(teller)) this.changed();
  }

  /** Whether that element is the one that tells: of several in a page the first of the highest rank. @param {object} teller */
  tells(teller) {
    const highest = Math.max(...this.#tellers.values());
    for (const [one, rank] of this.#tellers) if (rank === highest) return one === teller;
    return false;
  }

  /** Say so to everybody, once a turn. */
  changed() {
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      this.dispatchEvent(new Event_("change"));
    });
  }

  /** The server no longer takes the credential. @param {unknown} error */
  refused(error) {
    if (isOut(error)) this.#signedOut();
  }

  #signedOut() {
    if (this.#out) return;
    this.#out = true;
    this.dispatchEvent(new Event_("signed-out"));
  }

  async #begin() {
    clearTimeout(this.#beginning);
    try {
      await this.refresh(this.emergencies);
    } catch (error) {
      this.refused(error);
      if (this.#started && !isOut(error)) {
        this.retryAt = Date.now() + AGAIN;
        this.#beginning = setTimeout(() => this.#started && void this.#begin(), AGAIN);
      }
    }
    this.changed();
  }

  /** @param {Inbox} inbox @param {string | null} before */
  async #load(inbox, before) {
    const loading = new AbortController();
    this.#loading.set(inbox, loading);
    const query = { ...parameters(inbox.query), limit: before === null ? FIRST_PAGE : PAGE, before };
    try {
      await this.#position();
      inbox.awaitPage();
      /** @type {Page} */
      const page = await this.server.request("GET", "api/notifications", { query, signal: loading.signal });
      if (loading.signal.aborted) return;
      this.#out = false;
      this.#fetch(before === null ? inbox.replace(page) : inbox.append(page), inbox);
      this.names.learn(page.notifications);
    } catch (error) {
      if (loading.signal.aborted) return;
      this.refused(error);
      throw error;
    } finally {
      if (this.#loading.get(inbox) === loading) {
        this.#loading.delete(inbox);
        inbox.giveUpPage();
      }
      this.changed();
    }
  }

  /** @param {Event} event */
  #hear(event) {
    const { event: name, position, data } = event;
    const at = position === null ? 0 : numberOf(position);
    const known = name === "notification" && this.#knows(data.id);
    for (const inbox of this.#inboxes) {
      const wanted = inbox.apply(event);
      if (wanted !== null && (!inbox.query.words.trim() || concerns(inbox.query, data))) this.#fetch([wanted], inbox);
    }
    if (name === "notification") {
      this.names.learn([data]);
      if (data.read === null) this.unread.came(data.type, at);
      if (!known) this.dispatchEvent(new CustomEvent("notification", { detail: { told: data, live: this.#caughtUp } }));
    } else if (name === "receipt") {
      this.unread.receipt(data.id, at);
    } else if (name === "unread") {
      this.unread.told(data);
    } else if (name === "gap") {
      this.gapAt = Date.now();
      void this.readAnew();
    } else if (name === "mark") {
      this.unread.mark(at);
    }
    this.changed();
  }

  /** @param {string} id */
  #knows(id) {
    for (const inbox of this.#inboxes) if (inbox.find(id)) return true;
    return false;
  }

  /** Where the log is now, and from there on the stream: a page read before would miss what came between. */
  #position() {
    this.#positioned ??= this.#listen().catch((error) => {
      this.#positioned = null;
      // Nothing is heard.
      this.state = isOut(error) ? "ended" : "offline";
      throw error;
    });
    return this.#positioned;
  }

  async #listen() {
    const unread = await this.server.unreadCount();
    if (!this.#started) return;
    this.unread.told(unread);
    this.#follow(unread.position);
    // Where it was refused before, they were not read yet.
    if (this.emergencies.next === undefined && !this.isLoading(this.emergencies)) void this.#begin();
    this.changed();
  }

  /** @param {string | null} since right after this position; null: from now on */
  #follow(since) {
    const turn = this.#turn += 1;
    this.#stream?.stop();
    this.#stream = this.server.stream({
      since,
      onEvent: (event) => { if (turn === this.#turn) this.#hear(event); },
      onState: (state, why) => { if (turn === this.#turn) this.#streaming(state, why); },
    });
  }

  /** Read everything that is shown again. */
  async readAnew() {
    this.unread.reset();
    this.server.unreadCount().then((told) => { this.unread.told(told); this.changed(); }, () => undefined);
    const views = [...this.#inboxes].map((inbox) => this.refresh(inbox).catch(() => undefined));
    await Promise.all(views);
  }

  /** @param {string[]} ids @param {Inbox} inbox */
  #fetch(ids, inbox) {
    if (ids.length === 0) return;
    // What holds the words that are looked for, the server alone can tell.
    if (inbox.query.words.trim() || ids.length > ONE_BY_ONE) return this.#soonAnew(inbox);
    for (const id of ids) {
      this.server.get(id).then((told) => {
        inbox.put(told, numberOf(told.position ?? ""));
        this.changed();
      }, (error) => this.refused(error));
    }
  }

  /** @type {Set<Inbox>} */
  #soon = new Set();

  /** @param {Inbox} inbox */
  #soonAnew(inbox) {
    if (this.#soon.has(inbox)) return;
    this.#soon.add(inbox);
    // What can be searched follows what is kept, within a second where the machine is not busy.
    const waits = inbox.query.words.trim() ? [SOON, 1_300, 4_000] : [SOON];
    for (const [turn, wait] of waits.entries()) {
      setTimeout(() => {
        if (turn === 0) this.#soon.delete(inbox);
        if (this.#inboxes.has(inbox)) this.refresh(inbox).catch(() => undefined);
      }, wait);
    }
  }

  /** @param {import("../client/types.js").State} state @param {{error?: TocsinError, seconds?: number}} why */
  #streaming(state, { error, seconds = 0 }) {
    if (state === "gap") return;
    this.#caughtUp = state === "live";
    this.state = state === "catching up" ? "catching-up" : state;
    this.retryAt = state === "offline" ? Date.now() + seconds * 1000 : 0;
    if (state === "ended" && error) this.#ended(error);
    this.changed();
  }

  /** @param {TocsinError} error */
  #ended({ close, unauthenticated }) {
    if (unauthenticated || close === 4410) {
      void this.#askAgain();
    } else if (close === 4400 && this.position !== null) {
      // A position that the server cannot read helps nobody; what came since is not known then.
      this.gapAt = Date.now();
      this.#follow(null);
      void this.readAnew();
    }
  }

  async #isRefused() {
    try {
      await this.server.unreadCount();
      return false;
    } catch (error) {
      return isOut(error);
    }
  }

  /** The stream's credential has ended; there may be another one by now, as after a changed password. */
  async #askAgain() {
    const soon = Date.now() - this.#askedAt < ASKED_LATELY;
    this.#askedAt = Date.now();
    const gone = await this.#isRefused() && (await pause(REPLACED_WITHIN), await this.#isRefused());
    if (gone || soon) this.#signedOut();
    else if (this.#started) this.#follow(this.position);
  }
}

/** Whether the credential does not hold. @param {unknown} error */
function isOut(error) {
  return error instanceof TocsinError && error.status === 401;
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

/** The name is taken by what a stream tells. */
const Event_ = globalThis.Event;
