import { TocsinError, refusal } from "./errors.js";
import { eventOf } from "./frame.js";

/** @typedef {import("./types.js").Asked} Asked */

/** Seconds until an answer; and twice the server's sign of life and a half, after which a connection is taken for dead. */
const PATIENCE = 30, SILENCE = 40;

/**
 * One connection that gives lines of JSON over HTTP.
 * @param {import("./tocsin.js").Tocsin} tocsin
 * @param {Record<string, Asked>} query
 * @param {AbortSignal} stopping
 * @returns {AsyncGenerator<import("./types.js").Event, void, void>}
 */
export async function* lines(tocsin, query, stopping) {
  const cut = new AbortController();
  const signal = AbortSignal.any([stopping, cut.signal]);
  let timer = setTimeout(() => cut.abort(), PATIENCE * 1000);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => cut.abort(), SILENCE * 1000);
  };
  try {
    const headers = { accept: "application/x-ndjson" };
    const answer = await tocsin.fetch("GET", tocsin.address("notifications", query), { headers, signal });
    if (!answer.ok || answer.body === null) throw await refusal(answer);
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    let rest = "";
    for (;;) {
      alive();
      const { value, done } = await reader.read();
      if (done) return;
      const whole = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = whole.pop() ?? "";
      // A reader that takes its time is no silence of the server's.
      clearTimeout(timer);
      for (const line of whole) if (line.trim() !== "") yield eventOf(line);
    }
  } catch (cause) {
    if (cause instanceof TocsinError || stopping.aborted) throw cause;
    throw new TocsinError(cut.signal.aborted ? "the server fell silent" : "the connection broke off", { cause });
  } finally {
    clearTimeout(timer);
    cut.abort();
  }
}
