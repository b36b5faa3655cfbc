/**
 * Say in the title, in the icon and on the installed app how many are unread.
 * @param {number} count
 * @param {string} name of the page
 */
export function showCount(count, name) {
  document.title = count > 0 ? `(${count}) ${name}` : name;
  const icon = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=icon]"));
  const file = new URL(`./favicon/${count > 9 ? "more" : count}.svg`, import.meta.url).href;
  if (icon && icon.href !== file) icon.href = file;
  if ("setAppBadge" in navigator) void navigator.setAppBadge(count).catch(() => undefined);
}
