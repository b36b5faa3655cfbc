import { Item, after } from "./notification.js";
import { numberOf } from "./position.js";
import { EVERYTHING, concerns, shows } from "./query.js";

/** @typedef {import("./notification.js").Act} Act */
/** @typedef {import("./notification.js").State} State */
/** @typedef {import("./notification.js").Told} Told */
/** @typedef {import("./query.js").Query} Query */

/** @typedef {{notifications: Told[], next: string | null, position: string}} Page */
/** @typedef {{event: string, position: string | null, data: any}} Event */

/**
 * Something that was done here and that the server has not answered yet.
 * @typedef {{act: Act, id: string, at: string}} PendingAct
 * @typedef {{upTo: number, type: string | null, deviceId: string | null, at: string}} Mark
 */

/**
 * One view of somebody's notifications: pages of the list, kept as new as the events of the stream make it, with
 * what was done here and is not confirmed yet on top. It knows no page and no network.
 *
 * Events that come in their order leave what a fresh read would give (docs/decisions/0006-the-inbox.md).
 */
export class Inbox {
  /** Where the next page begins; undefined before the first, null after the last. @type {string | null | undefined} */
  next = undefined;
  /** Grows with every change. */
  version = 0;

  /** Newest first. @type {Item[]} */
  #items = [];
  /** @type {Map<string, Item>} */
  #byId = new Map();
  /** What was done here, by notification, first to last. @type {Map<string, PendingAct[]>} */
  #acts = new Map();
  /** @type {Set<Mark>} */
  #marks = new Set();
  /** Shown although it no longer belongs there, so that nothing vanishes from before one's eyes. @type {string | null} */
  #kept = null;
  /** Events that came while a page was on its way. @type {Event[] | null} */
  #heard = null;
  /** @type {Item[] | undefined} */
  #shown;

  /** @param {Query} query */
  constructor(query = EVERYTHING) {
    this.query = query;
  }

  /** What is to be shown, newest first. @returns {readonly Item[]} */
  get items() {
    this.#shown ??= this.#items.filter((item) => item.id === this.#kept || shows(this.query, this.state(item)));
    return this.#shown;
  }

  /** How many are loaded, shown or not. */
  get size() {
    return this.#items.length;
  }

  /** @param {string} id */
  find(id) {
    return this.#byId.get(id);
  }

  /**
   * The state of a notification with what was done here.
   * @param {Item} item
   * @returns {State}
   */
  state(item) {
    let state = item.confirmed;
    if (this.#marks.size + this.#acts.size === 0) return state;
    for (const mark of this.#marks) {
      if (state.read === null && covers(mark, item)) state = { ...state, read: mark.at };
    }
    for (const { act, at } of this.#acts.get(item.id) ?? []) state = after(state, act, at);
    return state;
  }

  /**
   * Keep one where it is, even when it no longer belongs there.
   * @param {string | null} id
   */
  keep(id) {
    if (id === this.#kept) return;
    this.#kept = id;
    this.#changed();
  }

  /** A page is on its way: what comes meanwhile is applied to it, too. Ended by the page, or by `giveUpPage`. */
  awaitPage() {
    this.#heard = [];
  }

  /** It does not come: nothing is kept for it any longer. */
  giveUpPage() {
    this.#heard = null;
  }

  /** Whether what comes is kept for a page. */
  get awaitsPage() {
    return this.#heard !== null;
  }

  /**
   * What is there, read anew.
   * @param {Page} page the first one
   */
  replace(page) {
    this.#items = [];
    this.#byId.clear();
    return this.append(page);
  }

  /**
   * The following page.
   * @param {Page} page
   * @returns {string[]} the ids of notifications that have to be read for what came meanwhile
   */
  append(page) {
    const asOf = numberOf(page.position), heard = this.#heard ?? [];
    for (const told of page.notifications) this.#put(new Item(told, asOf));
    this.next = page.next;
    this.#heard = null;
    this.#changed();
    return heard
      .filter(({ position }) => position !== null && numberOf(position) > asOf)
      .map((event) => this.apply(event))
      .filter((id) => id !== null);
  }

  /**
   * One that was read by itself, as of an event.
   * @param {Told} told
   * @param {number} asOf
   */
  put(told, asOf) {
    if (!this.#reaches(numberOf(told.first)) || !concerns(this.query, told)) return;
    this.#put(new Item(told, asOf));
    this.#changed();
  }

  /**
   * Apply one event of the stream.
   * @param {Event} event
   * @returns {string | null} the id of a notification that has to be read for it, or null
   */
  apply({ event, position, data }) {
    this.#heard?.push({ event, position, data });
    const at = position === null ? 0 : numberOf(position);
    switch (event) {
      case "notification":
        if (this.query.words.trim()) return this.#byId.has(data.id) ? this.#again(data, at) : data.id;
        this.put(data, at);
        return null;
      case "receipt": return this.#receipt(data, at);
      case "mark": return this.#mark({ ...data, upTo: numberOf(data.upTo) }, at);
      case "withdrawn": return this.#remove((item) => item.id === data.id);
      case "purged": {
        const upTo = numberOf(data.upTo);
        return this.#remove((item) => item.first <= upTo && (item.told.userId === null) === data.broadcasts
          && (data.appId === null || (item.told.appId ?? "") === data.appId));
      }
      default: return null;
    }
  }

  /**
   * Show something as done before the server has said so.
   * @param {PendingAct | Mark} change
   */
  expect(change) {
    if ("upTo" in change) this.#marks.add(change);
    else this.#acts.set(change.id, [...this.#acts.get(change.id) ?? [], change]);
    this.#changed();
  }

  /**
   * The server has answered. What it did not confirm is taken back by that.
   * @param {PendingAct | Mark} change
   * @param {(State & {id: string})[] | null} confirmed the states that it answered with; null: it refused
   * @param {number} asOf the number up to which the stream had come when it was asked
   */
  settle(change, confirmed, asOf) {
    if ("upTo" in change) this.#marks.delete(change);
    else this.#forget(change);
    for (const { id, read, dismissed, acknowledged } of confirmed ?? []) {
      const item = this.#byId.get(id);
      // A receipt that came meanwhile is newer, or will be followed by what is.
      if (item && item.asOf <= asOf) item.confirmed = { read, dismissed, acknowledged };
    }
    if (confirmed && "upTo" in change) this.#mark(change, Infinity);
    this.#changed();
  }

  /** @param {PendingAct} change */
  #forget(change) {
    const left = (this.#acts.get(change.id) ?? []).filter((one) => one !== change);
    if (left.length) this.#acts.set(change.id, left);
    else this.#acts.delete(change.id);
  }

  /** @param {any} data @param {number} at */
  #again(data, at) {
    this.put(data, at);
    return null;
  }

  /** @param {State & {id: string, first: string}} data @param {number} at */
  #receipt(data, at) {
    const item = this.#byId.get(data.id);
    if (!item) return this.#reaches(numberOf(data.first)) && shows(this.query, data) ? data.id : null;
    if (at > item.asOf) {
      item.confirmed = { read: data.read, dismissed: data.dismissed, acknowledged: data.acknowledged };
      item.asOf = at;
      this.#changed();
    }
    return null;
  }

  /** @param {Mark} mark @param {number} at */
  #mark(mark, at) {
    for (const item of this.#items) {
      if (item.confirmed.read === null && at > item.asOf && covers(mark, item)) {
        item.confirmed = { ...item.confirmed, read: mark.at };
      }
    }
    this.#changed();
    return null;
  }

  /** @param {(item: Item) => boolean} gone */
  #remove(gone) {
    const left = this.#items.filter((item) => !gone(item));
    if (left.length < this.#items.length) {
      this.#items = left;
      this.#byId = new Map(left.map((item) => [item.id, item]));
      this.#changed();
    }
    return null;
  }

  /** Whether what was created at that number is among what is loaded. @param {number} first */
  #reaches(first) {
    const oldest = this.#items.at(-1);
    return this.next === null || (this.next !== undefined && (!oldest || first >= oldest.first));
  }

  /** @param {Item} item */
  #put(item) {
    const old = this.#byId.get(item.id);
    if (old && old.asOf > item.asOf) return;
    this.#byId.set(item.id, item);
    let low = 0, high = this.#items.length;
    const newest = this.#items[0], oldest = this.#items[high - 1];
    if (newest && item.first > newest.first) high = 0;
    else if (oldest && item.first < oldest.first) low = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (/** @type {Item} */ (this.#items[middle]).first > item.first) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, this.#items[low]?.first === item.first ? 1 : 0, item);
  }

  #changed() {
    this.version += 1;
    this.#shown = undefined;
  }
}

/** @param {Mark} mark @param {Item} item */
function covers(mark, item) {
  return item.since <= mark.upTo
    && (mark.type === null || mark.type === item.told.type)
    && (mark.deviceId === null || mark.deviceId === item.told.deviceId);
}
