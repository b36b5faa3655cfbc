import { Acting } from "./acting.js";
import { EVERYTHING, narrowed } from "./query.js";

/** @typedef {import("./feed.js").Feed} Feed */
/** @typedef {import("./acting.js").Done} Done */
/** @typedef {import("./notification.js").Act} Act */
/** @typedef {import("./notification.js").Item} Item */
/** @typedef {import("./query.js").Query} Query */

/** What somebody is doing with a view: where they are in it, what is open and selected, what can be undone. */
export class Desk {
  /** @type {Query} */
  query = EVERYTHING;
  /** The row that keys act on. @type {string | null} */
  current = null;
  /** The notification that is open. @type {string | null} */
  opened = null;
  /** @type {Set<string>} */
  selected = new Set();
  /** Where a selection by shift began. @type {string | null} */
  #anchor = null;
  /** @type {import("./model.js").Inbox} */
  #asked;
  /** What was done last, to be told and taken back. @type {Done | null} */
  done = null;
  /** Why what was done last was refused. @type {Error | null} */
  refusal = null;
  /** Why the list could not be read. @type {Error | null} */
  trouble = null;

  /**
   * @param {Feed} feed
   * @param {(what: "changed" | "done") => void} say
   */
  constructor(feed, say) {
    this.feed = feed;
    this.say = say;
    this.acting = new Acting(feed);
    this.inbox = feed.open(this.query);
    /** What is on its way to be seen. */
    this.#asked = this.inbox;
  }

  /** Read what is to be seen. */
  async begin() {
    await this.#try(() => this.feed.refresh(this.inbox));
  }

  end() {
    this.feed.close(this.inbox);
    this.feed.close(this.#asked);
  }

  /**
   * Look at something else.
   * @param {Partial<Query>} change
   */
  async ask(change) {
    this.query = { ...this.query, ...change };
    this.selected = new Set();
    const before = this.#asked, inbox = this.#asked = this.feed.open(this.query);
    if (before !== this.inbox) this.feed.close(before);
    inbox.keep(this.opened);
    await this.#try(() => this.feed.refresh(inbox));
    if (inbox !== this.#asked) return;
    // What was there is seen until there is something else.
    this.feed.close(this.inbox);
    this.inbox = inbox;
    this.current = null;
    this.say("changed");
  }

  /**
   * Read the following page.
   * @param {{again?: boolean}} how `again`: although the last attempt failed
   */
  async more({ again = false } = {}) {
    // Each answer draws the list, which asks again: while one is on its way that would never end.
    if ((this.trouble && !again) || typeof this.inbox.next !== "string" || this.feed.isLoading(this.inbox)) return;
    await this.#try(() => this.feed.more(this.inbox));
  }

  get loading() {
    return this.feed.isLoading(this.inbox) || (this.inbox.next === undefined && !this.trouble);
  }

  /** @returns {Item | undefined} */
  get openItem() {
    return this.opened === null ? undefined : this.inbox.find(this.opened) ?? this.feed.emergencies.find(this.opened);
  }

  /**
   * Go to another row.
   * @param {number} by rows further down
   * @returns {string | null} its id
   */
  move(by) {
    const { items } = this.inbox, at = this.#place();
    const next = items[Math.min(Math.max(at + by, 0), items.length - 1)];
    this.current = next?.id ?? null;
    this.say("changed");
    return this.current;
  }

  /**
   * Open a notification, which reads it.
   * @param {string} id
   */
  open(id) {
    this.current = this.opened = id;
    this.inbox.keep(id);
    const item = this.inbox.find(id);
    if (item && this.inbox.state(item).read === null) void this.#done(this.acting.do("read", [item]), { quietly: true });
    this.say("changed");
  }

  close() {
    this.opened = null;
    this.inbox.keep(null);
    this.say("changed");
  }

  /**
   * Select a row, or no longer.
   * @param {string} id
   * @param {{through?: boolean}} how `through`: all from the one before
   */
  select(id, { through = false } = {}) {
    const { items } = this.inbox;
    const from = items.findIndex((item) => item.id === this.#anchor), to = items.findIndex((item) => item.id === id);
    const selected = new Set(this.selected);
    if (through && from >= 0) {
      for (const item of items.slice(Math.min(from, to), Math.max(from, to) + 1)) selected.add(item.id);
    } else if (!selected.delete(id)) {
      selected.add(id);
    }
    this.#anchor = id;
    this.selected = selected;
    this.say("changed");
  }

  selectAll() {
    this.selected = new Set(this.inbox.items.map((item) => item.id));
    this.say("changed");
  }

  selectNone() {
    this.selected = new Set();
    this.say("changed");
  }

  /**
   * Do something with what is selected, or with one.
   * @param {Act} act
   * @param {string | null} [id] this one; else what is selected, else where one is
   */
  async act(act, id = null) {
    const ids = id !== null ? [id] : this.selected.size ? [...this.selected] : this.current !== null ? [this.current] : [];
    const items = ids.map((one) => this.inbox.find(one) ?? this.feed.emergencies.find(one)).filter((item) => item !== undefined);
    if (items.length === 0) return;
    const gone = new Set(act === "dismiss" || act === "undismiss" ? ids : []);
    if (gone.size) {
      this.#stepOff(gone);
      if (this.opened !== null && gone.has(this.opened)) this.close();
    }
    if (id === null) this.selected = new Set();
    await this.#done(this.acting.do(act, items));
  }

  /** Whether all that is seen can be marked as read at once: the server does so by type and device. */
  get mayReadAll() {
    const { words, apps, types, devices, view } = this.query;
    return view !== "dismissed" && !words.trim() && !apps.length && types.length <= 1 && devices.length <= 1;
  }

  async readAll() {
    if (!this.mayReadAll) return;
    const { inbox, query, feed } = this;
    const unread = inbox.items.filter((item) => inbox.state(item).read === null);
    // What is not loaded could not be taken back.
    const all = !narrowed(query) ? unread.length === feed.unread.total : inbox.next === null;
    await this.#done(this.acting.readAll(query.types[0] ?? null, query.devices[0] ?? null, all && unread.length <= 200 ? unread : []));
  }

  async undo() {
    const undo = this.done?.undo;
    if (!undo) return;
    this.done = null;
    this.say("changed");
    this.#settled(await undo().finished);
  }

  forget() {
    this.done = this.refusal = null;
    this.say("changed");
  }

  /** @param {Done} done @param {{quietly?: boolean}} [how] */
  async #done(done, { quietly = false } = {}) {
    this.refusal = null;
    if (!quietly && (done.count > 0 || done.what === "readAll")) {
      this.done = done;
      this.say("done");
    }
    this.#settled(await done.finished);
  }

  /** @param {Error | null} refusal */
  #settled(refusal) {
    if (refusal) {
      this.refusal = refusal;
      this.done = null;
      this.say("done");
    }
    this.say("changed");
  }

  /** The row to be at once those are gone: the next one that stays, else the one before. @param {Set<string>} gone */
  #stepOff(gone) {
    if (this.current === null || !gone.has(this.current)) return;
    const { items } = this.inbox, at = this.#place();
    const next = items.slice(at).find((item) => !gone.has(item.id)) ?? items.slice(0, at).findLast((item) => !gone.has(item.id));
    this.current = next?.id ?? null;
  }

  #place() {
    return this.inbox.items.findIndex((item) => item.id === this.current);
  }

  /** @param {() => Promise<void>} read */
  async #try(read) {
    const asked = this.#asked;
    try {
      this.trouble = null;
      this.say("changed");
      await read();
    } catch (error) {
      if (asked === this.#asked) this.trouble = /** @type {Error} */ (error);
    }
    this.say("changed");
  }
}
