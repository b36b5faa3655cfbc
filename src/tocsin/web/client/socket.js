import { TocsinError } from "./errors.js";
import { eventOf } from "./frame.js";

/** @typedef {import("./types.js").Asked} Asked */
/** @typedef {import("./types.js").Event} Event */

/** Seconds until it is open; of silence until is asked whether somebody is there; and until that is answered. */
const PATIENCE = 30, SILENCE = 20, ANSWERS = 5;
/** Most events that wait for a slow reader; over it the connection is ended, and what was let go is asked for again. */
const MOST_WAITING = 5_000;

/** One WebSocket with the subprotocol `tocsin.v1`; who one is stands in the first frame, or the cookie says it. */
export class Socket {
  #token;
  #stopping;
  #socket;
  /** @type {Event[]} */
  #waiting = [];
  /** @type {{code: number, reason: string} | null} */
  #closed = null;
  #overrun = false;
  #heardAt = Date.now();
  #greeted = false;
  /** When it was asked whether somebody is there; 0 where that is answered. */
  #askedAt = 0;
  /** What a frame that cannot be read was refused with. @type {unknown} */
  #trouble = null;
  #wake = () => {};

  /**
   * @param {import("./tocsin.js").Tocsin} tocsin
   * @param {Record<string, Asked>} query
   * @param {string} token empty where the cookie or nobody speaks
   * @param {AbortSignal} stopping
   */
  constructor(tocsin, query, token, stopping) {
    this.#token = token;
    this.#stopping = stopping;
    const url = tocsin.address("notifications", token ? { ...query, auth: "frame" } : query);
    url.protocol = url.protocol.replace("http", "ws");
    this.#socket = new WebSocket(url, ["tocsin.v1"]);
  }

  /** @param {unknown} what @throws {DOMException} it is not open */
  say(what) {
    this.#socket.send(JSON.stringify(what));
  }

  /**
   * What it tells, in order, until it is closed.
   * @returns {AsyncGenerator<Event, void, void>}
   * @throws {TocsinError} it was lost, or the server ended it
   */
  async *events() {
    const socket = this.#socket, stop = () => socket.close(1000), cut = () => this.#lost();
    const opening = setTimeout(() => socket.close(), PATIENCE * 1000);
    const looking = setInterval(() => this.#look(), ANSWERS * 1000);
    this.#stopping.addEventListener("abort", stop);
    // A browser that knows to have no network does not say so to a socket for a long time.
    globalThis.addEventListener?.("offline", cut);
    socket.onopen = () => {
      clearTimeout(opening);
      if (this.#token) this.say({ auth: this.#token });
    };
    socket.onmessage = ({ data }) => this.#heard(String(data));
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    // Where nobody answers, Node 20 tells an error and no close. (Browsers tell both, with the code in the second.)
    socket.onerror = () => void setTimeout(() => this.#lost(), 50);
    if (this.#stopping.aborted) stop();
    try {
      yield* this.#told();
    } finally {
      clearTimeout(opening);
      clearInterval(looking);
      this.#stopping.removeEventListener("abort", stop);
      globalThis.removeEventListener?.("offline", cut);
      socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close(1000);
    }
  }

  async *#told() {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        yield next;
      } else if (this.#trouble !== null) {
        throw this.#trouble;
      } else if (this.#closed !== null) {
        if (this.#overrun) return;
        const { code, reason } = this.#closed;
        throw new TocsinError(reason || `the connection ended (${code})`, { close: code >= 4000 ? code : 0 });
      } else {
        await new Promise((resolve) => {
          this.#wake = () => resolve(undefined);
        });
      }
    }
  }

  /** @param {string} frame */
  #heard(frame) {
    this.#heardAt = Date.now();
    this.#askedAt = 0;
    this.#greeted = true;
    if (this.#overrun || this.#trouble !== null) return;
    try {
      const event = eventOf(frame);
      if (event.event === "pong") return;
      this.#waiting.push(event);
    } catch (error) {
      this.#trouble = error;
    }
    if (this.#waiting.length > MOST_WAITING) {
      this.#overrun = true;
      this.#socket.close(1000);
    }
    this.#wake();
  }

  #lost(code = 1006, reason = "") {
    this.#closed ??= { code, reason };
    this.#wake();
  }

  /**
   * A wire that was cut says nothing, and pages are not told of pings: so after some silence is asked, on this very
   * connection, as behind a balancer another node would answer for the one that has gone.
   */
  #look() {
    const now = Date.now();
    if (this.#socket.readyState !== WebSocket.OPEN || now - this.#heardAt < SILENCE * 1000) return;
    if (this.#askedAt === 0) {
      this.#askedAt = now;
      // Before it has greeted, the first word is to be who one is.
      if (this.#greeted) this.say({ ping: "" });
    } else if (now - this.#askedAt >= ANSWERS * 1000) {
      this.#lost();
    }
  }
}
