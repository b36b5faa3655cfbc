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
  const cut = new AbortController(), { signal } = cut;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  let reader;
  // Once it has tidied its memory, Node no longer knows of an answer under way that this signal was to end it.
  const end = () => {
    cut.abort();
    reader?.cancel().catch(() => {});
  };
  let timer = setTimeout(end, PATIENCE * 1000);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(end, SILENCE * 1000);
  };
  stopping.addEventListener("abort", end);
  try {
    if (stopping.aborted) return;
    const headers = { accept: "application/x-ndjson" };
    const answer = await tocsin.fetch("GET", tocsin.address("notifications", query), { headers, signal });
    if (!answer.ok || answer.body === null) throw await refusal(answer);
    const decoder = new TextDecoder();
    reader = answer.body.getReader();
    let rest = "";
    for (;;) {
      alive();
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      const whole = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = whole.pop() ?? "";
      // A reader that takes its time is no silence of the server's.
      clearTimeout(timer);
      for (const line of whole) if (line.trim() !== "") yield eventOf(line);
    }
  } catch (cause) {
    if (cause instanceof TocsinError || stopping.aborted) throw cause;
    throw new TocsinError(signal.aborted ? "the server fell silent" : "the connection broke off", { cause });
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", end);
    end();
  }
}
