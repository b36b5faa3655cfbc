/** The languages that there are, by their names in themselves. */
export const LANGUAGES = /** @type {const} */ ({ en: "English", ar: "العربية" });

/** @typedef {keyof typeof LANGUAGES} Language */

const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** All that the pages say, in one language, with its numbers and times. */
export class Texts {
  /**
   * @param {string} language
   * @param {Record<string, string | Record<string, string>>} sentences by key; one that counts has a form for each
   *   of the language's plurals; `{name}` stands for a value
   */
  constructor(language, sentences) {
    this.language = language;
    this.direction = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
    this.sentences = sentences;
    this.numbers = new Intl.NumberFormat(language);
    this.short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
    this.plurals = new Intl.PluralRules(language);
    this.relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
    this.clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
    this.precise = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
    this.medium = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
    this.date = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
    this.weekday = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
    this.whole = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" });
    this.long = new Intl.DateTimeFormat(language, { dateStyle: "long" });
  }

  /**
   * A sentence.
   * @param {string} key
   * @param {Record<string, string | number>} [values] `count` chooses the plural
   */
  say(key, values = {}) {
    const entry = this.sentences[key] ?? key;
    const sentence = typeof entry === "string" ? entry : entry[this.plurals.select(Number(values["count"] ?? 0))] ?? entry["other"] ?? key;
    return sentence.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name] ?? "";
      return typeof value === "number" ? this.numbers.format(value) : value;
    });
  }

  /**
   * How long ago, as short as can be.
   * @param {number} at milliseconds
   * @param {number} now milliseconds
   */
  ago(at, now) {
    const passed = now - at;
    if (passed < MINUTE) return this.say("now");
    if (passed < HOUR) return this.relative.format(-Math.floor(passed / MINUTE), "minute");
    if (passed < 12 * HOUR) return this.relative.format(-Math.floor(passed / HOUR), "hour");
    return sameDay(at, now) || passed < DAY ? this.clock.format(at) : this.date.format(at);
  }

  /**
   * A day as people call it.
   * @param {number} at milliseconds
   * @param {number} now milliseconds
   */
  day(at, now) {
    if (sameDay(at, now)) return this.say("today");
    if (sameDay(at, now - DAY)) return this.say("yesterday");
    return new Date(at).getFullYear() === new Date(now).getFullYear() ? this.weekday.format(at) : this.long.format(at);
  }

  /** The whole time. @param {number} at milliseconds */
  full(at) {
    return this.whole.format(at);
  }
}

/** @param {number} one @param {number} other */
function sameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** @type {Map<string, Promise<Texts>>} */
const loaded = new Map();

/**
 * The texts in a language; in English where they cannot be had.
 * @param {string} language
 * @param {string} more a folder with texts that only some pages need: `admin/`
 * @returns {Promise<Texts>}
 */
export function loadTexts(language, more = "") {
  const key = more + language;
  let texts = loaded.get(key);
  if (!texts) {
    texts = Promise.all((more ? ["", more] : [""]).map((folder) => read(`./${folder}${language}.json`)))
      .then((files) => new Texts(language, Object.assign({}, ...files)))
      .catch(() => (language === "en" ? new Texts("en", {}) : loadTexts("en", more)));
    loaded.set(key, texts);
  }
  return texts;
}

/** @param {string} file */
async function read(file) {
  const answer = await fetch(new URL(file, import.meta.url));
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

/**
 * The language to speak: the one that was chosen, else the first of the browser's that there is.
 * @param {string | null} chosen
 * @returns {Language}
 */
export function languageFor(chosen) {
  for (const wanted of [chosen, ...navigator.languages]) {
    const language = (wanted ?? "").toLowerCase().split("-")[0] ?? "";
    if (Object.hasOwn(LANGUAGES, language)) return /** @type {Language} */ (language);
  }
  return "en";
}
