import { html, live, nothing } from "../vendor/lit.js";
import { TocsinError } from "../client.js";
import { reasonOf } from "../inbox/sentences.js";

/** @typedef {import("../texts/texts.js").Texts} Texts */
/** @typedef {string | boolean} Value */

/**
 * How a field is drawn.
 * @typedef {{label: string, hint?: string, kind?: string, optional?: boolean, rows?: number, mono?: boolean, suggestions?: string[], placeholder?: string, auto?: string}} Look
 */

/** The documented routes name the field in their sentence: `title: must not be empty`. */
const NAMED = /^([A-Za-z]+)[^:\s]*: /;

/** What somebody types, and what is wrong with it. Nothing typed is ever lost, whatever the server says. */
export class Form {
  /** Sentences by field. @type {Record<string, string>} */
  problems = {};
  /** What is wrong with all of it. */
  problem = "";
  busy = false;

  /**
   * @param {string} name tells its fields from those of other forms on the page
   * @param {Record<string, Value>} values by field; what it begins with
   * @param {() => void} changed
   */
  constructor(name, values, changed) {
    this.name = name;
    this.first = values;
    this.values = { ...values };
    this.changed = changed;
  }

  /** @param {string} field */
  text(field) {
    return String(this.values[field] ?? "");
  }

  /** @param {string} field */
  on(field) {
    return this.values[field] === true;
  }

  /** @param {string} field @param {Value} value */
  set(field, value) {
    this.values = { ...this.values, [field]: value };
    if (this.problems[field]) this.problems = { ...this.problems, [field]: "" };
    this.changed();
  }

  /**
   * What somebody has changed here; of all else, what holds now: it may have been changed elsewhere since this was read.
   * @template {Record<string, unknown>} T
   * @param {T} mine what the form has
   * @param {Record<string, unknown>} now
   * @returns {T}
   */
  over(mine, now) {
    const fields = Object.keys(mine).map((field) => [field, this.values[field] === this.first[field] ? now[field] : mine[field]]);
    return /** @type {T} */ (Object.fromEntries(fields));
  }

  /** Begin anew. @param {Record<string, Value>} [values] */
  reset(values = this.first) {
    this.first = values;
    this.values = { ...values };
    this.problems = {};
    this.problem = "";
    this.changed();
  }

  /**
   * Send it, unless something is wrong with it already; then the focus goes to the first field that is.
   * @param {SubmitEvent} event
   * @param {Texts} texts
   * @param {{missing?: string[], send: () => Promise<unknown>, of?: Record<number, string>}} how `missing`: fields that
   *   must not be empty; `of`: the field that a status is about, where the answer names none
   * @returns {Promise<boolean>} whether it was taken
   */
  async submit(event, texts, { missing = [], send, of = {} }) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (this.busy) return false;
    this.problem = "";
    this.problems = Object.fromEntries(missing.filter((field) => !this.text(field).trim()).map((field) => [field, texts.say("adminMissing")]));
    let taken = false;
    if (Object.keys(this.problems).length === 0) {
      this.busy = true;
      this.changed();
      try {
        await send();
        taken = true;
      } catch (error) {
        this.refuse(/** @type {Error} */ (error), texts, of);
      }
      this.busy = false;
    }
    this.changed();
    // Once the page is drawn again.
    if (!taken) setTimeout(() => /** @type {HTMLElement | null} */ (form.querySelector("[aria-invalid=true], .problem[role=alert]:not(:empty)"))?.focus());
    return taken;
  }

  /** @param {Error} error @param {Texts} texts @param {Record<number, string>} of */
  refuse(error, texts, of) {
    const named = error instanceof TocsinError ? error.field || NAMED.exec(error.message)?.[1] || of[error.status] || "" : "";
    const field = error instanceof Mistake ? error.field : (named.split(/[.[]/)[0] ?? "");
    if (field in this.values) this.problems = { ...this.problems, [field]: error.message.replace(NAMED, "") };
    else this.problem = reasonOf(error, texts);
  }

  /** What is wrong with the whole. */
  get trouble() {
    return html`<p class="problem" role="alert" tabindex="-1">${this.problem}</p>`;
  }

  /** A line to type into, or several. @param {string} field @param {Look} look @param {Texts} texts */
  field(field, { label, hint = "", kind = "text", optional = false, rows = 0, mono = false, suggestions, placeholder = "", auto = "off" }, texts) {
    const id = `${this.name}-${field}`, problem = this.problems[field] ?? "";
    const typed = (/** @type {InputEvent} */ event) => this.set(field, /** @type {HTMLInputElement} */ (event.target).value);
    return html`
      <div class="field ${mono ? "mono" : ""}">
        <label for=${id}>${texts.say(label)}${optional ? html` <span class="optional">${texts.say("adminOptional")}</span>` : nothing}</label>
        ${rows
          ? html`<textarea id=${id} name=${field} rows=${rows} dir="auto" spellcheck=${mono ? "false" : "true"} aria-invalid=${String(problem !== "")} aria-describedby="${id}-says" .value=${live(this.text(field))} @input=${typed}></textarea>`
          : html`<input id=${id} name=${field} type=${kind} dir="auto" autocomplete=${auto} autocapitalize="none" spellcheck="false" placeholder=${placeholder} list=${suggestions ? `${id}-list` : nothing} aria-invalid=${String(problem !== "")} aria-describedby="${id}-says" .value=${live(this.text(field))} @input=${typed}>`}
        ${suggestions ? html`<datalist id="${id}-list">${suggestions.map((one) => html`<option value=${one}></option>`)}</datalist>` : nothing}
        <span id="${id}-says">${problem ? html`<span class="problem">${problem}</span>` : hint ? html`<span class="hint">${texts.say(hint)}</span>` : nothing}</span>
      </div>`;
  }

  /** Something that is on or off. @param {string} field @param {string} label @param {string} hint @param {Texts} texts */
  toggle(field, label, hint, texts) {
    const id = `${this.name}-${field}`, problem = this.problems[field] ?? "";
    return html`
      <label class="switch">
        <input type="checkbox" role="switch" name=${field} aria-invalid=${String(problem !== "")} aria-describedby="${id}-says" .checked=${live(this.on(field))}
          @change=${(/** @type {Event} */ { target }) => this.set(field, /** @type {HTMLInputElement} */ (target).checked)}>
        <span><b>${texts.say(label)}</b> <span id="${id}-says">${problem ? html`<span class="problem">${problem}</span>` : texts.say(hint)}</span></span>
      </label>`;
  }

  /** The button that sends it. @param {string} label @param {Texts} texts */
  button(label, texts) {
    return html`<button type="submit" class="button strong" aria-disabled=${String(this.busy)}>${texts.say(label)}</button>`;
  }
}

/** What is wrong with a field is seen before anything is sent. */
export class Mistake extends Error {
  /** @param {string} field @param {string} sentence */
  constructor(field, sentence) {
    super(sentence);
    this.field = field;
  }
}
