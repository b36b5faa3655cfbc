/** @typedef {import("./notification.js").State} State */
/** @typedef {import("./notification.js").Told} Told */
/** @typedef {import("./notification.js").Type} Type */

/**
 * What of an inbox is looked at.
 * @typedef {{view: "inbox" | "unread" | "dismissed", types: Type[], devices: string[], apps: string[], words: string}} Query
 */

/** @type {Query} */
export const EVERYTHING = { view: "inbox", types: [], devices: [], apps: [], words: "" };

/**
 * The query as parameters of `GET /api/notifications`.
 * @param {Query} query
 * @returns {Record<string, import("../client/types.js").Asked>}
 */
export function parameters({ view, types, devices, apps, words }) {
  return {
    dismissed: view === "dismissed", unread: view === "unread" ? true : null,
    type: types, deviceId: devices, appId: apps, q: words.trim() || null,
  };
}

/**
 * Whether a notification is what is looked for, whatever its state; of words only the server can tell.
 * @param {Query} query
 * @param {Told} told
 */
export function concerns({ types, devices, apps }, told) {
  return (types.length === 0 || types.includes(told.type))
    && (devices.length === 0 || (told.deviceId !== null && devices.includes(told.deviceId)))
    && (apps.length === 0 || (told.appId !== undefined && apps.includes(told.appId)));
}

/**
 * Whether a notification in that state belongs into the view.
 * @param {Query} query
 * @param {State} state
 */
export function shows({ view }, state) {
  if (view === "dismissed") return state.dismissed !== null;
  return state.dismissed === null && (view === "inbox" || state.read === null);
}

/**
 * Whether anything but the view narrows it.
 * @param {Query} query
 */
export function narrowed({ types, devices, apps, words }) {
  return types.length + devices.length + apps.length > 0 || words.trim() !== "";
}
