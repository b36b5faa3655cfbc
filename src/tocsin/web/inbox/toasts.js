/** @typedef {import("./notification.js").Told} Told */

/** How long a toast stays, in milliseconds; what is not listed stays until it is closed. @type {Partial<Record<Told["type"], number>>} */
const STAYS = { success: 3_000, info: 4_000, warning: 8_000 };
/** No more than so many at once; those before them are in the list. */
const MOST = 3;

/** The toasts that are to be seen, newest last. */
export class Toasts {
  /** @type {Told[]} */
  shown = [];

  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  #held = false;

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** @param {Told} told */
  show(told) {
    this.shown = [...this.shown.filter(({ id }) => id !== told.id), told].slice(-MOST);
    this.#wait(told);
    this.changed();
  }

  /** @param {string} id */
  close(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const left = this.shown.filter((told) => told.id !== id);
    if (left.length === this.shown.length) return;
    this.shown = left;
    this.changed();
  }

  /** Nothing goes while somebody points at it. */
  hold() {
    this.#held = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  release() {
    if (!this.#held) return;
    this.#held = false;
    for (const told of this.shown) this.#wait(told);
  }

  stop() {
    this.hold();
    this.shown = [];
  }

  /** @param {Told} told */
  #wait(told) {
    const stays = STAYS[told.type];
    if (stays === undefined || this.#held) return;
    clearTimeout(this.#timers.get(told.id));
    this.#timers.set(told.id, setTimeout(() => this.close(told.id), stays));
  }
}
