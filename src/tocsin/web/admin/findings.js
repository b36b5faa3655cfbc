/** @typedef {import("./streams.js").Stream} Stream */
/** @typedef {import("./users.js").User} User */

/**
 * What `GET /api/notifications/{id}/receipts` tells.
 * @typedef {{id: string, sentAt: string, sender: string, credential: string, userId: string | null, streamed: number, withdrawn: string | null,
 *   notification: import("../inbox/notification.js").Told | null, recipients: number, delivered: number, read: number, dismissed: number, acknowledged: number, receipts: Receipt[], next: string | null}} Receipts
 */

/** @typedef {{userId: string, delivered: string | null, read: string | null, dismissed: string | null, acknowledged: string | null}} Receipt */

/**
 * What was found out: a tone, the key of a sentence, and what stands in it; times are in RFC 3339.
 * @typedef {{tone: "success" | "info" | "warning" | "error", key: string, values?: Record<string, string | number>, at?: string}} Finding
 */

/**
 * What is known of somebody's way to be reached: themself, null where there is none of that id; and their open streams.
 * @typedef {{id: string, user: User | null, streams: Stream[], total: number}} Reach
 */

/**
 * Why somebody is reached or is not, as things are now.
 * @param {Reach} reach
 * @param {string | null} [device] what it would be about
 * @returns {Finding[]}
 */
export function ofReach({ id, user, streams, total }, device = null) {
  if (user === null) return [{ tone: "error", key: "adminNoSuchUser", values: { name: id } }];
  /** @type {Finding[]} */
  const found = [];
  if (user.disabled) found.push({ tone: "error", key: "adminIsDisabled", values: { name: id } });
  if (!user.superuser && !user.permissions.includes("notifications")) found.push({ tone: "info", key: "adminMayNotSend", values: { name: id } });
  if (total === 0) found.push({ tone: "warning", key: "adminNoneOpen", values: { name: id } });
  else found.push({ tone: "success", key: "adminSomeOpen", values: { count: total, name: id } });
  const deaf = streams.filter(({ devices }) => devices !== null && (device === null || !devices.includes(device)));
  for (const { devices } of deaf) found.push({ tone: "warning", key: "adminOnlyDevices", values: { devices: (devices ?? []).join(", ") } });
  if (streams.some(({ behind }) => behind)) found.push({ tone: "info", key: "adminOneBehind" });
  return found;
}

/**
 * What became of a notification, and why.
 * @param {Receipts} story
 * @param {string} type
 * @returns {Finding[]}
 */
export function ofStory(story, type) {
  /** @type {Finding[]} */
  const found = [];
  const { userId, streamed, withdrawn } = story, receipt = userId === null ? null : story.receipts.find((one) => one.userId === userId) ?? null;
  if (withdrawn !== null) found.push({ tone: "error", key: "adminWasWithdrawn", at: withdrawn });
  if (story.recipients === 0) found.push({ tone: "error", key: "adminNoRecipients" });
  if (streamed > 0) found.push({ tone: "success", key: "adminWasStreamed", values: { count: streamed } });
  else found.push({ tone: "warning", key: "adminNoneWasOpen" });
  if (userId === null) {
    found.push({ tone: story.delivered ? "success" : "warning", key: "adminDeliveredTo", values: { count: story.delivered, of: story.recipients } });
    return found;
  }
  if (receipt?.delivered) found.push({ tone: "success", key: "adminWasDelivered", at: receipt.delivered });
  else if (!receipt?.read && !receipt?.acknowledged && !receipt?.dismissed) found.push({ tone: streamed > 0 ? "info" : "warning", key: streamed > 0 ? "adminUnconfirmed" : "adminWaits" });
  if (receipt?.read) found.push({ tone: "success", key: "adminWasRead", at: receipt.read });
  if (receipt?.acknowledged) found.push({ tone: "success", key: "adminWasAcknowledged", at: receipt.acknowledged });
  else if (type === "emergency") found.push({ tone: "error", key: "adminNotAcknowledged" });
  if (receipt?.dismissed) found.push({ tone: "info", key: "adminWasDismissed", at: receipt.dismissed });
  return found;
}
