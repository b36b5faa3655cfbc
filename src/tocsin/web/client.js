/**
 * A client of Tocsin for browsers and for Node 20 and newer, without dependencies.
 *
 *     const tocsin = new Tocsin({ url: "https://tocsin.example", token });
 *     await tocsin.send({ title: "Backup", message: "done", type: "success" });
 *     for await (const notification of tocsin.stream().notifications()) console.log(notification.title);
 *
 * A send is tried again under one idempotency key, so it is kept once. A stream goes on over any number of
 * connections: in order, nothing twice, and what is gone for good is told as a `gap`.
 *
 * @module
 */

/** @typedef {"info" | "success" | "warning" | "error" | "emergency"} Type */
/** @typedef {"connecting" | "catching up" | "live" | "gap" | "offline" | "ended"} State */
/** @typedef {string | (() => string | Promise<string>)} Credential */

/**
 * What is sent.
 * @typedef {object} Draft
 * @property {string} title
 * @property {string} message
 * @property {Type} [type] `info` unless given
 * @property {string | null} [userId] for superusers: to whom; everyone unless given
 * @property {string | null} [deviceId] what it is about
 * @property {boolean} [dismissible]
 * @property {Record<string, unknown> | null} [metadata]
 */

/** @typedef {{success: boolean, notificationId: string, recipientCount: number}} Sent */

/**
 * A notification as lists and streams give it.
 * @typedef {object} Notification
 * @property {string} id
 * @property {Type} type
 * @property {string} title
 * @property {string} message
 * @property {string | null} userId null: everyone
 * @property {string | null} deviceId
 * @property {boolean} dismissible
 * @property {Record<string, unknown>} metadata
 * @property {string} timestamp RFC 3339
 * @property {string} first position of its creation
 * @property {string} since position at which it last became unread
 * @property {string | null} read when, or null
 * @property {string | null} dismissed
 * @property {string | null} acknowledged
 * @property {string} [position] of its latest change, in lists
 */

/** @typedef {{id: string, read: string | null, dismissed: string | null, acknowledged: string | null}} Told */
/** @typedef {{total: number, types: Record<Type, number>, position: string}} Unread */
/** @typedef {{notifications: Notification[], next: string | null, position: string}} Page */
/** @typedef {string | number | boolean | readonly string[] | null | undefined} Asked */

/**
 * One event of a stream: docs/reference/stream.md says what each is and what its data holds.
 * @typedef {object} Event
 * @property {"hello" | "notification" | "receipt" | "mark" | "withdrawn" | "purged" | "unread" | "gap" | "caught-up" | "refused" | "error"} event
 * @property {string | null} position null for what has no place in the log
 * @property {any} data
 */

/**
 * @typedef {object} Options
 * @property {string | URL} [url] of the server, with its path where it is below one; in a page its own folder unless given
 * @property {Credential} [token] a token or an API key, or what gives one: asked again when it no longer holds
 * @property {boolean} [cookie] the session of a page of the server's own speaks instead
 * @property {number} [retryFor] seconds after which no other attempt at a request is begun
 * @property {typeof globalThis.fetch} [fetch]
 */

/**
 * @typedef {object} StreamOptions
 * @property {string | null} [since] go on right after this position; from now on unless given
 * @property {readonly string[]} [devices] only what is about these
 * @property {"websocket" | "lines"} [transport] a WebSocket where there is one, else lines of JSON over HTTP
 * @property {boolean} [confirm] tell senders what has arrived here (on a WebSocket without `devices`); true unless given
 * @property {(event: Event) => void} [onEvent] each event once; with it or the next the stream runs by itself
 * @property {(notification: Notification) => void} [onNotification]
 * @property {(state: State, why: {error?: TocsinError, seconds?: number, oldest?: string}) => void} [onState]
 * @property {AbortSignal} [signal] ends it
 */

const FIRST_DELAY = 0.25;
const LONGEST_DELAY = 30;
const LONGEST_RETRY_AFTER = 300;
/** Seconds that an answer may take; twice the server's sign of life and a half, after which a connection is taken for dead. */
const PATIENCE = 30;
const SILENCE = 40;
/** Seconds that a connection must have held for the delays to begin anew. */
const ALIVE = 15;
const CONFIRM_EVERY = 5;
/** Most events that wait for a slow reader; over it the connection is ended, and what was let go is asked for again. */
const MOST_WAITING = 5_000;

/** What a server refused, or what kept a request from it (`status` 0). */
export class TocsinError extends Error {
  /**
   * @param {string} message a sentence for people
   * @param {{status?: number, code?: string, field?: string, retryAfter?: number | null, close?: number, cause?: unknown}} [more]
   */
  constructor(message, { status = 0, code = "", field = "", retryAfter = null, close = 0, cause } = {}) {
    super(message, { cause });
    this.name = "TocsinError";
    /** Of the answer; 0 where there was none. */
    this.status = status;
    /** Stable, such as `missing-permission`. */
    this.code = code;
    /** The field that is wrong, where one is. */
    this.field = field;
    /** Seconds that the server asked to wait, or null. */
    this.retryAfter = retryAfter;
    /** The code that a stream was closed with; 0 for none. */
    this.close = close;
  }

  /** Whether the same may work later without being changed. */
  get temporary() {
    if (this.close) return !(this.close >= 4400 && this.close < 4500);
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Whether it was the credential. */
  get unauthenticated() {
    return this.status === 401 || this.close === 4401;
  }
}

/**
 * Seconds to wait before trying again, spread out so that a thousand clients do not come back as one.
 * @param {number} attempt how often it has failed so far, less one
 * @param {number | null} [retryAfter] seconds that the server asked for
 * @param {number} [chance] 0 to 1
 */
export function retryDelay(attempt, retryAfter = null, chance = Math.random()) {
  const own = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 10)) * (0.5 + 0.5 * chance);
  if (retryAfter === null) return own;
  return Math.max(own, Math.min(retryAfter, LONGEST_RETRY_AFTER) * (1 + 0.25 * chance));
}

/** A server, and who one is there. */
export class Tocsin {
  /** @type {URL} */
  url;
  /** @type {Credential | null} */
  token;
  /** @type {boolean} */
  cookie;
  /** @type {number} */
  retryFor;
  /** @type {typeof globalThis.fetch} */
  #fetch;

  /** @param {Options} options */
  constructor({ url, token, cookie = false, retryFor = 30, fetch = globalThis.fetch } = {}) {
    const here = url ?? (typeof document === "undefined" ? undefined : new URL(".", document.baseURI));
    if (here === undefined) throw new TypeError("url: where is the server?");
    this.url = new URL(here);
    if (!this.url.pathname.endsWith("/")) this.url.pathname += "/";
    if (cookie && token !== undefined) throw new TypeError("token and cookie: one of them says who you are");
    this.token = token ?? null;
    this.cookie = cookie;
    this.retryFor = retryFor;
    this.#fetch = (input, init) => fetch(input, init);
  }

  // ------------------------------------------------------------ sending

  /**
   * Send a notification, once, however many attempts that takes.
   * @param {Draft} draft
   * @param {{idempotencyKey?: string, signal?: AbortSignal}} [options] the key: one's own, for a send that is made again after a restart
   * @returns {Promise<Sent>}
   */
  send(draft, { idempotencyKey = randomKey(), signal } = {}) {
    const headers = { "idempotency-key": idempotencyKey };
    return this.request("POST", "api/notifications/send", { body: draft, headers, signal });
  }

  /**
   * Take back what one has sent.
   * @param {string} id
   * @returns {Promise<null>}
   */
  withdraw(id) {
    return this.request("DELETE", place(id));
  }

  /**
   * What became of what one has sent.
   * @param {string} id
   * @param {{limit?: number, before?: string}} [query]
   * @returns {Promise<any>}
   */
  receipts(id, query = {}) {
    return this.request("GET", place(id, "receipts"), { query });
  }

  // ------------------------------------------------------------ one's inbox

  /**
   * A page of one's notifications, newest first.
   * @param {{limit?: number, before?: string, type?: Type | Type[], deviceId?: string | string[], appId?: string | string[],
   *   group?: string | string[], unread?: boolean, dismissed?: boolean, from?: string, to?: string, q?: string}} [query]
   * @returns {Promise<Page>} `next` is the `before` of the following page
   */
  list(query = {}) {
    return this.request("GET", "api/notifications", { query });
  }

  /**
   * @param {string} id
   * @returns {Promise<Notification>}
   */
  get(id) {
    return this.request("GET", place(id));
  }

  /** @returns {Promise<Unread>} */
  unreadCount() {
    return this.request("GET", "api/notifications/unread");
  }

  /** @param {string} id @returns {Promise<Told>} */
  read(id) {
    return this.request("PUT", place(id, "read"));
  }

  /** @param {string} id @returns {Promise<Told>} */
  unread(id) {
    return this.request("DELETE", place(id, "read"));
  }

  /** @param {string} id @returns {Promise<Told>} */
  dismiss(id) {
    return this.request("PUT", place(id, "dismissal"));
  }

  /** @param {string} id @returns {Promise<Told>} */
  undismiss(id) {
    return this.request("DELETE", place(id, "dismissal"));
  }

  /** @param {string} id @returns {Promise<Told>} */
  acknowledge(id) {
    return this.request("PUT", place(id, "acknowledgement"));
  }

  /**
   * Mark as read: everything, or up to a position, of a type, about a device.
   * @param {{upTo?: string, type?: Type, deviceId?: string}} [which]
   * @returns {Promise<{upTo: string, unread: Unread}>}
   */
  readAll(which = {}) {
    return this.request("POST", "api/notifications/read-all", { body: which });
  }

  // ------------------------------------------------------------ who one is

  /** Who is signed in, and until when. @returns {Promise<{user: any, expiresAt: string | null}>} */
  session() {
    return this.request("GET", "api/session");
  }

  /**
   * Sign in: the browser keeps the session.
   * @param {string} username
   * @param {string} password
   * @returns {Promise<{user: any, expiresAt: string}>}
   */
  signIn(username, password) {
    return this.request("POST", "api/session", { body: { username, password }, once: true });
  }

  /** Sign out here, or everywhere. @param {{everywhere?: boolean}} [where] @returns {Promise<null>} */
  signOut({ everywhere = false } = {}) {
    return this.request("DELETE", everywhere ? "api/sessions" : "api/session");
  }

  // ------------------------------------------------------------ streams

  /** @param {StreamOptions} [options] */
  stream(options = {}) {
    return new Stream(this, options);
  }

  // ------------------------------------------------------------ requests

  /**
   * Any request of the API, tried again while that may help. What is not safe to repeat wants an idempotency key.
   * @param {string} method
   * @param {string} path relative to the server's address
   * @param {{query?: Record<string, Asked>, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal,
   *   once?: boolean}} [with_] `once`: try only once
   * @returns {Promise<any>} the JSON that was answered, null for none
   */
  async request(method, path, { query, body, headers, signal, once = false } = {}) {
    const url = this.address(path, query);
    const began = Date.now();
    for (let attempt = 0, renewed = false; ; attempt++) {
      try {
        return await this.#attempt(method, url, body, headers, signal);
      } catch (error) {
        if (!(error instanceof TocsinError)) throw error;
        if (error.unauthenticated && typeof this.token === "function" && !renewed && !once) {
          renewed = true;
          continue;
        }
        const left = this.retryFor - (Date.now() - began) / 1000;
        if (once || !error.temporary || left <= 0 || (error.retryAfter ?? 0) > left) throw error;
        await wait(Math.min(left, retryDelay(attempt, error.retryAfter)), signal);
      }
    }
  }

  /**
   * @param {string} path
   * @param {Record<string, Asked>} [query]
   */
  address(path, query = {}) {
    const url = new URL(path, this.url);
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined || value === null) continue;
      for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one));
    }
    return url;
  }

  /** The token as it is now; empty where the cookie or nobody speaks. */
  async credential() {
    return typeof this.token === "function" ? await this.token() : (this.token ?? "");
  }

  /**
   * One answer, whatever its status.
   * @param {string} method
   * @param {URL} url
   * @param {{body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [with_]
   */
  async fetch(method, url, { body, headers = {}, signal } = {}) {
    const token = await this.credential();
    /** @type {RequestInit} */
    const init = { method, headers: { ...headers }, credentials: this.cookie ? "same-origin" : "omit", redirect: "error" };
    const sent = /** @type {Record<string, string>} */ (init.headers);
    if (token) sent["authorization"] = `Bearer ${token}`;
    if (body !== undefined) {
      sent["content-type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    if (signal) init.signal = signal;
    try {
      return await this.#fetch(url, init);
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new TocsinError("the server cannot be reached", { cause });
    }
  }

  /**
   * @param {string} method
   * @param {URL} url
   * @param {unknown} body
   * @param {Record<string, string> | undefined} headers
   * @param {AbortSignal | undefined} signal
   */
  async #attempt(method, url, body, headers, signal) {
    const patience = AbortSignal.timeout(PATIENCE * 1000);
    const until = signal ? AbortSignal.any([signal, patience]) : patience;
    try {
      const answer = await this.fetch(method, url, { body, headers, signal: until });
      if (!answer.ok) throw await refusal(answer);
      return answer.status === 204 ? null : await answer.json();
    } catch (cause) {
      if (cause instanceof TocsinError) throw cause;
      if (signal?.aborted) throw signal.reason;
      throw new TocsinError("the answer did not come whole", { cause });
    }
  }
}

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
    try {
      while (!this.#stopping.signal.aborted) {
        const began = Date.now();
        /** @type {TocsinError | null} */
        let why = null;
        try {
          for await (const event of this.#connection()) if (this.#isNew(event)) yield event;
        } catch (error) {
          if (this.#stopping.signal.aborted) break;
          if (!(error instanceof TocsinError)) throw error;
          why = error;
        } finally {
          this.#say = null;
        }
        if (this.#stopping.signal.aborted) break;
        why ??= new TocsinError("the connection ended");
        await this.#put_off(why, Date.now() - began);
      }
    } finally {
      this.#stopping.abort();
      this.#tell("ended");
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
   * @param {{epoch: string, number: number}} at
   * @param {{epoch: string, number: number} | null} mine
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
   */
  async #put_off(why, held) {
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
    this.#tell("offline", { error: why, seconds });
    await wait(seconds, this.#stopping.signal, "online").catch(() => {});
  }

  #connection() {
    this.#tell("connecting");
    const kind = this.#options.transport ?? (typeof WebSocket === "undefined" ? "lines" : "websocket");
    const since = this.#confirms ? (this.#confirmed ?? this.position) : this.position;
    const query = { protocol: "tocsin.v1", deviceId: this.#options.devices ?? [], since };
    return kind === "lines" ? this.#lines(query) : this.#webSocket(query);
  }

  get #confirms() {
    return (this.#options.confirm ?? true) && !this.#options.devices?.length;
  }

  /**
   * Lines of JSON over HTTP.
   * @param {Record<string, Asked>} query
   * @returns {AsyncGenerator<Event, void, void>}
   */
  async *#lines(query) {
    const cut = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, cut.signal]);
    let timer = setTimeout(() => cut.abort(), PATIENCE * 1000);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => cut.abort(), SILENCE * 1000);
    };
    try {
      const headers = { accept: "application/x-ndjson" };
      const answer = await this.#tocsin.fetch("GET", this.#tocsin.address("notifications", query), { headers, signal });
      if (!answer.ok || answer.body === null) throw await refusal(answer);
      this.#renewed = false;
      const decoder = new TextDecoder();
      const reader = answer.body.getReader();
      let rest = "";
      for (;;) {
        alive();
        const { value, done } = await reader.read();
        if (done) return;
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop() ?? "";
        // A reader that takes its time is no silence of the server's.
        clearTimeout(timer);
        for (const line of lines) if (line.trim() !== "") yield read(line);
      }
    } catch (cause) {
      if (cause instanceof TocsinError || this.#stopping.signal.aborted) throw cause;
      throw new TocsinError(cut.signal.aborted ? "the server fell silent" : "the connection broke off", { cause });
    } finally {
      clearTimeout(timer);
      cut.abort();
    }
  }

  /**
   * A WebSocket with the subprotocol `tocsin.v1`; who one is stands in the first frame, or the cookie says it.
   * @param {Record<string, Asked>} query
   * @returns {AsyncGenerator<Event, void, void>}
   */
  async *#webSocket(query) {
    const token = await this.#tocsin.credential();
    const url = this.#tocsin.address("notifications", token ? { ...query, auth: "frame" } : query);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, ["tocsin.v1"]);
    /** @type {Event[]} */
    const waiting = [];
    /** @type {{code: number, reason: string} | null} */
    let closed = null;
    let overrun = false;
    let wake = () => {};
    const stop = () => socket.close(1000);
    this.#stopping.signal.addEventListener("abort", stop);
    const opening = setTimeout(() => socket.close(), PATIENCE * 1000);
    socket.onopen = () => {
      clearTimeout(opening);
      if (token) socket.send(JSON.stringify({ auth: token }));
    };
    socket.onmessage = (message) => {
      if (overrun) return;
      waiting.push(read(String(message.data)));
      if (waiting.length > MOST_WAITING) {
        overrun = true;
        socket.close(1000);
      }
      wake();
    };
    socket.onclose = (event) => {
      closed = { code: event.code, reason: event.reason };
      wake();
    };
    // Where nobody answers, Node 20 tells an error and no close. (Browsers tell both, with the code in the second.)
    socket.onerror = () => {
      setTimeout(() => {
        closed ??= { code: 1006, reason: "" };
        wake();
      }, 50);
    };
    const confirming = setInterval(() => this.#confirm(), CONFIRM_EVERY * 1000);
    try {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) {
          if (next.event === "hello") {
            this.#renewed = false;
            if (this.#confirms && (token || this.#tocsin.cookie)) this.#say = (at) => socket.send(JSON.stringify({ received: at }));
          }
          yield next;
          this.#confirm();
        } else if (closed !== null) {
          if (overrun) return;
          const { code, reason } = /** @type {{code: number, reason: string}} */ (closed);
          throw new TocsinError(reason || `the connection ended (${code})`, { close: code >= 4000 ? code : 0 });
        } else {
          await new Promise((resolve) => {
            wake = () => resolve(undefined);
          });
        }
      }
    } finally {
      clearTimeout(opening);
      clearInterval(confirming);
      this.#stopping.signal.removeEventListener("abort", stop);
      this.#say = null;
      socket.close(1000);
    }
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

/** @param {string} line @returns {Event} */
function read(line) {
  try {
    const event = JSON.parse(line);
    if (typeof event?.event === "string") return event;
  } catch {
    // Said below.
  }
  throw new TocsinError("this is no Tocsin server's stream", { close: 4400 });
}

/** @param {string | null} position */
function parse(position) {
  const found = /^(.+)-(\d+)$/.exec(position ?? "");
  return found === null ? null : { epoch: String(found[1]), number: Number(found[2]) };
}

/** @param {Response} answer */
async function refusal(answer) {
  const said = await answer.json().catch(() => null);
  const asked = answer.headers.get("retry-after") ?? "";
  return new TocsinError(said?.error ?? `answered ${answer.status}, and not as a Tocsin server does`, {
    status: answer.status,
    code: said?.code ?? "",
    field: said?.field ?? "",
    retryAfter: /^\d{1,9}$/.test(asked) ? Number(asked) : null,
  });
}

/**
 * @param {string} id
 * @param {string} [what]
 */
function place(id, what) {
  return `api/notifications/${encodeURIComponent(id)}${what ? `/${what}` : ""}`;
}

/** A page that is not served over https has no `randomUUID`. */
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {number} seconds
 * @param {AbortSignal} [signal] ends the wait with its reason
 * @param {string} [event] of the window, which ends the wait as well
 * @returns {Promise<void>}
 */
function wait(seconds, signal, event) {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (event) globalThis.removeEventListener?.(event, done);
    };
    const done = () => {
      over();
      resolve();
    };
    const abort = () => {
      over();
      reject(signal?.reason);
    };
    const timer = setTimeout(done, seconds * 1000);
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort);
    if (event) globalThis.addEventListener?.(event, done);
  });
}
