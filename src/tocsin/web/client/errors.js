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

/** An answer that is none of the good ones, as an error. @param {Response} answer */
export async function refusal(answer) {
  const said = await answer.json().catch(() => null);
  const asked = answer.headers.get("retry-after") ?? "";
  return new TocsinError(said?.error ?? `answered ${answer.status}, and not as a Tocsin server does`, {
    status: answer.status,
    code: said?.code ?? "",
    field: said?.field ?? "",
    retryAfter: /^\d{1,9}$/.test(asked) ? Number(asked) : null,
  });
}
