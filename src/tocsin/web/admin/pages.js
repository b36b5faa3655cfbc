import { html } from "../vendor/lit.js";

/** @typedef {import("../client.js").Tocsin} Tocsin */
/** @typedef {import("../texts/texts.js").Texts} Texts */
/** @typedef {import("./place.js").Place} Place */
/** @typedef {{server: Tocsin, texts: Texts, place: Place}} Given */

/**
 * A page: `ofOne` is about the thing whose id the address names; what has a shape is in the menu.
 * @type {{name: string, title: string, shape?: string, ofOne?: boolean, draw: (given: Given) => unknown}[]}
 */
export const PAGES = [
  { name: "overview", title: "adminOverview", shape: "gauge", draw: ({ server, texts, place }) => html`<admin-overview .server=${server} .texts=${texts} .place=${place}></admin-overview>` },
  { name: "look-up", title: "adminLookUp", shape: "file-search", draw: ({ server, texts, place }) => html`<admin-look-up .server=${server} .texts=${texts} .place=${place}></admin-look-up>` },
  { name: "look-up", title: "adminStory", ofOne: true, draw: ({ server, texts, place }) => html`<admin-story .server=${server} .texts=${texts} .place=${place}></admin-story>` },
  { name: "sent", title: "adminSent", shape: "activity", draw: ({ server, texts, place }) => html`<admin-sent .server=${server} .texts=${texts} .place=${place}></admin-sent>` },
  { name: "refusals", title: "adminRefusals", shape: "ban", draw: ({ server, texts, place }) => html`<admin-refusals .server=${server} .texts=${texts} .place=${place}></admin-refusals>` },
  { name: "send", title: "adminSend", shape: "send", draw: ({ server, texts, place }) => html`<admin-send .server=${server} .texts=${texts} .place=${place}></admin-send>` },
  { name: "streams", title: "adminStreams", shape: "radio", draw: ({ server, texts, place }) => html`<admin-streams .server=${server} .texts=${texts} .place=${place}></admin-streams>` },
  { name: "users", title: "adminUsers", shape: "users", draw: ({ server, texts, place }) => html`<admin-users .server=${server} .texts=${texts} .place=${place}></admin-users>` },
  { name: "users", title: "adminUser", ofOne: true, draw: ({ server, texts, place }) => html`<admin-user .server=${server} .texts=${texts} .place=${place}></admin-user>` },
  { name: "keys", title: "adminKeys", shape: "key-round", draw: ({ server, texts, place }) => html`<admin-keys .server=${server} .texts=${texts} .place=${place}></admin-keys>` },
  { name: "apps", title: "adminApps", shape: "layout-grid", draw: ({ server, texts, place }) => html`<admin-apps .server=${server} .texts=${texts} .place=${place}></admin-apps>` },
  { name: "apps", title: "adminApp", ofOne: true, draw: ({ server, texts, place }) => html`<admin-app .server=${server} .texts=${texts} .place=${place}></admin-app>` },
  { name: "devices", title: "adminDevices", shape: "cpu", draw: ({ server, texts, place }) => html`<admin-devices .server=${server} .texts=${texts} .place=${place}></admin-devices>` },
  { name: "audit", title: "adminAudit", shape: "scroll-text", draw: ({ server, texts, place }) => html`<admin-audit .server=${server} .texts=${texts} .place=${place}></admin-audit>` },
];

/**
 * The page of a place; the first one where there is none.
 * @param {Place} place
 */
export function pageOf(place) {
  const named = PAGES.filter(({ name }) => name === place.page);
  return named.find(({ ofOne = false }) => ofOne === (place.id !== null)) ?? named[0] ?? /** @type {typeof PAGES[0]} */ (PAGES[0]);
}

/** @param {Place} place @param {Texts} texts */
export function titleOf(place, texts) {
  const page = pageOf(place);
  return page.ofOne ? `${place.id} · ${texts.say(page.title)}` : texts.say(page.title);
}
