/**
 * The number in a position, `<epoch>-<seq>`; positions of one epoch are in the order of their numbers.
 * @param {string} position
 * @returns {number}
 */
export function numberOf(position) {
  return Number(position.slice(position.lastIndexOf("-") + 1));
}
