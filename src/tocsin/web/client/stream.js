import { TocsinError } from "./errors.js";
import { lines } from "./lines.js";
import { Socket } from "./socket.js";
import { retryDelay, wait } from "./waiting.js";

/** @typedef {import("./tocsin.js").Tocsin} Tocsin */
/** @typedef {import("./types.js").Asked} Asked */
/** @typedef {import("./types.js").Event} Event */
/** @typedef {import("./types.js").Notification} Notification */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").StreamOptions} StreamOptions */
/** @typedef {{epoch: string, number: number}} Place where a position is in which log */

/** Seconds that a connection must have held for the delays to begin anew, and between two words on what has arrived. */
const ALIVE = 15, CONFIRM_EVERY = 5;

/**
 * One stream over any number of connections: iterate over it, or give it callbacks. Has one reader.
 * @implements {AsyncIterable<Event>}
 */
export class Stream {
  /** Everything up to it was given out; null before the first connection. @type {string | null} */
  position;
  /** @type {State} */
  state = "connecting";
  /** Settles when it has ended, with what ended it where that was not its reader. @type {Promise<void>} */
  ended = Promise.resolve();

  #tocsin;
  #options;
  #stopping = new AbortController();
  /** Ends a wait. */
  #hurry = new AbortController();
  /** Where the next connection starts when that is before `position`: what was not confirmed yet. @type {string | null} */
  #confirmed = null;
  #confirmedAt = 0;
  /** @type {((position: string) => void) | null} */
  #say = null;
  #taken = false;
  #attempt = 0;
  #renewed = false;
  #greeted = false;

  /**
   * @param {Tocsin} tocsin
   * @param {StreamOptions} options
   */
  constructor(tocsin, options) {
    this.#tocsin = tocsin;
    this.#options = options;
    this.position = options.since ?? null;
    options.signal?.addEventListener("abort", () => this.stop(), { once: true });
    if (options.signal?.aborted) this.stop();
    if (options.onEvent || options.onNotification) {
      this.ended = this.#run();
      // Whoever does not look at `ended` is told by `onState`.
      this.ended.catch(() => {});
    }
  }

  /** End it. */
  stop() {
    this.#stopping.abort();
  }

  /** Try again now, where it waits to. */
  hurry() {
    this.#hurry.abort();
  }

  /** The notifications alone, each once. @returns {AsyncGenerator<Notification, void, void>} */
  async *notifications() {
    for await (const event of this) if (event.event === "notification") yield event.data;
  }

  /**
   * Events in order, each once, until `stop` or the loop over them is left.
   * @returns {AsyncGenerator<Event, void, void>}
   * @throws {TocsinError} it ended for good: coming back unchanged would not help
   */
  async *[Symbol.asyncIterator]() {
    if (this.#taken) throw new TypeError("a stream has one reader");
    this.#taken = true;
    /** @type {TocsinError | undefined} */
    let last;
    try {
      while (!this.#stopping.signal.aborted) {
        const began = Date.now();
        let why = new TocsinError("the connection ended");
        try {
          for await (const event of this.#connection()) {
            if (this.#isNew(event)) yield event;
            this.#confirm();
          }
        } catch (error) {
          if (this.#stopping.signal.aborted) break;
          if (!(error instanceof TocsinError)) throw error;
          why = error;
        } finally {
          this.#say = null;
        }
        if (this.#stopping.signal.aborted) break;
        last = why;
        await this.#putOff(why, Date.now() - began);
        last = undefined;
      }
    } finally {
      this.#stopping.abort();
      this.#tell("ended", last ? { error: last } : {});
    }
  }

  async #run() {
    const { onEvent, onNotification } = this.#options;
    for await (const event of this) {
      if (event.event === "notification") onNotification?.(event.data);
      // Second, so that a position that is kept here is one whose notification was shown.
      onEvent?.(event);
    }
  }

  /**
   * @param {State} state
   * @param {{error?: TocsinError, seconds?: number, oldest?: string}} [why]
   */
  #tell(state, why = {}) {
    this.state = state;
    this.#options.onState?.(state, why);
  }

  // ------------------------------------------------------------ what comes

  /**
   * Whether an event is news to the reader; moves the position.
   * @param {Event} event
   */
  #isNew(event) {
    if (event.event === "hello") {
      this.#greeted = true;
      this.#renewed = false;
      this.#confirmed ??= event.position;
      if (this.position !== null) this.#tell("catching up");
    }
    if (event.event === "error") {
      throw new TocsinError(event.data?.reason ?? "the server ended the stream", { close: event.data?.code ?? 0 });
    }
    if (event.event === "caught-up") this.#tell("live");
    const at = parse(event.position);
    if (at === null) return true;
    const mine = parse(this.position);
    if (event.event === "gap") return this.#lostSome(event, at, mine);
    if (mine !== null && mine.epoch === at.epoch && at.number <= mine.number) {
      return event.event === "caught-up" && at.number === mine.number;
    }
    this.position = event.position;
    if (event.event !== "hello" && event.event !== "caught-up") this.#attempt = 0;
    return true;
  }

  /**
   * @param {Event} event
   * @param {Place} at
   * @param {Place | null} mine
   */
  #lostSome(event, at, mine) {
    const oldest = parse(event.data?.oldest ?? null) ?? at;
    const sameLog = mine !== null && mine.epoch === at.epoch;
    if (sameLog && oldest.epoch === at.epoch && at.number < oldest.number) {
      // Nobody misses what they were given before.
      if (oldest.number <= mine.number) return false;
    } else {
      this.position = this.#confirmed = event.position;
    }
    this.#tell("gap", { oldest: event.data?.oldest });
    return true;
  }

  // ------------------------------------------------------------ connections

  /**
   * Wait before the next connection.
   * @param {TocsinError} why
   * @param {number} held milliseconds
   * @throws {TocsinError} there shall be none
   */
  async #putOff(why, held) {
    if (why.unauthenticated && typeof this.#tocsin.token === "function" && !this.#renewed) {
      // Asked again for a token; one that does not hold either ends the stream.
      this.#renewed = !this.#greeted;
      this.#greeted = false;
      return;
    }
    if (!why.temporary) throw why;
    if (this.#greeted && held >= ALIVE * 1000) this.#attempt = 0;
    this.#greeted = false;
    const seconds = retryDelay(this.#attempt++, why.retryAfter);
    this.#hurry = new AbortController();
    const over = AbortSignal.any([this.#stopping.signal, this.#hurry.signal]);
    this.#tell("offline", { error: why, seconds });
    await wait(seconds, over, "online").catch(() => {});
  }

  #connection() {
    this.#tell("connecting");
    const since = this.#confirms ? (this.#confirmed ?? this.position) : this.position;
    const query = { protocol: "tocsin.v1", deviceId: this.#options.devices ?? [], since };
    return this.#kind === "lines" ? lines(this.#tocsin, query, this.#stopping.signal) : this.#webSocket(query);
  }

  /**
   * @param {Record<string, Asked>} query
   * @returns {AsyncGenerator<Event, void, void>}
   */
  async *#webSocket(query) {
    const token = await this.#tocsin.credential();
    const socket = new Socket(this.#tocsin, query, token, this.#stopping.signal);
    const confirming = setInterval(() => this.#confirm(), CONFIRM_EVERY * 1000);
    try {
      for await (const event of socket.events()) {
        if (event.event === "hello" && this.#confirms && (token || this.#tocsin.cookie)) this.#say = (at) => socket.say({ received: at });
        yield event;
      }
    } finally {
      clearInterval(confirming);
    }
  }

  // ------------------------------------------------------------ what has arrived

  get #kind() {
    return this.#options.transport ?? (typeof WebSocket === "undefined" ? "lines" : "websocket");
  }

  /** Where nothing can be said, nothing ever would be confirmed: each connection would start where the first one did. */
  get #confirms() {
    const { token, cookie } = this.#tocsin;
    return (this.#options.confirm ?? true) && !this.#options.devices?.length && this.#kind === "websocket" && Boolean(token || cookie);
  }

  /** Tell the server what has arrived, at most every five seconds. */
  #confirm() {
    if (this.#say === null || this.position === null || this.position === this.#confirmed) return;
    if (Date.now() - this.#confirmedAt < CONFIRM_EVERY * 1000) return;
    this.#confirmedAt = Date.now();
    try {
      this.#say(this.position);
      this.#confirmed = this.position;
    } catch {
      // It is being closed; the next connection starts where this was last confirmed.
    }
  }
}

/** @param {string | null} position @returns {Place | null} */
function parse(position) {
  const found = /^(.+)-(\d+)$/.exec(position ?? "");
  return found === null ? null : { epoch: String(found[1]), number: Number(found[2]) };
}
