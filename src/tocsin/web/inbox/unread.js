import { TYPES } from "./notification.js";
import { numberOf } from "./position.js";

/** @typedef {import("./notification.js").Type} Type */
/** @typedef {{total: number, types: Record<Type, number>, position: string}} UnreadTold */

/** How many are unread: what the server last counted, and what is known to have come and gone since. */
export class Unread {
  /** @type {Record<string, number>} */
  #counted = {};
  #asOf = -1;
  /** What is not in the count yet: `at` is its number, null while the server has not answered. @type {Set<Drift>} */
  #drift = new Set();

  /**
   * The server has counted.
   * @param {UnreadTold} told
   */
  told({ types, position }) {
    this.#counted = { ...types };
    this.#asOf = numberOf(position);
    for (const drift of this.#drift) {
      if (drift.at !== null && drift.at <= this.#asOf) this.#drift.delete(drift);
    }
  }

  /**
   * One came, unread.
   * @param {Type} type
   * @param {number} at
   */
  came(type, at) {
    if (at > this.#asOf) this.#drift.add({ id: null, type, by: 1, at, answered: true });
  }

  /**
   * Count so many more or less of a type, before the server has said so.
   * @param {string | null} id of the notification
   * @param {Type} type
   * @param {number} by
   * @returns {Drift} to be told of with `confirm` or `forget`
   */
  expect(id, type, by) {
    const drift = { id, type, by, at: null, answered: false };
    this.#drift.add(drift);
    return drift;
  }

  /**
   * A receipt has come: what was expected of that notification has this number.
   * @param {string} id
   * @param {number} at
   */
  receipt(id, at) {
    for (const drift of this.#drift) {
      if (drift.id === id && drift.at === null) {
        drift.at = at;
        if (at <= this.#asOf) this.#drift.delete(drift);
      }
    }
  }

  /**
   * A mark has come: where it read what was read here, too, no receipt will follow.
   * @param {number} at
   */
  mark(at) {
    for (const drift of this.#drift) if (drift.at === null && drift.answered) drift.at = at;
  }

  /** Something was lost: only what is under way still stands. */
  reset() {
    this.#asOf = -1;
    for (const drift of this.#drift) if (drift.answered) this.#drift.delete(drift);
  }

  /** @param {Drift} drift */
  forget(drift) {
    this.#drift.delete(drift);
  }

  /** @param {Type} type */
  of(type) {
    let count = this.#counted[type] ?? 0;
    for (const drift of this.#drift) if (drift.type === type) count += drift.by;
    return Math.max(0, count);
  }

  get total() {
    return TYPES.reduce((sum, type) => sum + this.of(type), 0);
  }
}

/** @typedef {{id: string | null, type: Type, by: number, at: number | null, answered: boolean}} Drift */
