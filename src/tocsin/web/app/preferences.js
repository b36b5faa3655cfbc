/**
 * What somebody likes, on this device.
 * @typedef {{theme: "system" | "light" | "dark", density: "comfortable" | "compact", sound: boolean, language: string | null}} Preferences
 */

const KEPT_AS = "tocsin.preferences";

/** @type {Preferences} */
const DEFAULTS = { theme: "system", density: "comfortable", sound: false, language: null };

/** @returns {Preferences} */
export function readPreferences() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEPT_AS) ?? "{}") };
  } catch {
    return DEFAULTS;
  }
}

/** @param {Preferences} preferences */
export function keepPreferences(preferences) {
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify(preferences));
  } catch {
    // Where nothing can be kept, they hold until the page is left.
  }
  const { theme } = preferences, { dataset } = document.documentElement;
  if (theme === "system") delete dataset["theme"];
  else dataset["theme"] = theme;
}
