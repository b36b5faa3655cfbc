import { Refused } from "./server.js";

/** @typedef {import("./server.js").Server} Server */
/** @typedef {import("./model.js").Event} Event */

/**
 * `connecting` the first time, `catching-up` until what was missed is told, `live`; `offline` and trying again at
 * `retryAt`; `ended` when coming back unchanged would not help.
 * @typedef {"connecting" | "catching-up" | "live" | "offline" | "ended"} StreamState
 */

const FIRST_WAIT = 400, LONGEST_WAIT = 15_000;
/** A stream that is silent for so long is asked about: a cut wire says nothing. Milliseconds. */
const SILENCE = 20_000;
/** How often what has arrived is confirmed, in milliseconds. */
const CONFIRM = 1_000;

/** The live stream of one user, kept open and resumed where it stopped. */
export class Stream {
  /** @type {StreamState} */
  state = "connecting";
  /** When it is tried again, in milliseconds; 0: not waiting. */
  retryAt = 0;
  /** Right after what it resumes. @type {string | null} */
  position = null;

  /** @type {WebSocket | null} */
  #socket = null;
  #failures = 0;
  #stopped = true;
  #heardAt = 0;
  #confirmed = "";
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #timers = new Set();

  /**
   * @param {Server} server
   * @param {(event: Event) => void} hear is told every event
   * @param {(state: StreamState, code: number) => void} changed is told every state, and the close code behind it
   */
  constructor(server, hear, changed) {
    this.server = server;
    this.hear = hear;
    this.changed = changed;
    this.wake = this.wake.bind(this);
  }

  /** @param {string | null} since */
  start(since) {
    this.position = since;
    this.#stopped = false;
    globalThis.addEventListener?.("online", this.wake);
    globalThis.addEventListener?.("offline", this.#cut);
    void this.#open();
  }

  stop() {
    this.#stopped = true;
    globalThis.removeEventListener?.("online", this.wake);
    globalThis.removeEventListener?.("offline", this.#cut);
    this.#drop();
  }

  /** Try again now. */
  wake() {
    if (this.#stopped || this.#socket) return;
    this.#failures = 0;
    void this.#open();
  }

  #cut = () => {
    if (!this.#stopped) this.#lost(0);
  };

  async #open() {
    this.#drop();
    /** @type {WebSocket} */
    let socket;
    try {
      const url = await this.server.streamAddress(this.position);
      if (this.#stopped) return;
      socket = new WebSocket(url, ["tocsin.v1"]);
    } catch (error) {
      const refused = error instanceof Refused && (error.status === 401 || error.status === 403);
      return this.#lost(refused ? 4401 : 0);
    }
    this.#socket = socket;
    this.#heardAt = Date.now();
    socket.onmessage = ({ data }) => { if (socket === this.#socket) this.#told(JSON.parse(data)); };
    socket.onclose = ({ code }) => { if (socket === this.#socket) this.#lost(code); };
    this.#every(SILENCE / 2, () => void this.#askAfter(socket));
    this.#every(CONFIRM, () => this.#confirm(socket));
  }

  /** @param {Event} event */
  #told(event) {
    this.#heardAt = Date.now();
    this.#failures = 0;
    if (event.event === "hello") this.#become("catching-up");
    this.hear(event);
    if (event.position !== null) this.position = event.position;
    if (event.event === "caught-up") this.#become("live");
  }

  /** Its senders see that it was delivered. @param {WebSocket} socket */
  #confirm(socket) {
    if (this.state !== "live" || this.position === null || this.position === this.#confirmed) return;
    this.#confirmed = this.position;
    socket.send(JSON.stringify({ received: this.position }));
  }

  /** @param {WebSocket} socket */
  async #askAfter(socket) {
    if (Date.now() - this.#heardAt < SILENCE) return;
    try {
      await this.server.request("GET", "healthz", { signal: AbortSignal.timeout(5_000) });
      this.#heardAt = Date.now();
    } catch {
      if (socket === this.#socket) this.#lost(0);
    }
  }

  /** @param {number} code */
  #lost(code) {
    this.#drop();
    if (this.#stopped) return;
    if (code === 4400) { // A position that the server cannot read helps nobody; what came since is not known then.
      this.position = null;
      this.hear({ event: "gap", position: null, data: {} });
    } else if (code >= 4401 && code < 4500) return this.#become("ended", code);
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    this.retryAt = Date.now() + wait;
    this.#become("offline", code);
    this.#after(wait, () => void this.#open());
  }

  #drop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** @param {StreamState} state */
  #become(state, code = 0) {
    if (state !== "offline") this.retryAt = 0;
    this.state = state;
    this.changed(state, code);
  }

  /** @param {number} wait @param {() => void} what */
  #after(wait, what) {
    const timer = setTimeout(() => { this.#timers.delete(timer); what(); }, wait);
    this.#timers.add(timer);
  }

  /** @param {number} wait @param {() => void} what */
  #every(wait, what) {
    this.#timers.add(setInterval(what, wait));
  }
}
