import { TocsinError, refusal } from "./errors.js";
import { Stream } from "./stream.js";
import { retryDelay, wait } from "./waiting.js";

/** @typedef {import("./types.js").Asked} Asked */
/** @typedef {import("./types.js").Credential} Credential */
/** @typedef {import("./types.js").Draft} Draft */
/** @typedef {import("./types.js").Notification} Notification */
/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./types.js").Page} Page */
/** @typedef {import("./types.js").Sent} Sent */
/** @typedef {import("./types.js").StreamOptions} StreamOptions */
/** @typedef {import("./types.js").Told} Told */
/** @typedef {import("./types.js").Type} Type */
/** @typedef {import("./types.js").Unread} Unread */

/** Seconds that an answer may take. */
const PATIENCE = 30;

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

  /** Who is signed in, and until when; `user` is null where nobody is. @returns {Promise<{user: any, expiresAt: string | null}>} */
  session() {
    return this.request("GET", "api/session?optional=true");
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
   * @param {{query?: Record<string, Asked>, body?: unknown, json?: string, headers?: Record<string, string>, signal?: AbortSignal,
   *   once?: boolean}} [with_] `json`: a body that is JSON already, to go as it was written; `once`: try only once
   * @returns {Promise<any>} the JSON that was answered, null for none
   */
  async request(method, path, { query, body, json, headers, signal, once = false } = {}) {
    const url = this.address(path, query), text = json ?? (body === undefined ? undefined : JSON.stringify(body));
    const began = Date.now();
    for (let attempt = 0, renewed = false; ; attempt++) {
      try {
        return await this.#attempt(method, url, text, headers, signal);
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
    try {
      return typeof this.token === "function" ? await this.token() : (this.token ?? "");
    } catch (cause) {
      throw cause instanceof TocsinError ? cause : new TocsinError("no token could be had", { code: "no-token", cause });
    }
  }

  /**
   * One answer, whatever its status.
   * @param {string} method
   * @param {URL} url
   * @param {{json?: string | undefined, headers?: Record<string, string> | undefined, signal?: AbortSignal}} [with_]
   */
  async fetch(method, url, { json, headers = {}, signal } = {}) {
    const token = await this.credential();
    /** @type {RequestInit} */
    const init = { method, headers: { ...headers }, credentials: this.cookie ? "same-origin" : "omit", redirect: "error" };
    const sent = /** @type {Record<string, string>} */ (init.headers);
    if (token) sent["authorization"] = `Bearer ${token}`;
    if (json !== undefined) {
      sent["content-type"] = "application/json";
      init.body = json;
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
   * @param {string | undefined} json
   * @param {Record<string, string> | undefined} headers
   * @param {AbortSignal | undefined} signal
   */
  async #attempt(method, url, json, headers, signal) {
    const patience = AbortSignal.timeout(PATIENCE * 1000);
    const until = signal ? AbortSignal.any([signal, patience]) : patience;
    try {
      const answer = await this.fetch(method, url, { json, headers, signal: until });
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
