/**
 * Where one is within the admin pages: which page, of which thing, and what was asked for there.
 * @typedef {{page: string, id: string | null, query: URLSearchParams}} Place
 */

/**
 * The place that an address names, as `#/users/alice` or `#/look-up?user=alice`.
 * @param {string} hash
 * @returns {Place}
 */
export function placeOf(hash) {
  const text = hash.replace(/^#?\/?/, ""), at = text.indexOf("?");
  const path = at < 0 ? text : text.slice(0, at);
  const slash = path.indexOf("/");
  const page = slash < 0 ? path : path.slice(0, slash), id = slash < 0 ? "" : path.slice(slash + 1);
  return { page: page || "overview", id: id ? decoded(id) : null, query: new URLSearchParams(at < 0 ? "" : text.slice(at + 1)) };
}

/**
 * The address of a place.
 * @param {string} page
 * @param {string | null} [id]
 * @param {Record<string, string>} [query]
 */
export function addressOf(page, id = null, query = {}) {
  const asked = new URLSearchParams(query).toString();
  return `#/${page}${id === null ? "" : `/${encodeURIComponent(id)}`}${asked && `?${asked}`}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody wrote it by hand
  }
}
