/** @typedef {import("./notification.js").Item} Item */

/**
 * A line of the list: the heading of a day, or a notification.
 * @typedef {{day: number, item: null} | {day: number, item: Item}} Line
 */

/** @type {WeakMap<Item, number>} */
const days = new WeakMap();

/**
 * The day of a notification where its reader is: year, month and day as one number.
 * @param {number} at milliseconds
 */
export function dayOf(at) {
  const date = new Date(at);
  return (date.getFullYear() * 12 + date.getMonth()) * 31 + date.getDate();
}

/**
 * The lines of a list grouped by day.
 * @param {readonly Item[]} items newest first
 * @returns {Line[]}
 */
export function lines(items) {
  /** @type {Line[]} */
  const found = [];
  let last = -1;
  for (const item of items) {
    let day = days.get(item);
    if (day === undefined) days.set(item, day = dayOf(item.at));
    if (day !== last) found.push({ day, item: null });
    found.push({ day, item });
    last = day;
  }
  return found;
}
