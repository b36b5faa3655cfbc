import { TocsinError } from "../client.js";
import { numberOf } from "./position.js";
import { after, mayDismiss } from "./notification.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("./notification.js").Act} Act */
/** @typedef {import("./notification.js").Item} Item */
/** @typedef {import("./notification.js").Type} Type */
/** @typedef {import("./notification.js").State} State */

/** How many requests are under way at once. */
const AT_ONCE = 6;

/**
 * What is being done, to how many, and what takes it back (null where nothing does). `finished` says what was
 * refused, once all is answered, or null; it never rejects.
 * @typedef {{what: Act | "readAll", count: number, undo: (() => Done) | null, finished: Promise<TocsinError | null>}} Done
 */

/** What a person does with their notifications: shown at once, taken back where the server refuses. */
export class Acting {
  /** @param {Feed} feed */
  constructor(feed) {
    this.feed = feed;
  }

  /**
   * Do something with some notifications. Dismissing and acknowledging read, too: what is out of sight must not count.
   * @param {Act} act
   * @param {readonly Item[]} items
   * @returns {Done}
   */
  do(act, items) {
    const touched = items.filter((item) => this.#changes(item, act)), count = touched.length;
    if (act === "dismiss" || act === "acknowledge") {
      const unread = touched.filter((item) => this.#state(item).read === null);
      const finished = this.#steps([[act, touched], ["read", unread]]);
      const undo = act === "acknowledge" ? null : this.#back(finished, count, [["undismiss", touched], ["unread", unread]]);
      return { what: act, count, undo, finished };
    }
    const opposite = /** @type {const} */ ({ read: "unread", unread: "read", undismiss: "dismiss" })[act];
    const finished = this.#steps([[act, touched]]);
    return { what: act, count, undo: this.#back(finished, count, [[opposite, touched]]), finished };
  }

  /**
   * Read everything, or all of a type or about a device, up to where the stream has come.
   * @param {Type | null} type
   * @param {string | null} deviceId
   * @param {readonly Item[]} loaded those that it will read, when that is all of them: then it can be taken back
   * @returns {Done}
   */
  readAll(type, deviceId, loaded) {
    const finished = this.#readAll(type, deviceId);
    const undo = loaded.length ? this.#back(finished, loaded.length, [["unread", loaded]]) : null;
    return { what: "readAll", count: loaded.length, undo, finished };
  }

  /** @param {Type | null} type @param {string | null} deviceId */
  async #readAll(type, deviceId) {
    const { feed } = this, upTo = feed.position;
    if (upTo === null) return new TocsinError("");
    const mark = { upTo: numberOf(upTo), type, deviceId, at: new Date().toISOString() };
    for (const inbox of feed.inboxes) inbox.expect(mark);
    feed.changed();
    let failed = null;
    try {
      const { unread } = await feed.server.readAll({ upTo, ...(type && { type }), ...(deviceId && { deviceId }) });
      feed.unread.told(unread);
    } catch (error) {
      failed = refusal(error);
      feed.refused(failed);
    }
    for (const inbox of feed.inboxes) inbox.settle(mark, failed ? null : [], 0);
    feed.changed();
    return failed;
  }

  /** @param {[Act, readonly Item[]][]} steps */
  async #steps(steps) {
    const refused = await Promise.all(steps.map(([act, items]) => this.#each(act, items)));
    return refused.find((one) => one !== null) ?? null;
  }

  /**
   * What takes it back, once it is done: two requests on their way at once may arrive in any order.
   * @param {Promise<unknown>} finished @param {number} count @param {[Act, readonly Item[]][]} steps
   * @returns {() => Done}
   */
  #back(finished, count, steps) {
    const what = /** @type {[Act, unknown]} */ (steps[0])[0];
    return () => ({ what, count, undo: null, finished: finished.then(() => this.#steps(steps)) });
  }

  /** @param {Item} item @returns {State} */
  #state(item) {
    for (const inbox of this.feed.inboxes) {
      const known = inbox.find(item.id);
      if (known) return inbox.state(known);
    }
    return item.confirmed;
  }

  /** Whether it would change anything, and may be done. @param {Item} item @param {Act} act */
  #changes(item, act) {
    const state = this.#state(item);
    if (act === "dismiss" && !mayDismiss(item.told, state)) return false;
    const then = after(state, act, "");
    return then.read !== state.read || then.dismissed !== state.dismissed || then.acknowledged !== state.acknowledged;
  }

  /** @param {Act} act @param {readonly Item[]} items @returns {Promise<TocsinError | null>} */
  async #each(act, items) {
    /** @type {TocsinError | null} */
    let failed = null;
    const queue = [...items];
    const at = new Date().toISOString();
    const changes = new Map(items.map((item) => [item, this.#expect(act, item, at)]));
    this.feed.changed();
    const worker = async () => {
      for (let item = queue.shift(); item; item = queue.shift()) {
        const error = await this.#one(act, item, changes.get(item) ?? (() => undefined));
        failed ??= error;
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
    return failed;
  }

  /**
   * @param {Act} act @param {Item} item @param {string} at
   * @returns {(confirmed: (State & {id: string}) | null) => void} settles it
   */
  #expect(act, item, at) {
    const { feed } = this;
    const by = act === "read" ? -1 : act === "unread" ? 1 : 0;
    const drift = by === 0 ? null : feed.unread.expect(item.id, item.told.type, by);
    const change = { act, id: item.id, at };
    const asOf = feed.asOf;
    for (const inbox of feed.inboxes) inbox.expect(change);
    return (confirmed) => {
      for (const inbox of feed.inboxes) inbox.settle(change, confirmed && [confirmed], asOf);
      if (drift) drift.answered = confirmed !== null;
      if (!confirmed && drift) feed.unread.forget(drift);
      feed.changed();
    };
  }

  /**
   * @param {Act} act @param {Item} item @param {(confirmed: (State & {id: string}) | null) => void} settle
   * @returns {Promise<TocsinError | null>}
   */
  async #one(act, item, settle) {
    try {
      settle(await this.feed.server[act](item.id));
      return null;
    } catch (error) {
      settle(null);
      const failed = refusal(error);
      this.feed.refused(failed);
      return failed;
    }
  }
}

/** @param {unknown} error */
function refusal(error) {
  return error instanceof TocsinError ? error : new TocsinError(String(error));
}
