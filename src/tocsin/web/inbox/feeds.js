import { Feed } from "./feed.js";
import { Tocsin } from "../client.js";

/**
 * Where an element's notifications come from.
 * @typedef {{src: string | null, token: string | null, tokenProviderUrl: string | null, tokenProvider: (() => Promise<string>) | null}} Source
 */

/** Elements of one page that show the same notifications share one stream. @type {Map<string, {feed: Feed, users: number}>} */
const feeds = new Map();
/** @type {WeakMap<Function, number>} */
const providers = new WeakMap();
let lastProvider = 0;

/** The server that these files are from: `/assets/<hash>/inbox/feeds.js`. */
const HOME = new URL("../../../", import.meta.url).href;

/**
 * The feed of an element, which is given back with `letGo`.
 * @param {Source} source
 */
export function feedFor(source) {
  const base = source.src === null ? HOME : new URL(source.src.replace(/\/?$/, "/"), document.baseURI).href;
  const key = JSON.stringify([base, source.token, source.tokenProviderUrl, numberOf(source.tokenProvider)]);
  let shared = feeds.get(key);
  if (!shared) {
    shared = { feed: new Feed(new Tocsin({ url: base, retryFor: 0, ...who(source) })), users: 0 };
    feeds.set(key, shared);
    shared.feed.start();
  }
  shared.users += 1;
  return shared.feed;
}

/** @param {Feed} feed */
export function letGo(feed) {
  for (const [key, shared] of feeds) {
    if (shared.feed !== feed) continue;
    shared.users -= 1;
    if (shared.users === 0) {
      feeds.delete(key);
      feed.stop();
    }
  }
}

/** @param {(() => Promise<string>) | null} provider */
function numberOf(provider) {
  if (!provider) return 0;
  let number = providers.get(provider);
  if (number === undefined) providers.set(provider, number = lastProvider += 1);
  return number;
}

/** @param {Source} source @returns {{token: import("../client/types.js").Credential} | {cookie: true}} */
function who({ token, tokenProvider, tokenProviderUrl }) {
  if (tokenProvider) return { token: tokenProvider };
  if (token !== null) return { token };
  if (tokenProviderUrl === null) return { cookie: true };
  const address = new URL(tokenProviderUrl, document.baseURI);
  return {
    token: async () => {
      const answer = await fetch(address, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`the token provider answered ${answer.status}`);
      return (await answer.json()).token;
    },
  };
}
