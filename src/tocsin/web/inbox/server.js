/** A request was refused, or did not get through: then `status` is 0. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} sentence for its reader
   * @param {{code?: string, field?: string, retryAfter?: number}} more
   */
  constructor(status, sentence, { code = "", field = "", retryAfter = 0 } = {}) {
    super(sentence);
    this.status = status;
    this.code = code;
    this.field = field;
    /** Seconds. */
    this.retryAfter = retryAfter;
  }
}

/** How long a request may take, in milliseconds. */
const PATIENCE = 20_000;

/** A Tocsin server and the credential to speak to it with. */
export class Server {
  /**
   * @param {string} base its address, with a slash at its end
   * @param {(() => Promise<string>) | null} token what gives a token; null: the session cookie speaks
   */
  constructor(base, token = null) {
    this.base = base;
    this.token = token;
  }

  /**
   * One request.
   * @param {string} method
   * @param {string} path relative to the base
   * @param {{query?: [string, string][], body?: unknown, json?: string, once?: string, signal?: AbortSignal}} [with_]
   *   `json`: a body that is JSON already, to go as it was written; `once`: an idempotency key
   * @returns {Promise<any>} the answer's JSON, or null where it has none
   */
  async request(method, path, { query, body, json: written, once, signal } = {}) {
    const url = new URL(path, this.base);
    for (const [name, value] of query ?? []) url.searchParams.append(name, value);
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.token) headers["authorization"] = `Bearer ${await this.token()}`;
    const text = written ?? (body === undefined ? undefined : JSON.stringify(body));
    if (text !== undefined) headers["content-type"] = "application/json";
    if (once !== undefined) headers["idempotency-key"] = once;
    const patience = AbortSignal.timeout(PATIENCE);
    let answer;
    try {
      answer = await fetch(url, {
        method,
        headers,
        credentials: this.token ? "omit" : "same-origin",
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
        ...(text === undefined ? {} : { body: text }),
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refused(0, String(error));
    }
    const json = answer.headers.get("content-type")?.includes("json") ? await answer.json().catch(() => null) : null;
    if (answer.ok) return json;
    throw new Refused(answer.status, json?.error ?? answer.statusText, {
      code: json?.code ?? "",
      field: json?.where ?? json?.field ?? "",
      retryAfter: Number(answer.headers.get("retry-after") ?? 0),
    });
  }

  /**
   * The address of a stream; a page cannot set headers on one.
   * @param {string | null} since resume right after this position
   */
  async streamAddress(since) {
    const url = new URL("notifications", this.base);
    url.protocol = url.protocol.replace("http", "ws");
    if (since !== null) url.searchParams.set("since", since);
    if (this.token) url.searchParams.set("ticket", (await this.request("POST", "api/auth/ticket")).ticket);
    return url;
  }
}
