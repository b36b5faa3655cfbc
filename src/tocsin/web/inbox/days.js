/** @typedef {import("./notification.js").Item} Item */

/**
 * A line of the list: the heading of a day, or a notification.
 * @typedef {{day: number, item: null} | {day: number, item: Item}} Line
 */

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
    const day = item.day ??= dayOf(item.at);
    if (day !== last) found.push({ day, item: null });
    found.push({ day, item });
    last = day;
  }
  return found;
}

/**
 * Where a notification is among the lines; undefined: it is not.
 * @param {readonly Line[]} lines
 * @param {Item | undefined} item
 * @returns {number | undefined}
 */
export function lineOf(lines, item) {
  if (!item) return undefined;
  let low = 0, high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    // A heading stands for the notification below it.
    const first = (lines[middle]?.item ?? lines[middle + 1]?.item)?.first ?? -1;
    if (first > item.first || (first === item.first && !lines[middle]?.item)) low = middle + 1;
    else high = middle;
  }
  return lines[low]?.item?.id === item.id ? low : undefined;
}
