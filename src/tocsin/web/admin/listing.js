import { html, nothing } from "../vendor/lit.js";
import { reasonOf } from "../inbox/sentences.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */

/** A list that is read page by page, as far as somebody wants to. @template T */
export class Listing {
  /** @type {T[]} */
  items = [];
  /** The `before` of the following page; null: there is none; undefined: nothing was read yet. @type {string | null | undefined} */
  next = undefined;
  /** @type {Error | null} */
  trouble = null;
  /** The last page as it was answered. @type {any} */
  page = null;
  /** Whether the first page is being read, and whether a following one is. */
  #loading = false;
  #adding = false;
  #turn = 0;

  /**
   * @param {(query: {before: string | null}) => Promise<any>} read a page
   * @param {string} name of the items in its answer
   * @param {() => void} changed
   */
  constructor(read, name, changed) {
    this.read = read;
    this.name = name;
    this.changed = changed;
  }

  /** Read from the beginning; what is there stays until that has come. */
  async refresh() {
    await this.#read(null);
  }

  async more() {
    if (!this.#adding && this.next !== null) await this.#read(this.next ?? null);
  }

  /** @param {string | null} before */
  async #read(before) {
    const turn = this.#turn += 1;
    this.#loading = before === null;
    this.#adding = before !== null;
    this.changed();
    try {
      const page = await this.read({ before });
      if (turn !== this.#turn) return;
      this.items = before === null ? page[this.name] : [...this.items, ...page[this.name]];
      this.next = page.next;
      this.page = page;
      this.trouble = null;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.trouble = /** @type {Error} */ (error);
    }
    this.#loading = this.#adding = false;
    this.changed();
  }

  /**
   * What stands below the list.
   * @param {Texts} texts
   * @param {string} empty what to say where there is nothing
   */
  foot(texts, empty) {
    if (this.trouble) {
      return html`
        <div class="foot"><p class="problem" role="alert">${texts.say("loadFailed", { why: reasonOf(this.trouble, texts) })}</p>
          <button type="button" class="button" @click=${() => (this.items.length ? this.more() : this.refresh())}>${texts.say("again")}</button></div>`;
    }
    if (this.#loading && !this.items.length) return html`<p class="foot quiet" aria-busy="true">${texts.say("loading")}</p>`;
    if (this.next) {
      return html`<div class="foot"><button type="button" class="button" aria-disabled=${String(this.#adding)} @click=${() => this.more()}>${texts.say("adminMore")}</button></div>`;
    }
    return this.items.length || this.next === undefined ? nothing : html`<p class="foot quiet">${empty}</p>`;
  }
}
