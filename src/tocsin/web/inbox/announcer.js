/** @typedef {import("./notification.js").Told} Told */
/** @typedef {import("../texts/texts.js").Texts} Texts */

/** What comes within so many milliseconds is said in one sentence. */
const GATHER = 400;
/** A sentence is taken away after so long, that nobody comes across it later. */
const STAYS = 6_000;

/** Says things once to those who listen instead of looking. */
export class Announcer {
  /** What the two live regions say now. */
  status = "";
  alert = "";

  /** @type {Told[]} */
  #came = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #gathering;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #clearing;

  /**
   * @param {() => Texts} texts
   * @param {() => void} changed
   */
  constructor(texts, changed) {
    this.texts = texts;
    this.changed = changed;
  }

  /** @param {Told} told */
  came(told) {
    this.#came.push(told);
    this.#gathering ??= setTimeout(() => this.#tell(), GATHER);
  }

  /** @param {string} sentence */
  say(sentence) {
    this.#set(sentence, "");
  }

  stop() {
    clearTimeout(this.#gathering);
    clearTimeout(this.#clearing);
  }

  #tell() {
    this.#gathering = undefined;
    const texts = this.texts(), came = this.#came.splice(0);
    const first = came[0];
    if (!first) return;
    const sentence = came.length === 1
      ? `${texts.say(first.type)}: ${first.title}. ${first.message}`
      : texts.say("came", { count: came.length });
    const urgent = came.some(({ type }) => type === "error");
    this.#set(urgent ? "" : sentence, urgent ? sentence : "");
  }

  /** @param {string} status @param {string} alert */
  #set(status, alert) {
    clearTimeout(this.#clearing);
    this.status = status;
    this.alert = alert;
    this.changed();
    this.#clearing = setTimeout(() => { this.status = this.alert = ""; this.changed(); }, STAYS);
  }
}
