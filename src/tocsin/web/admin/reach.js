import { html } from "../vendor/lit.js";
import { finding } from "./parts.js";

/** @typedef {import("./findings.js").Finding} Finding */
/** @typedef {import("./findings.js").Reach} Reach */
/** @typedef {import("./page.js").Page} Page */
/** @typedef {import("./streams.js").Stream} Stream */

/** So many pages of streams are looked through for those of one user. */
const PAGES = 10;

/**
 * Find out how somebody is reached now.
 * @param {Page} page
 * @param {string} id
 * @returns {Promise<Reach>}
 */
export async function reachOf(page, id) {
  let user = null;
  try {
    user = await page.ask("GET", `api/users/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof Error && "status" in error && error.status === 404)) throw error;
    return { id, user: null, streams: [], total: 0 };
  }
  const { streams: total } = await page.ask("GET", "api/audience", { query: { userId: id } });
  /** @type {Stream[]} */
  const streams = [];
  /** @type {string | null} */
  let before = null;
  for (let turn = 0; turn < PAGES; turn += 1) {
    const answer = await page.ask("GET", "api/streams", { query: { limit: 200, before } });
    streams.push(...answer.streams.filter((/** @type {Stream} */ { userId }) => userId === id));
    before = answer.next;
    if (before === null) break;
  }
  return { id, user, streams, total: Math.max(total, streams.length) };
}

/** Findings as a list. @param {Finding[]} findings @param {import("../texts/texts.js").Texts} texts */
export function findingsList(findings, texts) {
  return html`
    <ul class="findings">
      ${findings.map(({ tone, key, values = {}, at }) => finding(tone, texts.say(key, { ...values, ...(at ? { at: `${texts.date.format(Date.parse(at))} ${texts.precise.format(Date.parse(at))}` } : {}) })))}
    </ul>`;
}
