import { TocsinError } from "./errors.js";

/**
 * What a frame or a line of a stream holds.
 * @param {string} text
 * @returns {import("./types.js").Event}
 * @throws {TocsinError} it is no event
 */
export function eventOf(text) {
  try {
    const event = JSON.parse(text);
    if (typeof event?.event === "string") return event;
  } catch {
    // Said below.
  }
  throw new TocsinError("this is no Tocsin server's stream", { close: 4400 });
}
